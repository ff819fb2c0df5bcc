"""A full plan for programs: the quick plan's keys stand in it too, and every figure says what it rests on."""

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest

from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.catalog.compute import Terms
from offramp.migrate.plan.assumptions import warnings
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.document import document as quick_document
from offramp.migrate.plan.full_document import changes, document
from offramp.migrate.plan.full_words import recommend
from offramp.migrate.plan.words import recommend as recommend_quick
from tests.migrate.plan.cases import CATALOGUE, TODAY, chat, machine, plan_of, traffic_from
from tests.migrate.plan.test_quick import ask


@cache
def written(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - as Inputs
    """The document of a plan, through its own encoding."""
    plan = plan_of(**{"gpu": "A10G", **given})
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(plan, recommend(plan))))
    return decoded


def test_a_program_that_reads_quick_plans_reads_full_ones() -> None:
    quick = quick_document(ask(), recommend_quick(ask(), TODAY), TODAY)
    full = written()

    assert quick.keys() - full.keys() == {"version"}
    assert {"usd_per_request", "usd_per_month", "source", "checked", "ends"} <= full["incumbent"].keys()
    assert {"usd_per_request", "usd_per_month", "max_requests_per_month", "offer", "gpu"} <= full["own"].keys()
    assert full["mode"] == "full"
    assert isinstance(full["recommendation"], str)


def test_money_is_decimal_strings_and_bills_add_up() -> None:
    full = written()

    for column in ("incumbent", "hosted", "own"):
        total = sum(float(part) for part in full[column]["bill"].values())
        assert abs(total - float(full[column]["usd_per_month"])) < 1e-6
    assert all(isinstance(part, str) for part in full["moving"]["own"].values() if isinstance(part, str))
    saved = 12 * (float(full["incumbent"]["usd_per_month"]) - float(full["own"]["usd_per_month"]))
    assert float(full["saving_usd_per_year"]) == pytest.approx(saved)


def amounts(value: object, name: str = "") -> list[object]:
    """Every leaf below a key that says dollars."""
    if isinstance(value, dict):
        return [
            leaf
            for key, inner in value.items()
            if key != "never_share"
            for leaf in amounts(inner, f"{name}.{key}" if "usd" in name else key)
        ]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in amounts(inner, name)]
    return [value] if "usd" in name else []


def test_no_amount_is_a_binary_number_not_even_the_end_of_an_interval() -> None:
    """Who adds up amounts as floats gets another sum than who signed them."""
    found = amounts(written())

    assert len(found) > 50
    assert {type(one) for one in found} <= {str, type(None)}


def test_the_peak_second_is_held_against_the_mean_of_the_whole_time() -> None:
    """50 minutes at 1 a second, then 10 at 3 a second: the mean is 4/3, so the peak is 2.25 times it."""
    arrived = np.concatenate((np.arange(3_000), 3_000 + np.arange(1_800) / 3))
    load = Load.of(arrived, np.full(4_800, 70), np.full(4_800, 10))
    plan = plan_of(traffic_from(load, span_s=3_600.0), gpu="A10G")

    assert document(plan, recommend(plan))["load"]["peak_second_over_mean"] == 2.25  # type: ignore[index]


def test_figures_that_rest_on_an_old_price_are_marked() -> None:
    """92 days are more than 90, and the A10G's price is of June."""
    full = written()

    assert full["incumbent"]["old"] is True
    assert full["incumbent"]["age_days"] == 92
    assert full["own"]["offer"]["old"] is True
    assert any("aws/g5.xlarge: the price is of 2026-06-17" in warning for warning in full["warnings"])
    assert any("openai/gpt-4o: the price is of 2026-08-21, 92 days old" in warning for warning in full["warnings"])


def test_an_old_price_of_any_machine_that_is_shown_is_told_with_its_day() -> None:
    """It is in the table beside the one that was chosen, and may be what somebody takes instead."""
    plan = plan_of(catalogue=replace(CATALOGUE, offers=(*CATALOGUE.offers, machine("b", "h100", "H100", "1.5"))))

    assert plan.own is not None
    assert plan.own.offer.provider == "b"
    assert "aws/g5.xlarge: prices of 2026-06-17, 157 days old; check them before you sign" in warnings(plan)


def test_the_service_level_is_told_at_the_mean_and_at_the_peak() -> None:
    own = written()["own"]

    assert own["attainment_peak"] >= 0.95
    assert own["attainment_mean"] >= own["attainment_peak"]
    assert own["usd_per_good_request"] >= own["usd_per_request"]
    assert written()["hosted"]["attainment_mean"] is None


def test_break_even_comes_with_its_interval() -> None:
    full = written()

    found, interval = full["break_even_requests_per_month"], full["break_even_interval"]
    assert interval["low"] <= found <= interval["high"]
    assert full["break_even_against_hosted_requests_per_month"] is None
    assert full["break_even_against_hosted_interval"] == {"low": None, "high": None, "never_share": 1.0}


def test_every_assumption_says_where_it_is_from() -> None:
    assumptions = written()["assumptions"]

    assert len(assumptions) >= 14
    assert all(each["text"] and each["origin"] for each in assumptions)


def test_what_cannot_be_is_null() -> None:
    full = written(slo_token_ms=1.0)

    assert full["own"] is None
    assert full["saving_usd_per_year"] is None
    assert full["own_is_cheaper_share"] == 0.0


def test_serverless_machines_tell_how_they_scale() -> None:
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    plan = plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,)))
    own: Any = document(plan, recommend(plan))["own"]

    assert own["serverless"]["billed_hours_per_month"] > 0
    assert own["max_requests_per_month"] is None
    assert own["machines"] == 0


def test_another_input_is_shown_before_and_after() -> None:
    before, after = plan_of(gpu="A10G"), plan_of(gpu="A10G", gpu_price=0.5)
    by_figure = {each["figure"]: each for each in changes(before, after)}

    dear, cheap = (float(str(by_figure["own GPUs, $ a month"][when])) for when in ("before", "after"))
    assert cheap < dear
    assert by_figure["incumbent, $ a month"]["before"] == by_figure["incumbent, $ a month"]["after"]
    assert document(before, recommend(before), after)["what_if"] == changes(before, after)


def test_rows_that_are_missing_are_told() -> None:
    plan = plan_of(replace(chat(), left_out=(("answered from the cache", 3),), notes=("the clock went back",)))
    warnings: Any = document(plan, recommend(plan))["warnings"]

    assert "3 rows answered from the cache" in warnings
    assert "the clock went back" in warnings


def test_cheaper_machines_under_other_terms_come_with_what_they_take() -> None:
    plan = written(gpu="A10G")

    assert [each["offer"]["name"] for each in plan["own_cheaper"]] == ["aws/g5.xlarge one year"]
    assert plan["own_cheaper"][0]["condition"] == "is paid for its whole term, used or not"
    assert plan["own"]["offer"]["terms"] == "on-demand"
