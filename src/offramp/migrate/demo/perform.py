"""One performance from beginning to end: processes up, chapters played, everything ended and removed."""

import asyncio
import signal
import time
from collections.abc import Mapping

from offramp.errors import UnavailableError
from offramp.migrate.demo.account import count, turning_point
from offramp.migrate.demo.audience import Audience
from offramp.migrate.demo.cast import LOCAL_MODEL, MODEL, TEAMS, machine_usd_per_hour
from offramp.migrate.demo.chapters import SCENES
from offramp.migrate.demo.client import Application, warm_up
from offramp.migrate.demo.processes import HOST, Troupe
from offramp.migrate.demo.programme import Performance, Programme
from offramp.migrate.demo.show import Show, play
from offramp.migrate.demo.stage import Stage, surroundings_of

LIMIT_S = 80.0
"""The show is over by then, whatever happens; ending the processes comes on top."""


def perform(
    programme: Programme, audience: Audience, *, env: Mapping[str, str], variables: Mapping[str, str]
) -> Performance:
    """Play it.

    Args:
        programme: What.
        audience: Who watches.
        env: The process's environment.
        variables: `env` with `.env` below it.

    Raises:
        KeyboardInterrupt: If it was told to end (Ctrl-C, TERM, a terminal that was closed); nothing is left behind.
        UnavailableError: If a process does not start, or it takes too long.
    """
    try:
        return asyncio.run(_perform(programme, audience, env, variables))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _perform(
    programme: Programme, audience: Audience, env: Mapping[str, str], variables: Mapping[str, str]
) -> Performance:
    start_s = time.monotonic()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(LIMIT_S), Troupe(surroundings_of(env, programme.real, variables)) as troupe:
            stage = Stage(
                troupe=troupe, state_dir=programme.state_dir or troupe.folder / ".offramp", real=programme.real
            )
            await _open(stage)
            await warm_up(f"http://{HOST}:{stage.ports.local}/v1", LOCAL_MODEL)
            async with Application(stage.ports.base_url, TEAMS, MODEL) as application:
                show = Show(stage=stage, application=application, audience=audience, pace=programme.pace)
                await play(show, SCENES, programme.chapters)
    except TimeoutError:
        raise UnavailableError(
            f"the show was not over after {LIMIT_S:.0f} s and was ended: this machine is very busy; "
            "one chapter alone takes less, such as --chapter relay"
        ) from None
    counted = count(application.seen)
    turn = None if show.books is None else turning_point(application.seen, show.books, machine_usd_per_hour())
    return Performance(
        programme=programme,
        promises=show.promises,
        counted=counted,
        books=show.books,
        turn=turn,
        refused_on_purpose=show.refused_on_purpose,
        seconds=time.monotonic() - start_s,
    )


async def _open(stage: Stage) -> None:
    """Start everybody; of several who fail, the first is told."""
    try:
        await stage.open()
    except ExceptionGroup as group:
        known = group.subgroup(UnavailableError)
        if known is None:
            raise
        first = known.exceptions[0]
        raise UnavailableError(first.message if isinstance(first, UnavailableError) else str(first)) from None
