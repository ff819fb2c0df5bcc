"""What a full plan says: every verdict can come out, and what is unsure is said to be."""

from dataclasses import replace
from typing import Any

import pytest

from offramp.capacity.llm import LLMS
from offramp.catalog.compute import Terms
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.full_words import own_name, recommend, ways
from offramp.migrate.plan.traffic import Traffic
from offramp.migrate.plan.words import Recommendation, Verdict
from tests.migrate.plan.cases import CATALOGUE, chat, even_load, machine, plan_of, traffic_from


def said(traffic: Traffic | None = None, **given: Any) -> Recommendation:  # noqa: ANN401 - as Inputs
    """The words of a plan on A10Gs."""
    return recommend(plan_of(traffic, **{"gpu": "A10G", "requests_per_month": 2_000_000, **given}))


def test_the_same_model_by_the_token_beats_machines() -> None:
    found = said()

    assert found.verdict is Verdict.OTHER
    assert found.text.startswith("Other provider: novita/meta-llama/llama-3.1-8b-instruct. At 2.0 million requests")
    assert "no number of machines pays off" in found.text


def test_own_machines_win_where_nobody_rents_the_model_out() -> None:
    found = said(own_model="qwen3-8b")

    assert found.verdict is Verdict.OWN
    assert found.text.startswith("Own GPUs: ")
    assert "of type A10G" in found.text
    assert "paid back in" in found.text


def test_it_says_stay_where_moving_does_not_pay() -> None:
    """At 50,000 requests a month the whole bill is $137: no move is worth $4,000."""
    found = said(requests_per_month=50_000, own_model="qwen3-8b")

    assert found.verdict is Verdict.STAY
    assert found.text.startswith("Stay with openai/gpt-4o")
    assert "Own GPUs break even with openai/gpt-4o at" in found.text


def test_it_says_batch_where_all_of_it_can_wait() -> None:
    found = said(requests_per_month=300_000, own_model="qwen3-8b", can_wait=True)

    assert found.verdict is Verdict.BATCH
    assert found.text.startswith("Batch it: openai/gpt-4o as batch")


def test_it_says_a_smaller_model_where_one_is_good_enough() -> None:
    found = said(requests_per_month=1_500_000, own_model="qwen3-8b", alternative=("gpt-4o-mini",))

    assert found.verdict is Verdict.SMALLER
    assert found.text.startswith("Use a smaller model: openai/gpt-4o-mini")
    assert "But openai/gpt-4o-mini itself is switched off on 2027-01-14" in found.text


def test_a_model_that_nobody_named_is_only_proposed() -> None:
    """A 7B model against gpt-4o is the guides' mistake: somebody has to show that it is good enough."""
    found = said(own_model=None)

    assert found.verdict is Verdict.STAY
    assert "It would cost less, if it is good enough for you:" in found.text
    assert "evaluate that first" in found.text


def test_a_model_that_ends_is_part_of_the_answer() -> None:
    assert (
        "openai/gpt-4o is switched off on 2027-01-14, in 54 days: you must move anyway; its provider suggests"
        in said().text
    )


def test_an_open_question_is_called_open() -> None:
    """Where own machines cost less in some draws and more in others."""
    found = recommend(
        plan_of(
            gpu="A10G",
            own_model="qwen3-8b",
            requests_per_month=None,
            incumbent="gpt-4o-mini",
            operating_hours_per_month=0.0,
        )
    )

    plan = plan_of(gpu="A10G", own_model="qwen3-8b", incumbent="gpt-4o-mini", operating_hours_per_month=0.0)
    share = plan.uncertainty.own_is_cheaper
    assert ("is open: they do in" in found.text) == (0.1 < share < 0.9)
    assert f"{share:.0%} of 1,000 draws" in found.text


def test_little_traffic_is_said_to_be_little() -> None:
    """A demo's minute is an answer, and said to be very unsure."""
    short = traffic_from(even_load(30))

    found = said(short, requests_per_month=None)
    assert "This is very unsure: it rests on 30 requests in 30 seconds" in found.text
    assert "The volume is yours; lengths and peaks rest on 30 requests" in said(short).text


def test_much_traffic_is_not_called_little() -> None:
    assert "very unsure" not in said(replace(chat(), span_s=30 * 86_400.0), requests_per_month=None).text


def test_machines_that_miss_the_service_level_are_no_way() -> None:
    plan = plan_of(slo_token_ms=1.0)

    assert Verdict.OWN not in {way.verdict for way in ways(plan)}
    assert "No machine that was looked at carries the load at its peak" in recommend(plan).text


def test_an_incumbent_that_may_not_be_asked_is_told() -> None:
    found = said(require=("region=br",))

    assert "The incumbent does not meet your requirements" in found.text


def test_machines_by_the_second_are_named_so() -> None:
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    plan = plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,)))
    assert plan.own is not None

    assert own_name(plan.own) == "A10 by the second (cerebrium/A10)"


@pytest.mark.parametrize("quality_loss", [0.0, 0.9])
def test_an_open_model_whose_answers_are_redone_saves_nothing(quality_loss: float) -> None:
    found = said(quality_loss=quality_loss)

    assert (found.verdict is Verdict.STAY) == (quality_loss > 0.8)


def test_own_machines_under_other_terms_are_said_and_not_recommended() -> None:
    """The same machine for a year costs less; whoever signs must say yes to that."""
    found = said(gpu="A10G", own_model="qwen3-8b")

    assert found.verdict is Verdict.OWN
    assert "(aws/g5.xlarge one year" not in found.text.partition(".")[0]
    assert "× aws/g5.xlarge one year (reserved), which is paid for its whole term, used or not" in found.text
    assert "--terms" not in said(gpu="A10G", own_model="qwen3-8b", terms="on-demand,reserved").text


def test_nobody_is_recommended_as_if_the_service_level_were_known() -> None:
    """Own machines are simulated; how fast a provider answers stands on no price list."""
    rented = said(slo_ttft_ms=500.0).text
    own = said(own_model="qwen3-8b")

    assert (
        "Whether novita/meta-llama/llama-3.1-8b-instruct keeps your service level (first token in 500 ms and 100 ms "
        "per token, for 95 % of the requests) is not known: measure it before you move." in rented
    )
    assert own.verdict is Verdict.OWN
    assert "is not known: measure it" not in own.text
