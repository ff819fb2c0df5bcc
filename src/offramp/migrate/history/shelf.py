"""Puts files into the history and takes them out again, so that a death at any moment loses and doubles nothing.

`Step` is the order; `files` has the table of what each state means and who mends what a death leaves.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import Enum, auto
from pathlib import Path

from offramp.errors import UnavailableError
from offramp.migrate.history.engine import Engine
from offramp.migrate.history.files import SCRATCH, FileState, HistoryFile
from offramp.store import state

_LOCK = "moving.lock"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class Step(Enum):
    """What has just been done, in this order."""

    WRITTEN = auto()
    """The file is whole, in the scratch folder."""
    SYNCED = auto()
    """Its bytes are on the disk."""
    ENTERED = auto()
    """It has an entry: COMING."""
    NAMED = auto()
    """It lies under its own name."""
    FOLDER_SYNCED = auto()
    """So does the disk say."""
    COMMITTED = auto()
    """In one transaction it is HERE, and its exchanges or files are no longer where they were."""
    CHECKPOINTED = auto()
    """Nobody reads what is GONE, and the disk knows that it is gone."""
    UNLINKED = auto()
    """One file that was GONE is deleted."""
    ERASED = auto()
    """And its entry."""


class BusyError(UnavailableError):
    """Another process is moving at this moment."""

    code = "history_busy"


class ChangedError(Exception):
    """What was copied is not what is to be deleted any more: the copy is thrown away, the next move tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The history of one ledger, in the hands of the only process that may change it."""

    ledger: sqlite3.Connection
    folder: Path
    engine: Engine
    on_step: Callable[[Step], None]

    def add(self, written: Path, to: str, entry: HistoryFile, change: Callable[[sqlite3.Connection], None]) -> None:
        """Put a file in, and take what it holds away from where it was.

        Args:
            written: The file, whole, in the scratch folder.
            to: What to call it, without the part that makes the name unique: `2026-11-21/07`.
            entry: What is in it; its name is not looked at.
            change: Deletes the exchanges, or marks the files, that are in this one now. Called in the transaction in
                which the file begins to count; it raises `ChangedError` if they are not the same any more.

        Raises:
            ChangedError: If `change` did. The file will be deleted.
            OSError, sqlite3.Error: If the disk did not take it. Everything is then as it was.
        """
        written.chmod(_FILE_MODE)
        _sync(written)
        self.on_step(Step.SYNCED)
        name = f"{to}-{secrets.token_hex(4)}.parquet"
        values = asdict(entry) | {"file": name, "state": FileState.COMING.value}
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.ledger.execute(f"INSERT INTO history ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
        self.on_step(Step.ENTERED)
        path = self.folder / name
        path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        written.rename(path)
        self.on_step(Step.NAMED)
        for folder in (path.parent, self.folder, self.folder.parent):
            _sync(folder)
        self.on_step(Step.FOLDER_SYNCED)
        with transaction(self.ledger):
            change(self.ledger)
            self.ledger.execute("UPDATE history SET state = ? WHERE file = ?", (FileState.HERE.value, name))
        self.on_step(Step.COMMITTED)

    def recover(self) -> None:
        """Delete what an earlier process left half done: files that were coming, whatever it was writing."""
        for name in self._names(FileState.COMING):
            self._erase(name)
        for left in (self.folder / SCRATCH).iterdir():
            if left != self.engine.scratch:
                shutil.rmtree(left, ignore_errors=True)

    def tidy(self) -> int:
        """Delete the files that are gone, if nobody can still be reading them.

        Returns:
            How many have to wait.
        """
        names = self._names(FileState.GONE)
        if not names:
            return 0
        if self._is_read():
            return len(names)
        self.on_step(Step.CHECKPOINTED)
        for name in names:
            self._erase(name)
        return 0

    def _is_read(self) -> bool:
        """Whether somebody may look at an older moment of the ledger.

        A full checkpoint succeeds only when every reader is at the newest; it also forces to disk what was committed.
        Source: https://www.sqlite.org/c3ref/wal_checkpoint_v2.html, SQLITE_CHECKPOINT_FULL.
        """
        timeout_ms = self.ledger.execute("PRAGMA busy_timeout").fetchone()[0]
        self.ledger.execute("PRAGMA busy_timeout = 0")
        try:
            busy = self.ledger.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0]
        finally:
            self.ledger.execute(f"PRAGMA busy_timeout = {timeout_ms}")
        return bool(busy)

    def _names(self, wanted: FileState) -> list[str]:
        found = self.ledger.execute("SELECT file FROM history WHERE state = ? ORDER BY file", (wanted.value,))
        return [name for (name,) in found]

    def _erase(self, name: str) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()
        self.on_step(Step.UNLINKED)
        self.ledger.execute("DELETE FROM history WHERE file = ?", (name,))
        self.on_step(Step.ERASED)


@contextmanager
def transaction(ledger: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and forced to disk."""
    ledger.execute("BEGIN IMMEDIATE")
    try:
        yield
        ledger.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            ledger.execute("ROLLBACK")
        raise


@contextmanager
def only_mover(folder: Path) -> Iterator[None]:
    """Be the one process that changes this history; the lock ends with the process, however it ends.

    Args:
        folder: The history's; made if it is not there.

    Raises:
        BusyError: If there is another.
        OSError, sqlite3.Error: If the folder cannot be used.
    """
    for made in (folder, folder / SCRATCH):
        made.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    state.make_private_file(folder / _LOCK)
    with closing(sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise BusyError("another process is moving hours of this ledger at this moment") from None
            raise
        yield


def _sync(path: Path) -> None:
    """Force a file, or the entries of a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # there a folder cannot be opened, and its entries need no forcing
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
