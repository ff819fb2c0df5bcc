"""Movers that can be killed, and a ledger worth moving."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.house.tree import ROOT
from tests.migrate.history.moving import Ending, Order


class Movers:
    """A running process of `moving.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Just started."""
        self.process = process

    def start(self, state: Path, now_ns: int, **more: float | None) -> None:
        """Let a mover begin."""
        order = msgspec.convert({"state": str(state), "now_ns": now_ns} | more, Order)
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(order).decode() + "\n")
        self.process.stdin.flush()

    def ending(self) -> Ending:
        """How the one that began first has ended."""
        assert self.process.stdout is not None
        return msgspec.json.decode(self.process.stdout.readline(), type=Ending)

    def run(self, state: Path, now_ns: int, **more: float | None) -> Ending:
        """Both."""
        self.start(state, now_ns, **more)
        return self.ending()


def _started() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.migrate.history.moving"]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def movers() -> Iterator[Movers]:
    """One after the other."""
    with _started() as process:
        yield Movers(process)


@pytest.fixture(scope="session")
def other_movers() -> Iterator[Movers]:
    """Beside them."""
    with _started() as process:
        yield Movers(process)
