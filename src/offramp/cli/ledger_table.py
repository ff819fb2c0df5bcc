"""How the ledger looks on a terminal: what came, what it cost, what it saved, and what to do about what is unknown."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.cli.terminal import is_coloured
from offramp.migrate.ledger import query
from offramp.migrate.ledger.query import By, Sums
from offramp.migrate.ledger.report import exchanges
from offramp.migrate.ledger.selection import NS_PER_DAY, Selection, day_of
from offramp.migrate.ledger.view import View
from offramp.migrate.report.words import counted
from offramp.pricing.money import NANO_PER_USD, text

_WIDTH = 160
"""Of output that no terminal limits."""

_NARROW = 105
"""Below so many columns the tables keep what matters most."""

_MAX_GROUPS = 40

_MAX_PROBLEMS = 5

CACHE_TIER = "cache"
"""What the ledger calls the tier of answers from the cache."""


def show(view: View, selection: Selection, *, by: By, rows: int | None) -> None:
    """Print it."""
    console = Console(
        width=None if sys.stdout.isatty() else _WIDTH,
        no_color=not is_coloured(sys.stdout),
        highlight=False,
        emoji=False,
        markup=False,
    )
    total = query.sums(view, selection)
    if not total.requests:
        _say_empty(console, view, selection)
        return
    if rows:
        console.print(_rows(exchanges(view, selection, rows), narrow=console.width < _NARROW))
        for hint in (*_expired_hint(view, selection), *_history_hints(view)):
            console.print(Text(f"  {hint}", style="yellow"))
        return
    console.print(_headline(view, selection, total))
    console.print()
    console.print(_money(total, query.idle_nano(view, selection)))
    console.print()
    groups = query.groups(view, selection, by)
    console.print(_groups(groups, by, total, narrow=console.width < _NARROW))
    for hint in _hints(view, selection, total):
        console.print(Text(f"  {hint}", style="yellow"))


def dollars(nano: int | None) -> str:
    """An amount for people: cents from a dollar on, more digits below, a question mark where nobody knows.

    >>> dollars(1_234_500_000_000), dollars(165_000), dollars(-177_000_000_000), dollars(None), dollars(0)
    ('$1,234.50', '$0.000165', '−$177.00', '?', '$0.00')
    """
    if nano is None:
        return "?"
    sign, amount = "−" if nano < 0 else "", abs(nano)
    if amount == 0 or amount >= NANO_PER_USD:
        cents = (amount + NANO_PER_USD // 200) // (NANO_PER_USD // 100)
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    digits = 6 if amount >= NANO_PER_USD // 1_000_000 else 9
    unit = 10 ** (9 - digits)
    return f"{sign}${text((amount + unit // 2) // unit * unit)}"


def plain(value: str) -> str:
    r"""What a client may have chosen, harmless on a terminal.

    >>> plain("gpt\x1b[31m")
    'gpt\\x1b[31m'
    """
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in value)


def _say_empty(console: Console, view: View, selection: Selection) -> None:
    if selection == Selection():
        console.print(
            "No requests yet. Point an application's base_url at the gateway; what it answers is here a second later."
        )
    else:
        console.print("No requests match. `offramp ledger` alone shows everything there is.")
    idle_nano = query.idle_nano(view, selection)
    if idle_nano:
        console.print(f"The machines have cost {dollars(idle_nano)} while nothing ran.")


def _headline(view: View, selection: Selection, total: Sums) -> Text:
    line = Text()
    line.append(counted(total.requests, "request"), style="bold")
    line.append(f"   {_count(total.input_tokens)} tokens in, {_count(total.output_tokens)} out")
    if total.cached_tokens:
        line.append(f" ({_count(total.cached_tokens)} cached)")
    span = query.span_ns(view, selection)
    if span is not None:
        first, end = (datetime.fromtimestamp(ns // NANO_PER_USD, UTC) for ns in span)
        end_form = "%H:%M" if first.date() == end.date() else "%Y-%m-%d %H:%M"
        line.append(f"   {first:%Y-%m-%d %H:%M} to {end:{end_form}} UTC", style="dim")
    return line


def _money(total: Sums, idle_nano: int | None) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("baseline", dollars(total.baseline_nano), "the same usage at the incumbent's price")
    table.add_row("cost", dollars(total.cost_nano), "what these requests cost where they were answered")
    if idle_nano:
        table.add_row("idle", dollars(idle_nano), "machines that were paid while nothing ran on them")
    saved = total.saved_nano(idle_nano)
    style = "" if saved is None else "bold green" if saved >= 0 else "bold red"
    meaning = "baseline less cost less idle" if idle_nano else "baseline less cost"
    table.add_row("saved", Text(dollars(saved), style=style), f"{meaning}{_percent(saved, total.baseline_nano)}")
    return table


def _groups(groups: dict[str, Sums], by: By, total: Sums, *, narrow: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(by.value, overflow="fold", min_width=10)
    middle = () if narrow else ("share", "tokens in", "tokens out")
    for name in ("requests", *middle, "cost", "baseline", "saved"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, sums in list(groups.items())[:_MAX_GROUPS]:
        share = f"{100 * sums.requests / total.requests:.1f} %"
        tokens = () if narrow else (share, _count(sums.input_tokens), _count(sums.output_tokens))
        money = (dollars(sums.cost_nano), dollars(sums.baseline_nano), dollars(sums.saved_nano()))
        table.add_row(plain(name), f"{sums.requests:,}", *tokens, *money)
    if len(groups) > _MAX_GROUPS:
        table.caption = f"and {len(groups) - _MAX_GROUPS:,} more: --csv has all"
    return table


def _hints(view: View, selection: Selection, total: Sums) -> Iterator[str]:
    """What is unknown, and what would make it known."""
    if total.unpriced:
        yield (
            f"{counted(total.unpriced, 'request')} without a known cost: give the upstream a `provider:` or a `price:` "
            "(`offramp prices` shows what is known)"
        )
    if not total.baselined:
        yield "no baseline: `baseline: openai/gpt-4o-mini` on a route shows what is saved"
    if total.estimated:
        yield f"{counted(total.estimated, 'request')} with estimated usage: the upstream sent none"
    lost = query.dropped(view, selection)
    if lost:
        yield f"{lost:,} more were answered but could not be recorded: the disk was full or the folder not writable"
    yield from _history_hints(view)
    if not selection.is_whole and view.meters:
        yield "saved is before idle cost, which belongs to no team, feature or model alone"
    if view.note:
        yield view.note


def _expired_hint(view: View, selection: Selection) -> Iterator[str]:
    """Why there are fewer than the sums say."""
    expired = view.archive.expired
    if expired.last_day is not None and (selection.since_ns or 0) < (expired.last_day + 1) * NS_PER_DAY:
        day = day_of(expired.last_day * 24)
        yield f"until {day}, {counted(expired.rows, 'request')} deleted by `ledger.retention_days`; the sums remain"


def _history_hints(view: View) -> Iterator[str]:
    """What of the history cannot be shown one by one; the sums have it all the same."""
    problems = view.archive.problems
    for problem in problems[:_MAX_PROBLEMS]:
        rows = "" if problem.rows is None else f"; {counted(problem.rows, 'request')} of it in the sums per hour alone"
        yield f"history/{plain(problem.file)}: {problem.message}{rows}"
    if len(problems) > _MAX_PROBLEMS:
        yield f"and {counted(len(problems) - _MAX_PROBLEMS, 'more file')} of the history: --json has all"


def _rows(found: list[dict[str, object]], *, narrow: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("time (UTC)", no_wrap=True)
    for name in ("model", "answered by", "status") if narrow else ("team", "model", "answered by", "status"):
        table.add_column(name, overflow="fold", min_width=6)
    for name in ("total", "cost") if narrow else ("tokens", "TTFT", "total", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found:
        status = Text(f"{row['status']} {row['outcome']}", style="" if row["outcome"] == "ok" else "red")
        total, cost = _milliseconds(row["total_s"]), "?" if row["cost_usd"] is None else f"${row['cost_usd']}"
        day, _, clock = str(row["started"])[5:-1].partition("T")
        if narrow:
            table.add_row(clock[:8], plain(str(row["model_asked"])), plain(_path(row)), status, total, cost)
            continue
        tokens = f"{_known(row['input_tokens'])}→{_known(row['output_tokens'])}"
        names = (plain(str(row["team"])), plain(_model(row)), plain(_path(row)))
        table.add_row(f"{day} {clock}", *names, status, tokens, _milliseconds(row["ttft_s"]), total, cost)
    return table


def _model(row: dict[str, object]) -> str:
    asked, served = str(row["model_asked"]), str(row["model_served"])
    return asked if served in {"", asked} else f"{asked} as {served}"


def _path(row: dict[str, object]) -> str:
    """Every attempt in its order, with why it moved on."""
    tries = row["tries"]
    if not isinstance(tries, list) or not tries:
        return str(row["tier"])
    path = [f"{one['tier']} ({one['failure']})" if one["failure"] else str(one["tier"]) for one in tries]
    # The cache is no attempt at anybody, but where it answered it is the end of the way.
    return " → ".join([*path, CACHE_TIER] if row["tier"] == CACHE_TIER else path)


def _known(value: object) -> str:
    return "?" if value is None else f"{value:,}"


def _milliseconds(seconds: object) -> str:
    return f"{seconds * 1_000:,.0f} ms" if isinstance(seconds, float | int) else ""


def _count(number: int) -> str:
    """Short for large numbers: 9.1M.

    >>> _count(950), _count(9_100_000), _count(12_345)
    ('950', '9.1M', '12.3k')
    """
    for unit, name in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if number >= unit:
            return f"{number / (1_000 if name == 'k' else unit):.1f}{name}"
    return f"{number:,}"


def _percent(saved: int | None, baseline: int | None) -> str:
    return f" ({100 * saved / baseline:+.1f} % of the baseline)" if saved is not None and baseline else ""
