"""Rows wait for the next flush, in order, and are counted where they do not fit."""

import pytest

from offramp.compose import ledger
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.store.rows import Batch, ComputeEnded, ComputeStarted
from tests.store.samples import row


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A bound that a test can reach."""
    monkeypatch.setattr(ledger, "MAX_ROWS", 3)
    return 3


def test_a_flush_hands_over_what_happened_since_the_last_one() -> None:
    """Everything once, in its order, with the number of the worker."""
    batches: list[Batch] = []
    buffer = LedgerBuffer(2, batches.append)
    buffer.compute_started("local@h:1", 10)
    buffer.row(row(id="a"))
    buffer.row(row(id="b"))
    buffer.flush()
    buffer.compute_ended("local@h:1", 10, 30, "b")
    buffer.flush()

    first, second = batches
    assert (first.worker, [kept.id for kept in first.rows]) == (2, ["a", "b"])
    assert (first.started, first.ended) == ([ComputeStarted("local@h:1", 10)], [])
    assert (second.started, second.ended, second.rows) == ([], [ComputeEnded("local@h:1", 10, 30, "b")], [])


def test_where_nothing_happened_nothing_is_handed_over() -> None:
    """Ten empty batches a second would be work for nothing."""
    batches: list[Batch] = []
    LedgerBuffer(0, batches.append).flush()

    assert batches == []


def test_rows_that_do_not_fit_are_counted_and_told(small: int) -> None:
    """A gap in the books that nobody knows of is a lie; the next batch says how many are missing."""
    batches: list[Batch] = []
    buffer = LedgerBuffer(0, batches.append)
    for number in range(small + 2):
        buffer.row(row(id=str(number)))
    buffer.flush()
    buffer.row(row(id="later"))
    buffer.flush()

    assert [len(batch.rows) for batch in batches] == [small, 1]
    assert [batch.dropped for batch in batches] == [2, 0]
    assert buffer.dropped == 2


def test_without_a_ledger_everything_is_forgotten() -> None:
    """`ledger.enabled: false` costs nothing and fails nowhere."""
    nothing = NoLedger()
    nothing.row(row(id="a"))
    nothing.compute_started("local@h:1", 1)
    nothing.compute_ended("local@h:1", 1, 2, "a")
    nothing.flush()

    assert nothing.dropped == 0
