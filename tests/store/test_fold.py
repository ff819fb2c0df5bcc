"""From the journal into the tables exactly once, whoever dies in between, and money with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from offramp.errors import UnavailableError
from offramp.pricing.compute import per_hour
from offramp.store import fold as fold_module
from offramp.store import journal, schema
from offramp.store.fold import CHUNK_ROWS, FoldStep, fold, main
from offramp.store.journal import Journal, Kind
from offramp.store.records import Began, compute_records
from offramp.store.rows import Batch
from tests.store.samples import INSTANCE, SECOND_NS, START_NS, attempt, batch, ran, row

PRICES = compute_records({INSTANCE: per_hour(Decimal("3.60"))})
PER_SECOND = 1_000_000


@contextmanager
def _journal(folder: Path, *, workers: int = 1) -> Iterator[Journal]:
    """A journal as the writer begins it."""
    writer = Journal(folder / "journal.db")
    writer.append(Kind.STARTED, msgspec.msgpack.encode(Began(workers=workers)), at_ns=START_NS)
    writer.append(Kind.COMPUTES, msgspec.msgpack.encode(PRICES), at_ns=START_NS)
    try:
        yield writer
    finally:
        writer.close()


def _put(writer: Journal, what: Batch, *, at_s: float = 10) -> None:
    writer.append(
        Kind.BATCH, msgspec.msgpack.encode(what), at_ns=START_NS + round(at_s * SECOND_NS), rows=len(what.rows)
    )


def _ask(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        return connection.execute(query).fetchall()


def test_every_column_arrives_where_it_belongs(tmp_path: Path) -> None:
    """Two columns of the same type that change places would go unnoticed for months."""
    original = row(7, max_tokens=None, cached_tokens=5, reasoning_tokens=6, ttft_s=None, usage_ratio=3.5)
    with _journal(tmp_path) as writer:
        _put(writer, batch(original))
    moved = fold(tmp_path)

    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.row_factory = sqlite3.Row
        stored = dict(connection.execute("SELECT * FROM exchanges").fetchone())
    expected = msgspec.structs.asdict(original)
    del expected["tries"]
    assert moved == 1
    assert stored == expected | {"seq": 1, "compute_nano": 0}


def test_folding_twice_moves_nothing_twice(tmp_path: Path) -> None:
    """Readers fold whenever they like."""
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1), row(2)))
        assert fold(tmp_path) == 2
        assert fold(tmp_path) == 0
        _put(writer, batch(row(3)))
        assert fold(tmp_path) == 1

    assert _ask(tmp_path, "SELECT seq, id FROM exchanges") == [(1, "req-1"), (2, "req-2"), (3, "req-3")]
    assert _ask(tmp_path, "SELECT sum(requests) FROM hours") == [(3,)]


def test_a_death_after_the_ledgers_commit_doubles_nothing(tmp_path: Path) -> None:
    """The journal still has the records, the ledger knows that it took them."""
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1)))
    with (
        closing(schema.open_ledger(tmp_path)) as ledger,
        closing(journal.connect(tmp_path / "journal.db")) as source,
    ):
        assert FoldStep(ledger, journal.token(source), now_ns=START_NS).run(
            source
        )  # and dies before it tells the journal

    assert fold(tmp_path) == 0
    assert _ask(tmp_path, "SELECT count(*) FROM exchanges") == [(1,)]


def test_a_death_before_the_ledgers_commit_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing, and then again."""
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1)))
    with monkeypatch.context() as patch:
        patch.setattr(fold_module, "_ADD_DROPPED", "this is no SQL")
        patch.setattr(fold_module, "_ADD_HOUR", "neither is this")
        with pytest.raises(sqlite3.Error):
            fold(tmp_path)
    half_done = _ask(tmp_path, "SELECT count(*) FROM exchanges")

    assert half_done == [(0,)]
    assert fold(tmp_path) == 1


