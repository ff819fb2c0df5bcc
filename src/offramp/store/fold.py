"""Moves what the journal holds into the ledger's tables, exactly once. Run as `python -m offramp.store.fold STATE`.

The ledger remembers, per journal, the last record it took, and commits that with the rows; only then is the journal
told to forget. A death in between leaves records that the next fold knows to be taken. Needs sqlite3 and msgspec alone.
"""

import os
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from time import time_ns

import msgspec

from offramp.errors import OfframpError, UnavailableError
from offramp.pricing.compute import NS_PER_HOUR
from offramp.pricing.shares import MeterState
from offramp.store import journal, schema, state
from offramp.store.bills import Bills, Charge, Waiting
from offramp.store.columns import (
    DIMENSIONS,
    EXCHANGE,
    MEASURES,
    Bucket,
    Money,
    attempt_values,
    bucket,
    change,
    exchange_values,
    measures,
)
from offramp.store.journal import Kind, Record
from offramp.store.records import Began, Compute
from offramp.store.rows import Batch, ExchangeRow

CHUNK_ROWS = 2_000
"""Exchanges per transaction: enough to be fast, and no more: at the lowest priority beside a busy gateway each takes
seconds, in which a reader's own fold waits."""

_NICENESS = 19

_decode_batch = msgspec.msgpack.Decoder(Batch).decode
_decode_began = msgspec.msgpack.Decoder(Began).decode
_decode_computes = msgspec.msgpack.Decoder(list[Compute]).decode
_decode_number = msgspec.msgpack.Decoder(int).decode
_decode_meter = msgspec.msgpack.Decoder(MeterState).decode
_decode_waiting = msgspec.msgpack.Decoder(Waiting).decode
_encode = msgspec.msgpack.Encoder().encode


