"""The ledger's writer: a thread that puts the gateway's batches into the journal, whatever the disk does.

The gateway never waits for it: `submit` encodes (about half a microsecond a row) and queues. The queue is bounded in
bytes; what does not fit is refused and counted. While the disk is full or the folder unwritable the thread keeps what
is queued and tries again every second.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, time_ns

import msgspec

from offramp.errors import OfframpError
from offramp.pricing.compute import ComputePrice
from offramp.store import schema, state
from offramp.store.carry import Carry
from offramp.store.drops import Drops
from offramp.store.fold_child import FoldChild
from offramp.store.journal import Journal, Kind, is_damage
from offramp.store.move_child import Keeping, MoveChild
from offramp.store.records import Began, compute_records
from offramp.store.rows import Batch
from offramp.store.state import NewerStateError

QUEUE_BYTES = 16 << 20
"""About 45,000 exchanges wait while the disk cannot be written; the next ones are refused and counted."""

_RETRY_S = 1.0
"""How soon a disk that refused is asked again."""

_CALM_S = 3.0
"""A disk at its limit takes a record now and then; only after so long without a failure it is said to be well."""

_CLOSING_RETRY_S = 0.1
"""The same when the process is about to end."""


class _Item(msgspec.Struct, frozen=True, gc=False):
    """One record on its way to the journal, or, without a kind, a mark in the queue."""

    kind: Kind | None
    body: bytes = b""
    rows: int = 0
    at_ns: int = 0
    reached: threading.Event | None = None


class LedgerWriter:
    """Writes batches to the journal from a thread of its own. Call every method from one other thread."""

    def __init__(
        self,
        state_dir: Path,
        *,
        on_error: Callable[[str], None],
        computes: Mapping[str, ComputePrice] | None = None,
        workers: int = 1,
        keeping: Keeping | None = None,
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], int] = time_ns,
    ) -> None:
        """Start the thread. A folder that cannot be used is reported, not raised: the gateway relays without a ledger.

        Args:
            state_dir: Where the journal and the ledger lie.
            on_error: Called from the thread with one clear sentence, once per failure and once when it is over.
            computes: Price of each compute-priced instance, by `upstream@host:port`.
            workers: How many processes' batches arrive here; with more than one their compute events are put in order.
            keeping: When hours are moved to the history; `None` if not from here.
            queue_bytes: Encoded batches that may wait.
            clock: Nanoseconds since the epoch.
        """
        self._folder = state_dir.absolute()
        self._on_error = on_error
        self._clock = clock
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._queue_bytes = queue_bytes
        self._carry = Carry()
        self._encoder = msgspec.msgpack.Encoder()
        self._journal = Journal(self._folder / state.JOURNAL)
        self._drops = Drops(self._folder)
        self._fold = FoldChild(self._folder, on_error=on_error)
        self._move = MoveChild(self._folder, keeping, on_error=on_error, clock_ns=clock) if keeping else None
        self._bytes_in = 0
        self._bytes_out = 0
        self._rows_in = 0
        self._rows_out = 0
        self._refused = 0
        self._lost = 0
        self._reported = 0
        self._failing = False
        self._failed_s = 0.0
        self._closing = threading.Event()
        self._never = threading.Event()
        self._deadline_s = 0.0
        self._control(Kind.STARTED, Began(workers=workers))
        self.set_computes(computes or {})
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Exchanges that this writer could not keep, since it began."""
        return self._refused + self._lost

    @property
    def queued(self) -> int:
        """Exchanges that wait to be written."""
        return self._rows_in - self._rows_out

    @property
    def failing(self) -> bool:
        """Whether writing has failed lately."""
        return self._failing

    def submit(self, batch: Batch) -> bool:
        """Queue a batch. Its lists may be reused when this returns.

        Returns:
            False if the queue is full: the rows are then counted as dropped, their compute events are kept.
        """
        if self._carry:
            batch = self._carry.join(batch)
        if not (batch.rows or batch.started or batch.ended or batch.dropped):
            return True
        body = self._encoder.encode(batch)
        if self._put(Kind.BATCH, body, len(batch.rows)):
            return True
        self._refuse(batch)
        return False

    def submit_encoded(self, body: bytes, *, rows: int) -> bool:
        """Queue a batch as a worker encoded it, without decoding it.

        Args:
            body: The msgpack of a `Batch`.
            rows: How many exchanges are in it.
        """
        if self._carry:
            return self.submit(msgspec.msgpack.decode(body, type=Batch))
        if self._put(Kind.BATCH, body, rows):
            return True
        self._refuse(msgspec.msgpack.decode(body, type=Batch))
        return False

    def set_computes(self, computes: Mapping[str, ComputePrice]) -> None:
        """From now on these prices hold: bills of new instances begin, those of missing ones end."""
        self._control(Kind.COMPUTES, compute_records(computes))

    def lost(self, worker: int) -> None:
        """A worker died: what it had in flight becomes idle cost. Call it before its successor's first batch."""
        self._control(Kind.LOST, worker)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything submitted so far is in the journal; False if it took longer."""
        reached = threading.Event()
        self._queue.put(_Item(None, reached=reached))
        return reached.wait(timeout_s)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Write what is queued and end the thread.

        Returns:
            False if the disk refused until the time was over; what was queued is then counted as dropped.
        """
        self._deadline_s = monotonic() + timeout_s
        self._closing.set()
        self._queue.put(_Item(None))
        self._thread.join(timeout_s + 2 * _RETRY_S)
        return not self._thread.is_alive() and not self._lost

    def _control(self, kind: Kind, message: object) -> None:
        self._queue.put(_Item(kind, self._encoder.encode(message), at_ns=self._clock()))

    def _put(self, kind: Kind, body: bytes, rows: int) -> bool:
        if self._closing.is_set() or self._bytes_in - self._bytes_out + len(body) > self._queue_bytes:
            return False
        self._bytes_in += len(body)
        self._rows_in += rows
        self._queue.put(_Item(kind, body, rows, self._clock()))
        return True

    def _refuse(self, batch: Batch) -> None:
        self._carry.keep(batch)
        self._refused += len(batch.rows)

    # ------------------------------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        self._drops.prepare()
        # What an earlier process could only note in the file is still to be told to the ledger.
        self._reported = -self._drops.read()
        try:
            schema.check(self._folder)
        except NewerStateError as error:
            self._on_error(f"{error}; until then everything stays in the journal")
        # Whatever the journal still holds from an earlier process becomes due like new rows.
        self._fold.grew(0, monotonic())
        while True:
            item = self._next()
            if item is not None and item.kind is not None:
                self._store(item)
            elif item is not None and item.reached is not None:
                item.reached.set()
            elif item is not None:
                break
        self._end()

    def _next(self) -> _Item | None:
        now_s = monotonic()
        wait_s = self._fold.wait_s(now_s)
        if self._move is not None:
            # Here, because a queue that is never empty would otherwise let it wait for ever.
            self._move.tick(now_s)
            move_s = self._move.wait_s(now_s)
            wait_s = move_s if wait_s is None else min(wait_s, move_s)
        try:
            return self._queue.get(timeout=wait_s)
        except Empty:
            self._fold.tick(monotonic())
            return None

    def _store(self, item: _Item) -> None:
        """Write one record, for as long as it takes; give up only when closing takes too long."""
        while not self._try(item):
            if self._closing.wait(_RETRY_S):
                if monotonic() >= self._deadline_s:
                    self._lost += item.rows
                    break
                self._never.wait(_CLOSING_RETRY_S)
        if item.kind is Kind.BATCH:
            self._bytes_out += len(item.body)
            self._rows_out += item.rows

    def _try(self, item: _Item) -> bool:
        if item.kind is None:
            return True
        try:
            # First, because after a failure everything in this block is done again, and the record must not be.
            self._report_drops()
            self._journal.append(item.kind, item.body, at_ns=item.at_ns, rows=item.rows)
        except (OSError, sqlite3.Error, OfframpError) as error:
            self._failed(error)
            return False
        if self._failing and monotonic() - self._failed_s >= _CALM_S:
            self._failing = False
            self._on_error(f"the ledger is written again; {self.dropped} exchanges were not kept")
        if item.rows:
            self._fold.grew(item.rows, monotonic())
        return True

    def _report_drops(self) -> None:
        unreported = self._refused + self._lost - self._reported
        if unreported > 0:
            self._journal.append(Kind.DROPPED, self._encoder.encode(unreported), at_ns=self._clock())
            self._reported += unreported
            self._drops.write(0)

    def _failed(self, error: Exception) -> None:
        self._journal.close()
        self._failed_s = monotonic()
        self._drops.write(self._refused + self._lost - self._reported)
        if is_damage(error):
            with suppress(OSError):
                moved = self._journal.put_aside(str(self._clock()))
                self._on_error(f"the ledger's journal was damaged ({error}); it is kept as {moved}, a new one begins")
        elif not self._failing:
            self._failing = True
            self._on_error(
                f"the ledger in {self._folder} cannot be written ({error}); requests are relayed, rows wait in memory "
                "and are counted as dropped once the queue is full"
            )

    def _end(self) -> None:
        self._fold.close()
        if self._move is not None:
            self._move.close()
        try:
            self._report_drops()
        except (OSError, sqlite3.Error, OfframpError):
            self._drops.write(self._refused + self._lost - self._reported)
        self._journal.close()
        if self._lost:
            self._on_error(f"the ledger could not be written before the end: {self._lost} exchanges were lost")
