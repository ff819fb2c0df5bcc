"""Measures the gateway on this machine. Run as `python -m tools.speed`; `--help` says with which options."""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from offramp import __version__
from tools.speed import load, processes, report, targets, traffic

CONNECTIONS = 64
PACE_PER_S = 200
QUIET_SHARE = 0.05
"""Of the target's processor; if others use more, the figures say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One kind of load: what came back, and what the target paid for it."""

    seen: load.Seen
    cpu_s: float
    others_share: float


class Measuring:
    """Loads on one target."""

    def __init__(self, target: targets.Target, places: targets.Places) -> None:
        """Of a target that runs on the processor that `places` names."""
        self._target = target
        self._processor = places.target
        self.costs: list[Cost] = []

    def pay(self, work: Callable[[], Coroutine[Any, Any, load.Seen]]) -> Cost:
        """Put one kind of load on the target."""
        processor = self._processor
        busy_s = processes.busy_s(processor) if processor is not None else 0.0
        cpu_s, began_s = self._target.cpu_s(), time.monotonic()
        seen = uvloop.run(work())
        cpu_s = self._target.cpu_s() - cpu_s
        others_s = processes.busy_s(processor) - busy_s - cpu_s if processor is not None else 0.0
        share = max(0.0, others_s / (time.monotonic() - began_s))
        cost = Cost(seen=seen, cpu_s=cpu_s, others_share=share)
        self.costs.append(cost)
        return cost


def measure(target: targets.Target, places: targets.Places, *, seconds: float, streams: int) -> report.Round:
    """All loads on one target. Streams come first, while its memory is still that of a fresh process."""
    time.sleep(0.3)  # What a start leaves to be done is not a request's cost.
    idle_mb = peak_mb = target.memory_mb()

    def watch() -> None:
        nonlocal peak_mb
        peak_mb = max(peak_mb, target.memory_mb())

    on, port = Measuring(target, places), target.port
    small, large = traffic.SMALL_BYTES, traffic.LARGE_BYTES
    on.pay(lambda: load.as_fast_as_it_goes(port, connections=CONNECTIONS, seconds=seconds / 4, size_bytes=small))
    many = on.pay(lambda: load.streams(port, count=streams, watch=watch))
    paced = on.pay(lambda: load.at_a_rate(port, per_second=PACE_PER_S, seconds=seconds * 4 / 3, size_bytes=small))
    fast = on.pay(lambda: load.as_fast_as_it_goes(port, connections=CONNECTIONS, seconds=seconds, size_bytes=small))
    long = on.pay(lambda: load.as_fast_as_it_goes(port, connections=CONNECTIONS, seconds=seconds / 2, size_bytes=large))
    return report.Round(
        requests_per_s=fast.seen.answers / fast.seen.seconds,
        requests_20k_per_s=long.seen.answers / long.seen.seconds,
        cpu_us_per_request=fast.cpu_s / max(1, fast.seen.asked) * 1e6,
        cpu_us_per_chunk=many.cpu_s / max(1, many.seen.chunks) * 1e6,
        latencies_s=paced.seen.latencies_s,
        idle_mb=idle_mb,
        streams_mb=peak_mb,
        start_s=target.start_s,
        others_share=max(cost.others_share for cost in on.costs) if target.pid is not None else 0.0,
        answers=sum(cost.seen.answers for cost in on.costs),
        bad=sum(cost.seen.bad for cost in on.costs),
    )


@dataclass(slots=True)
class Books:
    """What the ledger says, against what the client has counted."""

    requests: int = 0
    dropped: int = 0
    answers: int = 0

    def add(self, state: Path, answers: int) -> None:
        """Add one gateway's ledger, after it has ended."""
        command = [sys.executable, "-m", "offramp", "ledger", "--state", str(state), "--json"]
        printed = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own words
        total = json.loads(printed.stdout)
        self.requests += total["requests"]
        self.dropped += total["dropped"]
        self.answers += answers

    @property
    def balance(self) -> bool:
        """Whether every answer has its row."""
        return self.requests == self.answers and not self.dropped


