"""A short process of our own: one module, run once, of which only the end and the error text matter."""

import subprocess
import sys
from dataclasses import dataclass

_GIVE_UP_S = 5.0
"""How long to wait for a process that was told to end; what these do may be cut off at any moment."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went."""

    code: int
    """Exit code; negative if a signal ended it."""
    said: str
    """The end of what it wrote to standard error."""


class Child:
    """At most one process at a time."""

    def __init__(self) -> None:
        """None yet."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether one is under way, as far as the last look showed."""
        return self._process is not None

    def start(self, module: str, *arguments: str) -> None:
        """Run `python -m MODULE ARGUMENTS`.

        Raises:
            OSError: If the system has no process to give.
        """
        command = [sys.executable, "-P", "-m", module, *arguments]
        self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def ended(self) -> Ended | None:
        """How it ended; `None` while it runs, and when it was asked before."""
        process = self._process
        if process is None or process.poll() is None:
            return None
        self._process = None
        return Ended(process.returncode, process.communicate()[1].decode(errors="replace").strip()[-500:])

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=_GIVE_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
