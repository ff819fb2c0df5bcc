"""Brings a ledger's tables to this version. Needs Alembic, so it runs in commands and short child processes only."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from offramp.errors import UnavailableError
from offramp.store import schema, state
from offramp.store.sqlite import use_wal

_BUSY_S = 60.0

ENVIRONMENT = Path(__file__).parent / "environment"
"""Alembic's folder: `env.py` and the migrations."""


def upgrade(folder: Path) -> None:
    """Upgrade the ledger of a state folder; make it if it is not there.

    Two processes that do this at once wait for each other, and the second finds nothing left to do.

    Raises:
        UnavailableError: If the ledger is newer than this version, or cannot be written.
    """
    path = state.prepare(folder) / state.LEDGER
    state.make_private_file(path)
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            use_wal(connection, timeout_s=_BUSY_S)
            run(connection, path=path)
        finally:
            connection.close()
    except (sqlite3.Error, DBAPIError, OSError) as error:
        raise UnavailableError(f"the ledger {path} cannot be upgraded: {error}") from error


def run(connection: sqlite3.Connection, *, path: Path) -> None:
    """Run all missing migrations on this connection, in one transaction."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as wrapped:
        wrapped.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            if schema.found(connection, path=path) != schema.VERSION:
                command.upgrade(_config(wrapped), "head")
            wrapped.exec_driver_sql("COMMIT")
        except BaseException:
            wrapped.exec_driver_sql("ROLLBACK")
            raise


def script() -> str:
    """What the migrations make of an empty ledger, as the text of `store/schema.sql`."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run(connection, path=Path(":memory:"))
        made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        statements = [sql for (sql,) in connection.execute(made)]
    statements.append(f"INSERT INTO alembic_version (version_num) VALUES ('{schema.VERSION}')")  # noqa: S608 -- ours
    lines = ";\n".join(statements).splitlines()
    return "\n".join(line.rstrip().replace("\t", "    ") for line in lines) + "\n"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
