"""Measures and prints. python -m tools.speed [--seconds S] [--streams N] [--json]."""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from tools.speed import load, targets

COLUMNS = {
    "requests_per_s": "requests/s\n1.2 KB",
    "requests_20k_per_s": "requests/s\n20 KB",
    "cpu_us_per_request": "CPU µs\nper request",
    "p50_ms": "p50 ms\nat 200/s",
    "p99_ms": "p99 ms\nat 200/s",
    "cpu_us_per_chunk": "CPU µs\nper chunk",
    "memory_mb": "MB\nidle",
    "memory_streams_mb": "MB with\nstreams",
    "start_s": "ready\ns",
    "bad": "bad",
}

TWO_DECIMALS_BELOW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The figures of one target."""

    name: str
    requests_per_s: float
    requests_20k_per_s: float
    cpu_us_per_request: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_chunk: float
    memory_mb: float
    memory_streams_mb: float
    start_s: float
    answers: int
    bad: int


@dataclass(slots=True)
class Measured:
    """What one kind of load showed: what came back, in which time, for how much CPU."""

    seen: load.Seen
    seconds: float
    cpu_s: float


def _measure(target: targets.Target, work: Callable[[], Coroutine[Any, Any, load.Seen]]) -> Measured:
    cpu_s, began_s = target.cpu_s(), time.monotonic()
    seen = uvloop.run(work())
    return Measured(seen=seen, seconds=time.monotonic() - began_s, cpu_s=target.cpu_s() - cpu_s)


def measure(target: targets.Target, *, seconds: float, streams: int) -> Result:
    """All loads on one target, after a warm-up."""
    port = target.port
    warm = _measure(target, lambda: load.as_fast_as_it_goes(port, connections=64, seconds=0.5, size_bytes=1200))
    memory_mb = target.memory_mb()
    small = _measure(target, lambda: load.as_fast_as_it_goes(port, connections=64, seconds=seconds, size_bytes=1200))
    large = _measure(target, lambda: load.as_fast_as_it_goes(port, connections=64, seconds=seconds, size_bytes=20_000))
    paced = _measure(target, lambda: load.at_a_rate(port, per_second=200, seconds=seconds, size_bytes=1200))
    many = _measure(target, lambda: load.streams(port, count=streams))
    everything = [warm.seen, small.seen, large.seen, paced.seen, many.seen]
    return Result(
        name=target.name,
        requests_per_s=small.seen.answers / small.seconds,
        requests_20k_per_s=large.seen.answers / large.seconds,
        cpu_us_per_request=small.cpu_s / max(1, small.seen.answers) * 1e6,
        p50_ms=paced.seen.latency_ms(0.5),
        p99_ms=paced.seen.latency_ms(0.99),
        cpu_us_per_chunk=many.cpu_s / max(1, many.seen.chunks) * 1e6,
        memory_mb=memory_mb,
        memory_streams_mb=target.memory_mb(),
        start_s=target.start_s,
        answers=sum(seen.answers for seen in everything),
        bad=sum(seen.bad for seen in everything),
    )


def ledger_total(folder: Path) -> dict[str, Any]:
    """What `offramp ledger` says went through."""
    command = [sys.executable, "-m", "offramp", "ledger", "--state", str(folder / "state"), "--json"]
    printed = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own words
    total: dict[str, Any] = json.loads(printed.stdout)
    return total


def show(results: list[Result]) -> None:
    """A table with one line per target."""
    table = Table(title="the same upstream, directly and through", box=None, pad_edge=False)
    table.add_column("")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for result in results:
        figures = asdict(result)
        table.add_row(result.name, *(_figure(figures[name]) for name in COLUMNS))
    Console(width=120).print(table)


def _figure(value: float) -> str:
    return f"{value:,.2f}" if value % 1 and value < TWO_DECIMALS_BELOW else f"{value:,.0f}"


def main() -> None:
    """Measure each target in turn and check that the ledger has every answer."""
    parser = argparse.ArgumentParser(prog="make speed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each load")
    parser.add_argument("--streams", type=int, default=200, help="streams at once")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    results = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offramp-speed-")))
        port = targets.free_port()
        direct = stack.enter_context(targets.upstream(port))
        results.append(measure(direct, seconds=options.seconds, streams=options.streams))
        with targets.offramp(port, folder) as gateway:
            ours = measure(gateway, seconds=options.seconds, streams=options.streams)
        results.append(ours)
        total = ledger_total(folder)
        with targets.nginx(port, folder) as relay:
            if relay is not None:
                results.append(measure(relay, seconds=options.seconds, streams=options.streams))
    if options.json:
        print(json.dumps({"results": [asdict(result) for result in results], "ledger": total}, indent=2))
    else:
        show(results)
        print(f"ledger: {total['requests']} requests for {ours.answers} answers, {total['dropped']} dropped")
    if total["requests"] != ours.answers + ours.bad or total["dropped"]:
        sys.exit("the ledger does not have every answer: these figures do not count")


if __name__ == "__main__":
    main()
