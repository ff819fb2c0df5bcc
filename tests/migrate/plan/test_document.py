"""The plan for programs: names and forms that others rely on."""

from datetime import date
from typing import Any

import msgspec

from offramp.catalog.compute import Terms
from offramp.migrate.plan.document import document
from offramp.migrate.plan.words import recommend
from tests.migrate.plan.test_quick import ask

TODAY = date(2026, 11, 21)


def written(today: date = TODAY, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as `ask`
    """The document of a plan, through its own encoding."""
    plan = ask(**changes)
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(plan, recommend(plan, today), today)))
    return decoded


def test_the_quick_plan_has_what_programs_rely_on() -> None:
    plan = written()

    assert plan["incumbent"]["usd_per_request"] == "0.00275"
    assert plan["incumbent"]["usd_per_month"] == "5500"
    assert plan["hosted"]["usd_per_month"] == "86"
    assert plan["own"]["usd_per_request"] == "0.0003635"
    assert plan["own"]["usd_per_month"] == "727"
    assert plan["own"]["max_requests_per_month"] is None
    assert plan["break_even_requests_per_month"] == 264_364
    assert plan["saving_usd_per_year"] == "57276"
    assert isinstance(plan["recommendation"], str)


def test_a_loss_is_negative() -> None:
    assert written(requests=200_000)["saving_usd_per_year"] == "-2124"


def test_with_gpu_and_model_it_says_what_one_machine_carries() -> None:
    own = written(requests=5_000_000, gpu="A10G", own_model="mistral-7b")["own"]

    assert 3_700_000 < own["max_requests_per_month"] < 4_300_000
    assert own["instances_needed"] == 2
    assert own["usd_per_month"] == "727"
    assert own["usd_per_month_needed"] == "1461.38"
    assert own["offer"]["checked"] == "2026-06-17"


def test_every_price_says_where_it_is_from_and_of_what_day() -> None:
    plan = written()

    for column in (plan["incumbent"], plan["incumbent"]["successor"], plan["hosted"]):
        assert column["source"] == "configuration"
        assert column["checked"] == "2026-08-21"
        assert column["age_days"] == 92


def test_old_prices_are_warned_about_with_their_day() -> None:
    """92 days are more than 90: whoever signs must know."""
    assert "openai/gpt-4o: the price is of 2026-08-21, 92 days old; check it before you sign" in written()["warnings"]
    assert written(today=date(2026, 9, 1))["warnings"] == []


def test_an_unknown_second_column_is_null() -> None:
    plan = written(hosted=None, own_model="qwen3-8b")

    assert plan["hosted"] is None
    assert plan["break_even_against_hosted_requests_per_month"] is None


def test_the_two_ways_to_count_machines_have_names_of_their_own() -> None:
    """A bill for one machine where two are needed: what is called needed counts both, the rest the bill."""
    plan = written(requests=5_000_000, gpu="A10G", own_model="mistral-7b")

    assert plan["saving_usd_per_year"] == plan["sensitivity"][0]["saving_usd_per_year"] == "156276"
    assert plan["own"]["saving_usd_per_year_needed"] == "147463.44"
    assert plan["sensitivity"][0]["saving_usd_per_year_needed"] == "147463.44"
    assert plan["sensitivity"][0]["instances_needed"] == 2
    assert any("take the own bill that was given, whatever the volume" in each for each in plan["assumptions"])
    assert not any("take the own bill that was given" in each for each in written()["assumptions"])
    assert written()["sensitivity"][0]["instances_needed"] is None


def test_cheaper_machines_come_with_what_they_take() -> None:
    own = written(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b")["own"]

    assert own["offer"]["terms"] == "on-demand"
    assert {each["terms"] for each in own["cheaper"]} == {"spot", "marketplace"}
    assert all(each["condition"] for each in own["cheaper"])


def test_a_machine_whose_price_nobody_saw_at_its_source_is_warned_about_where_it_counts() -> None:
    """With a bill that pays for all machines nothing is paid by the list."""
    listed = written(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b")["warnings"]
    given = written(gpu="L40S", own_model="llama-3.1-8b")["warnings"]
    short = written(requests=90_000_000, gpu="L40S", own_model="llama-3.1-8b")["warnings"]

    assert any(each.startswith("runpod/L40S Secure: the price is second-hand") for each in listed)
    assert not any("L40S" in each for each in given)
    assert any("L40S" in each for each in short)


def test_a_machine_that_may_be_taken_away_is_warned_about_where_it_is_the_bill() -> None:
    spot = written(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b", terms=(Terms.SPOT,))["warnings"]
    listed = written(fixed_usd_per_month=None, gpu="L40S", own_model="llama-3.1-8b")["warnings"]

    assert any(each.endswith(": spot: it may be taken away at any time") for each in spot)
    assert not any("taken away" in each for each in listed)
