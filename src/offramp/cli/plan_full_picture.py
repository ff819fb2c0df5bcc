"""A full plan for people: the answer first, then the columns, a chart, and what they rest on."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.cli.plan_chart import Line, chart
from offramp.migrate.plan.assumptions import assumptions, warnings
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.full_tables import (
    Sheet,
    columns,
    details,
    left_out,
    path,
)
from offramp.migrate.plan.words import Recommendation

_CHART_COLUMNS = 64

_WIDE = 100
_MOST_COLUMNS = 6
_KEPT_COLUMNS = 5
"""Of a table with more than `_MOST_COLUMNS` on a terminal of fewer than `_WIDE` characters."""

_SHOWN_LEFT_OUT = 6


def show(console: Console, plan: FullPlan, recommendation: Recommendation) -> None:
    """Print it."""
    tokens = _tokens(plan)
    console.print(f"{plan.requests_per_month:,} requests a month{tokens}, from {plan.traffic.source}")
    console.print(f"service level: {plan.slo.words}")
    console.print()
    text = Text("\n".join(textwrap.wrap(recommendation.text, min(console.width, 110))))
    text.stylize("bold", 0, recommendation.text.find(".") + 1)
    console.print(text)
    console.print(_table(columns(plan)))
    console.print("\n".join(_chart(plan, console.width)), soft_wrap=True)
    console.print()
    for sheet in (path(plan), *details(plan)):
        console.print(_table(sheet, titled=True, width=console.width))
    _print_left_out(console, left_out(plan))
    console.print("It rests on", style="bold")
    for each in assumptions(plan):
        console.print(f"- {each.text} [{each.origin}]", style="dim")
    for warning in warnings(plan):
        console.print(f"! {warning}", style="yellow")


def show_changes(console: Console, changed: Sequence[Mapping[str, object]], asked: Sequence[str]) -> None:
    """What another input changes."""
    table = Table(box=SIMPLE_HEAD, title=f"What if {', '.join(asked)}", title_justify="left")
    for name in ("", "before", "after"):
        table.add_column(name, justify="left" if not name else "right", overflow="fold")
    for each in changed:
        before, after = _shown(each["before"]), _shown(each["after"])
        table.add_row(str(each["figure"]), before, after, style="bold" if before != after else "dim")
    console.print(table)


def _tokens(plan: FullPlan) -> str:
    tallies = plan.traffic.tallies
    counted = sum(tally.requests for tally in tallies)
    if not counted:
        return ""
    tokens_in, tokens_out, cached = (
        sum(getattr(tally, name) for tally in tallies) / counted
        for name in ("input_tokens", "output_tokens", "cached_tokens")
    )
    said = f" ({cached:,.0f} of them cached)" if cached >= 1 else ""
    return f", {tokens_in:,.0f} tokens in{said} and {tokens_out:,.0f} out on average"


def _table(sheet: Sheet, *, titled: bool = False, width: int = _WIDE) -> Table:
    # A narrow terminal goes without the last columns, so that names can be read.
    is_cut = width < _WIDE and len(sheet.header) > _MOST_COLUMNS
    columns_ = _KEPT_COLUMNS if is_cut else len(sheet.header)
    table = Table(
        box=SIMPLE_HEAD,
        title=sheet.title if titled else None,
        title_justify="left",
        caption=sheet.lead or None,
        caption_justify="left",
    )
    for place, name in enumerate(sheet.header[:columns_]):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for place, row in enumerate(sheet.rows):
        table.add_row(*row[:columns_], style="bold" if place in sheet.bold else "")
    return table


def _print_left_out(console: Console, sheet: Sheet) -> None:
    if not sheet.rows:
        return
    console.print("Left out", style="bold")
    for name, why in sheet.rows[:_SHOWN_LEFT_OUT]:
        console.print(f"- {name}: {why}", style="dim")
    if len(sheet.rows) > _SHOWN_LEFT_OUT:
        console.print(f"- {len(sheet.rows) - _SHOWN_LEFT_OUT} more in plan.json", style="dim")


def _chart(plan: FullPlan, width: int) -> list[str]:
    economy = plan.economy

    def incumbent(volume: int) -> Fraction:
        return replace(economy, requests=volume).incumbent_month()

    def hosted(volume: int) -> Fraction:
        return replace(economy, requests=volume).hosted_month() or Fraction(0)

    def own(volume: int) -> Fraction:
        return replace(economy, requests=volume).own_month() or Fraction(0)

    lines = [Line(name=plan.tokens.incumbent.name, mark="*", usd_per_month=incumbent)]
    if plan.tokens.hosted is not None:
        lines.append(Line(name=plan.tokens.hosted.name, mark=".", usd_per_month=hosted))
    if plan.own is not None:
        lines.append(Line(name="own GPUs", mark="=", usd_per_month=own))
    furthest = 2 * max(economy.requests, min(economy.break_even() or 0, 10 * economy.requests))
    columns_ = max(20, min(_CHART_COLUMNS, width - 12))
    return chart(lines, requests=economy.requests, furthest=furthest, width=columns_)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
