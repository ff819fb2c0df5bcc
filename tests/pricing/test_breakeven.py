"""Break-even: the guides' arithmetic done right, with the comparators that they left out."""

import doctest
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import UsageError
from offramp.pricing import breakeven
from offramp.pricing.breakeven import (
    Bill,
    Fleet,
    break_even,
    break_even_with_all,
    fleet_break_even,
    months_until,
    saving_per_year,
)

GUIDE = Bill(fixed_usd=Fraction(727))
"""The self-hosting guide's machine: about $527 of infrastructure and $200 of work a month."""

GPT_4O = Bill(usd_per_request=Fraction("0.00275"))
"""700 tokens in and 100 out at $2.50 and $10 per million (2026-08-21)."""


def by_the_token(input_usd: str, output_usd: str) -> Bill:
    """The guide's request at a price list: 700 tokens in, 100 out."""
    return Bill(usd_per_request=(700 * Fraction(input_usd) + 100 * Fraction(output_usd)) / 10**6)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(breakeven).failed == 0


@pytest.mark.parametrize(
    ("name", "input_usd", "output_usd", "usd_per_request", "thousands"),
    [
        ("gpt-5.5", "5", "30", "0.0065", 112),
        ("gpt-4o", "2.50", "10", "0.00275", 264),
        ("gpt-4.1", "2", "8", "0.0022", 330),
        ("gpt-5", "1.25", "10", "0.001875", 388),
        ("gpt-5.4-mini", "0.75", "4.50", "0.000975", 746),
        ("gpt-4.1-mini", "0.40", "1.60", "0.00044", 1_652),
        ("gpt-5-mini", "0.25", "2", "0.000375", 1_939),
        ("gpt-4o-mini", "0.15", "0.60", "0.000165", 4_406),
        ("gpt-5-nano", "0.05", "0.40", "0.000075", 9_693),
        ("Llama-3.1-8B, Fireworks", "0.20", "0.20", "0.00016", 4_544),
        ("Llama-3.1-8B, Together", "0.18", "0.18", "0.000144", 5_049),
        ("Llama-3.1-8B, Cerebras", "0.10", "0.10", "0.00008", 9_088),
        ("Llama-3.1-8B, Groq", "0.05", "0.08", "0.000043", 16_907),
        ("Llama-3.1-8B, Novita", "0.05", "0.05", "0.00004", 18_175),
    ],
)
def test_the_break_even_depends_on_whom_one_compares_with(
    name: str, input_usd: str, output_usd: str, usd_per_request: str, thousands: int
) -> None:
    """The table of honest comparators, prices of 2026-08-21: from 112 thousand requests a month to 18 million."""
    hosted = by_the_token(input_usd, output_usd)

    assert hosted.usd_per_request == Fraction(usd_per_request), name
    assert round((break_even(GUIDE, hosted) or 0) / 1_000) == thousands, name


def test_one_machine_cannot_carry_what_it_would_take_against_the_same_model_by_the_token() -> None:
    """2.4 requests a second are 6.3 million a month at full load, 3.8 million at 60 %: less than 16.9 million."""
    full = Bill(fixed_usd=Fraction(727), max_requests=int(2.4 * 730 * 3_600))

    assert full.max_requests == 6_307_200
    assert break_even_with_all(full, by_the_token("0.05", "0.08")) is None
    assert break_even_with_all(full, GPT_4O) == break_even(full, GPT_4O)
    assert break_even_with_all(GUIDE, GPT_4O) == 264_364


@pytest.mark.parametrize(
    ("requests", "saving"), [(200_000, -2_124), (500_000, 7_776), (2_000_000, 57_276), (5_000_000, 156_276)]
)
def test_the_guides_savings_are_right_as_arithmetic(requests: int, saving: int) -> None:
    """Rows 7 and 8 of the recheck; at 200,000 the month loses $177."""
    assert saving_per_year(GPT_4O, GUIDE, requests) == saving


def test_the_bill_of_a_month_with_730_hours_moves_the_break_even() -> None:
    """Row 6 of the recheck: 266,480 with $732.82."""
    assert break_even(Bill(fixed_usd=Fraction("732.82")), GPT_4O) == 266_480


def test_a_request_of_the_guide_costs_four_times_what_it_printed() -> None:
    """Rows 9 and 10 of the recheck: $0.0003635, not $0.000088; 86.8 % cheaper, not 97 %."""
    per_request = GUIDE.month(2_000_000) / 2_000_000

    assert per_request == Fraction("0.0003635")
    assert Fraction("0.0002635") == Fraction(527, 2_000_000)
    assert round(float(1 - per_request / GPT_4O.usd_per_request), 3) == 0.868
    assert round(float(1 - Fraction(527, 5_500)), 3) == 0.904
    assert round(float(1 - Fraction(727, 13_750)), 3) == 0.947
    assert round(float(Fraction(727) / (Fraction("0.03") * GPT_4O.usd_per_request)) / 1e6, 2) == 8.81
    assert round(float(Fraction(727) / Fraction("0.000088")) / 1e6, 2) == 8.26


def test_a_rented_machine_costs_the_same_while_its_requests_go_elsewhere() -> None:
    """Row 11 of the recheck: 5 % fallback $864.50, 10 % $1,002.00: + 15.9 %, not + 60 %."""
    months = [
        Bill(fixed_usd=Fraction(727), usd_per_request=GPT_4O.usd_per_request * Fraction(share)).month(1_000_000)
        for share in ("0.05", "0.10")
    ]

    assert months == [Fraction("864.50"), Fraction("1002.00")]
    assert round(float(months[1] / months[0] - 1), 3) == 0.159
    assert round(float(1 - months[0] / 2_750), 2) == 0.69


