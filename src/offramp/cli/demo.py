"""`offramp demo`: the gateway at work, with nothing but this package."""

import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offramp.cli.demo_screen import Nobody, Screen
from offramp.cli.demo_words import STOPPED, introduction, spending, summary, what_now
from offramp.cli.terminal import is_coloured, print_json
from offramp.config.environment import environment, surroundings
from offramp.errors import UsageError
from offramp.migrate.demo.audience import HEADINGS, Chapter
from offramp.migrate.demo.cast import RealUpstream, find_real
from offramp.migrate.demo.programme import PACE, REAL_PACE, Performance, Programme, document

REAL_CHAPTERS = (Chapter.RELAY, Chapter.FAILOVER, Chapter.BILL)
"""What can be shown with upstreams that cannot be killed."""
INTERRUPTED = 130
_PLAIN_WIDTH = 100


def command(
    chapter: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: relay, failover, breaker, cache, bill; repeatable. `list` lists them."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Keep the gateway's ledger in this new folder. Default: nothing is kept.", show_default=False
        ),
    ] = None,
    real: Annotated[
        bool, typer.Option("--real", help="Ask the upstreams that the environment names. Costs money.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --real: spend it.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(help="With --real: the model to ask for, NAME or UPSTREAM=NAME.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: nothing but the summary, as one object.")
    ] = False,
) -> int:
    """Watch the gateway at work for less than a minute, with real processes on this machine.

    A gateway, two simulated upstreams and the OpenAI SDK: an upstream is killed under load, traffic moves on and comes
    back, and the ledger says what it cost. Leaves with 1 if a promise was not kept.
    """
    if chapter == ["list"]:
        print("\n".join(f"{each:10}{HEADINGS[each].title}. {HEADINGS[each].story}" for each in Chapter))
        return 0
    chapters = _chapters(chapter, real=real)
    variables = surroundings(Path(), environment()).variables
    upstreams = _real(variables, model or [], yes=yes) if real else []
    _check_state(state)
    if (yes or model) and not real:
        raise UsageError("--yes and --model belong to --real")
    return _play(chapters, upstreams, state, as_json=as_json)


def _chapters(names: list[str] | None, *, real: bool) -> list[Chapter]:
    """In the order of the show, whatever the order of the words."""
    possible = REAL_CHAPTERS if real else tuple(Chapter)
    unknown = [name for name in names or () if name not in {each.value for each in possible}]
    if unknown:
        why = "cannot be shown with --real" if unknown[0] in set(Chapter) else "is no chapter"
        raise UsageError(f"{unknown[0]!r} {why}; there are: {', '.join(possible)}", param="chapter")
    return [each for each in possible if not names or each.value in names]


def _real(variables: Mapping[str, str], models: list[str], *, yes: bool) -> list[RealUpstream]:
    """Whom to ask for money, once it is allowed."""
    upstreams = find_real(variables, models)
    if not yes:
        raise UsageError(spending(upstreams, REAL_PACE))
    return upstreams


def _check_state(state: Path | None) -> None:
    if state is not None and state.exists() and (not state.is_dir() or any(state.iterdir())):
        raise UsageError(f"{state} is not empty, and the demo counts from zero: name a new folder", param="state")


def _play(chapters: list[Chapter], upstreams: list[RealUpstream], state: Path | None, *, as_json: bool) -> int:
    pace = REAL_PACE if upstreams else PACE
    programme = Programme(
        chapters=chapters, pace=pace, real=upstreams, state_dir=None if state is None else state.absolute()
    )
    console = _console()
    screen = Screen(console, rate_per_s=pace.rate_per_s, number_of=chapters)
    if not as_json:
        console.print(introduction(programme), soft_wrap=not console.is_terminal)
    try:
        # The OpenAI SDK takes a second to load, and only those who watch need it.
        perform = import_module("offramp.migrate.demo.perform").perform
        audience = Nobody() if as_json else screen
        performance: Performance = perform(
            programme, audience, env=environment(), variables=surroundings(Path(), environment()).variables
        )
    except KeyboardInterrupt:
        screen.close()
        sys.stderr.write(f"\nofframp: {STOPPED}\n")
        return INTERRUPTED
    finally:
        screen.close()
    if as_json:
        print_json(document(performance))
    else:
        console.print(summary(performance), soft_wrap=not console.is_terminal)
        console.print(what_now(_own_name(), kept=state))
    return 0 if performance.held else 1


def _console() -> Console:
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8" and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return _Terminal(
        width=None if sys.stdout.isatty() else _PLAIN_WIDTH,
        no_color=not is_coloured(sys.stdout),
        highlight=False,
        emoji=False,
        markup=False,
    )


class _Terminal(Console):
    """One that leaves it to the outermost loop what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        """Say it as it is; rich would leave the program from here, past everything that has to be ended."""
        raise BrokenPipeError


def _own_name() -> str:
    """How this command is called from here: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if shutil.which("offramp") or called.name != "offramp":
        return "offramp"
    with suppress(ValueError):
        return str(called.absolute().relative_to(Path.cwd()))
    return str(called)
