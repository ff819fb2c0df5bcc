"""Killed at every step: nothing is lost, nothing doubled, and the next move brings it to its end."""

import random
import shutil
import signal
from pathlib import Path

import pytest

from offramp.migrate.history.relation import open_relation
from offramp.pricing.compute import NS_PER_HOUR
from tests.migrate.history.conftest import Movers
from tests.migrate.history.whereabouts import (
    assert_settled,
    everything,
    in_sqlite,
    on_disk,
    places,
    states,
    sums,
)
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, attempt, batch, row

NOW_NS = START_NS + 100 * NS_PER_HOUR
"""Four days later: the first day is over, the last hours are not yet closed."""

_STEPS = 57
"""Of a move of six parts, the expiry of two of them, a merge of the other four, and the deletion of these six."""

_TRIES = (attempt("local", failure="broken", status=0), attempt("openai", cost_nano=5))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day long ago, two hours of a day that is over, and the present hour."""
    folder = tmp_path_factory.mktemp("original")
    at = [START_NS - 240 * NS_PER_HOUR] * 3 + [START_NS] * 3 + [START_NS + NS_PER_HOUR] * 4 + [NOW_NS] * 2
    rows = [row(n, started_ns=at_ns + n, attempts=1 + n % 2, tries=_TRIES * (n % 2)) for n, at_ns in enumerate(at)]
    fill(folder, [batch(*rows)])
    everything(folder)
    return folder


@pytest.fixture
def ledger(original: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(original, tmp_path / "state"))


def test_a_move_has_so_many_steps(ledger: Path, movers: Movers) -> None:
    """So that the next test kills at every one of them; and this is what a whole move leaves."""
    before = everything(ledger)
    sums_before = sums(ledger)
    ending = movers.run(ledger, NOW_NS, part_rows=2, retention_days=7)

    assert (ending.error, ending.steps) == ("", _STEPS)
    assert (ending.moved, ending.merged, ending.expired, ending.waiting) == (10, 4, 3, 0)
    assert in_sqlite(ledger) == 2
    assert [name.partition("-")[0] for name in states(ledger)] == ["2026"]
    assert everything(ledger)[0] == before[0][3:]
    assert sums(ledger) == sums_before
    assert_settled(ledger)


@pytest.mark.parametrize("step", range(1, _STEPS + 1))
def test_a_mover_killed_after_any_step_loses_and_doubles_nothing(step: int, ledger: Path, movers: Movers) -> None:
    """What a reader sees right after the death is whole; what the next move finds, it finishes."""
    exchanges, attempts = everything(ledger)
    sums_before = sums(ledger)
    ending = movers.run(ledger, NOW_NS, part_rows=2, retention_days=7, die_at=step)
    after_death, places_then = everything(ledger), places(ledger)
    again = movers.run(ledger, NOW_NS, part_rows=2, retention_days=7)

    assert ending.signal == signal.SIGKILL
    # The oldest day goes at one step as a whole; every other exchange is there before and after.
    assert after_death[0] in (exchanges, exchanges[3:])
    assert after_death[1] in (attempts, [one for one in attempts if one[1] != "req-1"])
    assert set(places_then.values()) == {1}
    assert len(places_then) == len(after_death[0])
    assert again.error == ""
    assert everything(ledger)[0] == exchanges[3:]
    assert set(places(ledger).values()) == {1}
    assert sums(ledger) == sums_before
    assert_settled(ledger)


def test_movers_killed_at_any_moment_lose_and_double_nothing(original: Path, tmp_path: Path, movers: Movers) -> None:
    """Not only between the steps: also in the middle of SQLite's and DuckDB's own work."""
    before = everything(original)
    chance = random.Random(7)  # noqa: S311 -- moments to kill at
    killed = 0
    for number in range(6):
        ledger = Path(shutil.copytree(original, tmp_path / str(number)))
        for delay_s in (chance.uniform(0.0, 0.3) for _ in range(3)):
            killed += movers.run(ledger, NOW_NS, part_rows=2, kill_after_s=delay_s).signal == signal.SIGKILL

            assert everything(ledger) == before
            assert set(places(ledger).values()) == {1}
        assert movers.run(ledger, NOW_NS, part_rows=2).error == ""
        assert everything(ledger) == before
        assert_settled(ledger)
    assert killed > 2


def test_of_two_movers_one_works_and_the_other_says_so(
    original: Path, tmp_path: Path, movers: Movers, other_movers: Movers
) -> None:
    """Two gateways on one folder, or a command beside the gateway."""
    before = everything(original)
    busy = 0
    for number in range(3):
        ledger = Path(shutil.copytree(original, tmp_path / str(number)))
        movers.start(ledger, NOW_NS, part_rows=2)
        other_movers.start(ledger, NOW_NS, part_rows=2)
        endings = [movers.ending(), other_movers.ending()]
        busy += sum(one.busy for one in endings)

        assert [one.error for one in endings if not one.busy] in ([""], ["", ""])
        assert sum(one.moved for one in endings) == 10
        assert everything(ledger) == before
        assert set(places(ledger).values()) == {1}
        assert_settled(ledger)
    assert busy


def test_a_reader_keeps_its_moment_while_files_are_replaced(ledger: Path, movers: Movers) -> None:
    """Whoever began before a merge reads the files of before; they are deleted when nobody does any more."""
    movers.run(ledger, NOW_NS - 80 * NS_PER_HOUR, part_rows=2)
    small = on_disk(ledger)
    with open_relation(ledger) as connection:
        merging = movers.run(ledger, NOW_NS, part_rows=2, retention_days=7)
        gone = {name for name, state in states(ledger).items() if state == "gone"}
        counted = connection.execute("SELECT count(*), sum(total_s) FROM exchanges").fetchone()
    later = movers.run(ledger, NOW_NS, part_rows=2, retention_days=7)

    assert merging.waiting == len(gone) > 0
    assert gone <= small
    assert counted == (12, pytest.approx(12 * 0.53))
    assert (later.error, later.waiting) == ("", 0)
    assert_settled(ledger)


@pytest.mark.parametrize("limit_bytes", [1_000, 6_000, 12_000, 40_000])
def test_a_full_disk_is_said_and_loses_nothing(limit_bytes: int, ledger: Path, movers: Movers) -> None:
    """Whatever it is that no longer fits: the text in between, the file, the database."""
    before = everything(ledger)
    ending = movers.run(ledger, NOW_NS, part_rows=2, limit_bytes=limit_bytes)

    assert "cannot be kept" in ending.error or "could not be written" in ending.error
    assert everything(ledger) == before
    assert set(places(ledger).values()) == {1}
    assert movers.run(ledger, NOW_NS, part_rows=2).error == ""
    assert everything(ledger) == before
    assert_settled(ledger)
