"""A ledger filled through the real writer, for tests of what is asked of it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from offramp.pricing.compute import ComputePrice
from offramp.store.rows import Batch
from offramp.store.writer import LedgerWriter
from tests.store.samples import START_NS


def fill(
    folder: Path,
    batches: Iterable[Batch],
    *,
    computes: Mapping[str, ComputePrice] | None = None,
    at_ns: int = START_NS,
) -> None:
    """Write the batches and close, as a gateway that began at `at_ns`."""
    said: list[str] = []
    writer = LedgerWriter(folder, on_error=said.append, computes=computes, queue_bytes=1 << 30, clock=lambda: at_ns)
    for one in batches:
        assert writer.submit(one)
    assert writer.close(timeout_s=60.0)
    assert said == []
