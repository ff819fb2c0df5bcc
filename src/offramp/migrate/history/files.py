"""The files of a ledger's history: which there are, what state each is in, and whether one can be read.

An exchange is a row of SQLite or lies in exactly one file that is HERE, because one transaction changes both:

State  | the file is          | its exchanges are          | read by                 | after a death in this state
-------|----------------------|----------------------------|-------------------------|-----------------------------
COMING | absent, or whole     | where they were before     | nobody                  | file and entry are deleted
HERE   | there                | only in it                 | everybody               | nothing is to be done
GONE   | there, or absent     | in a merged file, or       | those who began to read | the file is deleted as soon
       |                      | expired                    | before it was gone      | as nobody can still read it,
       |                      |                            |                         | then the entry

`none -> COMING -> HERE -> GONE -> none`. Each change is a commit that is forced to disk before anything is done that
relies on it; a file is renamed to its name only when it is COMING, whole and forced to disk. Files that no entry names
are left alone and reported. Needs sqlite3 alone: whoever only counts loads no DuckDB.
"""

import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from offramp.migrate.history.columns import FORMAT

_CHUNK_BYTES = 1 << 20

SCRATCH = ".scratch"
"""Folder below the history's for what is being written; whatever an earlier process left in it is deleted."""


class FileState(StrEnum):
    """What an entry of `history` says of its file."""

    COMING = "coming"
    HERE = "here"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """One entry of `history`."""

    file: str
    """Path below the history's folder, with slashes."""
    format: int
    """`columns.FORMAT` of the version that wrote it."""
    rows: int
    first_ns: int
    """Arrival of the first exchange in it."""
    last_ns: int
    size_bytes: int
    crc32: int
    """Of the whole file: what a disk has damaged is found before its sums are believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What the retention has deleted: single exchanges, which the hourly sums still have."""

    rows: int = 0
    last_day: int | None = None
    """Days since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A file that could not be counted, or not as it should be."""

    file: str
    message: str
    rows: int | None = None
    """How many exchanges are missing because of it; `None` if nobody knows."""


_FIELDS = tuple(field.name for field in fields(HistoryFile))
_COLUMNS = ", ".join(_FIELDS)


def here(ledger: sqlite3.Connection) -> tuple[HistoryFile, ...]:
    """The files that count, oldest first; none in a ledger that has moved nothing."""
    query = f"SELECT {_COLUMNS} FROM history WHERE state = ? ORDER BY first_ns, file"  # noqa: S608 -- our names
    rows = ledger.execute(query, (FileState.HERE.value,))
    return tuple(HistoryFile(**dict(zip(_FIELDS, row, strict=True))) for row in rows)


def expired(ledger: sqlite3.Connection) -> Expired:
    """What the retention has deleted."""
    rows, day = ledger.execute("SELECT coalesce(sum(rows), 0), max(day) FROM expired").fetchone()
    return Expired(rows=int(rows), last_day=day)


def within(files: Iterable[HistoryFile], since_ns: int, until_ns: int) -> list[HistoryFile]:
    """Those that may hold an exchange of a span of time."""
    return [one for one in files if one.last_ns >= since_ns and one.first_ns < until_ns]


def listing(folder: Path) -> list[str]:
    """All Parquet files in the history's folder. Look before the ledger is read: see `strangers`."""
    paths = folder.glob("**/*.parquet") if folder.is_dir() else []
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if not name.startswith(SCRATCH))


def strangers(folder: Path, found: Iterable[str], ledger: sqlite3.Connection) -> list[Problem]:
    """Files that no entry names.

    A file has its entry before it appears. So one that was seen before the ledger was read and is not in it is either
    unknown or was deleted in between.
    """
    known = {name for (name,) in ledger.execute("SELECT file FROM history")}
    unknown = [name for name in found if name not in known and (folder / name).exists()]
    return [Problem(file=name, message="the ledger does not know this file, so it is not counted") for name in unknown]


def glance(folder: Path, files: Iterable[HistoryFile]) -> list[Problem]:
    """What can be seen without reading: files that are missing, cut off, or of a newer version."""
    return [problem for one in files if (problem := _glance(folder, one))]


def examine(folder: Path, file: HistoryFile) -> Problem | None:
    """Read a whole file and say what is wrong with it, if anything is."""
    problem = _glance(folder, file)
    if problem is not None:
        return problem
    try:
        found = checksum(folder / file.file)
    except OSError as error:
        return _problem(file, f"it cannot be read ({error.strerror or error})")
    return (
        None if found == file.crc32 else _problem(file, "it is damaged: its checksum is not that of what was written")
    )


def checksum(path: Path) -> int:
    """CRC-32 of a file."""
    found = 0
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            found = zlib.crc32(chunk, found)
    return found


def _glance(folder: Path, file: HistoryFile) -> Problem | None:
    if file.format > FORMAT:
        return _problem(file, f"a newer version of offramp wrote it (format {file.format}, this one knows {FORMAT})")
    try:
        size_bytes = (folder / file.file).stat().st_size
    except FileNotFoundError:
        return _problem(file, "it is missing")
    except OSError as error:
        return _problem(file, f"it cannot be read ({error.strerror or error})")
    if size_bytes != file.size_bytes:
        return _problem(file, f"it is damaged: {size_bytes:,} bytes where {file.size_bytes:,} were written")
    return None


def _problem(file: HistoryFile, message: str) -> Problem:
    return Problem(file=file.file, message=message, rows=file.rows)