def test_seventy_billion_parameters_break_even_earlier_than_the_guide_says() -> None:
    """Row 23 of the recheck: $10,000 to $23,000 a month are 3.6 to 8.4 million requests, not 50."""
    found = [break_even(Bill(fixed_usd=Fraction(usd)), GPT_4O) or 0 for usd in (10_000, 23_000)]

    assert [round(requests / 1e6, 1) for requests in found] == [3.6, 8.4]


def test_growth_reaches_the_break_even_when_it_does() -> None:
    """Row 24 of the recheck."""
    assert round(months_until(200_000, 264_364, growth_per_month=0.2) or 0, 2) == 1.53
    assert months_until(200_000, 264_364, growth_per_month=0.0) is None
    assert months_until(300_000, 264_364, growth_per_month=0.0) == 0.0


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(0, 10**7))
def test_the_break_even_is_the_first_volume_at_which_the_machine_is_not_dearer(
    fixed_cents: int, nano: int, own_nano: int
) -> None:
    machine = Bill(fixed_usd=Fraction(fixed_cents, 100), usd_per_request=Fraction(own_nano, 10**9))
    hosted = Bill(usd_per_request=Fraction(nano, 10**9))

    found = break_even(machine, hosted)

    if found is None:
        assert own_nano >= nano
    else:
        assert machine.month(found) <= hosted.month(found)
        assert machine.month(found - 1) > hosted.month(found - 1)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 50))
def test_if_one_machine_cannot_pay_off_no_number_of_them_can(cents: int, max_requests: int, count: int) -> None:
    """Each has to carry what it cannot: buying more of what loses loses more."""
    machine = Bill(fixed_usd=Fraction(cents, 100), max_requests=max_requests)
    hosted = Bill(usd_per_request=Fraction("0.001"))
    requests = max_requests * count

    if break_even_with_all(machine, hosted) is None:
        assert machine.month(requests) > hosted.month(requests)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_requests_never_cost_less(first: int, more: int) -> None:
    fleet = Bill(fixed_usd=Fraction(700), max_requests=1_000, next_usd=Fraction(500), usd_per_request=Fraction(1, 1000))

    assert fleet.month(first + more) >= fleet.month(first)


def test_further_machines_cost_what_they_cost() -> None:
    fleet = Bill(fixed_usd=Fraction(727), max_requests=4_000_000, next_usd=Fraction("734.38"))

    assert [fleet.instances(requests) for requests in (0, 4_000_000, 4_000_001, 9_000_000)] == [1, 1, 2, 3]
    assert fleet.month(9_000_000) == 727 + 2 * Fraction("734.38")


def test_a_machine_that_carries_nothing_cannot_be_multiplied() -> None:
    with pytest.raises(UsageError, match="carries no request"):
        Bill(fixed_usd=Fraction(1), max_requests=0).instances(1)


def test_nothing_fixed_breaks_even_at_once_or_never() -> None:
    assert break_even(Bill(), GPT_4O) == 0
    assert break_even(Bill(usd_per_request=Fraction(1)), GPT_4O) is None


def test_a_spare_machine_and_people_move_the_break_even_out() -> None:
    """The guide's machine with one to spare and $200 of work: (2 · 527 + 200) ÷ 0.00275."""
    fleet = Fleet(usd_per_machine=Fraction(527), requests_per_machine=3_700_000, spare=1, fixed_usd=Fraction(200))

    assert fleet.month(2_000_000) == 1_254
    assert fleet_break_even(fleet, Fraction("0.00275")) == 456_000


def test_against_the_same_model_by_the_token_no_number_of_machines_pays_off() -> None:
    """3.7 million requests of $0.000043 are $159: a machine for $727 can never earn its rent."""
    fleet = Fleet(usd_per_machine=Fraction(727), requests_per_machine=3_700_000)

    assert fleet_break_even(fleet, Fraction("0.000043")) is None
    assert fleet_break_even(fleet, Fraction(0)) is None


def test_a_machine_that_earns_just_its_rent_pays_off_only_with_nothing_beside_it() -> None:
    fleet = Fleet(usd_per_machine=Fraction(100), requests_per_machine=100)

    assert fleet_break_even(fleet, Fraction(1)) == 100
    assert fleet_break_even(replace(fleet, spare=1), Fraction(1)) is None


@given(
    st.integers(1, 50), st.integers(1, 60), st.integers(0, 2), st.integers(0, 90), st.integers(0, 2), st.integers(1, 4)
)
def test_the_fleets_break_even_is_the_first_volume_that_pays(
    usd: int, carried: int, spare: int, fixed: int, own: int, paid: int
) -> None:
    """Against trying every volume."""
    fleet = Fleet(
        usd_per_machine=Fraction(usd),
        requests_per_machine=carried,
        spare=spare,
        fixed_usd=Fraction(fixed),
        usd_per_request=Fraction(own, 2),
    )
    found = fleet_break_even(fleet, Fraction(paid))
    tried = next((volume for volume in range(1, 5_000) if fleet.month(volume) <= volume * Fraction(paid)), None)

    if tried is not None or (found is not None and found < 5_000):
        assert found == tried


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.integers(1, 400), st.integers(1, 40), st.integers(1, 60))
def test_the_first_volume_at_which_all_machines_pay_off_is_found(
    first: int, further: int, carried: int, price: int, machines: int
) -> None:
    """A first bill with people in it may pay off later, with cheaper machines beside it: tried out one by one."""
    own = Bill(fixed_usd=Fraction(first), max_requests=carried, next_usd=Fraction(further))
    token = Bill(usd_per_request=Fraction(price))
    found = break_even_with_all(own, token)

    tried = next((v for v in range(1, carried * machines) if own.month(v) <= token.month(v)), None)
    if tried is not None or (found is not None and found < carried * machines):
        assert found == tried
