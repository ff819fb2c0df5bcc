"""Reserved against on-demand: the mixture is never dearer than either way alone."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import UsageError
from offramp.pricing import mix
from offramp.pricing.mix import cheapest_mix

ON_DEMAND, RESERVED = Fraction("1.006"), Fraction("0.634")
"""A g5.xlarge by the hour, and for a year (the second is the guide's, confirmed by nobody)."""


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(mix).failed == 0


def test_a_steady_need_is_reserved() -> None:
    found = cheapest_mix([2] * 24, on_demand_usd_per_hour=ON_DEMAND, reserved_usd_per_hour=RESERVED)

    assert found.reserved == 2
    assert found.usd_per_month == 2 * 730 * RESERVED
    assert found.on_demand_share == 0


def test_a_daily_peak_is_rented_by_the_hour() -> None:
    """Eight hours of 24 need two more: 0.634 × 730 for one, 1.006 × 730 ÷ 3 for each of the others."""
    found = cheapest_mix([1] * 16 + [3] * 8, on_demand_usd_per_hour=ON_DEMAND, reserved_usd_per_hour=RESERVED)

    assert found.reserved == 1
    assert found.usd_per_month == 730 * RESERVED + 2 * Fraction(730, 3) * ON_DEMAND
    assert found.all_reserved_usd == 3 * 730 * RESERVED
    assert found.all_on_demand_usd == Fraction(16 + 24, 24) * 730 * ON_DEMAND


def test_no_hour_is_refused_and_no_need_costs_nothing() -> None:
    with pytest.raises(UsageError, match="at least one hour"):
        cheapest_mix([], on_demand_usd_per_hour=ON_DEMAND, reserved_usd_per_hour=RESERVED)
    assert cheapest_mix([0], on_demand_usd_per_hour=ON_DEMAND, reserved_usd_per_hour=RESERVED).usd_per_month == 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=48), st.integers(1, 100), st.integers(1, 100))
def test_the_mixture_is_the_cheapest_number_to_reserve(needed: list[int], on_demand: int, reserved: int) -> None:
    """Against trying every number."""
    found = cheapest_mix(needed, on_demand_usd_per_hour=Fraction(on_demand), reserved_usd_per_hour=Fraction(reserved))
    tried = [
        number * 730 * reserved + Fraction(730, len(needed)) * sum(max(0, hour - number) for hour in needed) * on_demand
        for number in range(max(needed) + 1)
    ]

    assert found.usd_per_month == min(tried)
    assert found.usd_per_month <= min(found.all_reserved_usd, found.all_on_demand_usd)
