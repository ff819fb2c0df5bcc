"""Bursts, concurrency and the week, against counting by hand."""

from collections import Counter
from statistics import mean, pvariance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.audit import traffic
from offramp.migrate.audit.arrivals import Arrivals, arrivals
from offramp.migrate.ledger.selection import Selection
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.related import related
from tests.store.samples import SECOND_NS, START_NS, row

DAY_NS = 86_400 * SECOND_NS


def sent(*requests: tuple[float, float]) -> list[ExchangeRow]:
    """Requests by when they came (seconds after the start) and how long they took."""
    return [
        row(number, started_ns=START_NS + round(at_s * SECOND_NS), total_s=total_s)
        for number, (at_s, total_s) in enumerate(requests)
    ]


def arrivals_of(*rows: ExchangeRow) -> Arrivals:
    with related(*rows) as connection:
        traffic.prepare(connection, Selection(), now_ns=START_NS + 366 * DAY_NS)
        return arrivals(connection)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.integers(0, 8_000).map(lambda ms: ms / 1_000), st.integers(0, 4_000).map(lambda ms: ms / 1_000)),
        min_size=1,
        max_size=40,
    )
)
def test_the_peak_is_what_counting_every_event_finds(requests: list[tuple[float, float]]) -> None:
    """Only crowded seconds are looked at event by event; none may be overlooked. Who comes at an end still meets it."""
    rows = sent(*requests)
    spans = [(one.started_ns, one.started_ns + int(one.total_s * SECOND_NS)) for one in rows]
    most = max(sum(begin <= at <= end for begin, end in spans) for at, _ in spans)
    found = arrivals_of(*rows).concurrency

    assert (found is None and max(end for _, end in spans) == min(begin for begin, _ in spans)) or (
        found is not None and found.peak == most
    )


def test_the_mean_in_flight_is_littles_law() -> None:
    """Two requests of five seconds within ten seconds: one in flight on average."""
    found = arrivals_of(*sent((0, 5), (5, 5))).concurrency
    assert found is not None

    assert found.mean == pytest.approx(1.0)


@settings(max_examples=12)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_windows_are_counted_empty_ones_included(seconds: list[int]) -> None:
    """A burst is one only beside the silence around it."""
    window = arrivals_of(*sent(*((at, 0.1) for at in seconds))).windows[0]
    counted = Counter(seconds)
    every = [counted[at] for at in range(min(seconds), max(seconds) + 1)]

    assert (window.length_s, window.windows, window.peak) == (1, len(every), max(every))
    assert window.mean == pytest.approx(mean(every))
    assert window.dispersion == pytest.approx(pvariance(every) / mean(every), abs=1e-9)
    assert window.peak_at_s == START_NS // SECOND_NS + min(at for at in seconds if counted[at] == max(every))


def test_the_week_is_a_mean_over_the_weeks_that_were_seen() -> None:
    """START is a Saturday, 07:30: three requests in that hour of the first week, none in the second."""
    rows = [*sent((0, 1), (1, 1), (2, 1)), row(9, started_ns=START_NS + 7 * DAY_NS + 3_600 * SECOND_NS)]
    week = arrivals_of(*rows).week

    assert week[5][7] == 1.5
    assert week[5][8] == 0.5
    assert week[0][0] == 0
    assert [len(day) for day in week] == [24] * 7


def test_hours_that_were_never_observed_are_unknown() -> None:
    """Nobody knows what Sunday is like who has seen half an hour of a Saturday."""
    week = arrivals_of(row(1)).week

    assert [hour for day in week for hour in day if hour is not None] == [1.0]


@pytest.mark.parametrize(("apart_s", "step_s"), [(60, 1), (3_000, 10), (40_000, 60), (86_400, 600), (10**7, 21_600)])
def test_the_timeline_is_as_fine_as_the_paper(apart_s: int, step_s: int) -> None:
    """A demo of forty seconds and a year of traffic both make a line one can read."""
    rows = [row(1), row(2, started_ns=START_NS + apart_s * SECOND_NS, tier="openai")]
    found = arrivals_of(*rows).timeline

    assert found.step_s == step_s
    assert found.last - found.first <= 801
    assert found.counts == {"local": {found.first: 1}, "openai": {found.last: 1}}


def test_a_clock_that_jumped_makes_no_decades() -> None:
    """One row of 1970 would otherwise make all means zero."""
    window = arrivals_of(row(1), row(2, started_ns=0)).windows[0]

    assert (window.windows, window.peak) == (1, 1)


def test_nothing_has_no_arrivals() -> None:
    """An empty ledger is a ledger."""
    found = arrivals_of()

    assert (found.windows, found.concurrency, found.week) == ((), None, [])
