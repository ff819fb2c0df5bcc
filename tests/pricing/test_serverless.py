"""Scaling to zero: what is billed beside the seconds in which an answer is made."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import UsageError
from offramp.pricing import serverless
from offramp.pricing.serverless import Scaling, meter

USD_PER_S = Fraction("0.00034574")
"""An A10 with two vCPUs and 12 GB at Cerebrium: 0.000306 + 0.0000131 + 0.00002664."""

RULES = Scaling(start_s=5.0, init_s=45.0, cooldown_s=30.0, concurrency=1)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(serverless).failed == 0


def test_an_isolated_question_costs_its_initialisation_and_its_cooldown() -> None:
    """Row 32 of the recheck: (45 + 2.1 + 30) s × 0.00034574 = $0.027, 36 times what the guide displays."""
    metered = meter([100.0], [2.13], RULES)

    assert metered.billed_s == pytest.approx(77.13)
    assert round(float(metered.usd(USD_PER_S)), 3) == 0.027
    assert round(float(metered.usd(USD_PER_S)) / 0.000737) == 36
    assert metered.waited_s == (50.0,)
    assert metered.cold_requests == 1


def test_a_second_question_within_the_cooldown_finds_it_warm() -> None:
    metered = meter([0.0, 60.0], [2.0, 2.0], RULES)

    assert metered.waited_s == (50.0, 0.0)
    assert metered.billed_s == pytest.approx(45 + (62 - 50) + 30)
    assert metered.served_s == pytest.approx(4)


def test_a_second_question_after_the_cooldown_starts_again() -> None:
    metered = meter([0.0, 200.0], [2.0, 2.0], RULES)

    assert metered.cold_requests == 2
    assert metered.billed_s == pytest.approx(2 * 77)


def test_requests_at_once_share_an_instance_only_if_it_takes_several() -> None:
    """Defect 28 of the guides: a concurrency of 1 buys one GPU per request in flight."""
    alone = meter([0.0] * 8, [2.0] * 8, RULES)
    together = meter([0.0] * 8, [2.0] * 8, Scaling(start_s=5.0, init_s=45.0, cooldown_s=30.0, concurrency=8))

    assert alone.most_instances == 8
    assert alone.billed_s == pytest.approx(8 * 77)
    assert together.most_instances == 1
    assert together.billed_s == pytest.approx(77)


def test_where_no_more_instances_are_allowed_requests_wait_in_turn() -> None:
    rules = Scaling(start_s=0.0, init_s=10.0, cooldown_s=30.0, concurrency=1, most_instances=1)

    assert meter([0.0, 1.0, 2.0], [4.0, 4.0, 4.0], rules).waited_s == (10.0, 13.0, 16.0)


def test_what_is_always_kept_is_always_billed_and_never_cold() -> None:
    rules = Scaling(start_s=5.0, init_s=45.0, cooldown_s=30.0, concurrency=1, least_instances=1)
    metered = meter([500.0], [2.0], rules, until_s=1_000.0)

    assert metered.billed_s == pytest.approx(1_000)
    assert metered.cold_requests == 0
    assert metered.waited_s == (0.0,)


def test_rules_that_serve_nobody_are_refused() -> None:
    for rules in (
        Scaling(start_s=0, init_s=0, cooldown_s=0, concurrency=0),
        Scaling(start_s=0, init_s=0, cooldown_s=0, concurrency=1, most_instances=0),
    ):
        with pytest.raises(UsageError, match="serves nobody"):
            meter([0.0], [1.0], rules)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 40)), min_size=1, max_size=40),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_seconds_that_serve_are_billed_and_nothing_is_lost(
    asked: list[tuple[int, int]], concurrency: int, most: int
) -> None:
    """Billed is served plus start-up plus waiting for more; with no overheads it is at most the work itself."""
    asked.sort()
    arrived, lengths = [float(at) for at, _ in asked], [float(length) for _, length in asked]
    rules = Scaling(start_s=2, init_s=7, cooldown_s=11, concurrency=concurrency, most_instances=most)
    metered = meter(arrived, lengths, rules)

    assert metered.billed_s >= metered.served_s
    assert metered.served_s <= sum(lengths)
    assert metered.served_s * concurrency * most >= max(lengths)
    assert metered.most_instances <= most
    assert len(metered.waited_s) == len(asked)
