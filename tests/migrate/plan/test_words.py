"""The recommendation: every verdict can come out, rests on what was asked, and says what it does not know."""

import doctest
from datetime import date
from fractions import Fraction

import pytest

from offramp.catalog.search import resolve
from offramp.migrate.plan import words
from offramp.migrate.plan.words import Verdict, recommend
from tests.migrate.plan.test_quick import BOOK, ask

TODAY = date(2026, 11, 21)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(words).failed == 0


def test_it_says_stay_where_own_machines_lose() -> None:
    """200,000 requests a month lose $177 on the guide's machine."""
    said = recommend(ask(requests=200_000), TODAY)

    assert said.verdict is not Verdict.OWN
    said = recommend(ask(requests=200_000, hosted=None), TODAY)
    assert said.verdict is Verdict.STAY
    assert said.text.startswith("Stay with openai/gpt-4o: at 200,000 requests a month own GPUs would cost $177 a month")
    assert "pay off from 264,364 requests a month on" in said.text


def test_it_says_stay_where_the_saving_is_within_the_error() -> None:
    """At 270,000 requests own machines save $15 of $742: nobody moves for that."""
    said = recommend(ask(requests=270_000, hosted=None), TODAY)

    assert said.verdict is Verdict.STAY
    assert "nothing that you asked about saves a tenth" in said.text


def test_it_says_other_provider_where_the_same_model_by_the_token_costs_less() -> None:
    said = recommend(ask(), TODAY)

    assert said.verdict is Verdict.OTHER
    assert said.text.startswith("Other provider: groq/llama-3.1-8b-instant saves")
    assert "Own GPUs cost less than groq/llama-3.1-8b-instant only from 16,906,977 requests a month on" in said.text


def test_it_says_so_too_where_nobody_named_the_model() -> None:
    """Whoever would run an open model can rent one: own machines must beat that, not only gpt-4o."""
    said = recommend(ask(hosted=None), TODAY)

    assert said.verdict is Verdict.OTHER
    assert said.text.startswith(
        "Other provider before own GPUs. Against openai/gpt-4o own GPUs would save $57,276 a year"
    )
    assert "is the cheapest" in said.text


def test_it_says_own_machines_and_how_many_where_nothing_is_cheaper() -> None:
    """Nobody rents out qwen3-8b: 5 million requests of gpt-5.5's price are worth two A10G."""
    said = recommend(ask("gpt-4o", requests=5_000_000, hosted=None, gpu="A10G", own_model="qwen3-8b"), TODAY)

    assert said.verdict is Verdict.OWN
    assert said.text.startswith("Own GPUs: 2 of type A10G. Against openai/gpt-4o that saves")
    assert "One A10G with qwen3-8b carries about 3.3 million such requests a month, so 2 are needed" in said.text


def test_it_says_that_nobody_asked_whether_the_machines_carry_so_much() -> None:
    """A bill that stays the same whatever the volume is what one is told, not what machines do."""
    unasked = recommend(ask("gpt-4o", requests_per_month=10**9), TODAY).text

    assert "Whether machines for $727 a month carry so many was not asked" in unasked
    assert "was not asked" not in recommend(ask("gpt-4o", own_model="mistral-7b", gpu="A10G"), TODAY).text


def test_it_says_batch_where_all_of_it_can_wait() -> None:
    said = recommend(ask(requests=200_000, hosted=None, can_wait=True), TODAY)

    assert said.verdict is Verdict.BATCH
    assert said.text.startswith("Batch it: openai/gpt-4o as batch saves $3,300 a year")


@pytest.mark.parametrize(
    ("alternative", "verdict"), [("gpt-5-mini", Verdict.SMALLER), ("groq/llama-3.1-8b-instant", Verdict.OTHER)]
)
def test_a_model_that_was_named_as_good_enough_may_win(alternative: str, verdict: Verdict) -> None:
    plan = ask(requests=200_000, hosted=None, alternatives=(resolve(BOOK, alternative),))

    assert recommend(plan, TODAY).verdict is verdict


def test_no_number_of_machines_pays_off_where_one_cannot_carry_its_break_even() -> None:
    plan = ask("gpt-6-luna", requests=10_000_000, hosted=None, gpu="A10G", own_model="qwen3-8b")

    said = recommend(plan, TODAY)

    assert said.verdict is Verdict.STAY
    assert "Own GPUs never pay off against openai/gpt-6-luna" in said.text
    assert "4 are needed" in said.text


