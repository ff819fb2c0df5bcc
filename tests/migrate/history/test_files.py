"""Files that are not what they should be: named, and the rest counted."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from offramp.migrate.history.keep import keep
from offramp.migrate.history.relation import open_relation, problems
from offramp.migrate.ledger import query
from offramp.migrate.ledger.query import By
from offramp.migrate.ledger.report import summary
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import open_view
from offramp.pricing.compute import NS_PER_HOUR
from tests.migrate.history.whereabouts import in_sqlite
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, batch, row

NOW_NS = START_NS + 9 * NS_PER_HOUR


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two hours in files, with two and three requests; one in SQLite."""
    at = [START_NS] * 2 + [START_NS + NS_PER_HOUR] * 3 + [NOW_NS]
    fill(tmp_path, [batch(*(row(n, started_ns=at_ns + n) for n, at_ns in enumerate(at)))])
    keep(tmp_path, now_ns=NOW_NS, after_h=6)
    return tmp_path


def _first(folder: Path) -> Path:
    return next((folder / "history").glob("**/07-*.parquet"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def _replace(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path.parents[2] / "ledger.db")) as connection:
        connection.execute("UPDATE history SET format = 99 WHERE file LIKE '%/07-%'")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "damaged"),
        (_flip, "damaged: its checksum"),
        (_replace, "damaged: its checksum"),
        (Path.unlink, "it is missing"),
        (_newer, "newer version of offramp wrote it"),
    ],
)
def test_a_spoiled_file_is_named_with_what_is_missing_and_the_rest_counts(
    ledger: Path, spoil: Callable[[Path], object], message: str
) -> None:
    """In reports over single requests; in a table of them; and the sums per hour have everything anyway."""
    name = _first(ledger).relative_to(ledger / "history").as_posix()
    spoil(_first(ledger))
    with open_relation(ledger) as connection:
        counted = connection.execute("SELECT count(*) FROM exchanges").fetchone()
        said = problems(connection)
    with open_view(ledger) as view:
        sites = query.groups(view, Selection(), By.SITE)
        rows = query.rows(view, Selection(), 10)
        seen = view.archive.problems

    assert counted == (4,)
    assert [(one.file, one.rows) for one in said] == [(name, 2)]
    assert message in said[0].message
    assert [one.requests for one in sites.values()] == [4]
    assert len(rows) == 4
    assert seen == tuple(said)
    assert summary(ledger)["requests"] == 6


def test_a_spoiled_file_does_not_stop_the_next_move(ledger: Path) -> None:
    """It is not merged with others, and nothing of it is deleted: somebody may still mend it."""
    _flip(_first(ledger))
    kept = keep(ledger, now_ns=NOW_NS + 48 * NS_PER_HOUR, after_h=6)

    assert kept.moved == 1
    assert _first(ledger).exists()
    with open_relation(ledger) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (4,)


def test_a_file_of_unknown_origin_is_named_and_not_counted(ledger: Path) -> None:
    """Counted twice would be worse than not at all: it may be a copy."""
    copy = ledger / "history" / "2026-11-21" / "copy.parquet"
    copy.write_bytes(_first(ledger).read_bytes())
    with open_relation(ledger) as connection:
        counted = connection.execute("SELECT count(*) FROM exchanges").fetchone()
        said = problems(connection)
    history = summary(ledger)["history"]

    assert counted == (6,)
    assert [(one.file, one.rows) for one in said] == [("2026-11-21/copy.parquet", None)]
    assert isinstance(history, dict)
    assert history["problems"] == [
        {
            "file": "2026-11-21/copy.parquet",
            "message": "the ledger does not know this file, so it is not counted",
            "requests": None,
        }
    ]


def test_files_of_another_time_are_not_even_read(ledger: Path) -> None:
    """A day's question need not wait for the checksums of a year."""
    _flip(_first(ledger))
    with open_relation(ledger, since_ns=START_NS + NS_PER_HOUR) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (4,)
        assert problems(connection) == []


def test_a_value_that_somebody_else_wrote_spoils_only_itself(ledger: Path) -> None:
    """SQLite takes a text for a number. The request counts, the value is unknown; the others move on without it."""
    fill(ledger, [batch(row(7, started_ns=NOW_NS + 1), row(8, started_ns=NOW_NS + 2 * NS_PER_HOUR))])
    summary(ledger)
    with closing(sqlite3.connect(ledger / "ledger.db")) as connection:
        connection.execute("UPDATE exchanges SET input_tokens = 'many' WHERE id = 'req-7'")
        connection.commit()
    with open_relation(ledger) as relation:
        counted = relation.execute("SELECT count(*), count(input_tokens) FROM exchanges").fetchone()
        said = problems(relation)
    kept = keep(ledger, now_ns=NOW_NS + 9 * NS_PER_HOUR, after_h=6)

    assert counted == (8, 7)
    assert [(one.file, one.rows) for one in said] == [("ledger.db", 0)]
    assert "1 with values that their columns cannot have" in said[0].message
    assert kept.moved == 1
    assert [one.file for one in kept.problems] == ["2026-11-21/16"]
    assert "stays in ledger.db: a value is none of its column" in kept.problems[0].message
    assert in_sqlite(ledger) == 2
