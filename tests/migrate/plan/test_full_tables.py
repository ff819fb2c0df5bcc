"""What the tables say where something is missing, metered, or rented by the hour; and what it all rests on."""

from dataclasses import replace
from functools import cache

import numpy as np

from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.catalog.compute import Terms
from offramp.migrate.plan.assumptions import assumptions, warnings
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.full_tables import Sheet, columns, left_out, mixture, moving, own_sheet, path
from offramp.migrate.plan.traffic import Measured, Tally
from tests.migrate.plan.cases import CATALOGUE, chat, machine, plan_of, traffic_from


def by_first(sheet: Sheet) -> dict[str, tuple[str, ...]]:
    """Rows by their first cell."""
    return {row[0]: row[1:] for row in sheet.rows}


@cache
def metered() -> FullPlan:
    """A plan on a serverless A10."""
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    return plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,)))


def test_nothing_that_carries_it_is_said_and_the_rest_stands() -> None:
    rows = by_first(columns(plan_of(slo_token_ms=1.0)))

    assert rows["who"][2] == "none carries it"
    assert rows["a month"][2] == ""
    assert rows["break-even of own GPUs"] == ("", "", "")
    assert rows["in time, usually"][2] == ""
    assert own_sheet(plan_of(slo_token_ms=1.0)).rows == ()


def test_machines_by_the_second_have_their_own_line_and_their_rules_are_stated() -> None:
    rows = by_first(columns(metered()))
    texts = " ".join(each.text for each in assumptions(metered()))

    assert rows["machines while they serve"][2].startswith("$")
    assert "machines to spare" not in rows
    assert "loads its model in 45 s that are billed" in texts
    assert own_sheet(metered()).rows[0][1].startswith("up to ")


def test_an_open_model_that_nobody_rents_out_leaves_its_column_empty() -> None:
    rows = by_first(columns(plan_of(own_model="qwen3-8b", gpu="A10G")))

    assert rows["who"][1] == "no provider is known"
    assert rows["a month"][1] == ""
    assert rows["in time, usually"][1] == ""


def test_what_is_measured_stands_in_the_incumbents_column() -> None:
    found = replace(chat(), measured=Measured(attainment_mean=0.9, attainment_peak=0.8, least_left_requests=12))
    rows = by_first(columns(plan_of(found, gpu="A10G")))

    assert rows["in time, usually"][0] == "90.0%"
    assert rows["in time, at the peak"][0] == "80.0%"
    assert rows["headroom"][0] == "12 requests of its limit left at least"
    assert rows["a good request"][0] != "not known"


def test_reserved_and_hourly_machines_are_three_rows() -> None:
    arrived = np.concatenate(
        [hour * 3_600 + np.linspace(0, 3_599, 5_000 if 9 <= hour % 24 < 17 else 300) for hour in range(50)]
    )
    load = Load.of(arrived, np.full(len(arrived), 700), np.full(len(arrived), 100))
    sheet = mixture(plan_of(traffic_from(load), gpu="A10G"))
    assert sheet is not None

    assert len(sheet.rows) == 3
    assert "aws/g5.xlarge one year" in sheet.lead
    assert mixture(plan_of(gpu="A10G")) is None


def test_groups_of_gpus_are_told() -> None:
    sheet = own_sheet(plan_of(gpu="A10G", token_ratio=1.3))

    assert any("(2 × A10G each)" in row[0] or "(4 × A10G each)" in row[0] for row in sheet.rows)


def test_the_path_shows_every_third_month_and_the_last() -> None:
    assert [row[0] for row in path(plan_of(gpu="A10G", months=8)).rows] == ["0", "3", "6", "7"]
    assert "Growth +5% a month" in path(plan_of(gpu="A10G", growth=0.05)).lead
    assert by_first(moving(plan_of(gpu="A10G")))["once"][0].startswith("$")


def test_every_stated_share_and_requirement_is_an_assumption() -> None:
    plan = plan_of(gpu="A10G", cached_share=0.25, require=("region=us",), own_model=None)
    texts = " ".join(each.text for each in assumptions(plan))

    assert "25% of the input is cached" in texts
    assert "required: in us" in texts
    assert "nobody named an open model" in texts


def test_a_model_in_use_is_an_assumption_from_the_ledger() -> None:
    plan = plan_of(replace(chat(), measured=Measured(own_model="llama-3.1-8b", own_share=0.4)), own_model=None)

    assert any(each.origin == "the ledger" and "40%" in each.text for each in assumptions(plan))


def test_spot_machines_and_unpriced_models_are_warned_about() -> None:
    spot = machine("aws", "spot", "A10G", "0.4", terms=Terms.SPOT)
    listed = Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(spot,))
    strange = Tally(model="fantasy-1", requests=5, input_tokens=50, cached_tokens=0, output_tokens=5)
    known = [replace(tally, model="gpt-4o") for block in chat().blocks for tally in block.tallies]
    blocks = (replace(chat().blocks[0], tallies=(*known, strange)),)
    plan = plan_of(replace(chat(), blocks=blocks), catalogue=listed, terms="spot", incumbent=None)

    said = warnings(plan)
    assert "aws/spot: spot: it may be taken away at any time, which is not simulated" in said
    assert "without a price, so not in the sums: fantasy-1" in said


def test_whoever_is_left_out_stands_with_the_reason() -> None:
    rows = by_first(left_out(plan_of(require=("region=us",))))

    assert rows["gcp/t4"] == ("gcp/t4 is priced for europe-west4, not for us",)