def run_round(
    results: dict[str, report.Result], books: Books, places: targets.Places, options: argparse.Namespace
) -> None:
    """Measure every target once, each in a fresh process and a folder of its own; every other time in reverse."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offramp-speed-")))
        direct = stack.enter_context(targets.upstream(places.load))
        names = list(results) if len(results["direct"].rounds) % 2 == 0 else list(reversed(results))
        for name in names:
            with _target(name, direct, folder, places) as target:
                one = measure(target, places, seconds=options.seconds, streams=options.streams)
            results[name].rounds.append(one)
            if name == "offramp":
                books.add(folder / "state", one.answers)


@contextlib.contextmanager
def _target(name: str, direct: targets.Target, folder: Path, places: targets.Places) -> Iterator[targets.Target]:
    if name == "direct":
        yield direct
        return
    start = targets.offramp if name == "offramp" else targets.nginx
    with start(direct.port, folder, places.target) as target:
        yield target


def environment(places: targets.Places) -> dict[str, object]:
    """Where this was measured."""
    return {
        "offramp": __version__,
        "python": platform.python_version(),
        "uvloop": version("uvloop"),
        "kernel": platform.release(),
        "processor": processes.processor_name(),
        "processors": os.cpu_count(),
        "places": asdict(places),
    }


def main() -> int:
    """Measure each target in turn and check that the ledger has every answer; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="make speed",
        description="What the gateway costs on this machine, against the same upstream without it and nginx.",
    )
    parser.add_argument("--rounds", type=int, default=2, help="how often each target is measured (2)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of the main load in a round (1.5)")
    parser.add_argument("--streams", type=int, default=500, help="streams at once (500)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    if not Path("/proc/self/schedstat").exists():
        sys.stderr.write("make speed reads processor time and memory from /proc, which only Linux has\n")
        return 3
    places = targets.Places.found()
    if places.load is not None:
        os.sched_setaffinity(0, {places.load})
    names = ["direct", "offramp", *(["nginx"] if targets.nginx_program() is not None else [])]
    results = {name: report.Result(name) for name in names}
    books = Books()
    for _ in range(options.rounds):
        run_round(results, books, places, options)
    return _tell(results, books, places, options)


def _tell(results: dict[str, report.Result], books: Books, places: targets.Places, options: argparse.Namespace) -> int:
    direct = results["direct"]
    figures = {name: result.figures(direct) for name, result in results.items()}
    ratio = report.ratios(figures["offramp"], figures["nginx"]) if "nginx" in figures else {}
    console = Console(width=120)
    report.show(console, figures, ratio)
    for line in remarks(results, books):
        console.print(line, highlight=False)
    if options.json is not None:
        document = {
            "environment": environment(places),
            "figures": figures,
            "spread": {
                name: {column: result.spread(column) for column in report.Round.__slots__ if column in report.COLUMNS}
                for name, result in results.items()
            },
            "ratios_to_nginx": ratio,
            "ledger": asdict(books),
            "others_share": {name: result.spread("others_share")[1] for name, result in results.items()},
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if not books.balance or results["offramp"].total("bad"):
        console.print("[bold red]the ledger does not have every answer, or one was wrong: these figures do not count")
        return 1
    return 0


def remarks(results: dict[str, report.Result], books: Books) -> Iterator[str]:
    """What must be known to read the table."""
    direct, ours = results["direct"], results["offramp"]
    least, most = ours.spread("cpu_us_per_request")
    yield ""
    yield f"ledger: {books.requests:,} rows for {books.answers:,} answers, {books.dropped} dropped"
    yield (
        f"offramp's CPU per request over the rounds: {least:.1f} to {most:.1f} µs; latency at {PACE_PER_S}/s without a "
        f"relay: p50 {direct.latency_us(0.5):.0f}, p99 {direct.latency_us(0.99):.0f} µs"
    )
    busy = max(result.spread("others_share")[1] for result in results.values())
    if busy > QUIET_SHARE:
        yield f"[yellow]others used up to {busy:.0%} of the processor under test: repeat this on a quiet machine"
    if "nginx" not in results:
        yield "nginx is not installed, so there is nothing to compare with (apt-get install nginx-light)"


if __name__ == "__main__":
    sys.exit(main())
