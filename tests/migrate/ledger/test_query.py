"""The same answer from hourly sums, from single exchanges, and by hand."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.history.keep import keep
from offramp.migrate.ledger import query
from offramp.migrate.ledger.query import By, Sums
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import open_view
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store.columns import Money, measures
from offramp.store.rows import ExchangeRow, Outcome
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, attempt, batch, row

HOUR = START_NS // NS_PER_HOUR
EVERYTHING = Selection()

amounts = st.none() | st.integers(0, 10**12)

rows = st.builds(
    row,
    st.integers(0, 10**6),
    started_ns=st.integers(START_NS - 3 * NS_PER_HOUR, START_NS + 3 * NS_PER_HOUR),
    team=st.sampled_from(["support", "sales", "none"]),
    feature=st.sampled_from(["", "search"]),
    tier=st.sampled_from(["local", "openai", "none"]),
    site=st.sampled_from([b"", b"\x01\xab", b"\x02"]),
    model_asked=st.sampled_from(["gpt-4o", "tiny"]),
    model_served=st.sampled_from(["", "tiny"]),
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    usage=st.sampled_from(["measured", "estimated", "none"]),
    cost_nano=amounts,
    baseline_nano=amounts,
)

moments = st.none() | st.one_of(
    st.integers(START_NS - 3 * NS_PER_HOUR, START_NS + 3 * NS_PER_HOUR),
    st.integers(HOUR - 3, HOUR + 3).map(lambda hour: hour * NS_PER_HOUR),
)

selections = st.builds(
    Selection,
    team=st.none() | st.just("support"),
    tier=st.none() | st.just("local"),
    model=st.none() | st.just("tiny"),
    outcome=st.none() | st.just("ok"),
    site=st.none() | st.just("01"),
    since_ns=moments,
    until_ns=moments,
)


def _matches(one: ExchangeRow, selection: Selection) -> bool:
    return (
        selection.team in {None, one.team}
        and selection.tier in {None, one.tier}
        and selection.model in {None, one.model_asked, one.model_served}
        and selection.outcome in {None, one.outcome}
        and (selection.site is None or one.site.hex().startswith(selection.site))
        and (selection.since_ns or 0) <= one.started_ns < (selection.until_ns or 1 << 62)
    )


def _by_hand(found: list[ExchangeRow]) -> Sums:
    total = Sums()
    for one in found:
        total.add(measures(one, Money(one.cost_nano, one.baseline_nano, 0)))
    return total


@given(found=st.lists(rows, max_size=30), selection=selections)
@settings(max_examples=60)
def test_sums_and_groups_are_what_counting_by_hand_gives(found: list[ExchangeRow], selection: Selection) -> None:
    """Whichever way a question is answered: from whole hours, from their edges, or row by row."""
    matching = [one for one in found if _matches(one, selection)]
    with TemporaryDirectory() as folder:
        fill(Path(folder), [batch(*found)])
        with open_view(Path(folder)) as view:
            total = query.sums(view, selection)
            teams = query.groups(view, selection, By.TEAM)
            sites = query.groups(view, selection, By.SITE)
            listed = query.rows(view, selection, 100)

    assert total == _by_hand(matching)
    assert teams == {name: _by_hand([one for one in matching if one.team == name]) for name in teams}
    assert sum(sums.requests for sums in teams.values()) == len(matching)
    assert {name: sums.requests for name, sums in sites.items()} == Counter(
        one.site.hex() or "none" for one in matching
    )
    assert sorted(str(one["id"]) for one in listed) == sorted(one.id for one in matching)


@given(found=st.lists(rows, max_size=20), selection=selections, hours=st.integers(-2, 4))
@settings(max_examples=20)
def test_it_does_not_matter_which_hours_were_moved(found: list[ExchangeRow], selection: Selection, hours: int) -> None:
    """None, some, all: the database and the history together are the ledger."""
    matching = [one for one in found if _matches(one, selection)]
    with TemporaryDirectory() as folder:
        fill(Path(folder), [batch(*found)])
        keep(Path(folder), now_ns=START_NS + (hours + 6) * NS_PER_HOUR, after_h=6)
        with open_view(Path(folder)) as view:
            total = query.sums(view, selection)
            teams = query.groups(view, selection, By.TEAM)
            sites = query.groups(view, selection, By.SITE)
            listed = query.rows(view, selection, 100)
            newest = query.rows(view, selection, 3)

    assert total == _by_hand(matching)
    assert teams == {name: _by_hand([one for one in matching if one.team == name]) for name in teams}
    assert sum(sums.requests for sums in teams.values()) == len(matching)
    assert {name: sums.requests for name, sums in sites.items()} == Counter(
        one.site.hex() or "none" for one in matching
    )
    assert sorted(str(one["id"]) for one in listed) == sorted(one.id for one in matching)
    assert [one["started_ns"] for one in newest] == sorted(one.started_ns for one in matching)[-3:]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Three hours with one exchange each."""
    hours = [START_NS + number * NS_PER_HOUR for number in range(3)]
    found = [row(number, started_ns=at_ns, model_asked=f"m{number}") for number, at_ns in enumerate(hours)]
    fill(tmp_path, [batch(*found)])
    return tmp_path


