"""Whoever looks sees everything, whether or not the ledger may be written."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from offramp.errors import UnavailableError
from offramp.migrate.ledger import query
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import NoLedgerError, open_view
from offramp.pricing.compute import per_hour
from offramp.store import schema
from offramp.store.state import NewerStateError
from offramp.store.writer import LedgerWriter
from tests.migrate.ledger.filled import fill
from tests.store.samples import INSTANCE, SECOND_NS, START_NS, batch, ran, row

EVERYTHING = Selection()


@contextmanager
def _full_disk() -> Iterator[None]:
    """No file may grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_no_ledger_is_said_with_what_to_do(tmp_path: Path) -> None:
    """And the folder stays as it was."""
    with pytest.raises(NoLedgerError, match=r"no ledger in .*: `offramp serve --state"), open_view(tmp_path):
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_nobody_folded_is_folded(tmp_path: Path) -> None:
    """The gateway stopped before its minute was over."""
    fill(tmp_path, [batch(row(1), row(2))])
    with open_view(tmp_path) as view:
        assert query.sums(view, EVERYTHING).requests == 2
        assert view.note == ""


def test_what_cannot_be_folded_is_read_in_memory(tmp_path: Path) -> None:
    """The disk is full: one part is in the ledger, one in the journal; sums and rows are over both."""
    start, end = ran("req-1", 0, 1)
    prices = {INSTANCE: per_hour(Decimal(3))}
    fill(tmp_path, [batch(row(1), started=[start], ended=[end])], computes=prices)
    with open_view(tmp_path, now_ns=START_NS):
        pass
    start, end = ran("req-2", 2, 3)
    writer = LedgerWriter(tmp_path, on_error=print, computes=prices, clock=lambda: START_NS + SECOND_NS)
    writer.submit(batch(row(2, team="sales"), started=[start], ended=[end], dropped=1))
    assert writer.flush(10)
    with _full_disk(), open_view(tmp_path, now_ns=START_NS + 3_600 * SECOND_NS) as view:
        total = query.sums(view, EVERYTHING)
        teams = {name: sums.requests for name, sums in query.groups(view, EVERYTHING, query.By.TEAM).items()}
        rows = [one["id"] for one in query.rows(view, EVERYTHING, 10)]
        idle_nano = query.idle_nano(view, EVERYTHING)
        hours = Selection(since_ns=START_NS - 1_800 * SECOND_NS, until_ns=START_NS + 5_400 * SECOND_NS)
        idle_in_hours = query.idle_nano(view, hours)
        note, dropped = view.note, query.dropped(view, EVERYTHING)
    writer.close()

    assert (total.requests, total.compute, total.unpriced) == (2, 2 * 3 * 10**9 // 3_600, 0)
    assert teams == {"sales": 1, "support": 1}
    assert rows == ["req-1", "req-2"]
    assert idle_nano == 3 * 10**9 - total.compute
    assert idle_in_hours is not None
    assert abs(idle_in_hours - idle_nano) <= 1
    assert "read in memory" in note
    assert dropped == 1
    with open_view(tmp_path) as view:
        assert query.sums(view, EVERYTHING).requests == 2


def test_a_ledger_of_a_newer_version_is_not_misread(tmp_path: Path) -> None:
    """Figures of tables that this version does not understand would be wrong figures."""
    fill(tmp_path, [batch(row(1))])
    ledger = schema.open_ledger(tmp_path)
    ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()

    with pytest.raises(NewerStateError, match="newer version"), open_view(tmp_path):
        pass


def test_a_damaged_ledger_is_one_clear_line(tmp_path: Path) -> None:
    """Not a traceback."""
    fill(tmp_path, [batch(row(1))])
    (tmp_path / "ledger.db").write_bytes(b"no database at all " * 100)

    with pytest.raises(UnavailableError, match="cannot be read: file is not a database"), open_view(tmp_path):
        pass
