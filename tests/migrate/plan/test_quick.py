"""The quick plan's arithmetic: prices passed in with their date, never taken from what is installed."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from offramp.catalog.compute import Terms, offer
from offramp.catalog.prices import PriceBook
from offramp.catalog.search import resolve
from offramp.errors import UsageError
from offramp.migrate.plan.quick import Plan, Question, answer, sensitivity
from offramp.wire.usage import Usage

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 10**9


def prices(input_usd: str, output_usd: str, **others: object) -> dict[str, object]:
    """A card's prices as they stood on a day."""
    return {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd, "checked": "2026-08-21", **others}


BATCH = {"batch": {"input_usd_per_mtok": "1.25", "output_usd_per_mtok": "5"}}
OWN: dict[str, dict[str, object]] = {
    "openai/gpt-4o": prices("2.50", "10", cached_input_usd_per_mtok="1.25", tiers=BATCH),
    "openai/gpt-5-mini": prices("0.25", "2"),
    "openai/gpt-6-luna": prices("0.10", "0.50"),
    "openai/gpt-6-sol": prices("2", "10"),
    "openai/gpt-4o-mini": prices("0.15", "0.60"),
    "groq/llama-3.1-8b-instant": prices("0.05", "0.08"),
    "openai/gpt-6.2-sol": prices("2", "10"),
}
BOOK = PriceBook.load(OWN, clock_ns=lambda: NOON)


def ask(incumbent: str = "gpt-4o", requests: int = 2_000_000, **others: Any) -> Plan:  # noqa: ANN401 - as Question
    """The guide's question: 700 tokens in, 100 out, $727 a month."""
    question = Question(
        requests_per_month=requests,
        usage=Usage(700, 100),
        incumbent=resolve(BOOK, incumbent),
        fixed_usd_per_month=Fraction(727),
        hosted=resolve(BOOK, "groq/llama-3.1-8b-instant"),
    )
    return answer(replace(question, **others), BOOK)


def test_the_guides_question_gets_the_guides_arithmetic() -> None:
    """Rows 1, 2, 6, 7 and 9 of the recheck."""
    plan = ask()

    assert plan.incumbent.bill.usd_per_request == Fraction("0.00275")
    assert plan.incumbent.usd_per_month == 5_500
    assert plan.own.usd_per_month == 727
    assert plan.own.usd_per_month / 2_000_000 == Fraction("0.0003635")
    assert plan.break_even == 264_364
    assert plan.saving_usd_per_year == 57_276


def test_the_same_model_by_the_token_moves_the_break_even_by_a_factor_of_sixty() -> None:
    """Section 3 of the recheck: 16.9 million against Groq at 0.05 and 0.08."""
    plan = ask()

    assert plan.hosted is not None
    assert plan.hosted.usd_per_month == 86
    assert plan.break_even_hosted == 16_906_977


def test_without_a_name_the_second_column_is_an_assumption() -> None:
    """The comparison is always shown; what was assumed is said."""
    plan = ask(hosted=None)

    assert plan.assumed
    assert plan.hosted_model == "llama-3.1-8b"
    assert [column.usd_per_month for column in plan.hosted_offers] == sorted(
        column.usd_per_month for column in plan.hosted_offers
    )
    assert "groq/llama-3.1-8b-instant" in {column.name for column in plan.hosted_offers}


def test_a_named_model_is_no_assumption_even_if_nobody_rents_it_out() -> None:
    plan = ask(hosted=None, own_model="qwen3-8b")

    assert not plan.assumed
    assert plan.hosted is None
    assert plan.break_even_hosted is None


def test_what_a_machine_carries_is_only_said_when_asked() -> None:
    assert ask().own.sizing is None
    assert ask().own.bill.max_requests is None
    assert ask(requests=50_000_000).own.instances == 1


def test_more_than_one_machine_carries_needs_more_machines() -> None:
    """Row 12 of the recheck: 5 million a month need a second g5.xlarge at least."""
    plan = ask(requests=5_000_000, gpu="A10G", own_model="mistral-7b")

    assert plan.own.offer is not None
    assert plan.own.offer.name == "aws/g5.xlarge"
    assert plan.own.instances == 2
    assert plan.own.usd_per_month_needed == 727 + Fraction("1.006") * 730
    assert plan.own.usd_per_month == 727
    assert plan.saving_usd_per_year == 156_276


