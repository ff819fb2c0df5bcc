"""The sliding count."""

from hypothesis import given
from hypothesis import strategies as st

from offramp.policy.window import Window

MOMENTS = st.lists(st.integers(min_value=0, max_value=2_000), max_size=60).map(sorted)


def test_counts_what_has_just_happened() -> None:
    """A failure rate is about now, so the newest moments count at once."""
    window = Window(10.0)
    for now_s in (0.0, 0.5, 3.0):
        window.add(now_s)

    assert window.count(3.0) == 3


def test_forgets_what_is_older_than_the_window() -> None:
    """A bad minute this morning must not open a breaker now."""
    window = Window(10.0)
    window.add(0.0)
    window.add(9.0)

    assert [window.count(now_s) for now_s in (9.9, 10.0, 18.9, 19.0)] == [2, 1, 1, 0]


def test_starts_afresh_after_a_long_silence() -> None:
    """Nothing turns the slots while nothing happens, so one turn must do for any gap."""
    window = Window(10.0)
    window.add(0.0)
    window.add(86_400.0)

    assert window.count(86_400.0) == 1


def test_clear_forgets_everything() -> None:
    """A breaker that closes starts with clean counts."""
    window = Window(10.0)
    window.add(0.0)
    window.add(5.0)
    window.clear()

    assert window.count(5.0) == 0


@given(moments=MOMENTS, wait=st.integers(min_value=0, max_value=200))
def test_counts_all_of_the_last_nine_tenths_and_nothing_older_than_the_window(moments: list[int], wait: int) -> None:
    """The promise of the slots, against a plain list of moments (quarters of a second, so no rounding)."""
    window = Window(10.0)
    for moment in moments:
        window.add(moment / 4)
    now_s = (moments[-1] if moments else 0) / 4 + wait / 4
    ages_s = [now_s - moment / 4 for moment in moments]
    surely = sum(age_s < 9.0 for age_s in ages_s)
    at_most = sum(age_s < 10.0 for age_s in ages_s)

    assert surely <= window.count(now_s) <= at_most


@given(
    st.lists(st.floats(min_value=0, max_value=1e9), max_size=40).map(sorted), st.floats(min_value=0.1, max_value=600)
)
def test_never_counts_more_than_was_added_however_times_round(moments_s: list[float], window_s: float) -> None:
    """Border moments that rounding puts into a neighbouring slot are neither lost at once nor counted twice."""
    window = Window(window_s)
    for added, now_s in enumerate(moments_s, start=1):
        window.add(now_s)
        assert 1 <= window.count(now_s) <= added
