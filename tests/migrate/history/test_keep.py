"""Retention: whole days of single requests go, the sums stay, and it is said."""

from pathlib import Path

import pytest

from offramp.migrate.history.files import HistoryFile
from offramp.migrate.history.keep import keep
from offramp.migrate.history.merge import MERGED_ROWS, groups
from offramp.migrate.history.shelf import Step
from offramp.migrate.ledger.report import summary
from offramp.migrate.ledger.selection import NS_PER_DAY
from offramp.migrate.ledger.view import NoLedgerError
from offramp.pricing.compute import NS_PER_HOUR
from tests.migrate.history.whereabouts import everything, in_sqlite, on_disk, states, sums
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, batch, row


def _days(folder: Path, count: int) -> None:
    fill(folder, [batch(*(row(n, started_ns=START_NS + n * NS_PER_DAY) for n in range(count)))])


def test_days_past_the_retention_are_deleted_and_their_sums_stay(tmp_path: Path) -> None:
    """Seven days after today: the days from the eighth back are gone."""
    _days(tmp_path, 10)
    before = sums(tmp_path)
    kept = keep(tmp_path, now_ns=START_NS + 9 * NS_PER_DAY + 7 * NS_PER_HOUR, after_h=6, retention_days=7)
    history = summary(tmp_path)["history"]

    assert kept.expired == 2
    assert [one[0] for one in everything(tmp_path)[0]] == [f"req-{n}" for n in range(2, 10)]
    assert sums(tmp_path) == before
    assert isinstance(history, dict)
    assert (history["requests"], history["expired"]) == (8, 2)
    assert on_disk(tmp_path) == set(states(tmp_path))


def test_what_is_past_its_retention_goes_before_anything_is_written(tmp_path: Path) -> None:
    """On a full disk it is the only thing that can help."""
    _days(tmp_path, 2)
    keep(tmp_path, now_ns=START_NS + 3 * NS_PER_DAY, after_h=6)
    fill(tmp_path, [batch(row(9, started_ns=START_NS + 3 * NS_PER_DAY))])
    steps: list[Step] = []
    keep(tmp_path, now_ns=START_NS + 20 * NS_PER_DAY, after_h=6, retention_days=17, on_step=steps.append)

    assert steps[:6] == [Step.COMMITTED, Step.CHECKPOINTED, *[Step.UNLINKED, Step.ERASED] * 2]
    assert steps[6] is Step.WRITTEN


def test_without_retention_nothing_is_deleted(tmp_path: Path) -> None:
    """However old."""
    _days(tmp_path, 3)
    kept = keep(tmp_path, now_ns=START_NS + 10_000 * NS_PER_DAY, after_h=6)

    assert (kept.moved, kept.expired) == (3, 0)
    assert len(everything(tmp_path)[0]) == 3


def test_what_comes_later_than_its_retention_goes_with_the_next_move(tmp_path: Path) -> None:
    """A spool from long ago is counted in the sums, and then gone like the rest of its day."""
    now_ns = START_NS + 20 * NS_PER_DAY
    fill(tmp_path, [batch(row(1))])
    keep(tmp_path, now_ns=now_ns, after_h=6, retention_days=7)
    fill(tmp_path, [batch(row(2))])
    keep(tmp_path, now_ns=now_ns, after_h=8_760, retention_days=7)
    history = summary(tmp_path)["history"]

    assert in_sqlite(tmp_path) == 0
    assert on_disk(tmp_path) == set()
    assert isinstance(history, dict)
    assert history["expired"] == summary(tmp_path)["requests"] == 2


def test_no_ledger_is_said(tmp_path: Path) -> None:
    """Nothing is made where nothing was."""
    with pytest.raises(NoLedgerError):
        keep(tmp_path, now_ns=START_NS, after_h=6)
    assert list(tmp_path.iterdir()) == []


def test_what_has_left_the_database_leaves_its_file_too(tmp_path: Path) -> None:
    """The file on disk gets smaller, not only emptier."""
    rows = [row(n, model_asked="m" * 2_000) for n in range(15_000)]
    fill(tmp_path, [batch(*rows[n : n + 1_000]) for n in range(0, 15_000, 1_000)])
    everything(tmp_path)
    before_bytes = (tmp_path / "ledger.db").stat().st_size
    keep(tmp_path, now_ns=START_NS + NS_PER_DAY, after_h=6)

    assert (tmp_path / "ledger.db").stat().st_size < before_bytes - 15_000 * 2_000 + (24 << 20)


def _file(name: str, rows: int, *, hour: int = 0, format_: int = 1) -> HistoryFile:
    first_ns = START_NS + hour * NS_PER_HOUR
    return HistoryFile(file=name, format=format_, rows=rows, first_ns=first_ns, last_ns=first_ns, size_bytes=1, crc32=0)


def test_files_of_a_day_that_is_over_are_merged_up_to_a_size() -> None:
    """A file alone is left alone, and so is one that only a newer version understands."""
    half = MERGED_ROWS // 2
    files = [
        _file("a", half),
        _file("b", half, hour=1),
        _file("c", 1, hour=2),
        _file("d", MERGED_ROWS, hour=3),
        _file("e", 1, hour=4, format_=99),
        _file("next day", 1, hour=20),
        _file("not over", 1, hour=44),
        _file("not over either", 1, hour=45),
    ]
    found = [[one.file for one in group] for _, group in groups(files, START_NS + 45 * NS_PER_HOUR)]

    assert found == [["a", "b"]]
