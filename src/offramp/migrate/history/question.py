"""Questions of `offramp ledger` to the history: files as one table that understands the SQL of SQLite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from offramp.errors import UnavailableError
from offramp.migrate.history.columns import FILE_COLUMNS, parquet
from offramp.migrate.history.engine import open_engine


class ParquetPart:
    """A `Part` over Parquet files."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """With a view `exchanges`."""
        self._connection = connection

    def ask(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        """The rows of the answer."""
        try:
            return self._connection.execute(query, list(values)).fetchall()
        except duckdb.Error as error:
            raise UnavailableError(f"the ledger's history cannot be read: {error}") from error

    def ask_named(self, query: str, values: Sequence[object]) -> list[dict[str, object]]:
        """The same with the names of the columns."""
        rows = self.ask(query, values)
        names = [str(column[0]) for column in self._connection.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def open_part(paths: Sequence[Path]) -> Iterator[ParquetPart]:
    """Files of the history as the table `exchanges`, with the attempts in its column `tries`."""
    with open_engine() as engine:
        # In SQLite the quotient of two integers is one, and `hex(x) LIKE` is asked with capital digits already.
        engine.connection.execute("SET integer_division = true")
        engine.connection.execute(f"CREATE VIEW exchanges AS SELECT {FILE_COLUMNS} FROM {parquet(paths)}")  # noqa: S608
        yield ParquetPart(engine.connection)
