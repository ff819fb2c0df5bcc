"""An audit on a terminal: what came, how fast, at what price; the five things that matter; what to do next."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from offramp.migrate.audit import captures_words
from offramp.migrate.audit.advice import MOST, advise, percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.captures import Bodies
from offramp.migrate.audit.groups import Groups
from offramp.migrate.audit.missing import missing
from offramp.migrate.audit.page_shared import usd
from offramp.migrate.audit.sketch import Measure, Spread
from offramp.migrate.ledger.selection import Selection, instant
from offramp.migrate.report.words import counted, number, shown

_MOST_ROWS = 4
_LONGEST_NAME = 32
_MOST_PARAMETERS = 8


def show(console: Console, audit: Audit, written: Sequence[Path]) -> None:
    """Print it.

    Args:
        console: Where to.
        audit: What was found.
        written: Files with all of it.
    """
    if not audit.whole.group.requests:
        _say_empty(console, audit)
    else:
        console.print(_headline(audit))
        console.print()
        console.print(_facts(audit))
        console.print()
        console.print(_where(audit))
        _advice(console, audit)
        lacking = missing(audit) + ([] if audit.bodies is None else captures_words.gaps(audit.bodies))
        for line in lacking:
            console.print(Text(f"  {line}", style="yellow"))
        if audit.without_bodies:
            console.print(Text(f"  {audit.without_bodies}", style="dim"))
    console.print()
    console.print(Text(f"All of it: {', '.join(str(path) for path in written)}", style="dim"))


def _say_empty(console: Console, audit: Audit) -> None:
    if audit.selection == Selection():
        console.print(
            "No requests yet. Point an application's base_url at the gateway; what it answers is here a second later."
        )
    else:
        console.print("No requests match. `offramp audit` alone looks at everything there is.")


def _headline(audit: Audit) -> Text:
    group = audit.whole.group
    line = Text(counted(group.requests, "request"), style="bold")
    line.append(f"   {usd(group.sums.cost_nano)}", style="bold")
    if audit.idle_nano:
        line.append(f" and {usd(audit.idle_nano)} for machines that were idle")
    if audit.whole.first_ns is not None and audit.whole.last_ns is not None:
        first, last = (instant(at_ns)[:16].replace("T", " ") for at_ns in (audit.whole.first_ns, audit.whole.last_ns))
        line.append(f"   {first} to {last} UTC", style="dim")
    return line


def _facts(audit: Audit) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _lines(audit):
        if value:
            table.add_row(name, value)
    return table


def _lines(audit: Audit) -> Iterator[tuple[str, str]]:
    whole, total = audit.whole, audit.whole.group.requests
    found = audit.latency.all
    yield "operations", _named(audit.by["operation"], total)
    yield "models", _named(audit.by["model"], total)
    features = sorted(audit.features.items(), key=lambda item: -item[1].requests)
    yield "uses", ", ".join(f"{name} {percent(group.requests / total)}" for name, group in features[:6])
    yield "tokens in", _tokens(audit.lengths[Measure.INPUT], whole.most_input)
    yield "tokens out", _tokens(audit.lengths[Measure.OUTPUT], whole.most_output)
    yield "first token", _seconds(found[Measure.TTFT_STREAMED], "of streams")
    yield "whole answer", _seconds(found[Measure.TOTAL], "")
    yield "arrivals", _arrivals(audit)
    ends = f"{percent(whole.group.failed / total)} failed, {percent(whole.group.cancelled / total)} left by the client"
    yield "ends", f"{ends}, {percent(whole.group.retried / total)} retried by clients"
    if audit.bodies is not None:
        yield from _captured(audit, audit.bodies)


def _captured(audit: Audit, bodies: Bodies) -> Iterator[tuple[str, str]]:
    """What only bodies tell, of a sample."""
    yield "captures", captures_words.basis(audit, bodies)
    total = bodies.captures
    used = captures_words.most_used(bodies)
    told = [
        f"{use.parameter.name} {f'{values} ' if (values := captures_words.values_of(use)) else ''}"
        f"({percent(use.requests / total)})"
        for use in used[:_MOST_PARAMETERS]
    ]
    more = f" and {len(used) - len(told):,} more" if len(used) > len(told) else ""
    yield "parameters", ", ".join(told) + more
    yield "tools", captures_words.names(bodies.tools, total, _MOST_ROWS)
    yield "schemas", captures_words.names(bodies.schemas, total, _MOST_ROWS)
    same = captures_words.repeated(bodies)
    yield "same start", f"{same} of the prompts" if same else ""
    yield "on vLLM", captures_words.otherwise(bodies)


def _arrivals(audit: Audit) -> str:
    """By the minute, or by the second where there are only a few minutes."""
    windows = {window.length_s: window for window in audit.arrivals.windows}
    concurrency = audit.arrivals.concurrency
    if not windows or concurrency is None:
        return ""
    length_s = 60 if windows[60].windows >= 10 else 1
    window, word = windows[length_s], "minute" if length_s == 60 else "second"
    flight = f"{number(concurrency.mean)} in flight, {concurrency.peak:,} at most"
    return f"{number(window.mean)} a {word}, {window.peak:,} in the busiest; {flight}"


def _where(audit: Audit) -> Table:
    """Where the money goes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("cost by", overflow="fold")
    table.add_column("", overflow="fold")
    for name in ("requests", "cost", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    total = audit.whole.group.sums.cost
    for name, title in (("team", "team"), ("feature", "feature"), ("model", "model"), ("site", "call site")):
        groups = audit.by[name].named
        largest = sorted(groups.items(), key=lambda item: -item[1].sums.cost)[:_MOST_ROWS]
        if len(groups) == 1 and largest[0][0] == "none":
            continue
        for index, (each, group) in enumerate(largest):
            share = percent(group.sums.cost / total) if total else ""
            table.add_row(
                title if index == 0 else "",
                shown(audit.places.get(each, each) if name == "site" else each, _LONGEST_NAME),
                f"{group.requests:,}",
                usd(group.sums.cost_nano),
                share,
                end_section=index == len(largest) - 1,
            )
    return table


def _advice(console: Console, audit: Audit) -> None:
    found = advise(audit)[:MOST]
    if not found:
        return
    console.print(Text("What matters most", style="bold"))
    for index, one in enumerate(found, 1):
        console.print(Padding(Text(f"{index}. {one.text}"), (0, 0, 0, 2)))
        console.print(Padding(Text(one.todo, style="dim"), (0, 0, 0, 5)))
    console.print(Padding(Text("Next: `offramp plan` says what each alternative would cost and carry."), (1, 0, 0, 2)))


def _named(groups: Groups, total: int) -> str:
    named = list(groups.named.items())
    words = [f"{shown(name, _LONGEST_NAME)} {percent(group.requests / total)}" for name, group in named[:_MOST_ROWS]]
    more = len(named) - len(words) + groups.left_out
    return ", ".join(words) + (f" and {more:,} more" if more else "")


def _tokens(spread: Spread | None, most: int | None) -> str:
    if spread is None:
        return ""
    p50, p95, p99 = (number(round(value)) for value in (spread.p50, spread.p95, spread.p99))
    return f"p50 {p50}, p95 {p95}, p99 {p99}, most {number(most or 0)}"


def _seconds(spread: Spread | None, note: str) -> str:
    if spread is None:
        return ""
    words = f"p50 {number(spread.p50, 's')}, p95 {number(spread.p95, 's')}, p99 {number(spread.p99, 's')}"
    return f"{words} {note}".rstrip()
