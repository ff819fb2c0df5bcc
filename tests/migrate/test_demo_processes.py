"""What the demo starts, and that all of it ends: its processes, their guard, the load that it sends."""

import asyncio
import io
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offramp.errors import UnavailableError
from offramp.migrate.demo import load as loading
from offramp.migrate.demo.asked import Ending
from offramp.migrate.demo.client import Application
from offramp.migrate.demo.guard import guard
from offramp.migrate.demo.load import Load, turns
from offramp.migrate.demo.processes import PORTS, Troupe, free_ports
from tests.processes import simulate


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session of its own and would go on for a minute."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def never() -> bool:
    """Not ready, whenever one asks."""
    return False


def test_the_guard_ends_what_is_watched_and_nothing_else(tmp_path: Path) -> None:
    """A process that was ended in the proper way may have left its number to somebody else's."""
    folder = tmp_path / "show"
    folder.mkdir()
    with sleeper() as watched, sleeper() as forgotten:
        orders = f"folder {folder}\nwatch {watched.pid}\nwatch {forgotten.pid}\nforget {forgotten.pid}\n"
        guard(io.StringIO(orders))

        assert watched.wait(5) == -signal.SIGKILL
        assert forgotten.poll() is None
        assert not folder.exists()


def test_the_guard_is_content_when_everybody_has_gone() -> None:
    """The ordinary end: no process, no folder, no complaint."""
    with sleeper() as gone:
        gone.kill()
        gone.wait(5)

        guard(io.StringIO(f"watch {gone.pid}\n"))


def test_ports_are_different_and_free() -> None:
    """Four processes start at once; two on one port would be no show."""
    ports = free_ports(4)

    assert len(set(ports)) == 4
    assert all(port in PORTS for port in ports)


@pytest.mark.anyio
async def test_a_process_that_does_not_start_says_why() -> None:
    """One line with the process's own words; and the folder is gone."""
    async with Troupe(os.environ) as troupe:
        folder = troupe.folder
        with pytest.raises(UnavailableError, match=r"engine ended as soon as it was started: .*--hardware|hardware"):
            await troupe.start("engine", "simulate", "--port", "0", "--hardware", "A11", is_ready=never)

    assert not folder.exists()


@pytest.mark.anyio
async def test_leaving_ends_every_process() -> None:
    """However one leaves: here by an error in the middle."""
    started: list[int] = []

    async def show() -> None:
        async with Troupe(os.environ) as troupe:
            output = troupe.folder / "engine.log"

            async def is_ready() -> bool:
                return b"simulate:" in output.read_bytes()

            await troupe.start("engine", "simulate", "--port", "0", is_ready=is_ready)
            started.append(troupe.pid("engine") or 0)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await show()

    assert started[0] > 0
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


@pytest.mark.anyio
async def test_the_load_does_not_pile_up_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a slow machine would spend the rest of the show on requests of long ago."""
    monkeypatch.setattr(loading, "MAX_WAITING_S", 0.2)
    with simulate("vllm") as engine:
        engine.fault("hang")
        async with Application(engine.base_url, {"a": "sk-a", "b": "sk-b"}, "tiny") as application:
            load = Load(application, rate_per_s=20.0, max_tokens=2, teams=turns("a", "b"))
            load.start()
            async with asyncio.timeout(30):
                while load.missed < 3:  # noqa: ASYNC110 -- the load has nobody to tell
                    await asyncio.sleep(0.01)
            waiting = load.in_flight
            await load.abandon()

    assert waiting == 4
    assert load.in_flight == 0
    assert len(application.seen) == load.sent == 4
    assert {each.ending for each in application.seen} == {Ending.LOST}