def test_a_new_journal_beside_an_old_ledger_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Its numbers begin at one again."""
    for number in range(2):
        with _journal(tmp_path) as writer:
            _put(writer, batch(row(number)))
        fold(tmp_path)
        (tmp_path / "journal.db").unlink()

    assert _ask(tmp_path, "SELECT count(*) FROM exchanges") == [(2,)]


def test_more_than_a_chunk_goes_through_in_several(tmp_path: Path) -> None:
    """A transaction stays short, so that another reader gets its turn."""
    with _journal(tmp_path) as writer:
        for first in range(0, CHUNK_ROWS * 2 + 10, 1_000):
            _put(writer, batch(*(row(number) for number in range(first, min(first + 1_000, CHUNK_ROWS * 2 + 10)))))

    assert fold(tmp_path) == CHUNK_ROWS * 2 + 10
    assert _ask(tmp_path, "SELECT max(seq), count(DISTINCT id) FROM exchanges") == [(4_010, 4_010)]


def test_numbers_go_on_after_rows_were_moved_away(tmp_path: Path) -> None:
    """History leaves the database; an attempt must not be taken for another exchange's."""
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1), row(2)))
        fold(tmp_path)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
            connection.execute("DELETE FROM exchanges")
            connection.commit()
        _put(writer, batch(row(3)))
        fold(tmp_path)

    assert _ask(tmp_path, "SELECT seq FROM exchanges") == [(3,)]


def test_a_request_pays_its_share_and_so_does_each_attempt(tmp_path: Path) -> None:
    """The failed try on the shared machine is part of what the answer cost."""
    start, end = ran("req-1", 0, 2)
    tries = (
        attempt("local", failure="connect", status=0, cost_nano=None),
        attempt("azure", failure="status 500", cost_nano=None),
        attempt("openai", instance="127.0.0.1:9002", cost_nano=None),
    )
    with _journal(tmp_path) as writer:
        paid = row(1, tier="openai", attempts=3, cost_nano=165_000, tries=tries)
        _put(writer, batch(paid, started=[start], ended=[end]))
    fold(tmp_path)

    assert _ask(tmp_path, "SELECT cost_nano, compute_nano FROM exchanges") == [(2_165_000, 2 * PER_SECOND)]
    assert _ask(tmp_path, "SELECT number, tier, failure, cost_nano FROM attempts") == [
        (1, "local", "connect", 2_000_000),
        (2, "azure", "status 500", None),
        (3, "openai", "", 165_000),
    ]


@pytest.mark.parametrize(("cost_nano", "started"), [(None, True), (0, False)])
def test_a_cost_of_which_a_part_is_unknown_is_unknown(tmp_path: Path, cost_nano: int | None, started: bool) -> None:  # noqa: FBT001
    """Without a price, or without the attempt's beginning."""
    start, end = ran("req-1", 0, 2)
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1, cost_nano=cost_nano), started=[start] if started else [], ended=[end]))
    fold(tmp_path)

    assert _ask(tmp_path, "SELECT cost_nano FROM exchanges") == [(None,)]
    assert _ask(tmp_path, "SELECT unpriced, cost_nano, compared FROM hours") == [(1, 0, 0)]


@pytest.mark.parametrize("later", [False, True])
def test_a_share_finds_its_row_whichever_comes_first(tmp_path: Path, later: bool) -> None:  # noqa: FBT001
    """An end that was told one batch before its exchange, or, with several workers, known only in the next fold."""
    start, end = ran("req-1", 0, 2)
    with _journal(tmp_path, workers=2 if later else 1) as writer:
        if later:
            tries = (attempt("local"), attempt("local", instance="other"))
            _put(writer, batch(row(1, attempts=2, tries=tries), started=[start], ended=[end]), at_s=2.2)
            _step(tmp_path, until_s=2.3)
            assert _ask(tmp_path, "SELECT requests, cost_nano FROM hours") == [(1, 0)]
            _step(tmp_path, until_s=3)
            assert _ask(tmp_path, "SELECT cost_nano FROM attempts") == [(2_000_000,), (0,)]
        else:
            _put(writer, batch(started=[start], ended=[end]))
            fold(tmp_path, clock_ns=_soon)
            _put(writer, batch(row(1)))
            fold(tmp_path, clock_ns=_soon)

    assert _ask(tmp_path, "SELECT cost_nano, compute_nano FROM exchanges") == [(2_000_000, 2_000_000)]
    assert _ask(tmp_path, "SELECT requests, cost_nano, compute_nano, saved_nano FROM hours") == [
        (1, 2_000_000, 2_000_000, 165_000 - 2_000_000)
    ]


