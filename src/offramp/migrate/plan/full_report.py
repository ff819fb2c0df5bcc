"""A full plan as one HTML file: the answer, the columns, the charts, and everything that they rest on."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from markupsafe import Markup

from offramp.migrate.plan.assumptions import assumptions, warnings
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.full_tables import (
    Sheet,
    columns,
    details,
    left_out,
    path,
)
from offramp.migrate.plan.uncertainty import Interval
from offramp.migrate.plan.words import Recommendation, about, usd
from offramp.migrate.report.charts import Mark, Series, lines
from offramp.migrate.report.page import Section, Tile, bullets, figure, paragraph, render, stack, tiles
from offramp.migrate.report.tables import table

_POINTS = 240

_DECADES = 2
"""To the left and to the right of today's volume, on a logarithmic axis."""

_TWO = 2
"""A table of two columns is a list of words and what they mean."""

WORDS = {
    "incumbent": "incumbent",
    "hosted": "by the token",
    "own": "own GPUs",
}


def report(plan: FullPlan, recommendation: Recommendation, *, made: str) -> str:
    """The HTML.

    Args:
        plan: The plan.
        recommendation: What it means.
        made: When and by what.
    """
    months = path(plan)
    return render(
        title="Stay or go?",
        lead=recommendation.text,
        sections=[
            Section("At a glance", tiles(_tiles(plan, recommendation))),
            Section(
                "Three ways",
                _sheet(columns(plan), right=False),
                "What each costs a month, what is in it, and what it holds.",
            ),
            Section("By volume", stack(_by_volume(plan), _each_by_volume(plan))),
            Section("How sure", _sure(plan)),
            Section(months.title, stack(_by_month(plan), _sheet(months)), months.lead),
            *(Section(sheet.title, _sheet(sheet), sheet.lead) for sheet in details(plan)),
            Section("Left out", _sheet(left_out(plan))),
            Section("What it rests on", _rests_on(plan)),
            Section("To be checked", bullets(warnings(plan)) or paragraph("Nothing.")),
        ],
        made=f"{made}, from {plan.traffic.source}",
    )


def _tiles(plan: FullPlan, recommendation: Recommendation) -> Sequence[Tile]:
    economy = plan.economy
    months = (economy.incumbent_month(), economy.hosted_month(), economy.own_month())
    names = (
        plan.tokens.incumbent.name,
        plan.tokens.hosted.name if plan.tokens.hosted else "",
        plan.own.name if plan.own else "none carries the load",
    )
    bills = [
        Tile(label=f"{word}, a month", value="–" if month is None else usd(month), note=name)
        for word, month, name in zip(WORDS.values(), months, names, strict=True)
    ]
    found = economy.break_even()
    sure = _words(plan.uncertainty.break_even)
    return [
        Tile(label="verdict", value=recommendation.verdict.value),
        *bills,
        Tile(label="own GPUs break even at", value="never" if found is None else about(found), note=sure),
    ]


