"""The writer's thread: what it is given is in the journal, and what it cannot keep is counted."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from offramp.pricing.compute import NS_PER_HOUR, per_hour
from offramp.store import journal, schema
from offramp.store.fold import fold
from offramp.store.journal import Kind, Record
from offramp.store.move_child import Keeping
from offramp.store.records import Began, Compute
from offramp.store.rows import Batch
from offramp.store.writer import LedgerWriter
from tests.store.samples import INSTANCE, START_NS, batch, ran, row

WITHIN_S = 10.0


@contextmanager
def _writer(folder: Path, *, queue_bytes: int = 1 << 20, workers: int = 1) -> Iterator[tuple[LedgerWriter, list[str]]]:
    said: list[str] = []
    writer = LedgerWriter(
        folder,
        on_error=said.append,
        computes={INSTANCE: per_hour(Decimal(1))},
        workers=workers,
        queue_bytes=queue_bytes,
        clock=lambda: START_NS,
    )
    try:
        yield writer, said
    finally:
        writer.close()


def _records(folder: Path) -> list[Record]:
    with closing(journal.connect(folder / "journal.db")) as connection:
        return journal.read(connection, after=0, rows=1_000_000)


def _batches(folder: Path) -> list[Batch]:
    decode = msgspec.msgpack.Decoder(Batch).decode
    return [decode(record.body) for record in _records(folder) if record.kind is Kind.BATCH]


def test_it_moves_closed_hours_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the queue is busy as well as when nothing comes; without a word in the log."""
    monkeypatch.setattr("offramp.store.move_child.FIRST_AFTER_S", 0.1)
    with _writer(tmp_path) as (writer, _):
        writer.submit(batch(row(1)))
    fold(tmp_path)
    said: list[str] = []
    writer = LedgerWriter(
        tmp_path, on_error=said.append, keeping=Keeping(after_h=1), clock=lambda: START_NS + 2 * NS_PER_HOUR
    )
    until_s = time.monotonic() + WITHIN_S
    while not list(tmp_path.glob("history/*/*.parquet")):
        assert time.monotonic() < until_s
        writer.submit(batch(row(2)))
        threading.Event().wait(0.05)
    writer.close()

    assert said == []


def test_it_begins_with_who_writes_and_what_machines_cost(tmp_path: Path) -> None:
    """The meters must know both before the first event."""
    with _writer(tmp_path, workers=3) as (writer, _):
        assert writer.flush(WITHIN_S)
    first, second = _records(tmp_path)

    assert (first.kind, first.at_ns) == (Kind.STARTED, START_NS)
    assert msgspec.msgpack.decode(first.body, type=Began) == Began(workers=3)
    assert second.kind is Kind.COMPUTES
    assert msgspec.msgpack.decode(second.body, type=list[Compute]) == [Compute(INSTANCE, "1000000000", "always")]


def test_a_batch_is_in_the_journal_when_flush_returns(tmp_path: Path) -> None:
    """And its lists could be reused as soon as submit had returned."""
    rows = [row(1), row(2)]
    with _writer(tmp_path) as (writer, _):
        assert writer.submit(Batch(worker=0, started=[], ended=[], rows=rows, dropped=0))
        rows.clear()
        assert writer.flush(WITHIN_S)
        stored = _batches(tmp_path)

        assert stored == [batch(row(1), row(2))]
        assert (writer.queued, writer.dropped) == (0, 0)


def test_close_writes_what_is_queued(tmp_path: Path) -> None:
    """TERM loses nothing."""
    with _writer(tmp_path) as (writer, said):
        for number in range(200):
            writer.submit(batch(row(number)))
        assert writer.close()

    assert [one.rows[0].id for one in _batches(tmp_path)] == [f"req-{number}" for number in range(200)]
    assert said == []


def test_an_empty_batch_is_no_record(tmp_path: Path) -> None:
    """An idle gateway must not fill its disk."""
    with _writer(tmp_path) as (writer, _):
        assert writer.submit(batch())
        writer.flush(WITHIN_S)

    assert _batches(tmp_path) == []


def test_a_worker_s_encoded_batch_is_stored_as_it_came(tmp_path: Path) -> None:
    """The supervisor need not decode what it only passes on."""
    body = msgspec.msgpack.encode(batch(row(1), row(2), worker=4))
    with _writer(tmp_path) as (writer, _):
        assert writer.submit_encoded(body, rows=2)
        writer.flush(WITHIN_S)
    record = next(record for record in _records(tmp_path) if record.kind is Kind.BATCH)

    assert (record.body, record.rows) == (body, 2)


