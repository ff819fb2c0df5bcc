"""The version of the ledger's tables that this program reads and writes, and what to do with another one.

Migrations are Alembic's, in `offramp.migrate.ledger`, and too heavy to import here: an old ledger is upgraded in a
child process. A new one is made from `schema.sql`: what the migrations make, written out; a test compares the two.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

from offramp.errors import UnavailableError
from offramp.store import state
from offramp.store.sqlite import use_wal
from offramp.store.state import NewerStateError

VERSION = "0002"
"""Revision of the newest migration."""

_BEGUN = "0000"
"""A ledger in which the first migration did not come to its end."""

_UPGRADE_S = 600.0
_BUSY_S = 60.0


def open_ledger(folder: Path) -> sqlite3.Connection:
    """The ledger of a state folder, made or upgraded where needed, ready to be written.

    Raises:
        OSError, sqlite3.Error: If it cannot be opened.
        NewerStateError: If it was written by a newer version.
        UnavailableError: If it could not be upgraded.
    """
    path = state.prepare(folder) / state.LEDGER
    state.make_private_file(path)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        # Only a file without tables takes it: what is moved away then leaves no holes.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        use_wal(connection, timeout_s=_BUSY_S)
        connection.execute("PRAGMA cache_size = -8192")
        version = found(connection, path=path)
        if version == "":
            create(connection)
        elif version != VERSION:
            _upgrade_in_child(folder)
    except BaseException:
        connection.close()
        raise
    return connection


def check(folder: Path) -> None:
    """One plain SELECT at start.

    Raises:
        NewerStateError: If the ledger was written by a newer version.
    """
    path = folder / state.LEDGER
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found(connection, path=path)
    except sqlite3.Error:
        return  # whoever folds will say what is wrong with it


def found(connection: sqlite3.Connection, *, path: Path) -> str:
    """The version of the tables; empty if there are none.

    Raises:
        NewerStateError: If they are newer than this program.
    """
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise
    version = str(row[0]) if row else _BEGUN
    # Revisions are numbered, so that this comparison needs no list of them.
    if version > VERSION:
        raise NewerStateError(
            f"{path} has tables of a newer version of offramp ({version}, this one knows {VERSION}); "
            "use that version, or another state folder"
        )
    return version


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of `VERSION` in a ledger that has none; whoever comes second finds them made."""
    script = resources.files("offramp.store").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _upgrade_in_child(folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "offramp.migrate.ledger", "upgrade", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and module
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_UPGRADE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"the upgrade of the ledger's tables took longer than {_UPGRADE_S:.0f} s") from error
    if done.returncode:
        raise UnavailableError(
            done.stderr.decode(errors="replace").strip() or "the ledger's tables could not be upgraded"
        )
