"""A quick plan for people: three columns, what they rest on, and a chart."""

import textwrap
from collections.abc import Iterator
from datetime import date

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.cli.plan_chart import Line, chart
from offramp.migrate.plan.document import assumptions, warnings
from offramp.migrate.plan.quick import Plan, sensitivity
from offramp.migrate.plan.words import Recommendation, about, usd
from offramp.migrate.report.words import counted

_CHART_COLUMNS = 64


def show(console: Console, plan: Plan, recommendation: Recommendation, today: date) -> None:
    """Print it."""
    usage = plan.question.usage
    cached = f" ({usage.cached_tokens:,} of them cached)" if usage.cached_tokens else ""
    console.print(
        f"{counted(plan.question.requests_per_month, 'request')} a month, each with "
        f"{counted(usage.input_tokens, 'token')} in{cached} and {usage.output_tokens:,} out",
        highlight=False,
    )
    console.print(_columns(plan))
    for line in _break_even(plan):
        console.print(line, highlight=False)
    console.print()
    console.print("\n".join(_chart(plan, console.width)), highlight=False, markup=False, soft_wrap=True)
    console.print()
    text = Text("\n".join(textwrap.wrap(recommendation.text, console.width)))
    text.stylize("bold", 0, recommendation.text.find(".") + 1)
    console.print(text)
    console.print()
    console.print(_sensitivity(plan))
    for assumption in assumptions(plan):
        console.print(f"- {assumption}", style="dim", highlight=False)
    for warning in warnings(plan, today):
        console.print(f"! {warning}", style="yellow", highlight=False)


def _columns(plan: Plan) -> Table:
    own, hosted = plan.own, plan.hosted
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    table.add_column("incumbent", justify="right", overflow="fold")
    title = "open model by the token" + (" (assumed)" if plan.assumed else "")
    table.add_column(title, justify="right", overflow="fold")
    for column in plan.alternatives:
        table.add_column(column.name, justify="right", overflow="fold")
    table.add_column("own GPUs", justify="right", overflow="fold")
    machines = (
        "a fixed bill" if own.sizing is None else f"{own.instances * own.gpus} × {own.sizing.gpu}, {own.sizing.model}"
    )
    between = [""] * len(plan.alternatives)
    table.add_row("who", plan.incumbent.name, hosted.name if hosted else "no price known", *between, machines)
    others = [(column.bill.usd_per_request, column.usd_per_month) for column in plan.alternatives]
    month = own.usd_per_month_needed
    table.add_row(
        "a request",
        usd(plan.incumbent.bill.usd_per_request),
        usd(hosted.bill.usd_per_request) if hosted else "",
        *(usd(each) for each, _ in others),
        usd(month / plan.question.requests_per_month),
    )
    table.add_row(
        "a month",
        usd(plan.incumbent.usd_per_month),
        usd(hosted.usd_per_month) if hosted else "",
        *(usd(each) for _, each in others),
        usd(month),
        style="bold",
    )
    if own.is_short:
        table.add_row("as you gave it", "", "", *between, usd(own.usd_per_month), style="dim")
    if own.offer is not None and (own.is_short or not own.is_given):
        then = "then " if own.is_short else ""
        table.add_row("rented", "", "", *between, f"{then}{own.offer.name}, {own.offer.terms.value}")
    carried = "not asked" if own.bill.max_requests is None else f"about {about(own.bill.max_requests)} a month each"
    table.add_row("carries", "", "", *between, carried)
    cards = (plan.incumbent.card, hosted.card if hosted else None)
    days = [card.checked or "your own" if card else "" for card in cards]
    others_checked = [column.card.checked or "your own" for column in plan.alternatives]
    listed = own.offer.checked or "your own" if own.offer else ""
    bill = listed if not own.is_given else f"given, then {listed}" if own.is_short and listed else "given"
    table.add_row("price of", *days, *others_checked, bill, style="dim")
    return table


def _break_even(plan: Plan) -> Iterator[str]:
    hosted = plan.hosted
    yield _break_even_line(plan.incumbent.name, plan.break_even, plan.break_even_needed)
    if hosted is not None:
        yield _break_even_line(hosted.name, plan.break_even_hosted, plan.break_even_hosted_needed)


def _break_even_line(name: str, requests: int | None, needed: int | None) -> str:
    if requests is None:
        return f"own GPUs never break even with {name}"
    line = f"own GPUs break even with {name} at {requests:,} requests a month"
    if needed is None:
        return f"{line}, more than a machine carries: no number of them pays off"
    return line if needed == requests else f"{line}, more than a machine carries: with all that it takes at {needed:,}"


def _chart(plan: Plan, width: int) -> list[str]:
    lines = [Line(name=plan.incumbent.name, mark="*", usd_per_month=plan.incumbent.bill.month)]
    if plan.hosted is not None:
        lines.append(Line(name=plan.hosted.name, mark=".", usd_per_month=plan.hosted.bill.month))
    needed = "" if plan.own.sizing is None else ", as many as it takes"
    lines.append(Line(name=f"own GPUs{needed}", mark="=", usd_per_month=plan.own.bill.month))
    requests = plan.question.requests_per_month
    furthest = 2 * max(requests, min(plan.break_even or 0, 10 * requests))
    return chart(lines, requests=requests, furthest=furthest, width=max(20, min(_CHART_COLUMNS, width - 12)))


def _sensitivity(plan: Plan) -> Table:
    table = Table(box=SIMPLE_HEAD, title="What own GPUs save in a year", title_justify="left")
    own, cases = plan.own, sensitivity(plan)
    table.add_column("if")
    both = own.is_given and any(case.instances > 1 for case in cases)
    if both:
        table.add_column(f"by the {usd(own.bill.fixed_usd)} that you gave", justify="right")
    table.add_column("with all machines it takes" if both else "saves", justify="right")
    if own.sizing is not None:
        table.add_column("machines", justify="right")
    for case in cases:
        savings = [case.saving_usd_per_year_needed]
        if both:
            savings.insert(0, case.saving_usd_per_year)
        machines = [] if own.sizing is None else [f"{case.instances:,}"]
        table.add_row(case.name, *(Text(usd(saved), style="red" if saved < 0 else "") for saved in savings), *machines)
    return table
