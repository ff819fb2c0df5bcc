"""Between the request path and the ledger's writer: rows are collected and handed over in batches."""

from collections.abc import Callable

from offramp.store.rows import Batch, ComputeEnded, ComputeStarted, ExchangeRow

MAX_ROWS = 200_000
"""Rows that may wait between two flushes; with one flush every tenth of a second this is never reached."""


class LedgerBuffer:
    """What happened since the last flush (gateway.services.LedgerSink)."""

    def __init__(self, worker: int, deliver: Callable[[Batch], object]) -> None:
        """Collect for `worker` and hand batches to `deliver`, which must not wait."""
        self._worker = worker
        self._deliver = deliver
        self._started: list[ComputeStarted] = []
        self._ended: list[ComputeEnded] = []
        self._rows: list[ExchangeRow] = []
        self._unreported = 0
        self.dropped = 0

    def row(self, row: ExchangeRow) -> None:
        """An exchange was settled."""
        if len(self._rows) < MAX_ROWS:
            self._rows.append(row)
        else:
            self.dropped += 1
            self._unreported += 1

    def compute_started(self, instance: str, at_ns: int) -> None:
        """An attempt began to occupy a compute-priced instance."""
        self._started.append(ComputeStarted(instance, at_ns))

    def compute_ended(self, instance: str, started_ns: int, at_ns: int, row_id: str) -> None:
        """It stopped."""
        self._ended.append(ComputeEnded(instance, started_ns, at_ns, row_id))

    def flush(self) -> None:
        """Hand over what was collected."""
        if not (self._rows or self._started or self._ended):
            return
        batch = Batch(self._worker, self._started, self._ended, self._rows, self._unreported)
        self._started, self._ended, self._rows, self._unreported = [], [], [], 0
        self._deliver(batch)


class NoLedger:
    """Where `ledger.enabled` is false."""

    dropped = 0

    def row(self, row: ExchangeRow) -> None:
        """Forget it."""

    def compute_started(self, instance: str, at_ns: int) -> None:
        """Forget it."""

    def compute_ended(self, instance: str, started_ns: int, at_ns: int, row_id: str) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Nothing waits."""
