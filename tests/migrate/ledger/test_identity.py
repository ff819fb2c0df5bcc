"""Paid by requests + in flight + idle is the bill, in the files, whatever happened to those who wrote them."""

import sqlite3
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.ledger.report import machines
from offramp.migrate.ledger.view import open_view
from offramp.pricing.compute import Billed, ComputePrice
from offramp.store import journal, schema
from offramp.store.fold import FoldStep
from offramp.store.journal import Journal, Kind
from offramp.store.records import Began, compute_records
from offramp.store.rows import ComputeEnded, ComputeStarted
from tests.store.samples import SECOND_NS, START_NS, batch, row

INSTANCES = ("local@10.0.0.1:80", "local@10.0.0.2:80", "gpu@10.0.0.3:80")
WORKERS = 3


class Gateway:
    """Several workers, their supervisor's journal and now and then a fold, driven by chance."""

    def __init__(self, folder: Path, chance: Random, *, workers: int) -> None:
        """Started with some prices."""
        self.folder, self.chance, self.workers = folder, chance, workers
        self.journal = Journal(folder / "journal.db")
        self.now_ns = START_NS
        self.in_flight: dict[int, list[ComputeStarted]] = {}
        self.written = 0
        self.begin()

    def begin(self) -> None:
        """A new writer, after whatever death."""
        self.in_flight = {number: [] for number in range(self.workers)}
        self._put(Kind.STARTED, Began(workers=self.workers))
        self.prices()

    def prices(self) -> None:
        """Some instances are configured, at some price."""
        chosen = self.chance.sample(INSTANCES, self.chance.randint(0, len(INSTANCES)))
        prices = {
            name: ComputePrice(
                nano_per_hour=Fraction(self.chance.randint(0, 10**13), self.chance.randint(1, 997)),
                billed=self.chance.choice(list(Billed)),
            )
            for name in chosen
        }
        self._put(Kind.COMPUTES, compute_records(prices))

    def lose(self) -> None:
        """A worker dies."""
        number = self.chance.randrange(self.workers)
        self.in_flight[number] = []
        self._put(Kind.LOST, number)

    def work(self) -> None:
        """A worker's batch: some begin, some end, most of those that end come with their row, which may be late."""
        number = self.chance.randrange(self.workers)
        began = [
            ComputeStarted(self.chance.choice(INSTANCES), self._moment()) for _ in range(self.chance.randint(0, 4))
        ]
        mine = self.in_flight[number] + began
        self.chance.shuffle(mine)
        cut = self.chance.randint(0, len(mine))
        ended, self.in_flight[number] = mine[:cut], mine[cut:]
        ends, rows = [], []
        for start in ended:
            self.written += 1
            ends.append(ComputeEnded(start.instance, start.at_ns, self._moment(), f"req-{self.written}"))
            if self.chance.random() < 0.9:
                rows.append(row(self.written, started_ns=start.at_ns))
        if self.chance.random() < 0.1:
            ends.clear()
        self._put(Kind.BATCH, batch(*rows, worker=number, started=began, ended=ends), rows=len(rows))

    def fold(self) -> None:
        """A step of a fold, at this moment."""
        with (
            closing(schema.open_ledger(self.folder)) as ledger,
            closing(journal.connect(self.folder / "journal.db")) as source,
        ):
            step = FoldStep(ledger, journal.token(source), now_ns=self.now_ns)
            if step.run(source) and self.chance.random() < 0.8:
                journal.delete(source, until=step.folded_id)

    def _moment(self) -> int:
        """Within the last second; clocks of machines jump, too."""
        return self.now_ns - self.chance.randint(-SECOND_NS // 10, SECOND_NS)

    def _put(self, kind: Kind, message: object, *, rows: int = 0) -> None:
        self.now_ns += self.chance.randint(0, SECOND_NS)
        self.journal.append(kind, msgspec.msgpack.encode(message), at_ns=self.now_ns, rows=rows)


@given(seed=st.integers(0, 2**32), workers=st.sampled_from([1, WORKERS]), turns=st.integers(1, 60))
@settings(max_examples=60)
def test_paid_and_in_flight_and_idle_are_the_bill(seed: int, workers: int, turns: int) -> None:
    """To the last nano-dollar, with skewed clocks, reloads, restarts, dead workers, lost rows and folds in between."""
    chance = Random(seed)  # noqa: S311 -- a test's history
    with TemporaryDirectory() as name:
        folder = Path(name)
        gateway = Gateway(folder, chance, workers=workers)
        actions = [gateway.work] * 12 + [gateway.fold] * 4 + [gateway.prices, gateway.begin, gateway.lose]
        for _ in range(turns):
            chance.choice(actions)()
        gateway.journal.close()
        with open_view(folder, now_ns=gateway.now_ns + 3_600 * SECOND_NS) as view:
            found = machines(view)
        with closing(sqlite3.connect(folder / "ledger.db")) as connection:
            paid = connection.execute("SELECT coalesce(sum(compute_nano), 0) FROM exchanges").fetchone()[0]
            in_hours = connection.execute("SELECT coalesce(sum(compute_nano), 0) FROM hours").fetchone()[0]

    for machine in found.values():
        parts = {what: _nano(machine[f"{what}_usd"]) for what in ("bill", "requests", "in_flight", "idle")}
        assert parts["requests"] + parts["in_flight"] + parts["idle"] == parts["bill"]
        assert min(parts.values()) >= 0
    assert paid == in_hours == sum(_nano(machine["requests_usd"]) for machine in found.values())


def _nano(usd: str) -> int:
    return int(Fraction(usd) * 10**9)
