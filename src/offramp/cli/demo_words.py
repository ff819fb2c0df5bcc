"""What the demo says before and after: what this is, what will happen, what came of it, what to do now."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from offramp.catalog.prices import PriceBook
from offramp.cli.ledger_table import dollars
from offramp.migrate.demo.cast import GPU, LOCAL_MODEL, MACHINE, OPENAI, RealUpstream
from offramp.migrate.demo.programme import Pace, Performance, Programme
from offramp.wire.usage import Usage

BASE_URL = "http://127.0.0.1:8484/v1"
"""Where `offramp serve` listens by default."""
STOPPED = "the demo was stopped; nothing of it is left running"
_PROMPT_TOKENS = 40
"""More than any question of the show has."""


def introduction(programme: Programme) -> RenderableType:
    """What this is, in two sentences, and what is going to happen."""
    if programme.real:
        names = " and ".join(f"{each.name} ({each.base_url}, {each.model})" for each in programme.real)
        cast = (
            "a gateway and a simulated self-hosted upstream start on this machine; really asked, and paid, behind it: "
            f"{names}"
        )
    else:
        cast = (
            "a gateway and two upstreams start on this machine. The upstreams are simulated, all else is real: "
            "sockets, the OpenAI SDK, kill -9, the ledger, list prices. No key is needed, nothing leaves this machine"
        )
    return Group(
        Text.assemble(
            ("offramp", "bold"),
            " carries a team's LLM traffic from the OpenAI API to models it controls. It relays every request, moves "
            "on to the next upstream before a failure reaches the client, and keeps a truthful ledger of the cost.",
        ),
        Text(),
        Text(f"Now {cast}. Ctrl-C ends it, and nothing is left behind.", style="dim"),
    )


def spending(upstreams: Sequence[RealUpstream], pace: Pace) -> str:
    """What `--real` would ask, and for how much, at the worst."""
    shown = ceil(pace.rate_per_s * (pace.before_s + pace.after_s + 2))
    lines = ["--real asks upstreams that cost money; add --yes to spend it. At most:"]
    for number, each in enumerate(upstreams):
        requests = 1 + (shown if number == 0 else 0)
        usage = Usage(input_tokens=_PROMPT_TOKENS, output_tokens=max(pace.relay_tokens, pace.max_tokens))
        card = PriceBook.load().token_card(OPENAI, each.model) if each.name == OPENAI else None
        nano = None if card is None else card.cost_nano(usage)
        amount = "at its own price" if nano is None else f"{dollars(requests * nano)} at OpenAI's list price"
        lines.append(
            f"{each.name} ({each.base_url}, {each.model}): {requests} requests of {usage.input_tokens} tokens in and "
            f"{usage.output_tokens} out, {amount}"
        )
    return "\n".join(lines)


def summary(performance: Performance) -> RenderableType:
    """What came of it, in a few lines."""
    counted, broken = performance.counted, [each for each in performance.promises if not each.held]
    kept = f"{len(performance.promises) - len(broken)} of {len(performance.promises)} kept"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("promises", Text(kept, style="bold red" if broken else "bold green"))
    for each in broken:
        table.add_row("", Text(f"not kept ({each.chapter}): {each.text}: {each.found}", style="red"))
    refused = performance.refused_on_purpose
    on_purpose = f", {refused:,} refused on purpose (everybody was away)" if refused else ""
    table.add_row(
        "requests",
        f"{counted.requests:,}: {counted.ok:,} whole answers, {counted.cut:,} streams cut and told so, "
        f"{counted.failed - refused:,} failed{on_purpose}",
    )
    table.add_row("simulated", _simulated(performance))
    table.add_row("took", f"{performance.seconds:.0f} s")
    return Group(Text(), Rule(Text(" Summary ", style="bold"), style="dim", align="left"), Padding(table, (0, 0, 0, 2)))


def _simulated(performance: Performance) -> str:
    local = f"local ({LOCAL_MODEL} on one {GPU}, at the price of {MACHINE})"
    if performance.programme.real:
        return f"{local}; really asked: {', '.join(each.name for each in performance.programme.real)}"
    return f"both upstreams: {local}, and openai (at its list price). No model was asked, no money spent"


def what_now(name: str, *, kept: Path | None) -> RenderableType:
    """The two commands and the one line that are next."""
    table = Table.grid(padding=(0, 3))
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    table.add_row(Text("export OPENAI_API_KEY=sk-…", style="bold"), "your own; it is kept nowhere")
    table.add_row(Text(f"{name} serve", style="bold"), "relays to OpenAI and records")
    table.add_row(Text(f'OpenAI(base_url="{BASE_URL}")', style="bold"), "the line in your application")
    then = f"Then `{name} ledger` says what it cost, and `{name} init` writes a file with models of your own."
    ledger = f"This show's ledger is kept: {name} ledger --state {kept}"
    audit = f"What its traffic is like, and what to do about it: {name} audit --state {kept}"
    lines = [then] if kept is None else [then, ledger, audit]
    parts = (Padding(Text(line, style="dim"), (0, 0, 0, 2)) for line in lines)
    return Group(
        Text(), Rule(Text(" What now ", style="bold"), style="dim", align="left"), Padding(table, (0, 0, 0, 2)), *parts
    )
