"""Starts the short, low-priority process that folds the journal into the ledger, and says when one is due."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

FOLD_AFTER_ROWS = 50_000
"""A reader folds about this many in less than a second, so it never waits long."""

FOLD_AFTER_S = 60.0
"""Without readers, what is older than this is folded."""

_POLL_S = 1.0

_GIVE_UP_S = 5.0
"""How long to wait for a process that was told to end; a fold dies at once and loses nothing."""


class FoldChild:
    """At most one fold at a time. All of it runs in the writer's thread."""

    def __init__(self, folder: Path, *, on_error: Callable[[str], None]) -> None:
        """No process yet."""
        self._folder = folder
        self._on_error = on_error
        self._process: subprocess.Popen[bytes] | None = None
        self._rows = 0
        self._due_s: float | None = None
        self._failed = False

    @property
    def is_running(self) -> bool:
        """Whether a fold is under way, as far as the last look showed."""
        return self._process is not None

    def grew(self, rows: int, now_s: float) -> None:
        """The journal grew by so many rows."""
        self._rows += rows
        if self._due_s is None:
            self._due_s = now_s + FOLD_AFTER_S
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Look after the running process, or start one that is due."""
        if self._process is not None:
            self._reap(now_s)
        elif self._due_s is not None and (now_s >= self._due_s or (self._rows >= FOLD_AFTER_ROWS and not self._failed)):
            self._start()

    def wait_s(self, now_s: float) -> float | None:
        """How long nothing has to be done here; `None` until the journal grows."""
        if self._process is not None:
            return _POLL_S
        return None if self._due_s is None else max(0.0, self._due_s - now_s)

    def close(self) -> None:
        """End a running fold: what it had not committed stays in the journal."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=_GIVE_UP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _start(self) -> None:
        self._rows = 0
        self._due_s = None
        command = [sys.executable, "-P", "-m", "offramp.store.fold", str(self._folder)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as error:
            self._report(f"the ledger's journal could not be folded: {error}")

    def _reap(self, now_s: float) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        self._process = None
        said = process.communicate()[1].decode(errors="replace").strip()
        if process.returncode > 0:
            self._due_s = now_s + FOLD_AFTER_S
            self._report(f"the ledger's journal could not be folded, it stays in the journal: {said[-500:]}")
            return
        self._failed = False
        if self._rows and self._due_s is None:
            self._due_s = now_s + FOLD_AFTER_S

    def _report(self, message: str) -> None:
        """Once per row of failures."""
        if not self._failed:
            self._on_error(message)
        self._failed = True
