"""What machines cost: exact rationals, whatever unit the price was given in."""

import doctest
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import ConfigError
from offramp.pricing import compute
from offramp.pricing.compute import Billed, ComputePart, from_parts, per_hour, per_month, per_second
from offramp.pricing.money import text

CEREBRIUM = from_parts(
    [
        ComputePart(name="GPU A10", units=Fraction(1), usd_per_second=Fraction("0.000306")),
        ComputePart(name="vCPU", units=Fraction(2), usd_per_second=Fraction("0.00000655")),
        ComputePart(name="GB memory", units=Fraction(12), usd_per_second=Fraction("0.00000222")),
    ]
)
"""The Cerebrium guide's container, at the prices of 2026-06-20."""


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(compute).failed == 0


def test_the_guides_container_costs_what_its_parts_cost() -> None:
    """Row 27 of the recheck: $0.00034574 a second, $1.245 an hour, $896 for 30 days around the clock."""
    assert CEREBRIUM.cost_nano(10**9) == 345_740
    assert round(float(CEREBRIUM.usd_per_hour), 3) == 1.245
    assert round(float(CEREBRIUM.usd_per_hour * 24 * 30)) == 896


@pytest.mark.parametrize(
    ("seconds", "parts", "total"),
    [
        ("2.13", ["0.00065178", "0.000027903", "0.000056743"], "0.000736426"),
        ("34.86", ["0.01066716", "0.000456666", "0.00092867"], "0.012052496"),
    ],
)
def test_the_guides_answers_cost_what_their_seconds_cost(seconds: str, parts: list[str], total: str) -> None:
    """Rows 28 and 29 of the recheck: the guide's totals 0.000737 and 0.012054 are sums of rounded parts."""
    duration_ns = int(Decimal(seconds) * 10**9)

    assert [text(part.cost_nano(duration_ns)) for part in CEREBRIUM.parts] == parts
    assert text(CEREBRIUM.cost_nano(duration_ns)) == total


def test_one_isolated_question_costs_its_start_and_its_cooldown_too() -> None:
    """Row 32 of the recheck: (45 + 2.1 + 30) s, 36 times what the guide displays; the 45 s are an assumption."""
    isolated = CEREBRIUM.cost_nano(int(Decimal("77.1") * 10**9))

    assert round(isolated / 10**9, 3) == 0.027
    assert round(isolated / CEREBRIUM.cost_nano(2_130_000_000)) == 36


def test_a_month_has_730_hours() -> None:
    """Row 4 of the recheck: $0.634 an hour is $462.82 a month, not 720 hours' $456.48."""
    assert per_hour(Decimal("0.634")).usd_per_month == Fraction("462.82")
    assert per_month(Decimal(727)).usd_per_hour * 730 == 727


@given(st.decimals(min_value=0, max_value=10**6, places=8))
def test_the_unit_of_a_price_changes_nothing(usd: Decimal) -> None:
    """No unit may lose a fraction on the way to nano-dollars per hour."""
    hourly = per_hour(usd).nano_per_hour

    assert per_second(usd).nano_per_hour == hourly * 3600
    assert per_month(usd).nano_per_hour * 730 == hourly


@given(st.lists(st.integers(min_value=1, max_value=10**15), min_size=1, max_size=20))
def test_time_cut_into_pieces_costs_the_same_before_rounding(pieces: list[int]) -> None:
    """Each piece may be off by half a nano-dollar and no more."""
    price = per_hour(Decimal("1.006"))

    difference = abs(sum(price.cost_nano(piece) for piece in pieces) - price.cost_nano(sum(pieces)))
    assert 2 * difference <= len(pieces) + 1


def test_parts_are_serverless_unless_told_otherwise() -> None:
    assert CEREBRIUM.billed is Billed.WHILE_SERVING
    assert per_hour(Decimal(1)).billed is Billed.ALWAYS


def test_a_price_without_parts_or_below_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one part"):
        from_parts([])
    with pytest.raises(ConfigError, match="from 0 up"):
        per_hour(Decimal(-1))
