"""All exchanges there are, wherever they lie, as one relation in DuckDB: history, open hours, journal, imports.

Parquet is read in place. Open hours and what no fold could store are read by `sqlite3` and laid beside it as temporary
Parquet files, so that every question sees one kind of table and memory stays bounded.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from offramp.errors import UnavailableError
from offramp.migrate.history import piece
from offramp.migrate.history.columns import ATTEMPT, EXCHANGE, PUBLIC, TRIES, TRIES_TYPE, literal, parquet, quoted
from offramp.migrate.history.engine import MEMORY_LIMIT, Engine, open_engine
from offramp.migrate.history.files import Problem
from offramp.migrate.ledger.view import View, open_view
from offramp.store.state import LEDGER

__all__ = ["LEDGER_SOURCE", "Problem", "open_relation", "problems"]

LEDGER_SOURCE = "ledger"
"""What `source` says of exchanges that the gateway recorded itself."""

_END_NS = (1 << 63) - 1


@contextmanager
def open_relation(
    state: Path | None,
    *,
    extra: Sequence[Path] = (),
    since_ns: int | None = None,
    until_ns: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection in which all exchanges can be asked for.

    It has the views `exchanges` (the ledger's columns without `seq`, and `source`: `ledger`, or where an import comes
    from), `attempts` (of exchanges that had more than one: `source`, `exchange` as the id of the exchange, and the
    ledger's columns), and `problems` (`file`, `message`, `rows`: files that could not be counted). What is seen is one
    moment of the ledger, whatever moves meanwhile.

    Args:
        state: The state folder; `None` for imports alone.
        extra: Parquet files with the ledger's columns; one that is absent is `NULL`. The source is their column
            `source`, or else the name of the file.
        since_ns: The first moment of arrival that is asked for, nanoseconds since the epoch.
        until_ns: The first moment that no longer is.
        memory_limit: What DuckDB may use before it spills to disk.

    Raises:
        NoLedgerError: If there is no ledger in the state folder.
        UnavailableError: If it cannot be read.
    """
    span = (since_ns if since_ns is not None else -_END_NS, until_ns if until_ns is not None else _END_NS)
    with open_engine(memory_limit=memory_limit) as engine:
        engine.connection.execute("CREATE TABLE problems (file VARCHAR, message VARCHAR, rows BIGINT)")
        try:
            if state is None:
                _make_views(engine.connection, [], extra, span)
                yield engine.connection
                return
            with open_view(state) as view:
                moved = [view.archive.folder / one.file for one in view.archive.sound(*span)]
                _make_views(engine.connection, [*moved, *_open_hours(view, engine, span)], extra, span)
                for problem in view.archive.problems:
                    _note(engine.connection, problem.file, problem.message, problem.rows)
                yield engine.connection
        except OSError as error:
            raise UnavailableError(f"the ledger could not be handed over: {error}") from error


def problems(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """What could not be counted."""
    found = connection.execute("SELECT file, message, rows FROM problems ORDER BY file").fetchall()
    return [Problem(file=file, message=message, rows=rows) for file, message, rows in found]


def _open_hours(view: View, engine: Engine, span: tuple[int, int]) -> list[Path]:
    """What lies in SQLite, as temporary files."""
    files: list[Path] = []
    foreign_rows = 0
    for number, part in enumerate(view.parts):
        folder = engine.scratch / f"part-{number}"
        folder.mkdir()
        where = "started_ns >= ? AND started_ns < ?"
        for one in piece.write(part, where, span, to=folder, engine=engine, lenient=True):
            files.append(one.path)
            foreign_rows += one.foreign_rows
    if foreign_rows:
        message = f"{foreign_rows:,} with values that their columns cannot have: these values are taken as unknown"
        _note(engine.connection, LEDGER, message, 0)
    return files


def _make_views(
    connection: duckdb.DuckDBPyConnection, own: Sequence[Path], extra: Sequence[Path], span: tuple[int, int]
) -> None:
    selects = [_EMPTY]
    if own:
        selects.append(f"SELECT {_COLUMNS}, {literal(LEDGER_SOURCE)} AS source FROM {parquet(own)}")  # noqa: S608
    selects += [select for path in extra if (select := _imported(connection, path))]
    connection.execute(f"CREATE VIEW everything AS {' UNION ALL '.join(selects)}")
    within = f"started_ns >= {span[0]} AND started_ns < {span[1]}"
    connection.execute(
        f"CREATE VIEW exchanges AS SELECT {_PUBLIC}, source FROM everything WHERE {within}"  # noqa: S608 -- our names
    )
    connection.execute(
        f"CREATE VIEW attempts AS SELECT source, id AS exchange, {_ATTEMPT} FROM"  # noqa: S608 -- our names
        f" (SELECT source, id, unnest({TRIES}) AS one FROM everything WHERE {within})"
    )


def _imported(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """The exchanges of an import; empty if it is no such file, which is then noted."""
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {parquet([path])}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        _note(connection, str(path), str(error).partition("\n")[0])
        return ""
    names = {str(row[0]) for row in described}
    if not {"id", "started_ns"} <= names:
        _note(connection, str(path), "it has no columns `id` and `started_ns`: these are no exchanges")
        return ""
    columns = [
        f"CAST({quoted(name) if name in names else 'NULL'} AS {kind}) AS {quoted(name)}"
        for name, kind in _KINDS.items()
    ]
    source = "source" if "source" in names else literal(path.stem)
    return f"SELECT {', '.join(columns)}, {source} AS source FROM {parquet([path])}"  # noqa: S608


def _note(connection: duckdb.DuckDBPyConnection, file: str, message: str, rows: int | None = None) -> None:
    connection.execute("INSERT INTO problems VALUES (?, ?, ?)", [file, message, rows])


_KINDS = {name: EXCHANGE[name] for name in PUBLIC} | {TRIES: TRIES_TYPE}
_PUBLIC = ", ".join(quoted(name) for name in PUBLIC)
_COLUMNS = ", ".join(quoted(name) for name in _KINDS)
_ATTEMPT = ", ".join(f"one.{quoted(name)}" for name in ATTEMPT)
_EMPTY = (
    f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {quoted(name)}' for name, kind in _KINDS.items())},"
    " CAST(NULL AS VARCHAR) AS source WHERE false"
)
