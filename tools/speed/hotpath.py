"""The hot path without sockets: what Python itself spends on a request and on a streamed chunk.

Both protocol classes, the pipeline and the ledger's buffer are the real ones; only the transports swallow what is
written. The best of many short batches is reported, since whatever else runs on the machine can only add to it: so two
versions can be told apart where a benchmark with sockets sees noise.

    python -m tools.speed.hotpath                      # the table
    python -m tools.speed.hotpath --json before.json   # keep the figures …
    python -m tools.speed.hotpath --against before.json  # … and compare another version with them
    python -m tools.speed.hotpath --profile "1.2 KB"   # where the time goes
"""

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from offramp.compose.dataplane import GC_THRESHOLDS, DataPlane
from offramp.compose.ledger import LedgerBuffer
from offramp.compose.startup import ServeOptions
from offramp.gateway.connection import ClientConnection
from offramp.store.rows import Batch
from offramp.telemetry.logs import Log
from offramp.upstream.connection import UpstreamConnection
from tools.speed import targets, traffic

BATCHES = 600
REQUESTS = 40
"""In a batch: about a millisecond, which even the scheduler of a busy machine leaves alone often enough."""
WARM_UP = 500
PROFILED = 20_000


class Sink(asyncio.Transport):
    """A transport that counts what is written and forgets it."""

    def __init__(self) -> None:
        """Nothing was written yet."""
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the last piece, to see that it is the right one."""
        self.written = bytes(data)

    def writelines(self, list_of_data: object) -> None:
        """Keep nothing."""
        self.written = b""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def close(self) -> None:
        """Nothing is open."""

    def abort(self) -> None:
        """Nothing is open."""


class Bench:
    """One client and one upstream, joined by a gateway."""

    def __init__(self, folder: Path) -> None:
        """Keys, a breaker, prices, metrics and the ledger's buffer, as `make speed` has them."""
        config = folder / "offramp.yaml"
        config.write_text(targets.CONFIG.format(upstream=9, model=traffic.MODEL, key=traffic.KEY), encoding="utf-8")
        options = ServeOptions(
            config=config,
            host=None,
            port=None,
            admin_host=None,
            admin_port=None,
            workers=1,
            state_dir=folder / "state",
        )
        encode = msgspec.msgpack.Encoder().encode
        self.rows = 0

        def deliver(batch: Batch) -> None:
            self.rows += len(batch.rows)
            encode(batch)

        self.ledger = LedgerBuffer(0, deliver)
        plane = DataPlane(
            options.load(),
            ledger=self.ledger,
            log=Log(sys.stderr, "json", "info"),
            hash_key=b"k" * 32,
            log_exchanges=False,
            state_dir=folder / "state",
            instance_id="offramp-speed",
        )
        instance = plane.fleet["engine"].instances[0]
        self.client = ClientConnection(plane.pipeline)
        self.client.connection_made(Sink())
        self.upstream = UpstreamConnection(instance)
        self.upstream.connection_made(Sink())
        instance.give_back(self.upstream)

    def whole(self, size_bytes: int, requests: int) -> float:
        """Seconds for so many whole answers, with their rows handed to the ledger's writer."""
        ask, answer = self.client.data_received, self.upstream.data_received
        request, reply = traffic.request(size_bytes, streaming=False), traffic.ANSWER
        began_s = time.perf_counter()
        for _ in range(requests):
            ask(request)
            answer(reply)
        self.ledger.flush()
        return time.perf_counter() - began_s

    def request_side(self, requests: int) -> float:
        """Seconds of these that pass before the upstream is written to."""
        ask, answer = self.client.data_received, self.upstream.data_received
        request, reply = traffic.request(traffic.SMALL_BYTES, streaming=False), traffic.ANSWER
        clock = time.perf_counter
        spent_s = 0.0
        for _ in range(requests):
            began_s = clock()
            ask(request)
            spent_s += clock() - began_s
            answer(reply)
        self.ledger.flush()
        return spent_s

    def stream_ends(self, streams: int) -> float:
        """Seconds for beginning and ending so many streams, without what lies between."""
        ask, answer = self.client.data_received, self.upstream.data_received
        request, start, end = traffic.request(traffic.SMALL_BYTES, streaming=True), *_stream_ends()
        began_s = time.perf_counter()
        for _ in range(streams):
            ask(request)
            answer(start)
            answer(end)
        self.ledger.flush()
        return time.perf_counter() - began_s

    def chunks(self, chunks: int) -> float:
        """Seconds for so many chunks of one stream, each a read of its own."""
        ask, answer = self.client.data_received, self.upstream.data_received
        start, end = _stream_ends()
        pieces = [traffic.STREAM_CHUNKS[number % traffic.CHUNKS] for number in range(chunks)]
        ask(traffic.request(traffic.SMALL_BYTES, streaming=True))
        answer(start)
        began_s = time.perf_counter()
        for piece in pieces:
            answer(piece)
        spent_s = time.perf_counter() - began_s
        answer(end)
        self.ledger.flush()
        return spent_s