def test_machines_that_pass_everything_on_never_pay_off() -> None:
    said = recommend(ask(hosted=None, fallback_share=Fraction(1)), TODAY)

    assert said.verdict is Verdict.STAY
    assert "never pay off" in said.text


@pytest.mark.parametrize(
    ("today", "when"),
    [(TODAY, "is switched off on 2027-01-14, in 54 days"), (date(2027, 2, 1), "was switched off on 2027-01-14")],
)
def test_the_end_of_the_incumbent_is_part_of_the_answer(today: date, when: str) -> None:
    """Staying with a model that ends is moving as well."""
    said = recommend(ask(requests=200_000, hosted=None), today)

    assert f"openai/gpt-4o {when}: staying then means moving to gpt-6-luna ($24.00 a month)" in said.text
    assert "switched off" not in recommend(ask("gpt-5.4-mini"), today).text


def test_a_model_that_ends_itself_is_recommended_with_that_said() -> None:
    """gpt-5-mini is cheaper than gpt-4o and gone before it."""
    said = recommend(ask(requests=200_000, hosted=None, alternatives=(resolve(BOOK, "gpt-5-mini"),)), TODAY)

    assert "But openai/gpt-5-mini itself is switched off on 2026-12-11, in 20 days." in said.text


def test_what_costs_less_but_was_not_asked_is_said_with_a_condition() -> None:
    """Nobody has shown that gpt-6-luna is good enough; it is worth an evaluation before any hardware."""
    said = recommend(ask(requests=200_000, hosted=None), TODAY)

    assert "Cheaper without any hardware, if it is good enough for you: what can wait a day as batch" in said.text
    assert "openai/gpt-6-luna ($24.00 a month)" in said.text
    assert "evaluate that first" in said.text


def test_a_bill_that_pays_for_too_few_machines_is_told_apart() -> None:
    """Finance gave $727, the volume takes two machines: both savings are said, and which is which."""
    said = recommend(ask(requests=5_000_000, hosted=None, gpu="A10G", own_model="qwen3-8b"), TODAY).text

    assert "that saves $147,463 a year ($1,461 instead of $13,750 a month" in said
    assert (
        "so 2 are needed: $1,461 a month, not the $727 that you gave, by which they would save $156,276 a year" in said
    )
    dear = recommend(
        ask(
            "gpt-6-luna", requests=5_000_000, hosted=None, gpu="A10G", own_model="qwen3-8b", fallback_share=Fraction(1)
        ),
        TODAY,
    )
    assert "not the $1,327 that you gave, by which they would cost $8,724 more a year" in dear.text


def test_machines_that_nobody_gave_a_bill_for_are_not_held_against_one() -> None:
    asked = ask(requests=5_000_000, hosted=None, fixed_usd_per_month=None, gpu="A10G", own_model="qwen3-8b")

    said = recommend(asked, TODAY).text
    assert "so 2 are needed: $1,469 a month." in said
    assert "that you gave" not in said


def test_a_cheaper_machine_without_a_contract_is_said_and_not_recommended() -> None:
    asked = ask(hosted=None, fixed_usd_per_month=None, gpu="L40S", own_model="qwen3-8b")

    said = recommend(asked, TODAY)
    assert said.verdict is Verdict.OWN
    assert "which stands at a third party, without an agreement on its availability" in said.text
    assert "($438 a month" not in said.text.partition("Own GPUs would cost")[0]
    assert "not recommended unless you say so (--terms)" in said.text


@pytest.mark.parametrize(("requests", "is_said"), [(100_000, True), (2_000_000, False)])
def test_a_saving_that_does_not_pay_for_the_move_is_said_to_be_so(requests: int, *, is_said: bool) -> None:
    """Nobody works a week for $48 a year."""
    said = recommend(ask(requests=requests), TODAY).text

    assert ("a year's saving does not pay for it" in said) is is_said


def test_machines_that_pay_off_together_are_not_said_never_to() -> None:
    """The first bill has people in it, further machines have not."""
    asked = ask("gpt-5-mini", hosted=None, fixed_usd_per_month=Fraction(5_000), gpu="A10G", own_model="qwen3-8b")

    said = recommend(asked, TODAY)
    assert said.verdict is Verdict.STAY
    assert asked.break_even_needed is not None
    assert f"Own GPUs pay off from {asked.break_even_needed:,} requests a month on." in said.text
