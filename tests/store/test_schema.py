"""The tables' version: a new ledger is made, an old one upgraded, a newer one left alone."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from offramp.store import schema
from offramp.store.state import NewerStateError


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_new_ledger_is_made_private_and_with_its_version(tmp_path: Path) -> None:
    """No other process is needed for it."""
    with closing(schema.open_ledger(tmp_path)) as connection:
        assert schema.found(connection, path=tmp_path) == schema.VERSION
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600
    assert {"exchanges", "attempts", "hours"} <= _tables(tmp_path / "ledger.db")


def test_those_who_make_it_together_make_it_once(tmp_path: Path) -> None:
    """The gateway's child and a reader."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: schema.open_ledger(tmp_path).close(), range(32)))

    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.VERSION,)]


def test_an_older_ledger_is_upgraded_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Alembic stays out of this one. A ledger whose migrations were never begun is the oldest there is."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
        connection.execute("DELETE FROM alembic_version")
        connection.commit()
    with closing(schema.open_ledger(tmp_path)) as connection:
        assert schema.found(connection, path=tmp_path) == schema.VERSION
    assert "exchanges" in _tables(tmp_path / "ledger.db")


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    """The message says which version, and what to do."""
    schema.open_ledger(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with pytest.raises(NewerStateError, match=r"newer version of offramp \(9999, .*another state folder"):
        schema.open_ledger(tmp_path)
    with pytest.raises(NewerStateError):
        schema.check(tmp_path)


def test_the_look_at_start_makes_nothing(tmp_path: Path) -> None:
    """One SELECT, and none where there is no ledger; what is broken is for the fold to say."""
    schema.check(tmp_path)
    made = list(tmp_path.iterdir())
    (tmp_path / "ledger.db").write_text("no database")
    schema.check(tmp_path)

    assert made == []
