"""Traffic from requests in memory: sums by block, windows that are simulated, hours."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.capacity.load import Load
from offramp.migrate.plan import traffic as module
from offramp.migrate.plan.traffic import (
    WINDOW_REQUESTS,
    Tally,
    block_length_s,
    busiest,
    merged,
    pieces,
    scaled,
    usual,
    whole_hours,
)
from tests.migrate.plan.cases import even_load, traffic_from


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_month_is_what_was_seen_for_as_long_as_a_month_is() -> None:
    """600 requests, one a second: 2,628,000 in 730 hours."""
    found = traffic_from(even_load())

    assert found.requests_per_month == 730 * 3_600
    assert found.span_s == 600
    assert found.is_thin


def test_sums_are_kept_by_the_step_of_long_contexts() -> None:
    load = Load.of([0, 1, 2], [1_000, 1_001, 10], [1, 2, 4])
    steps = {tally.over: tally for tally in traffic_from(load, cached_tokens=5).tallies}

    assert steps[0] == Tally(model="", requests=2, input_tokens=1_010, cached_tokens=10, output_tokens=5)
    assert steps[1_000] == Tally(model="", over=1_000, requests=1, input_tokens=1_001, cached_tokens=5, output_tokens=2)


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 3_000), st.integers(1, 500)), min_size=2, max_size=60))
def test_blocks_add_up_to_all_requests(rows: list[tuple[int, int, int]]) -> None:
    load = Load.of(*np.array(rows, dtype=float).T)
    found = traffic_from(load, span_s=max(1.0, load.duration_s))

    assert sum(block.requests for block in found.blocks) == len(rows)
    assert sum(tally.input_tokens for tally in found.tallies) == sum(tokens for _, tokens, _ in rows)
    assert sum(tally.output_tokens for tally in found.tallies) == sum(tokens for *_, tokens in rows)


def test_the_busiest_window_is_where_most_requests_come() -> None:
    arrived = np.concatenate((np.arange(0, 7_200, 10.0), np.arange(3_600, 4_200, 0.5)))
    load = Load.of(arrived, np.full(len(arrived), 10), np.full(len(arrived), 10))

    found = busiest(load)

    assert found.requests == pytest.approx(1_260, abs=3)
    assert usual(load, 7_200).requests < 300


def test_a_window_with_too_many_requests_is_shortened() -> None:
    load = even_load(100_000, every_s=0.01)

    assert busiest(load).requests <= WINDOW_REQUESTS
    assert usual(load, 1_000).requests <= WINDOW_REQUESTS + 1


def test_more_requests_come_faster_in_the_same_pattern() -> None:
    twice = scaled(traffic_from(even_load()), 2.0)

    assert twice.busiest.rate_per_s == pytest.approx(2, rel=0.01)
    assert twice.scale == 2
    assert twice.requests_per_month == 730 * 3_600
    assert scaled(twice, 1.0) is twice


def test_of_too_many_requests_a_piece_of_each_hour_is_metered() -> None:
    """Two hours, the first with six requests a minute and the second with one: a tenth of each keeps their ratio."""
    arrived = np.concatenate((np.arange(0, 3_600, 10.0), np.arange(3_600, 7_200, 60.0)))
    load = Load.of(arrived, np.full(len(arrived), 10), np.arange(len(arrived)) + 1)

    shorter, length_s = pieces(load, 7_200.0, most=len(arrived) // 10)

    assert length_s == pytest.approx(720, rel=0.01)
    busy = int(np.count_nonzero(shorter.arrived_s < 360))
    assert (busy, shorter.requests - busy) == (36, 6)
    assert np.all(np.diff(shorter.arrived_s) >= 0)
    assert pieces(load, 7_200.0) == (load, 7_200.0)


def test_hours_at_the_ends_are_cut_and_left_out() -> None:
    assert whole_hours(np.arange(0, 4 * 3_600, 60.0)) == (60, 60)
    assert whole_hours(np.array([0.0, 1.0])) == ()


def test_blocks_are_long_where_there_is_much() -> None:
    assert [block_length_s(days * 86_400) for days in (14, 2, 0.2)] == [86_400, 3_600, 60]


def test_tallies_of_a_kind_are_added_up() -> None:
    one = Tally(model="a", requests=1, input_tokens=2, cached_tokens=1, output_tokens=3)
    other = Tally(model="b", requests=1, input_tokens=2, cached_tokens=1, output_tokens=3)

    assert merged([one, other, one]) == (
        Tally(model="a", requests=2, input_tokens=4, cached_tokens=2, output_tokens=6),
        other,
    )
