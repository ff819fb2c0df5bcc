"""The cost box: the two transcripts of the Cerebrium migration guide with their right figures, and none of the wrong.

The guide's figures and what is wrong with them: prices by the second (A10 $0.000306, vCPU $0.00000655, GB $0.00000222),
2 vCPU and 12 GB; gpt-4o-mini at $0.15 and $0.60 per million tokens.
"""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.catalog.compute import by_the_second
from offramp.catalog.overrides import override_card
from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.bill import Bill, by_time, by_tokens, compared, from_cache, unpriced, usd, usd_exact
from offramp.pricing.compute import Billed, ComputePart, from_parts, per_hour
from offramp.wire.usage import Usage

MINI = override_card(
    "openai",
    "gpt-4o-mini",
    {"input_usd_per_mtok": "0.15", "cached_input_usd_per_mtok": "0.075", "output_usd_per_mtok": "0.60"},
)
A10 = from_parts(
    [
        ComputePart(name="GPU A10", units=Fraction(1), usd_per_second=Fraction("0.000306")),
        ComputePart(name="vCPU", units=Fraction(2), usd_per_second=Fraction("0.00000655")),
        ComputePart(name="GB memory", units=Fraction(12), usd_per_second=Fraction("0.00000222")),
    ]
)


def answer(total_s: float, *, usage: Usage | None = None, chunks: int = 0, words: int = 0) -> Answer:
    """An answer that took so long."""
    return Answer(
        text="word " * words,
        asked_s=100.0,
        first_s=100.0 + total_s / 10,
        ended_s=100.0 + total_s,
        chunks=chunks,
        usage=usage,
    )


def machine_bill(total_s: float, *, chunks: int = 0, words: int = 0) -> Bill:
    """What the guide's machine costs for such an answer."""
    return by_time(A10, answer(total_s, chunks=chunks, words=words), named="cerebrium/A10")


@pytest.mark.parametrize(
    ("total_s", "parts", "whole"),
    [
        (2.13, ["0.000652", "0.000028", "0.000057"], "0.000736"),
        (34.86, ["0.010667", "0.000457", "0.000929"], "0.012052"),
    ],
)
def test_the_machine_of_the_guide_costs_what_its_seconds_cost(total_s: float, parts: list[str], whole: str) -> None:
    """The guide adds rounded parts: $0.000737 and $0.012054. A sum is rounded once, at its end."""
    bill = machine_bill(total_s)

    assert bill.nano is not None
    assert [round(Decimal(usd(line.nano or 0)), 6) for line in bill.lines] == [Decimal(part) for part in parts]
    assert usd(bill.nano) == whole
    assert [line.what for line in bill.lines] == ["GPU A10", "vCPU", "GB memory"]


@pytest.mark.parametrize(
    ("total_s", "usage", "whole"),
    [(1.62, Usage(14, 7), "0.0000063"), (10.69, Usage(16, 582), "0.0003516")],
)
def test_the_api_of_the_guide_costs_what_its_tokens_cost(total_s: float, usage: Usage, whole: str) -> None:
    """The guide prints $0.000006 and $0.000352."""
    bill = by_tokens(MINI, answer(total_s, usage=usage))

    assert bill.nano is not None
    assert Fraction(bill.nano, 10**9) == Fraction(whole)
    assert [line.what for line in bill.lines] == ["input", "output"]


def test_tokens_are_counted_by_chunks_and_not_by_letters() -> None:
    """The guide divides letters by four: 730 tokens, 21 tokens/s, $0.000017 each. 541 chunks came."""
    long = answer(34.86, chunks=541, words=400)
    bill = by_time(A10, long, named="cerebrium/A10")

    assert long.output_tokens == 541
    assert long.is_counted_by_chunks
    assert round(long.tokens_per_s or 0, 1) == 15.5
    assert usd_exact(bill.per_token_usd or Fraction(0)) == "0.0000223"
    assert "no usage came: tokens are counted by chunks" in bill.notes


def test_what_a_cold_start_costs_is_not_called_free() -> None:
    """The container's start is free; loading the model and the cooldown are not, which the guide leaves out.

    An isolated question with 45 s of loading and 30 s of cooldown costs 36 times what the guide displays for it.
    """
    bill = machine_bill(2.13)
    alone = A10.cost_nano(round((45 + 2.13 + 30) * 10**9))

    assert bill.notes[-1] == "not in it: loading the model and the cooldown, billed at $0.000346 a second"
    assert usd(alone) == "0.026667"
    assert round(alone / (bill.nano or 1)) == 36


