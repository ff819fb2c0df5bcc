"""Keeps a ledger small: moves closed hours into its history, merges their files, deletes what is past its time."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from offramp.errors import UnavailableError
from offramp.migrate.history import files
from offramp.migrate.history.engine import open_engine
from offramp.migrate.history.files import SCRATCH, FileState
from offramp.migrate.history.kept import Kept
from offramp.migrate.history.merge import merge
from offramp.migrate.history.move import PART_ROWS, move
from offramp.migrate.history.shelf import Shelf, Step, only_mover, transaction
from offramp.migrate.ledger.selection import NS_PER_DAY
from offramp.migrate.ledger.view import require_ledger
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store import schema, state
from offramp.store.fold import fold

_MEMORY_LIMIT = "512MB"
_KEEP_PAGES = 4_096
"""Free pages that the database keeps for the next hours: 16 MiB."""
_STEP_PAGES = 1_024


def keep(
    folder: Path,
    *,
    now_ns: int,
    after_h: int,
    retention_days: int | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
    part_rows: int = PART_ROWS,
) -> Kept:
    """Bring the history of a state folder up to date. May be killed at any moment.

    Args:
        folder: The state folder.
        now_ns: Nanoseconds since the epoch.
        after_h: Hours that ended at least so many hours ago are moved.
        retention_days: Single exchanges of days that ended longer ago are deleted; `None` keeps them.
        on_step: Called after each step.
        part_rows: Exchanges that are moved in one transaction.

    Raises:
        NoLedgerError: If there is no ledger.
        BusyError: If another process is at it.
        UnavailableError: If something cannot be read or written. What was done until then stays done.
    """
    require_ledger(folder)
    history = state.prepare(folder) / state.HISTORY
    try:
        fold(folder)
        with (
            only_mover(history),
            closing(schema.open_ledger(folder)) as ledger,
            open_engine(history / SCRATCH, memory_limit=_MEMORY_LIMIT, threads=1) as engine,
        ):
            # What is committed here must be on the disk before the next step relies on it.
            ledger.execute("PRAGMA synchronous = FULL")
            shelf = Shelf(ledger=ledger, folder=history, engine=engine, on_step=on_step)
            shelf.recover()
            try:
                return _keep(shelf, now_ns, after_h, retention_days, part_rows)
            finally:
                # A copy that was not finished only takes room; whoever comes next would find it as well.
                with suppress(OSError, sqlite3.Error):
                    shelf.recover()
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the history of {folder} cannot be kept: {error}") from error


def _keep(shelf: Shelf, now_ns: int, after_h: int, retention_days: int | None, part_rows: int) -> Kept:
    # What is to be deleted has to be moved first.
    kept_h = after_h if retention_days is None else min(after_h, 24 * retention_days)
    closed_ns = now_ns - kept_h * NS_PER_HOUR
    end_day = None if retention_days is None else now_ns // NS_PER_DAY - retention_days
    # First, since a full disk would let nothing else happen.
    expired = _expire(shelf, end_day)
    moved = move(shelf, closed_ns, part_rows=part_rows)
    expired += _expire(shelf, end_day)
    merged = merge(shelf, closed_ns)
    waiting = shelf.tidy()
    _shrink(shelf.ledger)
    problems = (*moved.problems, *files.glance(shelf.folder, files.here(shelf.ledger)))
    return Kept(moved=moved.rows, merged=merged, expired=expired, waiting=waiting, problems=problems)


def _expire(shelf: Shelf, end_day: int | None) -> int:
    """Let the files of days before a day since the epoch go. The sums per hour stay: they name no single request."""
    over = [one for one in files.here(shelf.ledger) if end_day is not None and one.last_ns // NS_PER_DAY < end_day]
    if not over:
        return 0
    days: Counter[int] = Counter()
    with transaction(shelf.ledger):
        for one in over:
            days[one.last_ns // NS_PER_DAY] += one.rows
            query = "UPDATE history SET state = ? WHERE file = ?"
            shelf.ledger.execute(query, (FileState.GONE.value, one.file))
        shelf.ledger.executemany(
            "INSERT INTO expired VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET rows = rows + excluded.rows",
            days.items(),
        )
    shelf.on_step(Step.COMMITTED)
    shelf.tidy()
    return days.total()


def _shrink(ledger: sqlite3.Connection) -> None:
    """Give the room of what was moved back to the file system, in steps, since each locks others out."""
    ledger.execute("PRAGMA synchronous = NORMAL")
    free = int(ledger.execute("PRAGMA freelist_count").fetchone()[0])
    while free > _KEEP_PAGES:
        ledger.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")
        left = int(ledger.execute("PRAGMA freelist_count").fetchone()[0])
        if left >= free:
            return  # a ledger of an earlier version: its free pages are used again, and stay in the file
        free = left
