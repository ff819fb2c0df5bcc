"""Where the exchanges of a ledger are: read as a user would, and looked for place by place."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import duckdb

from offramp.migrate.history.relation import open_relation, problems
from offramp.migrate.ledger.report import summary
from offramp.store import state

Exchanges = list[tuple[object, ...]]


def everything(folder: Path) -> tuple[Exchanges, Exchanges]:
    """All exchanges and all attempts, as every report sees them."""
    with open_relation(folder) as connection:
        assert problems(connection) == []
        return (
            connection.execute("SELECT * FROM exchanges ORDER BY started_ns, id").fetchall(),
            connection.execute("SELECT * FROM attempts ORDER BY exchange, number").fetchall(),
        )


def places(folder: Path) -> Counter[int]:
    """How often each number of an exchange occurs, in rows and in files that count; once is right."""
    with closing(sqlite3.connect(folder / state.LEDGER)) as ledger:
        found = Counter(seq for (seq,) in ledger.execute("SELECT seq FROM exchanges"))
        here = [name for (name,) in ledger.execute("SELECT file FROM history WHERE state = 'here'")]
    for name in here:
        path = str(folder / state.HISTORY / name)
        found.update(seq for (seq,) in duckdb.execute("SELECT seq FROM read_parquet(?)", [path]).fetchall())
    return found


def in_sqlite(folder: Path) -> int:
    """How many exchanges are rows."""
    with closing(sqlite3.connect(folder / state.LEDGER)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM exchanges").fetchone()[0])


def states(folder: Path) -> dict[str, str]:
    """The entries of the history: file and state."""
    with closing(sqlite3.connect(folder / state.LEDGER)) as ledger:
        return dict(ledger.execute("SELECT file, state FROM history"))


def on_disk(folder: Path) -> set[str]:
    """All Parquet files below the history's folder, half-written ones too."""
    history = folder / state.HISTORY
    return {path.relative_to(history).as_posix() for path in history.glob("**/*.parquet")}


def assert_settled(folder: Path) -> None:
    """Nothing is half done: the files are those that count, and nothing else lies about."""
    found = states(folder)
    assert set(found.values()) <= {"here"}
    assert on_disk(folder) == set(found)
    assert list((folder / state.HISTORY / ".scratch").iterdir()) == []


def sums(folder: Path) -> dict[str, object]:
    """What `offramp ledger --json` says, but for what moves with the clock and the history."""
    return {name: value for name, value in summary(folder).items() if name not in {"machines", "history"}}
