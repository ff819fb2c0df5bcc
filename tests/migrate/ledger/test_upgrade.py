"""Migrations, the tables that the code names, and the script for new ledgers must be the same three times."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from offramp.migrate.history.keep import keep
from offramp.migrate.ledger import upgrade
from offramp.migrate.ledger.report import summary
from offramp.migrate.ledger.tables import EXCHANGES, METADATA
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store import schema
from offramp.store.columns import DIMENSIONS, EXCHANGE, MEASURES
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, attempt, batch, row


def _made_by_migrations(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        upgrade.run(connection, path=path)


def _definitions(path: Path) -> dict[str, str]:
    """White space aside: Alembic leaves some at the ends of lines."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.split()) for name, sql in found}


def test_the_migrations_make_the_tables_that_the_code_names(tmp_path: Path) -> None:
    """A column that only one of them has is found by nobody else until it is missed."""
    _made_by_migrations(tmp_path / "a.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_script_for_new_ledgers_makes_what_the_migrations_make(tmp_path: Path) -> None:
    """To write it anew: `python -m offramp.migrate.ledger script > src/offramp/store/schema.sql`."""
    _made_by_migrations(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as connection:
        schema.create(connection)
    written = resources.files("offramp.store").joinpath("schema.sql").read_text(encoding="utf-8")

    assert _definitions(tmp_path / "a.db") == _definitions(tmp_path / "b.db")
    assert upgrade.script() == written


def test_the_serving_side_knows_the_newest_revision() -> None:
    """It compares with this constant and never looks at the migrations."""
    assert ScriptDirectory(str(upgrade.ENVIRONMENT)).get_current_head() == schema.VERSION


def test_the_tables_have_the_columns_that_the_fold_fills() -> None:
    """In the words of the rows."""
    assert {column.name for column in EXCHANGES.columns} == {
        "seq",
        *EXCHANGE,
        "cost_nano",
        "baseline_nano",
        "compute_nano",
    }
    assert [column.name for column in METADATA.tables["hours"].columns] == ["hour", *DIMENSIONS, *MEASURES]


def test_a_ledger_of_the_first_version_keeps_what_it_has(tmp_path: Path) -> None:
    """Upgraded by whoever folds next, and hours of it can be moved."""
    fill(tmp_path, [batch(row(1), row(2, attempts=2, tries=(attempt("a"), attempt("b"))))])
    before = summary(tmp_path)["by_tier"]
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript(
            "DROP TABLE history; DROP TABLE expired; UPDATE alembic_version SET version_num = '0001'"
        )
    fill(tmp_path, [batch()])
    after = summary(tmp_path)
    kept = keep(tmp_path, now_ns=START_NS + 100 * NS_PER_HOUR, after_h=6)

    assert after["by_tier"] == before == summary(tmp_path)["by_tier"]
    assert kept.moved == 2
    assert _version(tmp_path / "ledger.db") == schema.VERSION


def _version(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    """Two that start together both ask for it."""
    upgrade.upgrade(tmp_path)
    before = _definitions(tmp_path / "ledger.db")
    upgrade.upgrade(tmp_path)

    assert _definitions(tmp_path / "ledger.db") == before


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    """The serving side passes this line on to the log."""
    (tmp_path / "ledger.db").write_bytes(b"no database at all " * 100)
    command = [sys.executable, "-m", "offramp.migrate.ledger", "upgrade", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wrong = subprocess.run(command[:3], capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "cannot be upgraded" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
