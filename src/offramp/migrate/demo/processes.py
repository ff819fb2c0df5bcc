"""Processes of the show: started by our own interpreter, ended by their id, watched by a guard that outlives us."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Self

from offramp.errors import UnavailableError
from offramp.migrate.demo import guard

HOST = "127.0.0.1"
PORTS = range(10_240, 32_000)
"""Below the ports that systems give to outgoing connections, so that none of those takes one before it is used."""
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
LOOK_S = 0.03
_QUOTED = 400
"""Characters of a failed process's output that are shown."""


def free_ports(count: int) -> list[int]:
    """So many different loopback ports that nothing listens on.

    Raises:
        UnavailableError: If there are none.
    """
    first = secrets.randbelow(len(PORTS))
    found: list[int] = []
    for step in range(len(PORTS)):
        port = PORTS[(first + 37 * step) % len(PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
        if len(found) == count:
            return found
    raise UnavailableError(f"no free port on {HOST} between {PORTS.start} and {PORTS.stop}")


class Troupe:
    """The processes of one show and their temporary folder; leaving the `async with` block ends and removes all."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Nothing runs yet.

        Args:
            env: The environment of every process.
        """
        self._env = dict(env)
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="offramp-demo-", ignore_cleanup_errors=True)
            self._guard = _start_guard()
        except OSError as error:
            if self._temporary is not None:
                self._temporary.cleanup()
            raise UnavailableError(f"the show's folder cannot be made: {error.strerror or error}") from None
        self._order(f"folder {self.folder}")
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            for name in reversed(list(self._running)):
                await self.stop(name)
        finally:
            self._dismiss()

    def _dismiss(self) -> None:
        """Let the guard end what is left, if anything, and remove the folder."""
        assert self._guard is not None
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(STOP_TIMEOUT_S)
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def folder(self) -> Path:
        """Where the processes run and their output lies."""
        assert self._temporary is not None
        return Path(self._temporary.name)

    def pid(self, name: str) -> int | None:
        """The id of a process; `None` if it does not run."""
        process = self._running.get(name)
        return None if process is None or process.returncode is not None else process.pid

    async def start(self, name: str, *arguments: str, is_ready: Callable[[], Awaitable[bool]]) -> None:
        """Start `offramp` with these arguments and return once it is ready.

        Raises:
            UnavailableError: If it ends before that or takes too long; with what it said.
        """
        output = self.folder / f"{name}.log"
        with output.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "offramp",
                *arguments,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env=self._env,
                start_new_session=True,
            )
        self._order(f"watch {process.pid}")
        self._running[name] = process
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while process.returncode is None and not await is_ready():  # noqa: ASYNC110 -- another process
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise UnavailableError(f"{name} was not ready within {START_TIMEOUT_S:.0f} s: {_end_of(output)}") from None
        if process.returncode is not None:
            raise UnavailableError(f"{name} ended as soon as it was started: {_end_of(output)}")

    async def kill(self, name: str) -> None:
        """`kill -9`: no word, no chance to finish anything."""
        await self._end(name, signal.SIGKILL)

    async def stop(self, name: str) -> None:
        """Ask it to end; `kill -9` if it does not."""
        await self._end(name, signal.SIGTERM)

    async def _end(self, name: str, number: signal.Signals) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        finally:
            # What it may have started itself is in its group, which no other process belongs to.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.returncode is not None:
                self._order(f"forget {process.pid}")

    def _order(self, text: str) -> None:
        assert self._guard is not None
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.write(f"{text}\n".encode())
            self._guard.stdin.flush()


def _start_guard() -> subprocess.Popen[bytes]:
    """The guard, in a session of its own: neither Ctrl-C nor the end of the event loop reaches it."""
    path = str(Path(guard.__file__))
    return subprocess.Popen(  # noqa: S603 -- our own interpreter and module
        [sys.executable, "-I", "-S", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end_of(output: Path) -> str:
    """The last words of a process."""
    try:
        words = output.read_text(errors="replace").strip()
    except OSError:
        words = ""
    return words[-_QUOTED:] or "it said nothing"
