"""The report: one file that asks nobody for anything and says what the plan says."""

import re
from functools import cache

from offramp.catalog.compute import Terms
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.full_report import report, volume_series
from offramp.migrate.plan.full_tables import OLD, cheaper_sheet, columns, left_out, own_sheet, utilisation
from offramp.migrate.plan.full_words import recommend
from offramp.migrate.report.charts import Series
from tests.migrate.plan.cases import CATALOGUE, machine, plan_of


@cache
def html() -> str:
    """The report of a plan on A10Gs."""
    plan = plan_of(gpu="A10G", growth=0.1)
    return report(plan, recommend(plan), made="now")


def test_it_asks_nobody_for_anything() -> None:
    assert "<script" not in html()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html())


def test_it_says_what_the_plan_says() -> None:
    for words in ("Stay or go?", "Three ways", "How sure", "What it rests on", "Left out", "break-even", "2027-01-14"):
        assert words in html()
    assert html().count("<svg") == 3


def test_hostile_names_are_only_words() -> None:
    """Names of models come from whoever asks."""
    plan = plan_of(gpu="A10G")

    assert "<b>x" not in report(plan, recommend(plan), made="<b>x</b>")


def test_lines_cross_at_the_break_even() -> None:
    plan = plan_of(gpu="A10G", requests_per_month=400_000)
    found = plan.economy.break_even()
    assert found is not None
    by_name: dict[str, Series] = {each.name: each for each in volume_series(plan)[0]}

    for (volume, paid), (_, own) in zip(by_name["incumbent"].points, by_name["own GPUs"].points, strict=True):
        if volume < found:
            assert own > paid
    assert max(volume for volume, _ in by_name["incumbent"].points) >= found


def test_figures_that_rest_on_an_old_price_are_marked() -> None:
    sheet = columns(plan_of(gpu="A10G"))
    rows = {row[0]: row for row in sheet.rows}

    assert rows["a month"][1].endswith(OLD)
    assert rows["a month"][3].endswith(OLD)
    assert rows["a request"][2].endswith(OLD)
    fresh = {row[0]: row for row in columns(plan_of(gpu="H100")).rows}
    assert not fresh["machines"][3].endswith(OLD)
    assert not fresh["people and fees"][3].endswith(OLD)
    # What falls back is paid at the incumbent's old price, and so is a part of the whole.
    assert fresh["fallback"][3].endswith(OLD)
    assert fresh["a month"][3].endswith(OLD)


def test_who_merely_costs_more_is_counted_and_not_listed_one_by_one() -> None:
    rows = left_out(plan_of()).rows

    assert any("kinds of machines" in name and "cost more even by their lower bound" in why for name, why in rows)
    assert not any(why.startswith("costs $") for _, why in rows)


def test_tables_have_as_many_cells_as_heads() -> None:
    plan = plan_of()

    for sheet in (columns(plan), own_sheet(plan), utilisation(plan), left_out(plan)):
        assert {len(row) for row in sheet.rows} == {len(sheet.header)}, sheet.title


def test_machines_under_other_terms_stand_below_those_that_are_recommended() -> None:
    """A reserved A10G costs less than the one on demand, which is the answer."""
    sheet = cheaper_sheet(plan_of(gpu="A10G"))

    assert [row[-1] for row in sheet.rows] == ["reserved"]
    assert "reserved is paid for its whole term, used or not" in sheet.lead
    assert html().index("Own machines that carry the load") < html().index("Cheaper, if you accept what it takes")
    assert cheaper_sheet(plan_of(gpu="A10G", terms="on-demand,reserved")).rows == ()


def test_the_picture_says_how_machines_by_the_second_cost() -> None:
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    plan = plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=CATALOGUE.llms, offers=(by_the_second,)))

    assert "Own GPUs cost the same until one more machine is needed" in html()
    assert "Own GPUs cost by the request, beside people and fees" in report(plan, recommend(plan), made="now")
