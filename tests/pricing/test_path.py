"""Growth, falling prices and pay-back, by hand."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.pricing import path
from offramp.pricing.path import pay_back, price_factor, volumes


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(path).failed == 0


def test_a_volume_grows_by_the_month() -> None:
    """Row 24 of the recheck: 200,000 at 20 % pass 264,364 in the second month after today's."""
    grown = volumes(200_000, growth_per_month=Fraction(1, 5), months=4)

    assert grown == (200_000, 240_000, 288_000, 345_600)
    assert volumes(100, growth_per_month=Fraction(-1, 2), months=3) == (100, 50, 25)
    assert volumes(100, growth_per_month=Fraction(-2), months=3)[1] == 0


def test_a_price_falls_evenly_within_a_year_and_by_its_share_over_it() -> None:
    assert price_factor(0, fall_per_year=Fraction(3, 10)) == 1
    assert price_factor(6, fall_per_year=Fraction(3, 10)) == Fraction(85, 100)
    assert price_factor(24, fall_per_year=Fraction(3, 10)) == Fraction(49, 100)
    assert price_factor(7, fall_per_year=Fraction(0)) == 1


def test_a_move_pays_back_in_the_month_in_which_the_savings_reach_it() -> None:
    """$9,546 at $4,773 a month are two months; at a loss they never are."""
    assert pay_back([Fraction(4_773)] * 12, once_usd=Fraction(9_546)) == 2
    assert pay_back([Fraction(-177)] * 12, once_usd=Fraction(9_546)) is None
    assert pay_back([Fraction(100)] * 12, once_usd=Fraction(1_201)) is None
    assert pay_back([], once_usd=Fraction(0)) == 0


def test_a_loss_at_first_must_be_made_up_for() -> None:
    assert pay_back([Fraction(-50), Fraction(100), Fraction(100)], once_usd=Fraction(100)) == Fraction("2.5")


@given(st.lists(st.integers(0, 10**6), max_size=24), st.integers(1, 10**7))
def test_what_was_saved_until_then_is_what_it_cost(savings: list[int], once: int) -> None:
    found = pay_back([Fraction(saved) for saved in savings], once_usd=Fraction(once))

    if found is None:
        assert sum(savings) < once
    else:
        whole, part = divmod(found, 1)
        saved = sum(savings[: int(whole)]) + (part * savings[int(whole)] if part else 0)
        assert saved == pytest.approx(once)
