"""The journal: whatever `append` returned from is still there, once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from offramp.store import journal
from offramp.store.journal import Journal, Kind
from offramp.store.state import NewerStateError


def _bodies(path: Path) -> list[bytes]:
    with closing(journal.connect(path)) as connection:
        return [record.body for record in journal.read(connection, after=0, rows=1_000_000)]


def test_records_come_back_in_their_order(tmp_path: Path) -> None:
    """Order of arrival is what meters rely on."""
    writer = Journal(tmp_path / "journal.db")
    for number in range(5):
        writer.append(Kind.BATCH, b"%d" % number, at_ns=number, rows=2)
    writer.close()

    assert _bodies(tmp_path / "journal.db") == [b"0", b"1", b"2", b"3", b"4"]


def test_reading_stops_at_a_number_of_rows_but_takes_at_least_one_record(tmp_path: Path) -> None:
    """A chunk is bounded; a batch larger than it must not stop the fold for ever."""
    writer = Journal(tmp_path / "journal.db")
    for number in range(3):
        writer.append(Kind.BATCH, b"", at_ns=number, rows=10)
    writer.close()

    with closing(journal.connect(tmp_path / "journal.db")) as connection:
        assert [record.id for record in journal.read(connection, after=0, rows=5)] == [1]
        assert [record.id for record in journal.read(connection, after=1, rows=20)] == [2, 3]


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    """The ledger remembers the last number it took; a reused one would be skipped and lost."""
    writer = Journal(tmp_path / "journal.db")
    writer.append(Kind.BATCH, b"a", at_ns=0)
    with closing(journal.connect(tmp_path / "journal.db")) as connection:
        journal.delete(connection, until=1)
    writer.append(Kind.BATCH, b"b", at_ns=0)
    writer.close()

    with closing(journal.connect(tmp_path / "journal.db")) as connection:
        assert [record.id for record in journal.read(connection, after=0, rows=1)] == [2]


def test_a_folder_that_was_deleted_under_it_is_made_again(tmp_path: Path) -> None:
    """SQLite would go on writing into the deleted file without a word."""
    path = tmp_path / "state" / "journal.db"
    writer = Journal(path)
    writer.append(Kind.BATCH, b"gone", at_ns=0)
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    writer.append(Kind.BATCH, b"kept", at_ns=0)
    writer.close()

    assert _bodies(path) == [b"kept"]


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    """Writing into it could destroy what the newer version meant."""
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as writer:
        writer.append(Kind.BATCH, b"", at_ns=0)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(NewerStateError, match="newer version of offramp"):
        Journal(path).append(Kind.BATCH, b"", at_ns=0)


def test_a_damaged_journal_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    """Whoever wants to rescue it can; the gateway has to go on."""
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database, " * 1_000)
    writer = Journal(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        writer.append(Kind.BATCH, b"a", at_ns=7)
    moved = writer.put_aside("7")
    writer.append(Kind.BATCH, b"a", at_ns=7)
    writer.close()

    assert moved == tmp_path / "journal.db.damaged-7"
    assert _bodies(path) == [b"a"]


def test_pages_that_nobody_needs_go_back_to_the_file_system(tmp_path: Path) -> None:
    """After one bad hour the journal must not keep the disk for ever."""
    path = tmp_path / "journal.db"
    writer = Journal(path)
    for number in range(40):
        writer.append(Kind.BATCH, bytes(500_000), at_ns=number)
    with closing(journal.connect(path)) as connection:
        journal.delete(connection, until=40)
        journal.shrink(connection, keep_pages=10)
    writer.close()

    assert path.stat().st_size < 1_000_000
