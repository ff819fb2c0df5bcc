"""Columns of requests: sorted, checked, cut."""

import doctest
import math

import numpy as np
import pytest

from offramp.capacity import load as module
from offramp.capacity.load import NO_PREFIX, Load
from offramp.errors import UsageError


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_load_is_sorted_and_begins_at_zero_with_all_columns_together() -> None:
    """A trace is in any order, and its clock is anybody's."""
    load = Load.of([5.0, 2.0, 9.0], [1, 2, 3], [10, 20, 30], prefix=[7, 8, 9], prefix_tokens=[1, 2, 3])

    assert load.arrived_s.tolist() == [0.0, 3.0, 7.0]
    assert load.input_tokens.tolist() == [2, 1, 3]
    assert load.output_tokens.tolist() == [20, 10, 30]
    assert load.prefix.tolist() == [8, 7, 9]
    assert load.prefix_tokens.tolist() == [2, 1, 3]


def test_requests_without_a_prefix_belong_to_no_group() -> None:
    load = Load.of([0.0], [0], [0])

    assert (load.prefix.tolist(), load.prefix_tokens.tolist()) == ([NO_PREFIX], [0])
    assert (load.input_tokens.tolist(), load.output_tokens.tolist()) == ([1], [1])


def test_rate_and_peak_are_what_a_reader_counts() -> None:
    """Ten requests in ten seconds, four of them in one second."""
    load = Load.of([0, 1.0, 2.1, 2.2, 2.3, 2.4, 5, 6, 7, 10], [1] * 10, [1] * 10)

    assert load.rate_per_s == 1.0
    assert load.peak_over_mean() == 4.0
    assert load.peak_over_mean(10.0) == pytest.approx(0.9)
    assert load.busiest(1.0).requests == 4


def test_a_part_of_a_load_is_a_load() -> None:
    load = Load.of(np.arange(10.0), np.arange(10), [1] * 10)

    assert load.between(3.0, 6.0).input_tokens.tolist() == [3, 4, 5]
    assert load.between(3.0, 6.0).arrived_s.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(UsageError, match="no request arrived between 20 s and 30 s"):
        load.between(20.0, 30.0)


def test_growth_keeps_the_pattern() -> None:
    """Twice the volume is the same requests in half the time."""
    load = Load.of([0.0, 1.0, 4.0], [1, 2, 3], [1, 1, 1])

    assert load.faster(2.0).arrived_s.tolist() == [0.0, 0.5, 2.0]
    assert load.faster(2.0).peak_over_mean(0.5) == load.peak_over_mean(1.0)


def test_a_single_request_is_a_load() -> None:
    load = Load.of([3.0], [10], [10])

    assert (load.duration_s, load.rate_per_s, load.peak_over_mean()) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([], [], []), "at least one request"),
        (([0.0, 1.0], [1], [1, 1]), "input_tokens has 1 values for 2 requests"),
        (([0.0, 1.0], [1, -5], [1, 1]), "input_tokens of request 2 is -5"),
        (([0.0, 1.0], [1, 1], [1, math.nan]), "output_tokens of request 2 is nan"),
        (([0.0, math.inf], [1, 1], [1, 1]), "arrived_s of request 2 is inf"),
    ],
)
def test_what_is_no_load_is_refused_by_row(columns: tuple[list[float], list[float], list[float]], said: str) -> None:
    """A trace may hold anything; the message must lead to the line."""
    with pytest.raises(UsageError, match=said):
        Load.of(*columns)
