"""Starts the short, low-priority process that folds the journal into the ledger, and says when one is due."""

from collections.abc import Callable
from pathlib import Path

from offramp.store.child import Child

FOLD_AFTER_ROWS = 50_000
"""A reader folds about this many in less than a second, so it never waits long."""

FOLD_AFTER_S = 60.0
"""Without readers, what is older than this is folded."""

_POLL_S = 1.0


class FoldChild:
    """At most one fold at a time. All of it runs in the writer's thread."""

    def __init__(self, folder: Path, *, on_error: Callable[[str], None]) -> None:
        """No process yet."""
        self._folder = folder
        self._on_error = on_error
        self._child = Child()
        self._rows = 0
        self._due_s: float | None = None
        self._failed = False

    @property
    def is_running(self) -> bool:
        """Whether a fold is under way, as far as the last look showed."""
        return self._child.is_running

    def grew(self, rows: int, now_s: float) -> None:
        """The journal grew by so many rows."""
        self._rows += rows
        if self._due_s is None:
            self._due_s = now_s + FOLD_AFTER_S
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Look after the running process, or start one that is due."""
        if self._child.is_running:
            self._reap(now_s)
        elif self._due_s is not None and (now_s >= self._due_s or (self._rows >= FOLD_AFTER_ROWS and not self._failed)):
            self._start()

    def wait_s(self, now_s: float) -> float | None:
        """How long nothing has to be done here; `None` until the journal grows."""
        if self._child.is_running:
            return _POLL_S
        return None if self._due_s is None else max(0.0, self._due_s - now_s)

    def close(self) -> None:
        """End a running fold: what it had not committed stays in the journal."""
        self._child.close()

    def _start(self) -> None:
        self._rows = 0
        self._due_s = None
        try:
            self._child.start("offramp.store.fold", str(self._folder))
        except OSError as error:
            self._report(f"the ledger's journal could not be folded: {error}")

    def _reap(self, now_s: float) -> None:
        ended = self._child.ended()
        if ended is None:
            return
        if ended.code > 0:
            self._due_s = now_s + FOLD_AFTER_S
            self._report(f"the ledger's journal could not be folded, it stays in the journal: {ended.said}")
            return
        self._failed = False
        if self._rows and self._due_s is None:
            self._due_s = now_s + FOLD_AFTER_S

    def _report(self, message: str) -> None:
        """Once per row of failures."""
        if not self._failed:
            self._on_error(message)
        self._failed = True