@pytest.mark.parametrize(
    ("machine_s", "usage", "said"),
    [
        (2.13, Usage(14, 7), "cerebrium cost 117 times as much as openai ($0.000736, $0.0000063)"),
        (34.86, Usage(16, 582), "cerebrium cost 34 times as much as openai ($0.012052, $0.000352)"),
    ],
)
def test_the_comparison_that_the_guide_does_not_print(machine_s: float, usage: Usage, said: str) -> None:
    """123 times if the guide's rounded figures are divided; exactly 117."""
    api = by_tokens(MINI, answer(1.0, usage=usage))

    assert compared("cerebrium", machine_bill(machine_s), "openai", api) == said
    assert compared("openai", api, "cerebrium", machine_bill(machine_s)) == said


def test_both_methods_are_divided_by_the_same_number() -> None:
    """The guide divides one by input and output tokens, the other by output tokens only."""
    usage = Usage(1000, 10)
    api, machine = by_tokens(MINI, answer(1, usage=usage)), by_time(A10, answer(1, usage=usage), named="x")

    assert api.per_token_usd == Fraction(api.nano or 0, 10**10)
    assert machine.per_token_usd == Fraction(machine.nano or 0, 10**10)


def test_cached_tokens_have_a_line_of_their_own() -> None:
    """It is what a long conversation saves."""
    bill = by_tokens(MINI, answer(1, usage=Usage(1000, 10, 800)))

    assert [(line.what, line.quantity, line.price, line.nano) for line in bill.lines] == [
        ("input", "200", "$0.15 per M", 30_000),
        ("cached input", "800", "$0.075 per M", 60_000),
        ("output", "10", "$0.6 per M", 6_000),
    ]
    assert bill.nano == 96_000


def test_an_answer_under_a_second_is_not_rounded_up_to_one() -> None:
    """The guide takes at least a second, which understates every fast answer's tokens per second."""
    assert answer(0.5, chunks=50).tokens_per_s == 100


def test_a_rented_machine_says_that_it_waits_at_a_price() -> None:
    """Its hours are paid whether it answers or not."""
    bill = by_time(per_hour(Decimal("1.006")), answer(3.6), named="aws/g5.xlarge")

    assert bill.nano == 1_006_000
    assert [(line.what, line.quantity, line.price) for line in bill.lines] == [("machine", "3.60 s", "$1.006 per h")]
    assert bill.notes[-1] == "not in it: the hours it waits, at $1.006 each"


_NO_TIER_PRICE = Answer(text="", asked_s=0, ended_s=1, usage=Usage(1, 1), service_tier="x")


@pytest.mark.parametrize(
    "bill", [by_tokens(MINI, answer(1)), by_tokens(MINI, _NO_TIER_PRICE), unpriced("nobody knows")]
)
def test_unknown_is_not_zero(bill: Bill) -> None:
    """An answer without usage, a tier without a price, an upstream without one."""
    assert bill.nano is None
    assert bill.per_token_usd is None
    assert "unknown" in bill.method or "no price" in bill.method


def test_the_cache_costs_nothing_and_nothing_is_compared_with_it() -> None:
    """Nothing divided by nothing is not a number of times."""
    assert from_cache().nano == 0
    assert compared("a", from_cache(), "b", machine_bill(1)) is None
    assert compared("a", unpriced("x"), "b", machine_bill(1)) is None


def test_nearly_the_same_is_called_the_same() -> None:
    """`1.0 times as much` says nothing."""
    assert compared("a", machine_bill(1), "b", machine_bill(1.01)) == "a and b cost about the same"


@given(st.integers(min_value=0, max_value=10**15))
def test_dollars_never_lose_more_than_half_of_their_last_digit(nano: int) -> None:
    """What is shown is what is meant, to three digits at least."""
    shown = Decimal(usd(nano))
    exact = Decimal(nano).scaleb(-9)

    assert abs(shown - exact) <= max(exact * Decimal("0.005"), Decimal(0))


@given(st.floats(min_value=0.001, max_value=10_000), st.integers(0, 8), st.integers(0, 512))
def test_parts_add_up_to_the_whole(total_s: float, vcpus: int, memory_gb: int) -> None:
    """Each line is rounded to a billionth of a dollar, so three lines are at most two of them apart."""
    price = by_the_second("cerebrium", gpu="A10", vcpus=Fraction(vcpus), memory_gb=Fraction(memory_gb))
    bill = by_time(price, answer(total_s), named="x")

    assert price.billed is Billed.WHILE_SERVING
    assert abs(sum(line.nano or 0 for line in bill.lines) - (bill.nano or 0)) <= 2
