"""Intervals: they hold what is drawn, shrink with the traffic, and know of never."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from offramp.catalog.search import resolve
from offramp.migrate.plan.by_token import on_card
from offramp.migrate.plan.traffic import Block, Tally
from offramp.migrate.plan.uncertainty import Uncertainty, uncertainty
from offramp.pricing.breakeven import Fleet
from offramp.pricing.economy import Economy
from tests.migrate.plan.cases import BOOK

ECONOMY = Economy(
    requests=2_000_000,
    incumbent_usd=Fraction("0.00275"),
    hosted_usd=Fraction("0.000043"),
    machines=Fleet(usd_per_machine=Fraction(527), requests_per_machine=1_000_000),
)


def blocks(counts: list[int]) -> list[Block]:
    """Blocks of the guide's requests."""
    return [
        Block(
            number=number,
            requests=count,
            tallies=(
                Tally(model="", requests=count, input_tokens=700 * count, cached_tokens=0, output_tokens=100 * count),
            ),
        )
        for number, count in enumerate(counts)
    ]


def drawn(economy: Economy = ECONOMY, counts: list[int] | None = None, **others: float | bool) -> Uncertainty:
    """The draws."""
    given = {"capacity_error": 0.4, "volume_is_given": False, "seed": 1, "draws": 300, **others}
    return uncertainty(
        economy,
        blocks([100, 120, 80, 100, 140, 60] if counts is None else counts),
        incumbent=on_card(resolve(BOOK, "gpt-4o")),
        hosted=on_card(resolve(BOOK, "groq/llama-3.1-8b-instant")),
        **given,  # type: ignore[arg-type]
    )


def test_without_any_uncertainty_an_interval_is_a_point() -> None:
    found = drawn(counts=[100, 100, 100], capacity_error=0.0)

    assert (found.own_usd_per_month.low, found.own_usd_per_month.high) == (1_054, 1_054)
    assert (found.break_even.low, found.break_even.high) == (191_637, 191_637)
    assert found.saving_usd_per_year.low == 12 * (5_500 - 1_054)
    assert found.own_is_cheaper == 1.0


def test_machines_that_carry_less_cost_more() -> None:
    """At 60 % of a million each, two million need four machines; at 140 % two."""
    found = drawn(counts=[100, 100, 100])

    assert (found.own_usd_per_month.low, found.own_usd_per_month.high) == (2 * 527, 4 * 527)


def test_traffic_that_varies_makes_the_volume_unsure() -> None:
    wide, narrow = drawn(counts=[1, 500]), drawn(counts=[249, 252])
    spread = [(found.requests_per_month.high or 0) - (found.requests_per_month.low or 0) for found in (wide, narrow)]

    assert spread[0] > 10 * spread[1] > 0


def test_a_volume_that_was_given_is_not_drawn() -> None:
    found = drawn(counts=[1, 500], volume_is_given=True)

    assert (found.requests_per_month.low, found.requests_per_month.high) == (2_000_000, 2_000_000)


def test_never_is_an_answer() -> None:
    found = drawn()

    assert found.break_even_hosted.low is None
    assert found.break_even_hosted.never_share == 1.0
    assert found.own_is_cheapest == 0.0


def test_a_break_even_may_be_open_above() -> None:
    """A machine that earns its rent only if it carries as much as was worked out."""
    tight = replace(ECONOMY, incumbent_usd=Fraction("0.0006"))
    found = drawn(tight, counts=[100, 100, 100])

    assert found.break_even.low is not None
    assert found.break_even.high is None
    assert 0 < found.break_even.never_share < 1


def test_no_machines_have_no_interval() -> None:
    found = drawn(replace(ECONOMY, machines=None))

    assert found.own_usd_per_month.low is None
    assert found.own_is_cheaper == 0.0


def test_the_same_seed_draws_the_same() -> None:
    assert drawn(seed=3) == drawn(seed=3)
    assert drawn(seed=3) != drawn(seed=4)


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    """Traffic whose mean is known: intervals of 90 % over many samples of 20 blocks hold it about that often."""
    chance = np.random.default_rng(7)
    held = 0
    for sample in range(40):
        counts = chance.integers(50, 251, 20).tolist()
        seen = replace(ECONOMY, requests=sum(counts) * 50)
        found = drawn(seen, counts=counts, capacity_error=0.0, seed=sample, draws=150).requests_per_month
        held += (found.low or 0) <= 150_000 <= (found.high or 0)

    assert held / 40 == pytest.approx(0.9, abs=0.15)
