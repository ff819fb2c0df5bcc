"""Exchanges as the one relation shows them, from rows in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from offramp.migrate.audit.audit import Audit, examine
from offramp.migrate.history.columns import ATTEMPT, EXCHANGE, PUBLIC
from offramp.migrate.ledger.selection import Selection
from offramp.store.rows import ExchangeRow
from tests.store.samples import SECOND_NS, START_NS

NOW_NS = START_NS + 3_600 * SECOND_NS


@contextmanager
def related(*rows: ExchangeRow, source: str | None = "ledger") -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with `exchanges` and `attempts`."""
    columns = [*((name, EXCHANGE[name]) for name in PUBLIC), ("source", "VARCHAR")]
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        named = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        connection.execute(f"CREATE TABLE exchanges ({named})")
        tries = ", ".join(f'"{name}" {kind}' for name, kind in ATTEMPT.items())
        connection.execute(f"CREATE TABLE attempts (source VARCHAR, exchange VARCHAR, {tries})")
        for row in rows:
            values = [getattr(row, name, 0) for name in PUBLIC]
            connection.execute(f"INSERT INTO exchanges VALUES ({', '.join('?' * len(columns))})", [*values, source])  # noqa: S608
            for number, one in enumerate(row.tries, 1):
                tried = [number, *(getattr(one, name) for name in ATTEMPT if name != "number")]
                connection.execute(
                    f"INSERT INTO attempts VALUES ({', '.join('?' * (len(tried) + 2))})",  # noqa: S608
                    [source, row.id, *tried],
                )
        yield connection


def audited(*rows: ExchangeRow, selection: Selection | None = None, **more: object) -> Audit:
    """The audit of these rows."""
    with related(*rows) as connection:
        return examine(connection, selection or Selection(), **({"now_ns": NOW_NS} | more))  # type: ignore[arg-type]
