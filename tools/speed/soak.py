"""Does memory stay flat? Many requests through one gateway, and what it holds after every so many of them.

    python -m tools.speed.soak --requests 1000000

Between two looks, three quarters of the requests are of 1.2 KB and one quarter of 20 KB, and 200 connections come and
go with a stream each.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from rich.console import Console

from tools.speed import load, processes, targets, traffic
from tools.speed.__main__ import Books

LOOKS = 10
STREAMS = 200
CONNECTIONS = 64
HOUR_S = 3600.0
SETTLE_S = 0.5
"""Until the ledger's writer has nothing left to write."""


def step(port: int, requests: int) -> load.Seen:
    """So many requests and the streams; what came back of all."""
    total = load.Seen()
    for size_bytes, share in ((traffic.SMALL_BYTES, 3), (traffic.LARGE_BYTES, 1)):
        part = load.as_fast_as_it_goes(
            port, connections=CONNECTIONS, seconds=HOUR_S, size_bytes=size_bytes, most=requests * share // 4
        )
        total.add(uvloop.run(part))
    total.add(uvloop.run(load.streams(port, count=STREAMS)))
    return total


def main() -> int:
    """Print what the gateway holds after each tenth of the requests; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.speed.soak", description="Does memory stay flat?")
    parser.add_argument("--requests", type=int, default=200_000, help="in all (200000)")
    options = parser.parse_args()
    places = targets.Places.found()
    console, books, seen = Console(width=100), Books(), load.Seen()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="offramp-soak-") as name, targets.upstream(places.load) as engine:
        folder = Path(name)
        with targets.offramp(engine.port, folder, places.target) as target:
            assert target.pid is not None
            for _ in range(LOOKS):
                seen.add(step(target.port, options.requests // LOOKS))
                time.sleep(SETTLE_S)
                held_mb = processes.resident_mb(target.pid)
                console.print(f"{seen.asked:>10,} requests {time.monotonic() - began_s:>6.0f} s {held_mb:>8.1f} MB")
        books.add(folder / "state", seen.answers)
    console.print(
        f"ledger: {books.requests:,} rows for {books.answers:,} answers, {books.dropped} dropped, {seen.bad} bad"
    )
    return 0 if books.balance and not seen.bad else 1


if __name__ == "__main__":
    sys.exit(main())
