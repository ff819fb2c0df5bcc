"""The three ways beside each other, by hand from the recheck of the guides' figures."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.pricing.breakeven import Fleet
from offramp.pricing.economy import Economy

GUIDE = Economy(
    requests=1_000_000,
    incumbent_usd=Fraction("0.00275"),
    hosted_usd=Fraction("0.000043"),
    machines=Fleet(usd_per_machine=Fraction(527), requests_per_machine=3_700_000),
    operating_usd=Fraction(200),
)
"""The guide's machine and work beside gpt-4o and the same model at Groq, at a million requests a month."""


def test_the_guides_month_stands_beside_what_it_left_out() -> None:
    assert GUIDE.incumbent_month() == 2_750
    assert GUIDE.hosted_month() == 43
    assert GUIDE.own_month() == 727
    assert GUIDE.break_even() == 264_364
    assert GUIDE.break_even_hosted() is None


@pytest.mark.parametrize(("share", "month"), [("0.05", "864.50"), ("0.10", "1002.00")])
def test_what_falls_back_is_paid_on_top_of_the_machines(share: str, month: str) -> None:
    """Row 11 of the recheck."""
    assert replace(GUIDE, fallback_share=Fraction(share)).own_month() == Fraction(month)


def test_bad_answers_are_paid_a_second_time_at_the_incumbent() -> None:
    """Two of a hundred: $55 at a million requests, on whichever machines the open model runs."""
    worse = replace(GUIDE, quality_loss=Fraction("0.02"))

    assert worse.hosted_month() == 43 + 55
    assert worse.own_month() == 727 + 55


def test_what_has_fallen_back_is_not_redone() -> None:
    both = replace(GUIDE, quality_loss=Fraction("0.02"), fallback_share=Fraction("0.10"))

    assert both.own_month() == 727 + 275 + Fraction("0.9") * 55


def test_metered_machines_cost_by_the_request() -> None:
    metered = replace(GUIDE, machines=None, metered_usd=Fraction("0.0005"), operating_usd=Fraction(90))

    assert metered.own_month() == 590
    assert metered.break_even() == 40_000
    assert replace(metered, metered_usd=Fraction("0.003")).break_even() is None
    assert list(metered.by_utilisation()) == []


def test_metered_machines_that_carry_less_work_longer_on_the_same() -> None:
    """Half of what is billed is work: at half the speed that doubles, loading and waiting stay."""
    metered = replace(GUIDE, machines=None, metered_usd=Fraction("0.0005"), served_share=Fraction(1, 2))

    assert metered.carrying(Fraction(1, 2)).own_month() == 750 + 200
    assert metered.carrying(Fraction(2)).own_month() == 375 + 200
    months = {name: case.own_month() for name, case in metered.cases()}
    assert months["own machines carry 40 % less"] == Fraction(500, 2) * (1 + Fraction(5, 3)) + 200
    assert "no machine to spare" not in months


def test_without_machines_there_is_no_third_way() -> None:
    none = replace(GUIDE, machines=None)

    assert none.own_month() is None
    assert none.break_even() is None
    assert replace(none, hosted_usd=None).break_even_hosted() is None
    assert none.carrying(Fraction(1, 2)) == none


def test_a_request_costs_what_the_utilisation_makes_it_cost() -> None:
    """One machine that carries 3.7 million: at a tenth of that a request costs ten times as much."""
    by_share = {share: usd for share, _, usd in GUIDE.by_utilisation()}

    assert by_share[Fraction(1)] == Fraction(727, 3_700_000)
    assert by_share[Fraction(1, 10)] == 10 * by_share[Fraction(1)]


def test_every_case_changes_one_figure() -> None:
    spared = replace(GUIDE, machines=replace(GUIDE.machines, spare=1))  # type: ignore[type-var]
    months: dict[str, object] = {
        name: (case.incumbent_month(), case.hosted_month(), case.own_month()) for name, case in spared.cases()
    }

    assert months["as planned"] == (2_750, 43, 2 * 527 + 200)
    assert months["twice the requests"] == (5_500, 86, 1_254)
    assert months["the incumbent at half its price"] == (1_375, 43, 1_254)
    assert months["own machines a quarter dearer"] == (2_750, 43, Fraction(1_254 - 200) * Fraction(5, 4) + 200)
    assert months["no machine to spare"] == (2_750, 43, 727)
    assert months["a tenth falls back to the incumbent"] == (2_750, 43, 1_254 + 275)
    assert months["own machines carry 40 % less"] == months["as planned"]
    assert len(months) == 13


def test_machines_that_carry_less_are_more() -> None:
    busy = replace(GUIDE, requests=3_700_000)

    assert busy.own_month() == 727
    assert busy.carrying(Fraction(3, 5)).own_month() == 727 + 527


@given(st.integers(1, 10**8), st.integers(0, 100), st.integers(0, 100))
def test_falling_back_never_saves_where_machines_are_paid_anyway(requests: int, share: int, loss: int) -> None:
    economy = replace(GUIDE, requests=requests, quality_loss=Fraction(loss, 100))
    fallen = replace(economy, fallback_share=Fraction(share, 100))

    assert (fallen.own_month() or 0) >= (economy.own_month() or 0)


def test_cases_leave_out_what_is_not_there() -> None:
    """No provider and no spare machine: nothing to be half or twice as dear, nothing to do without."""
    names = {name for name, _ in replace(GUIDE, hosted_usd=None).cases()}

    assert len(names) == 10
    assert not any("by the token" in name or "spare" in name for name in names)
    assert not any("own machines" in name for name, _ in replace(GUIDE, machines=None).cases())
