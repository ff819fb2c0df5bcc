"""The process that folds: one at a time, when it is due, and a failure is said once."""

import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec

from offramp.store import journal
from offramp.store.fold_child import FOLD_AFTER_ROWS, FOLD_AFTER_S, FoldChild
from offramp.store.journal import Journal, Kind
from tests.store.samples import batch, row

WITHIN_S = 20.0


def _filled(folder: Path) -> None:
    writer = Journal(folder / "journal.db")
    writer.append(Kind.BATCH, msgspec.msgpack.encode(batch(row(1))), at_ns=0, rows=1)
    writer.close()


def _ignore(_: str) -> None:
    pass


def _left(folder: Path) -> int:
    with closing(journal.connect(folder / "journal.db")) as connection:
        return len(journal.read(connection, after=0, rows=10))


def _tick_until_idle(child: FoldChild, now_s: float) -> None:
    until_s = time.monotonic() + WITHIN_S
    while child.is_running:
        assert time.monotonic() < until_s
        threading.Event().wait(0.02)
        child.tick(now_s)


def test_rows_are_folded_after_a_minute(tmp_path: Path) -> None:
    """Not before: a process per batch would cost more than it brings."""
    _filled(tmp_path)
    said: list[str] = []
    child = FoldChild(tmp_path, on_error=said.append)
    child.grew(1, now_s=100.0)
    before = (child.is_running, child.wait_s(100.0))
    child.tick(100.0 + FOLD_AFTER_S)
    started = child.is_running
    _tick_until_idle(child, 161.0)

    assert before == (False, FOLD_AFTER_S)
    assert started
    assert _left(tmp_path) == 0
    assert child.wait_s(161.0) is None
    assert said == []


def test_many_rows_are_folded_at_once(tmp_path: Path) -> None:
    """So that a reader never has much left to do."""
    _filled(tmp_path)
    child = FoldChild(tmp_path, on_error=_ignore)
    child.grew(FOLD_AFTER_ROWS, now_s=0.0)
    started = child.is_running
    child.grew(5, now_s=0.0)
    _tick_until_idle(child, 0.0)

    assert started
    assert child.wait_s(0.0) == FOLD_AFTER_S


def test_a_failure_is_said_once_and_tried_again_later(tmp_path: Path) -> None:
    """Every minute the same line would bury the log."""
    _filled(tmp_path)
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 1_000)
    said: list[str] = []
    child = FoldChild(tmp_path, on_error=said.append)
    child.grew(1, now_s=0.0)
    for now_s in (FOLD_AFTER_S, 3 * FOLD_AFTER_S):
        child.tick(now_s)
        _tick_until_idle(child, now_s)

    assert len(said) == 1
    assert "it stays in the journal" in said[0]
    assert "not a database" in said[0]
    assert child.wait_s(3 * FOLD_AFTER_S) == FOLD_AFTER_S


def test_closing_ends_a_running_fold_and_keeps_the_journal(tmp_path: Path) -> None:
    """A gateway that stops leaves no process behind; whoever reads next folds."""
    _filled(tmp_path)
    child = FoldChild(tmp_path, on_error=_ignore)
    child.grew(FOLD_AFTER_ROWS, now_s=0.0)
    child.close()

    assert not child.is_running
    assert _left(tmp_path) in {0, 1}