def _insert(table: str, columns: Iterable[str]) -> str:
    names = list(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 -- our names


_INSERT_EXCHANGE = _insert("exchanges", ("seq", *EXCHANGE, *Money._fields))
_INSERT_ATTEMPT = _insert(
    "attempts",
    ("exchange", "number", "tier", "instance", "started_ns", "ended_ns", "status", "failure", "cost_nano"),
)
_ADD_HOUR = (
    _insert("hours", ("hour", *DIMENSIONS, *MEASURES))
    + f" ON CONFLICT (hour, {', '.join(DIMENSIONS)}) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in MEASURES)
)
_ADD_IDLE = (
    "INSERT INTO compute_hours VALUES (?, ?, ?)"
    " ON CONFLICT (hour, instance) DO UPDATE SET idle_nano = idle_nano + excluded.idle_nano"
)
_ADD_DROPPED = "INSERT INTO dropped VALUES (?, ?) ON CONFLICT (hour) DO UPDATE SET rows = rows + excluded.rows"
_PAY_EXCHANGE = "UPDATE exchanges SET cost_nano = ?, compute_nano = ? WHERE seq = ?"
_PAY_ATTEMPT = (
    "UPDATE attempts SET cost_nano = coalesce(cost_nano, 0) + ?"
    " WHERE exchange = ? AND tier || '@' || instance = ? AND started_ns = ?"
)
_READ_PAID = (
    f"SELECT started_ns, {', '.join(DIMENSIONS)}, cost_nano, baseline_nano, compute_nano"  # noqa: S608 -- our names
    " FROM exchanges WHERE seq = ?"
)


def fold(folder: Path, *, clock_ns: Callable[[], int] = time_ns) -> int:
    """Fold the journal of a state folder until it is empty.

    Args:
        folder: The state folder.
        clock_ns: Nanoseconds since the epoch: shares that nobody came for in time become idle.

    Returns:
        How many exchanges came into the tables.

    Raises:
        OSError, sqlite3.Error: If a file cannot be written.
        OfframpError: If one of the files belongs to a newer version, or the tables cannot be upgraded.
    """
    if not (folder / state.JOURNAL).exists():
        return 0
    with (
        closing(schema.open_ledger(folder)) as ledger,
        closing(journal.connect(folder / state.JOURNAL)) as source,
    ):
        token = journal.token(source)
        rows = 0
        while True:
            step = FoldStep(ledger, token, now_ns=clock_ns())
            if not step.run(source):
                break
            journal.delete(source, until=step.folded_id)
            rows += step.rows
        journal.shrink(source)
    return rows


class FoldStep:
    """One transaction: a few thousand exchanges with all that belongs to them."""

    def __init__(self, ledger: sqlite3.Connection, token: str, *, now_ns: int) -> None:
        """Into this ledger, from the journal of that identity."""
        self.rows = 0
        self.folded_id = 0
        self._ledger = ledger
        self._token = token
        self._now_ns = now_ns
        self._exchanges: list[ExchangeRow] = []
        self._charges: list[Charge] = []
        self._sums: dict[Bucket, list[int]] = {}
        self._dropped: defaultdict[int, int] = defaultdict(int)
        self._bills = Bills({}, Waiting())

    def run(self, source: sqlite3.Connection) -> bool:
        """Take the next records; False if there were none."""
        self._ledger.execute("BEGIN IMMEDIATE")
        try:
            self._load()
            records = journal.read(source, after=self.folded_id, rows=CHUNK_ROWS)
            if records or self._bills.waiting.events:
                self._take(records)
                self._save()
            self._ledger.execute("COMMIT")
        except BaseException:
            self._ledger.execute("ROLLBACK")
            raise
        return bool(records)

    def _load(self) -> None:
        found = self._ledger.execute(
            "SELECT folded_id, waiting FROM journals WHERE token = ?", (self._token,)
        ).fetchone()
        self.folded_id = found[0] if found else 0
        waiting = _decode_waiting(found[1]) if found else Waiting()
        meters = self._ledger.execute("SELECT instance, meter FROM computes")
        self._bills = Bills({instance: _decode_meter(meter) for instance, meter in meters}, waiting)

    def _take(self, records: list[Record]) -> None:
        for record in records:
            self._take_record(record)
        exhausted = len(self._exchanges) < CHUNK_ROWS
        arrival_ns = self._now_ns if exhausted else records[-1].at_ns
        self._charges += self._bills.settle(until_ns=self._bills.due_ns(arrival_ns))
        self._store()
        self._bills.forfeit(arrival_ns)
        self.rows = len(self._exchanges)
        if records:
            self.folded_id = records[-1].id

    def _take_record(self, record: Record) -> None:
        match record.kind:
            case Kind.BATCH:
                batch = _decode_batch(record.body)
                self._bills.happened(batch)
                self._exchanges += batch.rows
                self._dropped[record.at_ns // NS_PER_HOUR] += batch.dropped
            case Kind.STARTED:
                self._charges += self._bills.began(_decode_began(record.body).workers, record.at_ns)
            case Kind.COMPUTES:
                self._bills.priced(_decode_computes(record.body), record.at_ns)
            case Kind.LOST:
                self._bills.lost(_decode_number(record.body), record.at_ns)
            case Kind.DROPPED:
                self._dropped[record.at_ns // NS_PER_HOUR] += _decode_number(record.body)

    def _store(self) -> None:
        """Insert the exchanges with what is known of their cost; charges that come later change them."""
        charges: dict[str, list[Charge]] = {}
        for charge in self._bills.waiting.charges + self._charges:
            charges.setdefault(charge.row_id, []).append(charge)
        self._bills.waiting.charges = []
        found = self._ledger.execute("SELECT last FROM numbering").fetchone()
        first = found[0] + 1 if found else 1
        values, attempts, seqs = [], [], {}
        for seq, row in enumerate(self._exchanges, start=first):
            own = charges.pop(row.id, ())
            money = Money(row.cost_nano, row.baseline_nano, 0)
            for charge in own:
                money = money.with_share(charge.share_nano)
            values.append(exchange_values(seq, row, money))
            self._add(bucket(row), measures(row, money))
            if row.tries:
                attempts += attempt_values(seq, row, _attempt_costs(row, own))
            seqs[row.id] = seq
        self._ledger.executemany(_INSERT_EXCHANGE, values)
        self._ledger.executemany(_INSERT_ATTEMPT, attempts)
        self._ledger.execute("INSERT OR REPLACE INTO numbering VALUES (1, ?)", (first + len(self._exchanges) - 1,))
        if self._bills.waiting.events:
            self._bills.place(seqs)
        for row_id, own in charges.items():
            self._pay_late(row_id, own)

    def _pay_late(self, row_id: str, charges: list[Charge]) -> None:
        seq = self._bills.waiting.placed.get(row_id)
        found = None if seq is None else self._ledger.execute(_READ_PAID, (seq,)).fetchone()
        if found is None:
            self._bills.pay_later(charges)
            return
        started_ns, *dimensions = found[:-3]
        before = after = Money(*found[-3:])
        for charge in charges:
            after = after.with_share(charge.share_nano)
            self._ledger.execute(_PAY_ATTEMPT, (charge.share_nano, seq, charge.instance, charge.started_ns))
        self._ledger.execute(_PAY_EXCHANGE, (after.cost_nano, after.compute_nano, seq))
        outcome = str(dimensions[DIMENSIONS.index("outcome")])
        self._add((started_ns // NS_PER_HOUR, *dimensions), change(before, after, outcome))

    def _add(self, into: Bucket, amounts: tuple[int, ...]) -> None:
        sums = self._sums.get(into)
        if sums is None:
            self._sums[into] = list(amounts)
        else:
            for index, amount in enumerate(amounts):
                sums[index] += amount

    def _save(self) -> None:
        execute, executemany = self._ledger.execute, self._ledger.executemany
        executemany(_ADD_HOUR, [(*into, *sums) for into, sums in self._sums.items()])
        executemany(_ADD_DROPPED, [(hour, rows) for hour, rows in self._dropped.items() if rows])
        for instance, meter in self._bills.meters.items():
            hours = meter.take_idle_hours()
            executemany(_ADD_IDLE, [(hour, instance, idle_nano) for hour, idle_nano in hours.items()])
            execute("INSERT OR REPLACE INTO computes VALUES (?, ?)", (instance, _encode(meter.state())))
        execute(
            "INSERT OR REPLACE INTO journals VALUES (?, ?, ?)",
            (self._token, self.folded_id, _encode(self._bills.waiting)),
        )


def _attempt_costs(row: ExchangeRow, charges: Iterable[Charge]) -> list[int | None]:
    """What each attempt costs: its share where it ran on a shared machine, the tokens where it answered."""
    shares = {(charge.instance, charge.started_ns): charge.share_nano for charge in charges}
    costs: list[int | None] = []
    for attempt in row.tries:
        ran = (f"{attempt.tier}@{attempt.instance}", attempt.started_ns)
        if ran in shares:
            share_nano = shares[ran]
            costs.append(None if share_nano is None else (attempt.cost_nano or 0) + share_nano)
        elif attempt.cost_nano is None and not attempt.failure:
            costs.append(row.cost_nano)
        else:
            costs.append(attempt.cost_nano)
    return costs


def main(arguments: list[str]) -> int:
    """Fold one state folder at the lowest priority; the exit code is the error's."""
    os.nice(_NICENESS)
    try:
        fold(Path(arguments[0]))
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return UnavailableError.exit_code
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
