"""Moves closed hours out of SQLite into Parquet, part by part; of a day that is over all hours at once.

An exchange can change until its shares of machines are known (`store.bills`: a second after its end, later if nobody
folds). The ledger names such rows in `journals`; a part with one of them is left for the next time. A row that comes
later, of an hour that was moved already, stays a row of SQLite until the next move gives it a file of its own.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError
from offramp.migrate.history import files, piece
from offramp.migrate.history.columns import FORMAT, TRIES
from offramp.migrate.history.engine import Engine
from offramp.migrate.history.files import HistoryFile, Problem
from offramp.migrate.history.shelf import ChangedError, Shelf, Step
from offramp.migrate.ledger.selection import NS_PER_DAY
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store.bills import Waiting
from offramp.store.state import LEDGER

PART_ROWS = 200_000
"""Exchanges that are moved in one transaction: about a second in which a fold has to wait."""

_decode_waiting = msgspec.msgpack.Decoder(Waiting).decode


@dataclass(frozen=True, slots=True)
class Content:
    """What must be the same in a copy and in what is deleted for it."""

    rows: int
    seqs: int
    """Sum of the rows' numbers."""
    cost_nano: int
    """Sum of what is known, as in the next two."""
    compute_nano: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move came to."""

    rows: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Exchanges that arrived from `first_ns` until before `end_ns`, as far as they had numbers then."""

    first_ns: int
    end_ns: int
    last_seq: int

    @property
    def values(self) -> tuple[int, int, int]:
        """For `_WHERE`."""
        return self.first_ns, self.end_ns, self.last_seq


_WHERE = "started_ns >= ? AND started_ns < ? AND seq <= ?"

_CONTENT = (
    "SELECT count(*), coalesce(sum(seq), 0), coalesce(sum(cost_nano), 0), coalesce(sum(compute_nano), 0)"  # noqa: S608
    f" FROM exchanges WHERE {_WHERE}"
)
_DELETE_ATTEMPTS = f"DELETE FROM attempts WHERE exchange IN (SELECT seq FROM exchanges WHERE {_WHERE})"  # noqa: S608 -- our names