def test_a_machine_with_several_gpus_carries_as_often_as_much() -> None:
    one = ask(gpu="A10G", own_model="mistral-7b", offer=offer("aws/g5.xlarge"))
    four = ask(gpu="A10G", own_model="mistral-7b", offer=offer("aws/g5.12xlarge"))

    assert four.own.bill.max_requests == 4 * (one.own.bill.max_requests or 0)
    assert four.own.gpus == 4


def test_without_a_bill_the_machine_is_the_bill() -> None:
    plan = ask(fixed_usd_per_month=None, gpu="A10G", own_model="llama-3.1-8b")

    assert plan.own.usd_per_month == Fraction("734.38")


def test_neither_bill_nor_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="Give --fixed-usd-per-month, or --gpu"):
        ask(fixed_usd_per_month=None)


def test_what_falls_back_is_paid_twice() -> None:
    """Row 11 of the recheck: 10 % of a million requests fall back, the machine costs the same."""
    plan = ask(requests=1_000_000, fallback_share=Fraction("0.1"))

    assert plan.own.usd_per_month == Fraction("1002")
    assert plan.break_even == 293_738


def test_cached_tokens_cost_less_on_the_incumbents_side() -> None:
    """Half of the input cached: 350 · 2.50 + 350 · 1.25 + 100 · 10."""
    plan = ask(usage=Usage(700, 100, cached_tokens=350))

    assert plan.incumbent.bill.usd_per_request == Fraction("0.0023125")


def test_batch_is_half_where_the_provider_says_so() -> None:
    assert ask().batch == 2_750
    assert ask("gpt-5-mini").batch is None


def test_a_model_that_ends_comes_with_what_its_provider_suggests() -> None:
    plan = ask()

    assert plan.incumbent.ends is not None
    assert plan.successor is not None
    assert plan.successor.name == "openai/gpt-6-luna"
    assert plan.successor.usd_per_month == 240
    assert ask("gpt-5.4-mini").successor is None


def test_an_unpublished_price_is_not_guessed() -> None:
    """gpt-6.2-astra's cached price is unknown: a plan with cached tokens asks for it."""
    with pytest.raises(UsageError, match=r"openai/gpt-6\.2-astra has no price for this kind of tokens"):
        ask("gpt-6.2-astra", usage=Usage(700, 100, cached_tokens=350))


def test_the_sensitivity_shows_where_the_answer_turns() -> None:
    """At 400,000 requests half of them would turn the saving into a loss."""
    saved = {case.name: case.saving_usd_per_year for case in sensitivity(ask(requests=400_000))}

    assert saved["as asked"] == 12 * (1_100 - 727)
    assert saved["half the requests"] == 12 * (550 - 727)
    assert saved["the incumbent at half its price"] == 12 * (550 - 727)
    assert saved["own bill a quarter higher"] == 12 * (1_100 - Fraction("908.75"))


def test_the_planners_sanity_check() -> None:
    """Section 5 of the recheck: at 3:1 a GPU for $2.50 an hour must sustain 3,500 tokens/s against gpt-6-luna."""
    usage = Usage(750_000, 250_000)
    blended = {
        name: resolve(BOOK, name).exact_usd(usage) for name in ("gpt-6-luna", "gpt-6-sol", "gpt-4o", "gpt-4o-mini")
    }

    assert blended == {
        "gpt-6-luna": Fraction("0.20"),
        "gpt-6-sol": 4,
        "gpt-4o": Fraction("4.375"),
        "gpt-4o-mini": Fraction("0.2625"),
    }
    assert round(float(Fraction("2.50") / Fraction("0.20") * 10**6 / 3_600), -2) == 3_500
    assert round(float(Fraction("2.50") / 4 * 10**6 / 3_600)) == 174


def test_a_bill_without_a_hand_given_one_is_that_of_all_machines_it_takes() -> None:
    """Nobody said that one machine is the whole bill: month, saving and sensitivity count as many as it takes."""
    plan = ask(requests=5_000_000, fixed_usd_per_month=None, gpu="A10G", own_model="mistral-7b")

    month = 2 * Fraction("1.006") * 730
    assert plan.own.instances == 2
    assert not plan.own.is_short
    assert plan.own.usd_per_month == plan.own.usd_per_month_needed == month
    assert plan.saving_usd_per_year == plan.saving_usd_per_year_needed == 12 * (13_750 - month)
    assert {case.saving_usd_per_year - case.saving_usd_per_year_needed for case in sensitivity(plan)} == {0}


