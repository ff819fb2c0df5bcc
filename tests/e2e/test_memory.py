"""Memory stays flat: what a gateway holds after many requests is what it held after some."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.house.tree import ROOT
from tests.processes import HOST, Gateway, Process, ask, free_port, gateway, wait_until
from tools.speed import load, processes, traffic
from tools.speed.targets import CONFIG

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc"),
]

EVERYTHING = os.environ.get("OFFRAMP_ALL") == "1"
FIRST, LAST = (20_000, 100_000) if EVERYTHING else (10_000, 30_000)
"""After how many requests memory is looked at. Where all suites must run the soak is long."""
MARGIN_MB = 6.0
"""A leak of 80 bytes a request would show as that much over 80,000 requests. On a busy machine more rows wait for the
writer at a time, and what the allocator keeps of that differs by up to 4 MB."""
STREAMS = 500
LEFT_MB = 1.5
"""What 500 connections that came and went may leave behind: 3 KB each; a connection that is not freed is 6 KB."""
STREAMS_MB = 120.0
"""What a gateway with so many open streams may hold."""


@contextmanager
def busy_gateway() -> Iterator[Gateway]:
    """A gateway with keys, prices, metrics and the ledger, before an upstream that answers at once."""
    port = free_port()
    with Process([sys.executable, "-m", "tools.speed.upstream", str(port)], cwd=ROOT) as upstream:
        upstream.wait_ready(lambda: ask("GET", f"http://{HOST}:{port}/")[0] == 200)
        with gateway(CONFIG.format(upstream=port, model=traffic.MODEL, key=traffic.KEY)) as served:
            yield served


def resident_mb(served: Gateway) -> float:
    """What the serving process holds once the ledger's writer has nothing left to write."""
    wait_until(lambda: served.health()["ledger"]["queued"] == 0, "all rows are written")
    return processes.resident_mb(served.pid)


async def soak(served: Gateway, requests: int) -> None:
    """So many requests with whole answers, every fourth of 20 KB."""
    for size_bytes, share in ((traffic.SMALL_BYTES, 3), (traffic.LARGE_BYTES, 1)):
        seen = await load.as_fast_as_it_goes(
            served.port, connections=64, seconds=60, size_bytes=size_bytes, most=requests * share // 4
        )
        assert (seen.answers, seen.bad) == (requests * share // 4, 0)


async def test_memory_is_as_large_after_many_requests_as_after_some() -> None:
    """A gateway runs for months; a few bytes per request would end it."""
    with busy_gateway() as served:
        await soak(served, FIRST)
        after_some_mb = resident_mb(served)
        await soak(served, LAST - FIRST)
        after_many_mb = resident_mb(served)
        books = served.wait_ledger(LAST)

    assert after_many_mb - after_some_mb < MARGIN_MB
    assert (books["requests"], books["dropped"]) == (LAST, 0)


async def test_many_open_streams_are_small_and_leave_nothing_behind() -> None:
    """A stream is open for minutes, so there are many at once; what each holds is bounded and given back."""
    peak_mb = 0.0

    with busy_gateway() as served:

        def watch() -> None:
            nonlocal peak_mb
            peak_mb = max(peak_mb, processes.memory_mb(served.pid))

        await load.streams(served.port, count=STREAMS)
        after_one_mb = resident_mb(served)
        seen = await load.streams(served.port, count=STREAMS, watch=watch)
        after_two_mb = resident_mb(served)

    assert (seen.answers, seen.chunks, seen.bad) == (STREAMS, STREAMS * traffic.CHUNKS, 0)
    assert after_one_mb <= peak_mb <= STREAMS_MB
    assert after_two_mb - after_one_mb < LEFT_MB