def move(shelf: Shelf, until_ns: int, *, part_rows: int = PART_ROWS) -> Moved:
    """Move all hours that end before a moment.

    Args:
        shelf: The history.
        until_ns: The first moment that stays; the hour that it lies in stays as a whole.
        part_rows: Exchanges that are moved at a time.

    Returns:
        How many exchanges were moved, and which could not be, whatever the others did.
    """
    moved = 0
    problems: list[Problem] = []
    for begin_ns, end_ns in _stretches(shelf.ledger, until_ns):
        for span in _spans(shelf.ledger, begin_ns, end_ns, part_rows):
            try:
                moved += _move_part(shelf, *span)
            except ChangedError:
                continue
            except piece.ForeignValueError as error:
                name = name_of(begin_ns // NS_PER_HOUR)
                problems.append(Problem(file=name, message=f"stays in {LEDGER}: {error.message}", rows=0))
    return Moved(moved, tuple(problems))


def content_of(engine: Engine, paths: list[Path]) -> Content:
    """What Parquet files hold."""
    row = engine.connection.execute(
        "SELECT count(*), coalesce(sum(seq), 0), coalesce(sum(cost_nano), 0), coalesce(sum(compute_nano), 0),"  # noqa: S608
        f" coalesce(sum(len({TRIES})), 0) FROM read_parquet(?)",
        [[str(path) for path in paths]],
    ).fetchone()
    return Content(*(int(value) for value in row or ()))


def entry_of(engine: Engine, path: Path) -> HistoryFile:
    """The entry of a file that was just written."""
    row = engine.connection.execute(
        "SELECT count(*), min(started_ns), max(started_ns) FROM read_parquet(?)", [[str(path)]]
    ).fetchone()
    if row is None or not row[0]:
        raise UnavailableError(f"{path} was written and is empty")
    return HistoryFile(
        file="",
        format=FORMAT,
        rows=row[0],
        first_ns=row[1],
        last_ns=row[2],
        size_bytes=path.stat().st_size,
        crc32=files.checksum(path),
    )


def name_of(hour: int) -> str:
    """Where the exchanges of an hour since the epoch go: a folder per day (UTC).

    >>> name_of(498_700)
    '2026-11-22/04'
    """
    return f"{datetime.fromtimestamp(hour * 3_600, UTC):%Y-%m-%d/%H}"


def _stretches(ledger: sqlite3.Connection, until_ns: int) -> Iterator[tuple[int, int]]:
    """Closed times in which exchanges of SQLite arrived: what is left of a day that is over, else an hour."""
    query = "SELECT min(started_ns) FROM exchanges WHERE started_ns >= ?"
    after_ns = -(1 << 63)
    while (first_ns := ledger.execute(query, (after_ns,)).fetchone()[0]) is not None:
        after_ns = (first_ns // NS_PER_DAY + 1) * NS_PER_DAY
        if after_ns > until_ns:
            after_ns = (first_ns // NS_PER_HOUR + 1) * NS_PER_HOUR
        if after_ns > until_ns:
            return
        yield first_ns // NS_PER_HOUR * NS_PER_HOUR, after_ns


def _spans(ledger: sqlite3.Connection, first_ns: int, end_ns: int, part_rows: int) -> Iterator[tuple[int, int]]:
    """A time cut into spans with about so many exchanges each."""
    query = "SELECT started_ns FROM exchanges WHERE started_ns >= ? AND started_ns < ? ORDER BY 1 LIMIT 1 OFFSET ?"
    while first_ns < end_ns:
        found = ledger.execute(query, (first_ns, end_ns, part_rows)).fetchone()
        # Exchanges of one nanosecond cannot be parted: a clock that stands still makes a larger part.
        until_ns = max(found[0], first_ns + 1) if found else end_ns
        yield first_ns, until_ns
        first_ns = until_ns


def _move_part(shelf: Shelf, first_ns: int, end_ns: int) -> int:
    copied = _copy(shelf, first_ns, end_ns)
    if copied is None:
        return 0
    part, path = copied
    shelf.on_step(Step.WRITTEN)
    content = content_of(shelf.engine, [path])

    def delete(ledger: sqlite3.Connection) -> None:
        _delete(ledger, part, content)

    entry = entry_of(shelf.engine, path)
    shelf.add(path, name_of(entry.first_ns // NS_PER_HOUR), entry, delete)
    return content.rows


def _copy(shelf: Shelf, first_ns: int, end_ns: int) -> tuple[Part, Path] | None:
    """Write a part as it is at one moment; `None` if it is empty or something in it can still change."""
    ledger = shelf.ledger
    ledger.execute("BEGIN")
    try:
        (last_seq,) = ledger.execute("SELECT coalesce(max(seq), 0) FROM exchanges").fetchone()
        part = Part(first_ns, end_ns, last_seq)
        if _can_change(ledger, part):
            return None
        pieces = list(
            piece.write(ledger, _WHERE, part.values, to=shelf.engine.scratch, engine=shelf.engine, most_rows=1 << 62)
        )
    finally:
        ledger.execute("ROLLBACK")
    return (part, pieces[0].path) if pieces else None


def _can_change(ledger: sqlite3.Connection, part: Part) -> bool:
    for (waiting,) in ledger.execute("SELECT waiting FROM journals").fetchall():
        for seq in _decode_waiting(waiting).placed.values():
            query = f"SELECT 1 FROM exchanges WHERE {_WHERE} AND seq = ?"  # noqa: S608 -- our names
            if ledger.execute(query, (*part.values, seq)).fetchone():
                return True
    return False


def _delete(ledger: sqlite3.Connection, part: Part, copied: Content) -> None:
    rows, seqs, cost_nano, compute_nano = ledger.execute(_CONTENT, part.values).fetchone()
    attempts = ledger.execute(_DELETE_ATTEMPTS, part.values).rowcount
    if Content(rows, seqs, cost_nano, compute_nano, attempts) != copied:
        raise ChangedError
    ledger.execute(f"DELETE FROM exchanges WHERE {_WHERE}", part.values)  # noqa: S608 -- our names