def test_new_prices_and_dead_workers_are_records_too(tmp_path: Path) -> None:
    """In the order in which they were told."""
    with _writer(tmp_path) as (writer, _):
        writer.set_computes({})
        writer.lost(3)
        writer.flush(WITHIN_S)
    prices, lost = _records(tmp_path)[-2:]

    assert (prices.kind, msgspec.msgpack.decode(prices.body)) == (Kind.COMPUTES, [])
    assert (lost.kind, msgspec.msgpack.decode(lost.body)) == (Kind.LOST, 3)


@pytest.mark.parametrize("encoded", [False, True])
def test_what_does_not_fit_into_the_queue_is_refused_and_its_events_follow_later(
    tmp_path: Path,
    encoded: bool,  # noqa: FBT001
) -> None:
    """The disk is away, the queue is full; when it is back the count and the events of the refused batch arrive."""
    (tmp_path / "state").write_text("in the way")
    start, end = ran("req-1", 0, 1)
    refused = batch(*(row(number) for number in range(50)), started=[start])
    with _writer(tmp_path / "state", queue_bytes=3_000) as (writer, said):
        assert writer.submit(batch(row(0)))
        if encoded:
            assert not writer.submit_encoded(msgspec.msgpack.encode(refused), rows=50)
        else:
            assert not writer.submit(refused)
        assert writer.dropped == 50
        _wait(lambda: bool(said))
        (tmp_path / "state").unlink()
        if encoded:
            assert writer.submit_encoded(msgspec.msgpack.encode(batch(row(2), ended=[end])), rows=1)
        else:
            assert writer.submit(batch(row(2), ended=[end]))
        assert writer.flush(WITHIN_S)

    kinds = [record.kind for record in _records(tmp_path / "state")]
    assert _batches(tmp_path / "state") == [batch(row(0)), batch(row(2), started=[start], ended=[end])]
    assert kinds.count(Kind.DROPPED) == 1
    assert len(said) == 1


def test_a_damaged_journal_is_put_aside_with_a_word(tmp_path: Path) -> None:
    """The next requests are recorded all the same."""
    (tmp_path / "journal.db").write_bytes(b"not a database at all" * 1_000)
    with _writer(tmp_path) as (writer, said):
        writer.submit(batch(row(1)))
        assert writer.flush(WITHIN_S)

    assert _batches(tmp_path) == [batch(row(1))]
    assert "was damaged" in said[0]


def test_a_newer_ledger_is_said_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    """The journal keeps what the version that understands the ledger will fold."""
    with closing(schema.open_ledger(tmp_path)) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    with _writer(tmp_path) as (writer, said):
        writer.submit(batch(row(1)))
        assert writer.flush(WITHIN_S)

    assert len(said) == 1
    assert "newer version" in said[0]
    assert _batches(tmp_path) == [batch(row(1))]


def test_a_count_left_behind_by_an_earlier_process_is_told_to_the_journal(tmp_path: Path) -> None:
    """It was lost on a full disk at the very end; now there is room."""
    (tmp_path / "ledger.drops").write_text("00000000000000000042")
    with _writer(tmp_path) as (writer, _):
        writer.flush(WITHIN_S)
    told = [msgspec.msgpack.decode(record.body) for record in _records(tmp_path) if record.kind is Kind.DROPPED]

    assert told == [42]
    assert (tmp_path / "ledger.drops").read_text() == "00000000000000000000"


def test_rows_wait_while_the_disk_is_away(tmp_path: Path) -> None:
    """The event loop submits on; the thread keeps what fits until the disk is back."""
    (tmp_path / "state").write_text("in the way")
    with _writer(tmp_path / "state") as (writer, said):
        _wait(lambda: bool(said))
        accepted = [writer.submit(batch(row(number))) for number in range(1_000)]
        waiting = (writer.failing, writer.queued, writer.dropped)
        (tmp_path / "state").unlink()
        assert writer.flush(WITHIN_S)

    assert all(accepted)
    assert waiting == (True, 1_000, 0)
    assert sum(len(one.rows) for one in _batches(tmp_path / "state")) == 1_000


def test_after_the_end_rows_are_refused_and_counted(tmp_path: Path) -> None:
    """Nothing may vanish without a number."""
    with _writer(tmp_path) as (writer, _):
        writer.close()

        assert not writer.submit(batch(row(1)))
        assert writer.dropped == 1


def _wait(condition: object) -> None:
    """Until it holds."""
    assert callable(condition)
    until_s = time.monotonic() + WITHIN_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < until_s
        pause.wait(0.01)