def test_groups_come_largest_first_and_times_in_their_order(ledger: Path) -> None:
    """As one reads them."""
    fill(ledger, [batch(row(9, started_ns=START_NS + NS_PER_HOUR, team="sales"))])
    with open_view(ledger) as view:
        assert list(query.groups(view, EVERYTHING, By.TEAM)) == ["support", "sales"]
        assert list(query.groups(view, EVERYTHING, By.HOUR)) == [
            "2026-11-21T07:00Z",
            "2026-11-21T08:00Z",
            "2026-11-21T09:00Z",
        ]
        assert {name: sums.requests for name, sums in query.groups(view, EVERYTHING, By.DAY).items()} == {
            "2026-11-21": 4
        }
        assert list(query.groups(view, EVERYTHING, By.FEATURE)) == ["none"]
        assert query.span_ns(view, EVERYTHING) == (HOUR * NS_PER_HOUR, (HOUR + 3) * NS_PER_HOUR)
        assert query.span_ns(view, Selection(team="nobody")) is None


def test_the_newest_rows_come_last_with_their_attempts(ledger: Path) -> None:
    """As in any log."""
    tries = (attempt("local", failure="connect", status=0), attempt("openai"))
    at_ns = START_NS + 9 * NS_PER_HOUR
    fill(ledger, [batch(row(9, started_ns=at_ns, attempts=2, tries=tries))])
    with open_view(ledger) as view:
        found = query.rows(view, EVERYTHING, 2)

    assert [one["id"] for one in found] == ["req-2", "req-9"]
    assert found[0]["tries"] == []
    attempts = found[1]["tries"]
    assert isinstance(attempts, list)
    assert [(one["number"], one["tier"], one["failure"]) for one in attempts] == [
        (1, "local", "connect"),
        (2, "openai", ""),
    ]


def test_what_nobody_knows_is_none_and_never_zero() -> None:
    """A ledger full of unpriced requests has not cost nothing."""
    unpriced = Sums(requests=2, unpriced=2, baselined=2, baseline=10)
    mixed = Sums(requests=2, unpriced=1, cost=5, baselined=2, baseline=20, compared=1, difference=5)

    assert (unpriced.cost_nano, unpriced.baseline_nano, unpriced.saved_nano()) == (None, 10, None)
    assert (mixed.cost_nano, mixed.baseline_nano, mixed.saved_nano(2)) == (5, 20, 3)
    assert replace(mixed, baselined=0).baseline_nano is None
    assert (Sums().cost_nano, Sums().baseline_nano, Sums().saved_nano()) == (0, 0, 0)
    assert Sums(requests=1, cost=7).saved_nano() is None
    assert Sums().saved_nano(7) == -7
