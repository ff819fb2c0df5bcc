"""Starts the short, low-priority process that moves closed hours into the ledger's history, and says when one is due.

That needs DuckDB, so it never runs in a serving process; here is one SELECT an hour, which finds out whether there is
anything to move.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from offramp.pricing.compute import NS_PER_HOUR
from offramp.store import state
from offramp.store.child import Child

MOVE_EVERY_S = 3_600.0
"""An hour closes every hour."""

FIRST_AFTER_S = 120.0
"""A gateway that has just begun has other things to do."""

_POLL_S = 5.0

_NS_PER_DAY = 24 * NS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where single exchanges are kept, and for how long."""

    after_h: int = 6
    """Hours that ended at least so many hours ago are moved to the history."""
    retention_days: int | None = None
    """Days after which single exchanges are deleted; `None` keeps them."""

    def is_due(self, folder: Path, now_ns: int) -> bool:
        """Whether there is an hour to move or a file to delete. What cannot be read is for the fold to say."""
        path = folder / state.LEDGER
        after_h = self.after_h if self.retention_days is None else min(self.after_h, 24 * self.retention_days)
        closed_ns = (now_ns // NS_PER_HOUR - after_h) * NS_PER_HOUR
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as ledger:
                (row_ns,) = ledger.execute("SELECT min(started_ns) FROM exchanges").fetchone()
                if row_ns is not None and row_ns < closed_ns:
                    return True
                (file_ns,) = ledger.execute("SELECT min(last_ns) FROM history").fetchone()
        except sqlite3.Error:
            return False
        return self.retention_days is not None and file_ns is not None and self._is_over(file_ns, now_ns)

    def _is_over(self, last_ns: int, now_ns: int) -> bool:
        assert self.retention_days is not None
        return bool(last_ns // _NS_PER_DAY < now_ns // _NS_PER_DAY - self.retention_days)


class MoveChild:
    """At most one move at a time. All of it runs in the writer's thread."""

    def __init__(
        self, folder: Path, keeping: Keeping, *, on_error: Callable[[str], None], clock_ns: Callable[[], int]
    ) -> None:
        """No process yet."""
        self._folder = folder
        self._keeping = keeping
        self._on_error = on_error
        self._clock_ns = clock_ns
        self._child = Child()
        self._due_s: float | None = None
        self._failed = False

    @property
    def is_running(self) -> bool:
        """Whether a move is under way, as far as the last look showed."""
        return self._child.is_running

    def tick(self, now_s: float) -> None:
        """Look after the running process, or start one that is due."""
        if self._due_s is None:
            self._due_s = now_s + FIRST_AFTER_S
        elif self._child.is_running:
            self._reap()
        elif now_s >= self._due_s:
            self._due_s = now_s + MOVE_EVERY_S
            if self._keeping.is_due(self._folder, self._clock_ns()):
                self._start()

    def wait_s(self, now_s: float) -> float:
        """How long nothing has to be done here."""
        if self._child.is_running:
            return _POLL_S
        return 0.0 if self._due_s is None else max(0.0, self._due_s - now_s)

    def close(self) -> None:
        """End a running move: what it had not committed stays where it was."""
        self._child.close()

    def _start(self) -> None:
        if find_spec("duckdb") is None:  # A serving image leaves it out.
            self._report("DuckDB is not installed here; run `offramp ledger move` where all of offramp is")
            return
        retention = self._keeping.retention_days
        arguments = [str(self._folder), str(self._keeping.after_h), *([] if retention is None else [str(retention)])]
        try:
            self._child.start("offramp.migrate.history", *arguments)
        except OSError as error:
            self._report(str(error))

    def _reap(self) -> None:
        ended = self._child.ended()
        if ended is None:
            return
        if ended.code > 0:
            self._report(ended.said)
        else:
            self._failed = False

    def _report(self, reason: str) -> None:
        """Once per row of failures."""
        if not self._failed:
            self._on_error(f"closed hours of the ledger could not be moved to its history, they stay in it: {reason}")
        self._failed = True
