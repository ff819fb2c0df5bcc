"""Merges the small files of a day that is over, so that a year is some hundred files and not nine thousand."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby

import duckdb

from offramp.errors import UnavailableError
from offramp.migrate.history import files
from offramp.migrate.history.columns import FILE_COLUMNS, FORMAT, STORED_AS, literal, parquet
from offramp.migrate.history.files import FileState, HistoryFile
from offramp.migrate.history.move import content_of, entry_of
from offramp.migrate.history.shelf import ChangedError, Shelf, Step
from offramp.migrate.ledger.selection import NS_PER_DAY

MERGED_ROWS = 2_000_000
"""Most exchanges of a merged file: eighty megabytes, sorted within the mover's memory."""


def merge(shelf: Shelf, until_ns: int) -> int:
    """Merge what can be merged.

    Args:
        shelf: The history.
        until_ns: Days that end before it are merged: nothing is to be expected of them but what was late.

    Returns:
        How many files were replaced.
    """
    merged = 0
    for day, group in groups(files.here(shelf.ledger), until_ns):
        # A damaged file stays as it is, and in the list of problems.
        if not any(files.examine(shelf.folder, one) for one in group) and _merge(shelf, day, group):
            merged += len(group)
    return merged


def groups(found: Iterable[HistoryFile], until_ns: int) -> Iterator[tuple[int, list[HistoryFile]]]:
    """Files to be merged into one each, with their day since the epoch: neighbours in time, as many as one may hold."""
    over = [one for one in found if one.format == FORMAT and (one.last_ns // NS_PER_DAY + 1) * NS_PER_DAY <= until_ns]
    for day, of_day in groupby(over, key=lambda one: one.first_ns // NS_PER_DAY):
        group: list[HistoryFile] = []
        for one in of_day:
            if group and sum(file.rows for file in group) + one.rows > MERGED_ROWS:
                if len(group) > 1:
                    yield day, group
                group = []
            group.append(one)
        if len(group) > 1:
            yield day, group


def _merge(shelf: Shelf, day: int, group: list[HistoryFile]) -> bool:
    to = shelf.engine.scratch / "merged.parquet"
    sources = [shelf.folder / one.file for one in group]
    try:
        shelf.engine.connection.execute(
            f"COPY (SELECT {FILE_COLUMNS} FROM {parquet(sources)} ORDER BY started_ns, seq)"  # noqa: S608 -- our names
            f" TO {literal(str(to))} {STORED_AS}"
        )
    except duckdb.Error as error:
        raise UnavailableError(f"{to} could not be written: {error}") from error
    shelf.on_step(Step.WRITTEN)
    if content_of(shelf.engine, [to]) != content_of(shelf.engine, sources):
        raise UnavailableError(f"{to} does not hold what the {len(group)} files of {_date(day)} hold")

    def replace(ledger: sqlite3.Connection) -> None:
        for one in group:
            query = "UPDATE history SET state = ? WHERE file = ? AND state = ?"
            values = (FileState.GONE.value, one.file, FileState.HERE.value)
            if ledger.execute(query, values).rowcount != 1:
                raise ChangedError

    shelf.add(to, f"{_date(day)}/day", entry_of(shelf.engine, to), replace)
    return True


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"
