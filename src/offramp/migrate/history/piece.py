"""Exchanges of an SQLite ledger as a Parquet file, in bounded memory.

SQLite writes each row as one JSON array, whose text is a line of CSV but for its brackets; DuckDB reads the lines. So
no value of the forty-four columns ever becomes an object of Python: 150,000 rows a second where `fetchmany` with arrays
of NumPy makes 35,000 (one core, Python 3.11). Lines with a backslash, in which the two differ, are rewritten.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import msgspec

from offramp.errors import UnavailableError
from offramp.migrate.history.columns import ATTEMPT, EXCHANGE, FILE, STORED_AS, TRIES, TRIES_TYPE, literal, quoted
from offramp.migrate.history.engine import Engine

_BATCH_ROWS = 5_000
"""Lines that are in memory at a time: two megabytes."""

PIECE_ROWS = 500_000
"""Exchanges of one file: 160 MB of text on the way, 20 MB of Parquet."""

_LINE_BYTES = 32 << 20
"""Longest line that is read: names of models come from clients, and a body may be large."""

_ATTEMPT_JSON = ", ".join(f"'{name}', {quoted(name)}" for name in ATTEMPT)
_TRIES_JSON = (
    f"(SELECT hex(json_group_array(json_object({_ATTEMPT_JSON})))"  # noqa: S608 -- our names
    " FROM (SELECT * FROM attempts AS a WHERE a.exchange = exchanges.seq ORDER BY a.number))"
)
"""As hexadecimal digits, so that quotation marks inside are none of the line."""

_HAS_TRIES = "EXISTS (SELECT 1 FROM attempts AS a WHERE a.exchange = exchanges.seq)"

_STRUCTURE = '[{"' + '", "'.join(f'{name}": "{kind}' for name, kind in ATTEMPT.items()) + '"}]'

_decode_line = msgspec.json.Decoder(list[int | float | str | None]).decode


class ForeignValueError(UnavailableError):
    """A row has a value that its column cannot have: SQLite takes a text for a number, if somebody writes one there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A Parquet file with some exchanges."""

    path: Path
    rows: int
    size_bytes: int
    foreign_rows: int = 0
    """Exchanges of which a value was left out, since its column cannot have it."""


def write(
    source: sqlite3.Connection,
    condition: str,
    values: Sequence[object],
    *,
    to: Path,
    engine: Engine,
    most_rows: int = PIECE_ROWS,
    lenient: bool = False,
) -> Iterator[Piece]:
    """Write the exchanges for which a condition holds, ordered by arrival, in as many files as they need.

    Args:
        source: A ledger. Close the iterator before you change it.
        condition: SQL over the columns of `exchanges`.
        values: Its parameters.
        to: The folder for the files; those that are there are replaced.
        engine: Writes them; the text in between lies in its folder, 320 bytes a row.
        most_rows: Of one file.
        lenient: Whether a value that is none of its column becomes unknown.

    Yields:
        Each file as soon as it is written, not yet forced to disk.

    Raises:
        ForeignValueError: If a row has such a value, and nobody was lenient.
        sqlite3.Error, OSError: If the ledger cannot be read or the disk not be written.
        UnavailableError: If DuckDB could not write it, or what it wrote is not what it was given.
    """
    lines = engine.scratch / "lines.csv"
    query = f"SELECT {_LINE} FROM exchanges WHERE {condition} ORDER BY started_ns, seq"  # noqa: S608 -- our names
    with closing(source.cursor()) as cursor, _bytes_of(source):
        cursor.execute(query, tuple(values))
        number = 0
        while rows := _write_lines(cursor, lines, most_rows):
            yield _write_file(engine, lines, to / f"{number}.parquet", rows, lenient=lenient)
            number += 1


def _write_file(engine: Engine, lines: Path, to: Path, rows: int, *, lenient: bool) -> Piece:
    connection = engine.connection
    foreign_rows = 0
    try:
        # The lines are in order: keeping it is cheaper than sorting again.
        connection.execute("SET preserve_insertion_order = true")
        try:
            connection.execute(_copy(lines, to))
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            if not lenient:
                reason = str(error).partition("\n")[0]
                raise ForeignValueError(f"a value is none of its column ({reason})") from error
            foreign_rows = _count_foreign(connection, lines)
            connection.execute(_copy(lines, to, lenient=True))
        written = connection.execute("SELECT count(*) FROM read_parquet(?)", [[str(to)]]).fetchone()
    except duckdb.Error as error:
        raise UnavailableError(f"{to} could not be written: {error}") from error
    finally:
        connection.execute("SET preserve_insertion_order = false")
        lines.unlink(missing_ok=True)
    if written != (rows,):
        raise UnavailableError(f"{to} was written with {written} rows where {rows} were given")
    return Piece(path=to, rows=rows, size_bytes=to.stat().st_size, foreign_rows=foreign_rows)


def _count_foreign(connection: duckdb.DuckDBPyConnection, lines: Path) -> int:
    conditions = " OR ".join(
        f"({quoted(name)} IS NOT NULL AND TRY_CAST({quoted(name)} AS {kind}) IS NULL)"
        for name, kind in EXCHANGE.items()
        if kind not in _AS_TEXT
    )
    found = connection.execute(
        f"SELECT count(*) FROM {_csv(lines, lenient=True)} WHERE {conditions}"  # noqa: S608 -- our names
    ).fetchone()
    return int(found[0]) if found else 0


@contextmanager
def _bytes_of(source: sqlite3.Connection) -> Iterator[None]:
    """Texts as bytes for a while: they only travel from one file into another."""
    factory, source.text_factory = source.text_factory, bytes
    try:
        yield
    finally:
        source.text_factory = factory


def _write_lines(cursor: sqlite3.Cursor, to: Path, most_rows: int) -> int:
    """One line per row; the number of lines."""
    rows = 0
    with to.open("wb") as lines:
        while rows < most_rows and (batch := cursor.fetchmany(min(_BATCH_ROWS, most_rows - rows))):
            rows += len(batch)
            _write_batch(lines, [line for (line,) in batch])
    return rows


def _write_batch(to: IO[bytes], rows: list[bytes]) -> None:
    text = b"\n".join([row[1:-1] for row in rows]) + b"\n"
    if b"\\" in text:
        text = b"".join(_rewritten(row) if b"\\" in row else row[1:-1] + b"\n" for row in rows)
    to.write(text)


def _rewritten(row: bytes) -> bytes:
    """A JSON array as a line of CSV: a quotation mark is doubled, nothing else is escaped."""
    cells = ("null" if value is None else _cell(value) for value in _decode_line(row))
    return ",".join(cells).encode() + b"\n"


def _cell(value: float | str) -> str:
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)


def _value(name: str, kind: str) -> str:
    """A column as SQLite puts it into the line. Its own text of a number has 15 digits, two too few."""
    column = quoted(name)
    if kind == "BLOB":
        return f"hex({column})"
    if kind == "DOUBLE":
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE printf('%!.17g', {column}) END"
    return column


_LINE = (
    f"json_array({', '.join(_value(name, kind) for name, kind in EXCHANGE.items())},"
    f" CASE WHEN attempts <> 1 OR {_HAS_TRIES} THEN {_TRIES_JSON} END)"
)


_AS_TEXT = {"VARCHAR", "BLOB", TRIES_TYPE}
"""What is a text in the lines, whatever it is to become."""


def _read(name: str, kind: str, *, lenient: bool) -> str:
    """The same column as DuckDB takes it from the line."""
    column = quoted(name)
    if name == TRIES:
        # An exchange that nobody was asked for has an empty list in SQLite, and in Parquet none.
        return f"nullif(from_json(decode(unhex({column})), {literal(_STRUCTURE)}), []) AS {column}"
    if kind == "BLOB":
        return f"unhex({column}) AS {column}"
    return f"TRY_CAST({column} AS {kind}) AS {column}" if lenient else column


def _csv(lines: Path, *, lenient: bool) -> str:
    types = ", ".join(
        f"{literal(name)}: {literal('VARCHAR' if lenient or kind in _AS_TEXT else kind)}" for name, kind in FILE.items()
    )
    # Not in parallel: a thread that begins in the middle would have to guess whether it is inside of a text.
    return (
        f"read_csv({literal(str(lines))}, columns = {{{types}}}, header = false, auto_detect = false,"
        " delim = ',', quote = '\"', escape = '\"', nullstr = 'null', allow_quoted_nulls = false,"
        f" new_line = '\\n', parallel = false, max_line_size = {_LINE_BYTES})"
    )


def _copy(lines: Path, to: Path, *, lenient: bool = False) -> str:
    columns = ", ".join(_read(name, kind, lenient=lenient) for name, kind in FILE.items())
    return f"COPY (SELECT {columns} FROM {_csv(lines, lenient=lenient)}) TO {literal(str(to))} {STORED_AS}"  # noqa: S608
