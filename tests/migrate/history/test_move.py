"""What is moved, what is not yet, and that what was moved is what there was."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from offramp.migrate.history.columns import FILE
from offramp.migrate.history.keep import keep
from offramp.migrate.history.kept import Kept
from offramp.migrate.history.shelf import Step
from offramp.pricing.compute import NS_PER_HOUR, per_hour
from offramp.store.fold import fold
from offramp.store.writer import LedgerWriter
from tests.migrate.history.whereabouts import assert_settled, everything, in_sqlite, places, states, sums
from tests.migrate.ledger.filled import fill
from tests.store.samples import INSTANCE, SECOND_NS, START_NS, batch, ran, row

HOUR_NS = START_NS // NS_PER_HOUR * NS_PER_HOUR


def _move(folder: Path, now_ns: int, *, after_h: int = 6, part_rows: int = 200_000) -> Kept:
    return keep(folder, now_ns=now_ns, after_h=after_h, part_rows=part_rows)


def test_only_hours_that_ended_long_enough_ago_are_moved(tmp_path: Path) -> None:
    """An hour moves as a whole: from 13:00 on, with six hours, the one from 06:00 to 07:00."""
    fill(tmp_path, [batch(*(row(n, started_ns=HOUR_NS + n * NS_PER_HOUR) for n in range(3)))])
    moved = [_move(tmp_path, HOUR_NS + 7 * NS_PER_HOUR + minus).moved for minus in (-1, 0)]

    assert moved == [0, 1]
    assert in_sqlite(tmp_path) == 2
    assert [name[:13] for name in states(tmp_path)] == ["2026-11-21/07"]


def test_an_hour_of_many_requests_moves_in_parts(tmp_path: Path) -> None:
    """Each within one short transaction; requests of one nanosecond stay together, however many they are."""
    at = [HOUR_NS + n // 5 for n in range(20)]
    fill(tmp_path, [batch(*(row(n, started_ns=at_ns) for n, at_ns in enumerate(at)))])
    before = everything(tmp_path)
    steps: list[Step] = []
    keep(tmp_path, now_ns=HOUR_NS + 8 * NS_PER_HOUR, after_h=6, part_rows=2, on_step=steps.append)

    assert steps.count(Step.COMMITTED) == 4
    assert everything(tmp_path) == before
    assert set(places(tmp_path).values()) == {1}


def test_a_row_that_comes_late_gets_a_file_of_its_own_and_is_merged(tmp_path: Path) -> None:
    """A spool that was emptied days later: nothing has to be rewritten for it, and nothing stays scattered."""
    fill(tmp_path, [batch(row(1)), batch(row(2, started_ns=START_NS + 1))])
    _move(tmp_path, START_NS + 10 * NS_PER_HOUR)
    fill(tmp_path, [batch(row(3, started_ns=START_NS + 5))])
    late = everything(tmp_path)
    files_before, rows_before = len(states(tmp_path)), in_sqlite(tmp_path)
    _move(tmp_path, START_NS + 10 * NS_PER_HOUR)
    files_then = len(states(tmp_path))
    kept = _move(tmp_path, START_NS + 48 * NS_PER_HOUR)

    assert (files_before, rows_before, files_then, kept.merged) == (1, 1, 2, 2)
    assert everything(tmp_path) == late
    assert len(late[0]) == 3
    assert_settled(tmp_path)


def test_a_row_that_comes_while_its_hour_is_moved_stays_where_it_is(tmp_path: Path) -> None:
    """It is not in the copy, so it must not be deleted with it."""
    fill(tmp_path, [batch(row(1), row(3))])

    def come(step: Step) -> None:
        if step is Step.WRITTEN:
            fill(tmp_path, [batch(row(2))])
            fold(tmp_path)

    kept = keep(tmp_path, now_ns=START_NS + 10 * NS_PER_HOUR, after_h=6, on_step=come)

    assert kept.moved == 2
    assert in_sqlite(tmp_path) == 1
    assert [one[0] for one in everything(tmp_path)[0]] == ["req-1", "req-2", "req-3"]


def test_what_changes_while_it_is_copied_is_copied_again(tmp_path: Path) -> None:
    """Whoever it was: the file is thrown away, the rows stay, the next move takes them as they are then."""
    fill(tmp_path, [batch(row(1), row(2))])

    def change(step: Step) -> None:
        if step is Step.FOLDER_SYNCED:
            with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
                ledger.execute("UPDATE exchanges SET cost_nano = cost_nano + 7 WHERE seq = 1")
                ledger.commit()

    first = keep(tmp_path, now_ns=START_NS + 10 * NS_PER_HOUR, after_h=6, on_step=change)
    rows_then, states_then = in_sqlite(tmp_path), states(tmp_path)
    second = _move(tmp_path, START_NS + 10 * NS_PER_HOUR)

    assert (first.moved, rows_then, states_then, second.moved) == (0, 2, {}, 2)
    assert_settled(tmp_path)


def test_an_exchange_whose_share_is_not_known_yet_is_not_moved(tmp_path: Path) -> None:
    """With several workers an end waits for its turn. In the history nothing could be added to the cost any more."""
    soon_ns = 4_000_000_000 * SECOND_NS
    offset_s = (soon_ns - START_NS) / SECOND_NS
    events = ran("req-1", offset_s, offset_s + 3_600)
    said: list[str] = []
    writer = LedgerWriter(
        tmp_path, on_error=said.append, computes={INSTANCE: per_hour(Decimal(1))}, workers=2, clock=lambda: START_NS
    )
    writer.submit(batch(row(1, started_ns=soon_ns), started=[events[0]], ended=[events[1]]))
    writer.submit(batch(row(2, started_ns=soon_ns)))
    assert writer.close(timeout_s=20.0)
    later_ns = soon_ns + 100 * NS_PER_HOUR
    too_early = _move(tmp_path, later_ns)
    fold(tmp_path, clock_ns=lambda: later_ns)
    costs = sums(tmp_path)["cost_usd"]
    in_time = _move(tmp_path, later_ns)

    assert (too_early.moved, in_time.moved) == (0, 2)
    assert costs == sums(tmp_path)["cost_usd"] == "1"
    assert sorted(str(one[39]) for one in everything(tmp_path)[0]) == ["0", "1000000000"]


def test_clocks_that_were_wrong_lose_nothing(tmp_path: Path) -> None:
    """1970 has closed; 2100 is still to come, and its rows stay where they are until then."""
    far_ns = 4_102_444_800 * SECOND_NS
    fill(tmp_path, [batch(row(1, started_ns=5), row(2, started_ns=far_ns), row(3))])
    before = everything(tmp_path)
    kept = _move(tmp_path, START_NS + 10 * NS_PER_HOUR)

    assert kept.moved == 2
    assert sorted(name[:13] for name in states(tmp_path)) == ["1970-01-01/00", "2026-11-21/07"]
    assert everything(tmp_path) == before


def test_a_clock_that_went_back_moves_nothing(tmp_path: Path) -> None:
    """What was the past is the future now."""
    fill(tmp_path, [batch(row(1))])

    assert _move(tmp_path, START_NS - 1_000 * NS_PER_HOUR).moved == 0
    assert in_sqlite(tmp_path) == 1


def test_sums_per_hour_and_numbers_of_rows_go_on_after_a_move(tmp_path: Path) -> None:
    """A number is never given twice, and what was moved is counted once."""
    fill(tmp_path, [batch(row(1), row(2))])
    before = sums(tmp_path)
    _move(tmp_path, START_NS + 10 * NS_PER_HOUR)
    then = sums(tmp_path)
    fill(tmp_path, [batch(row(3))])

    assert then == before
    assert sums(tmp_path)["requests"] == 3
    assert sorted(places(tmp_path).items()) == [(1, 1), (2, 1), (3, 1)]


def test_a_file_has_the_columns_of_the_ledger_in_the_order_of_arrival(tmp_path: Path) -> None:
    """So that anybody's tools can read it, and DuckDB leaves out what is not of the time that is asked for."""
    fill(tmp_path, [batch(*(row(n, started_ns=START_NS + n * 7 % 10) for n in range(10)))])
    _move(tmp_path, START_NS + 10 * NS_PER_HOUR)
    (name,) = states(tmp_path)
    path = str(tmp_path / "history" / name)
    described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    times = [at for (at,) in duckdb.execute("SELECT started_ns FROM read_parquet(?)", [path]).fetchall()]

    assert {one[0]: one[1].replace('"', "") for one in described} == FILE
    assert times == sorted(times)
    assert (tmp_path / "history" / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("left", ["2026-11-21/07-0badcafe.parquet", "notes.txt", ".scratch/old/lines.csv"])
def test_a_move_deletes_nothing_but_its_own(tmp_path: Path, left: str) -> None:
    """A file that the ledger does not know may be somebody's only copy: from a ledger that was deleted, say."""
    fill(tmp_path, [batch(row(1))])
    path = tmp_path / "history" / left
    path.parent.mkdir(parents=True)
    path.write_text("something")
    _move(tmp_path, START_NS + 10 * NS_PER_HOUR)
    _move(tmp_path, START_NS + 48 * NS_PER_HOUR)

    assert path.exists() == (not left.startswith(".scratch"))
