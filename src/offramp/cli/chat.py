"""`offramp chat`: talk to a model, through the gateway or straight, and see what each answer costs."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offramp.cli.chat_box import for_programs
from offramp.cli.chat_input import Piped, Prompt
from offramp.cli.chat_loop import Chat
from offramp.cli.chat_targets import Price, Target, Targets
from offramp.cli.terminal import print_json
from offramp.errors import UsageError
from offramp.migrate.chat.commands import nobody

_BROKE_OFF = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the command line asks for."""

    question: str
    upstream: str | None
    base_url: str | None
    key: str | None
    model: str | None
    system: str
    wait_s: float
    as_json: bool


def command(
    question: Annotated[list[str] | None, typer.Argument(help="Ask this and leave.", show_default=False)] = None,
    upstream: Annotated[str | None, typer.Option("--upstream", "-u", help="Whom to ask, by name.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Whom to ask, by address: http://127.0.0.1:8000/v1.")] = None,
    key: Annotated[str | None, typer.Option(help="With --base-url: the variable that holds its key.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Which model.")] = None,
    system: Annotated[str, typer.Option(help="An instruction that goes before everything.")] = "",
    config: Annotated[Path | None, typer.Option(help="The configuration; ./offramp.yaml if not given.")] = None,
    price: Annotated[str | None, typer.Option(help="Card for what has no price: cerebrium/A10.")] = None,
    cpus: Annotated[float | None, typer.Option(min=0, help="With --price of a GPU: its vCPUs.")] = None,
    memory_gb: Annotated[float | None, typer.Option(min=0, help="With --price of a GPU: its memory.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to try again while a model is not ready.")] = 180.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; with a question.")] = False,
) -> int:
    """Talk to a model: through the gateway if it runs here, else to a configured or a named upstream.

    Below each answer: time, speed, and the cost with how it was worked out. /help lists the commands.
    """
    if upstream and base_url:
        raise UsageError("--upstream and --base-url exclude each other")
    if as_json and not question:
        raise UsageError('--json needs a question: offramp chat --json "what is the answer?"')
    targets = Targets(config, Price(card=price, cpus=cpus, memory_gb=memory_gb) if price else None)
    wish = _Wish(
        question=" ".join(question or []),
        upstream=upstream,
        base_url=base_url,
        key=key,
        model=model,
        system=system,
        wait_s=wait,
        as_json=as_json,
    )
    return asyncio.run(_run(targets, wish))


async def _run(targets: Targets, wish: _Wish) -> int:
    try:
        await targets.find()
        return await _talk(targets, wish)
    finally:
        await targets.close()


async def _talk(targets: Targets, wish: _Wish) -> int:
    is_quiet = wish.as_json
    console = Console(file=sys.stderr if is_quiet else sys.stdout, highlight=False, quiet=is_quiet)
    chat = Chat(targets, console, system=wish.system, wait_s=wish.wait_s)
    await chat.use(_chosen(targets, wish), wish.model)
    if wish.question:
        return await _once(chat, wish)
    if not sys.stdin.isatty():
        await chat.run(Piped())
        return 0
    console.print(f"{chat.title}   /help, Ctrl-D leaves", style="dim", markup=False)
    await chat.run(Prompt(lambda: chat.title))
    return 0


async def _once(chat: Chat, wish: _Wish) -> int:
    answer = await chat.question(wish.question)
    if answer is None:
        return 0
    if wish.as_json:
        print_json(for_programs(answer, chat.bill(answer)))
    return _BROKE_OFF if answer.error else 0


def _chosen(targets: Targets, wish: _Wish) -> Target:
    if wish.base_url:
        target = targets.of_url(wish.base_url, wish.key)
        targets.known[target.name] = target
        return target
    if wish.upstream is None:
        return next(iter(targets.known.values()))
    if wish.upstream not in targets.known:
        raise UsageError(f"--upstream: {nobody(wish.upstream, targets.known)}")
    return targets.known[wish.upstream]
