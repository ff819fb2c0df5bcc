"""Axes hold all values and have sensible ticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.migrate.report.scale import Kind, linear_values, log_values, scale

_FINITE = st.floats(min_value=-1e12, max_value=1e12).map(lambda value: round(value, 6))


@given(_FINITE, _FINITE)
def test_linear_ticks_hold_the_values_and_are_few(one: float, other: float) -> None:
    """Whatever the range, an axis has between two and a dozen ticks."""
    low, high = sorted((one, other))
    ticks = linear_values(low, high)
    slack = (ticks[-1] - ticks[0]) * 1e-6

    assert ticks[0] - slack <= low <= high <= ticks[-1] + slack
    assert 2 <= len(ticks) <= 12


@given(st.floats(min_value=1e-9, max_value=1e12), st.floats(min_value=1.0, max_value=1e12))
def test_log_ticks_lie_within_and_are_few(low: float, factor: float) -> None:
    """A logarithmic axis neither leaves its range nor blackens the paper with ticks."""
    ticks = log_values(low, low * factor)

    assert 1 <= len(ticks) <= 8
    assert all(low * 0.999 <= tick <= low * factor * 1.001 for tick in ticks)


def test_a_log_axis_puts_decades_at_equal_distances() -> None:
    """That is what it is for."""
    axis = scale(1, 10_000, begin=0, end=400, kind=Kind.LOG, unit="$")

    assert [axis.at(10**power) for power in range(5)] == pytest.approx([0, 100, 200, 300, 400])
    assert [tick.label for tick in axis.ticks] == ["$1", "$10", "$100", "$1,000", "$10,000"]


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (300, ["13:20", "13:21", "13:22", "13:23", "13:24", "13:25"]),
        (86_400, ["15:00", "18:00", "21:00", "12 Oct", "03:00", "06:00", "09:00", "12:00"]),
        (30 * 86_400, ["13 Oct", "20 Oct", "27 Oct", "3 Nov", "10 Nov"]),
    ],
)
def test_time_ticks_are_whole_and_said_in_words(seconds: int, labels: list[str]) -> None:
    """A day reads as a day, an hour as an hour; epoch seconds tell nobody anything."""
    begin = 1_760_188_800  # 2025-10-11 13:20 UTC
    axis = scale(begin, begin + seconds, begin=0, end=700, kind=Kind.TIME)

    assert [tick.label for tick in axis.ticks][: len(labels)] == labels[: len(axis.ticks)]


def test_one_moment_alone_still_makes_an_axis() -> None:
    """A ledger of one row is a ledger."""
    axis = scale(1_760_188_800, 1_760_188_800, begin=0, end=100, kind=Kind.TIME)

    assert axis.at(1_760_188_800) == pytest.approx(50)