def _stream_ends() -> tuple[bytes, bytes]:
    return traffic.STREAM_START + traffic.STREAM_CHUNKS[0], traffic.STREAM_END


Scenario = Callable[[Bench, int], float]
SCENARIOS: dict[str, Scenario] = {
    "1.2 KB": lambda bench, count: bench.whole(traffic.SMALL_BYTES, count),
    "1.2 KB, request side": Bench.request_side,
    "20 KB": lambda bench, count: bench.whole(traffic.LARGE_BYTES, count),
    "stream, begin and end": Bench.stream_ends,
    "streamed chunk": Bench.chunks,
}
"""What is timed, in microseconds for one request or one chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One scenario's times."""

    best_us: float
    median_us: float
    """How far it lies above the best says how busy the machine was."""


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A bench that is warm and whose collector works as in a serving process."""
    with tempfile.TemporaryDirectory(prefix="offramp-hotpath-") as folder:
        made = Bench(Path(folder))
        for scenario in SCENARIOS.values():
            scenario(made, WARM_UP)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        yield made


def time_all(batches: int) -> dict[str, Figure]:
    """Every scenario, their batches interleaved so that a busy second meets all of them."""
    spent: dict[str, list[float]] = {name: [] for name in SCENARIOS}
    with bench() as made:
        for _ in range(batches):
            for name, scenario in SCENARIOS.items():
                spent[name].append(scenario(made, REQUESTS) / REQUESTS * 1e6)
        expected = (3 * REQUESTS + REQUESTS + 1) * batches + 4 * WARM_UP + 1
        if made.rows != expected:
            sys.exit(f"{made.rows} rows for {expected} requests: the path is broken, these figures do not count")
    return {name: Figure(best_us=min(times), median_us=median(times)) for name, times in spent.items()}


def show(figures: dict[str, Figure], before: dict[str, Figure]) -> None:
    """A table, with how it compares with the figures before."""
    table = Table(box=None, pad_edge=False)
    for title in ("µs", "best", "median", *(["best before", "ratio"] if before else [])):
        table.add_column(title, justify="left" if title == "µs" else "right")
    for name, figure in figures.items():
        old = before.get(name)
        compared = [f"{old.best_us:.2f}", f"{figure.best_us / old.best_us:.3f}"] if old is not None else []
        table.add_row(name, f"{figure.best_us:.2f}", f"{figure.median_us:.2f}", *compared)
    Console(width=100).print(table)


def profile(name: str) -> None:
    """Print where a scenario's time goes."""
    with bench() as made:
        profiler = cProfile.Profile()
        profiler.enable()
        SCENARIOS[name](made, PROFILED)
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.speed.hotpath", description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=BATCHES, help=f"short batches per scenario ({BATCHES})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with figures that were written before")
    parser.add_argument("--profile", choices=list(SCENARIOS), help="profile one scenario instead")
    options = parser.parse_args()
    if options.profile is not None:
        profile(options.profile)
        return
    figures = time_all(options.batches)
    before: dict[str, Figure] = {}
    if options.against is not None:
        before = {name: Figure(**old) for name, old in json.loads(options.against.read_text(encoding="utf-8")).items()}
    show(figures, before)
    if options.json is not None:
        written = {name: asdict(figure) for name, figure in figures.items()}
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_main())
