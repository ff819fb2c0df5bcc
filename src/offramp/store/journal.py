"""The journal: what a gateway has to remember, one row of SQLite per batch, until it is folded into the ledger.

It is a file of its own, so that a slow fold never holds the lock that the gateway's writer needs. A batch is one row,
because a thread beside a busy event loop pays for every statement with the interpreter's lock (docs/adr/0004).
"""

import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from offramp.store import state
from offramp.store.sqlite import use_wal
from offramp.store.state import NewerStateError

FORMAT = 1
"""Version of the tables, in `user_version`. Rows inside a batch grow by fields with defaults and need no new one."""

_PAGE_BYTES = 16_384
"""A batch at full load is a few hundred KiB; large pages make fewer, larger writes."""

_CHECKPOINT_PAGES = 256
"""The write-ahead log is copied back after 4 MiB, so that it stays small on a small disk."""

_STEP_PAGES = 64

_BUSY_S = 5.0
"""A delete of folded rows takes milliseconds; a writer that waits longer than this reports and tries again."""


class Kind(IntEnum):
    """What a record of the journal is. Append only: the numbers are stored."""

    BATCH = 0
    """An encoded `rows.Batch`."""
    STARTED = 1
    """A writer began; what was in flight before it is lost. Body: `Began`."""
    COMPUTES = 2
    """The compute prices that hold from here on. Body: list of `Compute`."""
    LOST = 3
    """A worker died; what it had in flight is lost. Body: its number."""
    DROPPED = 4
    """Rows that could not be written. Body: how many."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the journal."""

    id: int
    kind: Kind
    at_ns: int
    rows: int
    """Exchanges in it."""
    body: bytes


def is_damage(error: Exception) -> bool:
    """Whether the file itself is broken, so that trying again cannot help."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Journal:
    """The writing end. Opens when it is first used, and again after a failure."""

    def __init__(self, path: Path) -> None:
        """Nothing is touched before the first record."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def append(self, kind: Kind, body: bytes, *, at_ns: int, rows: int = 0) -> None:
        """Store one record; when this returns, it survives the death of this process.

        Raises:
            OSError, sqlite3.Error: If it could not be stored. Nothing of it is then in the file.
            NewerStateError: If the file was written by a newer version.
        """
        connection = self._open()
        connection.execute(
            "INSERT INTO journal (kind, at_ns, rows, body) VALUES (?, ?, ?, ?)", (int(kind), at_ns, rows, body)
        )

    def close(self) -> None:
        """Let go of the file; the next record opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def put_aside(self, suffix: str) -> Path:
        """Rename a damaged file, so that the next record begins a new one.

        Raises:
            OSError: If it cannot be renamed.
        """
        self.close()
        moved = self._path.with_name(f"{self._path.name}.damaged-{suffix}")
        for suffixed in ("-wal", "-shm", ""):
            file = self._path.with_name(f"{self._path.name}{suffixed}")
            if file.exists():
                file.rename(f"{moved}{suffixed}")
        return moved

    def _open(self) -> sqlite3.Connection:
        # A state folder that was deleted under us would otherwise swallow everything without a word.
        if self._connection is not None and self._inode_now() == self._inode:
            return self._connection
        self.close()
        self._connection = connect(self._path)
        self._inode = self._inode_now()
        return self._connection

    def _inode_now(self) -> int:
        try:
            return self._path.stat().st_ino
        except OSError:
            return 0


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal for writing; make it if it is not there.

    Raises:
        OSError, sqlite3.Error: If it cannot be opened.
        NewerStateError: If a newer version wrote it.
    """
    state.prepare(path.parent)
    state.make_private_file(path)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        use_wal(connection, timeout_s=_BUSY_S)
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA cache_size = -1024")
        _make_tables(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found == FORMAT:
        return
    if found > FORMAT:
        raise NewerStateError(
            f"{path} was written by a newer version of offramp (format {found}, this one knows {FORMAT})"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
            " at_ns INTEGER NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL)"
        )
        # The ledger remembers how far it has folded *this* journal; a new file starts counting at one again.
        connection.execute(
            "CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), token TEXT NOT NULL)"
        )
        connection.execute("INSERT OR IGNORE INTO identity VALUES (1, ?)", (secrets.token_hex(16),))
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def token(connection: sqlite3.Connection) -> str:
    """The identity of this journal file."""
    return str(connection.execute("SELECT token FROM identity").fetchone()[0])


def read(connection: sqlite3.Connection, *, after: int, rows: int) -> list[Record]:
    """The records after an id, oldest first, until they hold that many exchanges; at least one, if there is one."""
    records: list[Record] = []
    exchanges = 0
    cursor = connection.execute("SELECT id, kind, at_ns, rows, body FROM journal WHERE id > ? ORDER BY id", (after,))
    try:
        for number, kind, at_ns, count, body in cursor:
            records.append(Record(number, Kind(kind), at_ns, count, body))
            exchanges += count
            if exchanges >= rows:
                break
    finally:
        cursor.close()
    return records


def delete(connection: sqlite3.Connection, *, until: int) -> None:
    """Forget the records up to an id, which the ledger has now."""
    connection.execute("DELETE FROM journal WHERE id <= ?", (until,))


def shrink(connection: sqlite3.Connection, *, keep_pages: int = 256) -> None:
    """Give pages that nobody needs back to the file system, but a few; in steps, since each locks the writer out."""
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    while free > keep_pages:
        pages = min(free - keep_pages, _STEP_PAGES)
        # As a script: the statement steps once per page, and `execute` would stop after the first.
        connection.executescript(f"PRAGMA incremental_vacuum({pages})")
        free -= pages