def test_each_case_says_the_saving_by_the_given_bill_and_with_all_machines_it_takes() -> None:
    """The first case by the given bill is the plan's saving, so that no two figures of one name differ."""
    plan = ask(requests=5_000_000, gpu="A10G", own_model="mistral-7b")
    second = Fraction("1.006") * 730

    cases = {case.name: case for case in sensitivity(plan)}
    assert plan.own.is_short
    assert cases["as asked"].saving_usd_per_year == plan.saving_usd_per_year == 12 * (13_750 - 727)
    assert cases["as asked"].saving_usd_per_year_needed == plan.saving_usd_per_year_needed
    assert plan.saving_usd_per_year_needed == 12 * (13_750 - 727 - second)
    assert cases["half the requests"].instances == 1
    assert cases["half the requests"].saving_usd_per_year == cases["half the requests"].saving_usd_per_year_needed
    assert cases["twice the requests"].saving_usd_per_year == 12 * (27_500 - 727)
    assert cases["twice the requests"].instances == 3
    quarter = cases["own bill a quarter higher"]
    assert quarter.saving_usd_per_year == 12 * (13_750 - Fraction("908.75"))
    assert quarter.saving_usd_per_year_needed == 12 * (13_750 - Fraction("908.75") - second * Fraction(5, 4))


def test_what_falls_back_costs_half_where_the_incumbent_does() -> None:
    """A tenth of a million at 0.001375 each beside the machine."""
    plan = ask(requests=1_000_000, fallback_share=Fraction("0.1"))
    saved = {case.name: case.saving_usd_per_year for case in sensitivity(plan)}

    assert saved["the incumbent at half its price"] == 12 * (1_375 - 727 - Fraction("137.5"))


def test_a_machine_without_a_contract_is_not_the_bill_but_beside_it() -> None:
    """The cheapest L40S stands at a marketplace: nobody runs production there by default."""
    plan = ask(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b")

    assert plan.own.offer is not None
    assert plan.own.offer.terms is Terms.ON_DEMAND
    beside = {offer.terms: usd for offer, usd in plan.own.cheaper}
    assert beside[Terms.MARKETPLACE] == offer("vast/L40S, median").usd_per_hour * 730
    assert all(usd < plan.own.usd_per_month for usd in beside.values())


def test_a_machine_without_a_contract_is_the_bill_where_somebody_says_so() -> None:
    both = (Terms.ON_DEMAND, Terms.MARKETPLACE)
    plan = ask(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b", terms=both)

    assert plan.own.offer == offer("vast/L40S, median")
    assert Terms.MARKETPLACE not in {each.terms for each, _ in plan.own.cheaper}


def test_nothing_is_beside_a_bill_or_a_machine_that_was_named() -> None:
    given = ask(gpu="L40S", own_model="llama-3.1-8b")
    named = ask(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b", offer=offer("runpod/L40S Secure"))

    assert given.own.cheaper == named.own.cheaper == ()


def test_a_bill_with_people_in_it_may_pay_off_with_more_machines() -> None:
    """$5,000 for the first, $734 for each further one: against gpt-5-mini that pays off later, gpt-6-luna never."""
    staffed = ask("gpt-5-mini", fixed_usd_per_month=Fraction(5_000), gpu="A10G", own_model="mistral-7b")
    carried = staffed.own.bill.max_requests or 0

    assert staffed.break_even == 13_333_334
    assert staffed.break_even_needed is not None
    assert staffed.break_even_needed > staffed.break_even > carried
    machines = staffed.own.bill.instances(staffed.break_even_needed)
    assert staffed.break_even_needed == ceil((5_000 + (machines - 1) * Fraction("734.38")) / Fraction("0.000375"))
    never = ask("gpt-6-luna", fixed_usd_per_month=Fraction(5_000), gpu="A10G", own_model="mistral-7b")
    assert never.break_even_needed is None
    assert ask().break_even_needed == ask().break_even
