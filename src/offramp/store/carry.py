"""Compute events of batches that could not be queued. Without them a machine would look busy for ever. No I/O here."""

from collections import Counter

from offramp.store.rows import Batch, ComputeEnded, ComputeStarted


class Carry:
    """What is left of refused batches without rows and without what began and ended in them: what is in flight."""

    def __init__(self) -> None:
        """Nothing carried yet."""
        self._started: dict[int, Counter[tuple[str, int]]] = {}
        self._ended: dict[int, list[ComputeEnded]] = {}
        self._dropped: Counter[int] = Counter()

    def __bool__(self) -> bool:
        """Whether the next batch has anything to take along."""
        return bool(self._started or self._ended or self._dropped)

    def keep(self, batch: Batch) -> None:
        """Keep the events and the drop count of a refused batch; what began and ended inside it cancels out."""
        started = self._started.setdefault(batch.worker, Counter())
        started.update((event.instance, event.at_ns) for event in batch.started)
        ended = self._ended.setdefault(batch.worker, [])
        for event in batch.ended:
            key = (event.instance, event.started_ns)
            if started[key] > 0:
                started[key] -= 1
            else:
                ended.append(event)
        self._started[batch.worker] = +started
        self._dropped[batch.worker] += batch.dropped

    def join(self, batch: Batch) -> Batch:
        """The batch with what was kept for its worker put in front."""
        started = self._started.pop(batch.worker, Counter())
        ended = self._ended.pop(batch.worker, [])
        dropped = self._dropped.pop(batch.worker, 0)
        return Batch(
            worker=batch.worker,
            started=[ComputeStarted(*key) for key in started.elements()] + batch.started,
            ended=ended + batch.ended,
            rows=batch.rows,
            dropped=batch.dropped + dropped,
        )