def _soon() -> int:
    """Before the share's time to wait for its exchange is over, whenever the test runs."""
    return START_NS + 60 * SECOND_NS


def _step(folder: Path, *, until_s: float) -> None:
    """One step of a fold as if it were so late after the beginning."""
    with (
        closing(schema.open_ledger(folder)) as ledger,
        closing(journal.connect(folder / "journal.db")) as source,
    ):
        FoldStep(ledger, journal.token(source), now_ns=START_NS + round(until_s * SECOND_NS)).run(source)


def test_what_could_not_be_kept_is_counted(tmp_path: Path) -> None:
    """By the gateway before the queue, by the writer behind it."""
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1), dropped=3))
        writer.append(Kind.DROPPED, msgspec.msgpack.encode(4), at_ns=START_NS)
    fold(tmp_path)

    assert _ask(tmp_path, "SELECT sum(rows) FROM dropped") == [(7,)]


def test_a_dead_worker_is_told_to_the_meters(tmp_path: Path) -> None:
    """Its requests do not thin the others' shares for ever."""
    lost_start, _ = ran("lost", 0, 9)
    start, end = ran("req-1", 5, 7)
    with _journal(tmp_path) as writer:
        _put(writer, batch(worker=1, started=[lost_start]))
        writer.append(Kind.LOST, msgspec.msgpack.encode(1), at_ns=START_NS + 4 * SECOND_NS)
        _put(writer, batch(row(1), started=[start], ended=[end]))
    fold(tmp_path)

    assert _ask(tmp_path, "SELECT compute_nano FROM exchanges") == [(2 * PER_SECOND,)]


def test_idle_cost_is_kept_by_hour(tmp_path: Path) -> None:
    """Half an hour of idling before the full hour, then one request."""
    start, end = ran("req-1", 3_600, 3_601)
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1), started=[start], ended=[end]))
    fold(tmp_path)

    hour = START_NS // 3_600 // SECOND_NS
    assert _ask(tmp_path, "SELECT hour, idle_nano FROM compute_hours") == [
        (hour, 1_800 * PER_SECOND),
        (hour + 1, 1_800 * PER_SECOND),
    ]


def test_a_row_of_an_older_version_gets_the_defaults_of_newer_fields(tmp_path: Path) -> None:
    """A journal may outlive an upgrade; fields are only ever added at the end."""
    body = msgspec.msgpack.decode(msgspec.msgpack.encode(batch(row(1))))
    body[3][0] = body[3][0][:-2]
    with _journal(tmp_path) as writer:
        writer.append(Kind.BATCH, msgspec.msgpack.encode(body), at_ns=START_NS, rows=1)

    assert fold(tmp_path) == 1
    assert _ask(tmp_path, "SELECT id, usage_ratio FROM exchanges") == [("req-1", None)]


def test_without_a_journal_there_is_nothing_to_do(tmp_path: Path) -> None:
    """And nothing is made: a look must not leave an empty ledger behind."""
    assert fold(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_child_process_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer passes this line on to the log."""
    monkeypatch.setattr("os.nice", lambda _: 0)
    with _journal(tmp_path) as writer:
        _put(writer, batch(row(1)))
    (tmp_path / "ledger.db").write_bytes(b"no database at all " * 100)

    assert main([str(tmp_path)]) == UnavailableError.exit_code
    assert "not a database" in capsys.readouterr().err