def volume_series(plan: FullPlan) -> tuple[list[Series], float]:
    """The three columns by volume, and the right end."""
    economy = plan.economy
    furthest = 2 * max(economy.requests, min(economy.break_even() or 0, 10 * economy.requests))
    volumes = [max(1, furthest * point // _POINTS) for point in range(_POINTS + 1)]
    at = [replace(economy, requests=volume) for volume in volumes]
    found: dict[str, list[Fraction | None]] = {
        "incumbent": [each.incumbent_month() for each in at],
        "hosted": [each.hosted_month() for each in at],
        "own": [each.own_month() for each in at],
    }
    return [
        Series(
            name=WORDS[key],
            points=[(volume, float(cost)) for volume, cost in zip(volumes, months, strict=True) if cost is not None],
        )
        for key, months in found.items()
        if any(month is not None for month in months)
    ], float(furthest)


def _by_volume(plan: FullPlan) -> Markup:
    series, furthest = volume_series(plan)
    marks = [Mark(x=float(plan.requests_per_month), label="now")]
    found = plan.economy.break_even()
    if found is not None and found <= furthest:
        marks.append(Mark(x=float(found), label="break-even"))
    chart = lines(series, x_label="requests a month", y_label="cost a month", y_unit="$", marks=marks)
    metered = plan.economy.metered_usd is not None
    own = "by the request, beside people and fees" if metered else "the same until one more machine is needed"
    note = f"Own GPUs cost {own}; the lines by the token begin at nothing."
    return figure("What a month costs, by the number of requests", chart, note)


def _each_by_volume(plan: FullPlan) -> Markup:
    """The same for one request, over four decades: where the lines cross is the break-even."""
    economy = plan.economy
    steps = range(-_DECADES * 30, _DECADES * 30 + 1)
    volumes = sorted({max(1, round(economy.requests * 10 ** (step / 30))) for step in steps})
    months = [(volume, replace(economy, requests=volume)) for volume in volumes]
    found: dict[str, list[tuple[int, Fraction | None]]] = {
        "incumbent": [(volume, at.incumbent_month()) for volume, at in months],
        "hosted": [(volume, at.hosted_month()) for volume, at in months],
        "own": [(volume, at.own_month()) for volume, at in months],
    }
    series = [
        Series(name=WORDS[key], points=[(volume, float(cost / volume)) for volume, cost in row if cost is not None])
        for key, row in found.items()
        if any(cost is not None for _, cost in row)
    ]
    chart = lines(
        series,
        x_label="requests a month",
        y_label="cost of a request",
        y_unit="$",
        x_log=True,
        y_log=True,
        marks=[Mark(x=float(economy.requests), label="now")],
    )
    return figure("What a request costs, by the number of requests", chart, "Both axes are logarithmic.")


def _by_month(plan: FullPlan) -> Markup:
    columns_: dict[str, list[Fraction | None]] = {
        "incumbent": [month.incumbent_usd for month in plan.path],
        "hosted": [month.hosted_usd for month in plan.path],
        "own": [month.own_usd for month in plan.path],
    }
    series = [
        Series(
            name=WORDS[key],
            points=[(float(number), float(cost)) for number, cost in enumerate(months) if cost is not None],
        )
        for key, months in columns_.items()
        if any(month is not None for month in months)
    ]
    once = plan.move_own.once_usd
    chart = lines(series, x_label="months from now", y_label="cost a month", y_unit="$")
    back = plan.pay_back_months(own=True)
    paid = f"paid back in {float(back):.1f} months" if back is not None else f"not paid back in {len(plan.path)} months"
    return figure("What each month costs", chart, f"Moving to own GPUs costs {usd(once)} once, {paid}.")


def _sure(plan: FullPlan) -> Markup:
    found = plan.uncertainty
    rows = [
        ("requests a month", _words(found.requests_per_month)),
        ("incumbent, a month", _money(found.incumbent_usd_per_month)),
        ("own GPUs, a month", _money(found.own_usd_per_month)),
        ("own GPUs save a year", _money(found.saving_usd_per_year)),
        ("break-even with the incumbent", _words(found.break_even)),
        ("break-even with the open model by the token", _words(found.break_even_hosted)),
        ("own GPUs cost less than the incumbent", f"in {found.own_is_cheaper:.0%} of the draws"),
        ("own GPUs cost the least of all", f"in {found.own_is_cheapest:.0%} of the draws"),
    ]
    text = (
        f"{found.draws:,} draws: {found.blocks} blocks of {plan.traffic.block_s:,} s of the traffic drawn again, "
        f"and machines that carry up to {found.capacity_error:.0%} less or more. Nine of ten draws lie within each "
        "interval."
    )
    return stack(paragraph(text), table(("", "nine of ten draws"), rows))


def _rests_on(plan: FullPlan) -> Markup:
    rows = [(each.text, each.origin) for each in assumptions(plan)]
    return table(("assumption", "from"), rows)


def _sheet(sheet: Sheet, *, right: bool = True) -> Markup:
    is_numeric = right and len(sheet.header) > _TWO
    return table(sheet.header, sheet.rows, right=range(1, len(sheet.header)) if is_numeric else ())


def _words(found: Interval) -> str:
    if found.low is None:
        return "never, in any draw" if found.never_share == 1 else "never"
    ends = [about(round(end)) if end is not None else "never" for end in (found.low, found.high)]
    return f"{ends[0]} to {ends[1]}"


def _money(found: Interval) -> str:
    if found.low is None or found.high is None:
        return "not known"
    return f"{usd(Fraction(round(found.low)))} to {usd(Fraction(round(found.high)))}"
