"""The process that moves hours: once an hour, if there is something to move, and a failure is said once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from offramp.migrate.history.keep import keep
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store import schema
from offramp.store.fold import fold
from offramp.store.move_child import FIRST_AFTER_S, MOVE_EVERY_S, Keeping, MoveChild
from tests.migrate.history.whereabouts import in_sqlite, states
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, batch, row

WITHIN_S = 30.0
LONG_AGO_NS = START_NS - 24_000 * NS_PER_HOUR


def _ignore(_: str) -> None:
    pass


def _child(folder: Path, *, on_error: Callable[[str], None] = _ignore, keeping: Keeping | None = None) -> MoveChild:
    return MoveChild(folder, keeping or Keeping(), on_error=on_error, clock_ns=time.time_ns)


def _tick_until_idle(child: MoveChild, now_s: float) -> None:
    until_s = time.monotonic() + WITHIN_S
    while child.is_running:
        assert time.monotonic() < until_s
        threading.Event().wait(0.02)
        child.tick(now_s)


def test_a_closed_hour_is_moved_after_the_first_minutes_and_then_once_an_hour(tmp_path: Path) -> None:
    """The whole way: our own process, from the gateway's clock to a file."""
    fill(tmp_path, [batch(row(1, started_ns=LONG_AGO_NS))])
    fold(tmp_path)
    child = _child(tmp_path)
    child.tick(100.0)
    begins = (child.is_running, child.wait_s(100.0))
    child.tick(100.0 + FIRST_AFTER_S)
    started = child.is_running
    _tick_until_idle(child, 100.0 + FIRST_AFTER_S)

    assert begins == (False, FIRST_AFTER_S)
    assert started
    assert (in_sqlite(tmp_path), len(states(tmp_path))) == (0, 1)
    assert child.wait_s(100.0 + FIRST_AFTER_S) == MOVE_EVERY_S


def test_where_nothing_is_closed_no_process_is_started(tmp_path: Path) -> None:
    """Loading DuckDB every hour to find out that nobody asked anything would be a waste."""
    fill(tmp_path, [batch(row(1, started_ns=time.time_ns()))])
    fold(tmp_path)
    child = _child(tmp_path)
    child.tick(0.0)
    child.tick(FIRST_AFTER_S)

    assert not child.is_running


def test_a_failure_is_said_once_and_tried_again(tmp_path: Path) -> None:
    """Every hour the same line would bury the log."""
    fill(tmp_path, [batch(row(1, started_ns=LONG_AGO_NS))])
    fold(tmp_path)
    (tmp_path / "history").write_text("a file where the folder should be")
    said: list[str] = []
    child = _child(tmp_path, on_error=said.append)
    for now_s in (0.0, FIRST_AFTER_S, FIRST_AFTER_S + MOVE_EVERY_S):
        child.tick(now_s)
        _tick_until_idle(child, now_s)

    assert len(said) == 1
    assert "they stay in it" in said[0]
    assert in_sqlite(tmp_path) == 1


def test_where_duckdb_is_left_out_that_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A serving image has none: hours stay in the ledger, and nobody reads a traceback every hour."""
    fill(tmp_path, [batch(row(1, started_ns=LONG_AGO_NS))])
    fold(tmp_path)
    monkeypatch.setattr("offramp.store.move_child.find_spec", lambda _: None)
    said: list[str] = []
    child = _child(tmp_path, on_error=said.append)
    for hour in range(3):
        child.tick(100.0 + FIRST_AFTER_S + hour * MOVE_EVERY_S)

    assert not child.is_running
    assert len(said) == 1
    assert "`offramp ledger move` where all of offramp is" in said[0]
    assert in_sqlite(tmp_path) == 1


def test_closing_ends_a_running_move(tmp_path: Path) -> None:
    """A gateway that stops leaves no process behind."""
    fill(tmp_path, [batch(row(1, started_ns=LONG_AGO_NS))])
    fold(tmp_path)
    child = _child(tmp_path)
    child.tick(0.0)
    child.tick(FIRST_AFTER_S)
    child.close()

    assert not child.is_running
    assert in_sqlite(tmp_path) + len(states(tmp_path)) == 1


def test_a_file_past_its_retention_is_reason_enough(tmp_path: Path) -> None:
    """A gateway that nobody asks any more deletes all the same."""
    fill(tmp_path, [batch(row(1, started_ns=LONG_AGO_NS))])
    keep(tmp_path, now_ns=LONG_AGO_NS + 10 * NS_PER_HOUR, after_h=6)
    day_30_ns = LONG_AGO_NS + 31 * 24 * NS_PER_HOUR

    assert not Keeping().is_due(tmp_path, day_30_ns)
    assert not Keeping(retention_days=90).is_due(tmp_path, day_30_ns)
    assert Keeping(retention_days=30).is_due(tmp_path, day_30_ns)


@pytest.mark.parametrize("content", ["", "no database"])
def test_what_cannot_be_read_is_not_due(tmp_path: Path, content: str) -> None:
    """The fold says what is wrong with it; a process for each hour would add nothing."""
    (tmp_path / "ledger.db").write_text(content)

    assert not Keeping().is_due(tmp_path, START_NS)


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    """No ledger yet: nothing is due, and there is still no ledger."""
    assert not Keeping().is_due(tmp_path, START_NS)
    assert list(tmp_path.iterdir()) == []
    schema.open_ledger(tmp_path).close()
    assert not Keeping().is_due(tmp_path, START_NS)
