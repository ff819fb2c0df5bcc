"""What a large ledger costs: folding it, asking it, moving it to its history, and asking it again.

    python -m tools.speed.ledger --rows 10000000

The rows go the real way: encoded batches into the journal, folded into the tables with their sums, meters included;
the commands are processes of their own, from start to end. Ten million rows need five gigabytes of disk and about
ten minutes.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from offramp.errors import UnavailableError
from offramp.migrate.history.keep import keep
from offramp.migrate.history.relation import open_relation
from offramp.pricing.compute import per_hour
from offramp.store.fold import fold
from offramp.store.journal import Journal, Kind
from offramp.store.records import Began, compute_records
from offramp.store.rows import Batch, ComputeEnded, ComputeStarted, ExchangeRow
from offramp.store.schema import open_ledger

DAYS = 30
BEGIN_NS = 1_760_313_600 * 10**9
"""2025-10-13, a Monday."""
DAY_NS = 86_400 * 10**9
NOW_NS = BEGIN_NS + (DAYS + 1) * DAY_NS

BATCH_ROWS = 500
FOLD_ROWS = 50_000
"""As many as a gateway lets gather."""

INSTANCE = "local@127.0.0.1:9001"

COMMANDS = {
    "offramp ledger": (),
    "offramp ledger --by day --json": ("--by", "day", "--json"),
    "offramp ledger --team team-3 --by model": ("--team", "team-3", "--by", "model"),
    "offramp ledger --rows 20": ("--rows", "20"),
    "offramp ledger --day 2025-10-20 --rows 20": ("--day", "2025-10-20", "--rows", "20"),
    "offramp ledger --since 2025-10-20T10:30 --until 2025-10-20T17:45": (
        *("--since", "2025-10-20T10:30"),
        *("--until", "2025-10-20T17:45"),
    ),
    "offramp ledger --by site": ("--by", "site"),
}
"""From the sums per hour; then such as need single requests: few, some of one day, all."""

_AUDIT = "SELECT model_asked, count(*), sum(cost_nano), quantile_cont(total_s, 0.95) FROM exchanges GROUP BY ALL"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result."""

    what: str
    value: float
    unit: str


def main() -> int:
    """Make the ledger, measure, print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.speed.ledger", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many requests the ledger has")
    parser.add_argument("--rounds", type=int, default=3, help="how often each command is run; the median counts")
    parser.add_argument(
        "--folder", type=Path, help="where to put it; the system's place for temporary files if not given"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    figures = []
    with TemporaryDirectory(prefix="offramp-speed-", dir=arguments.folder) as folder:
        for figure in measured(Path(folder), arguments.rows, arguments.rounds):
            print(f"{figure.what:<85} {figure.value:>12,.2f} {figure.unit}", flush=True)
            figures.append(figure)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode(figures))
    return 0


def measured(folder: Path, rows: int, rounds: int) -> Iterator[Figure]:
    """All figures, one after the other."""
    took_s = _fill(folder, rows)
    if _count(folder, "exchanges") != rows:
        raise UnavailableError(f"{folder} does not hold what was written into it: did somebody delete it meanwhile?")
    yield Figure(f"fold, {rows:,} rows with their sums and shares", rows / took_s, "rows/s")
    yield Figure("sums per hour", _count(folder, "hours"), "rows")
    yield Figure("ledger.db", _megabytes(folder / "ledger.db"), "MB")
    yield from _asked(folder, rounds, "in the database")
    yield Figure("handing over to DuckDB, open hours, with one question", _related_s(folder), "s")
    took_s = _timed(lambda: keep(folder, now_ns=NOW_NS, after_h=6))
    yield Figure("move to the history, merging included", rows / took_s, "rows/s")
    yield Figure("ledger.db after it", _megabytes(folder / "ledger.db"), "MB")
    files = list(folder.glob("history/*/*.parquet"))
    yield Figure(f"history, {len(files)} files", sum(_megabytes(path) for path in files), "MB")
    yield from _asked(folder, rounds, "in the history")
    yield Figure("the same question of the history", _related_s(folder), "s")


def _asked(folder: Path, rounds: int, where: str) -> Iterator[Figure]:
    for name, words in COMMANDS.items():
        command = [sys.executable, "-m", "offramp", "ledger", "--state", str(folder), *words]
        times = [_timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)) for _ in range(rounds)]  # noqa: B023, S603 -- called at once; our own command
        yield Figure(f"{name}, {where}", median(times), "s")


def _related_s(folder: Path) -> float:
    def ask() -> None:
        with open_relation(folder) as connection:
            connection.execute(_AUDIT).fetchall()

    return _timed(ask)


def _timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _fill(folder: Path, rows: int) -> float:
    """Write and fold; the seconds that folding took."""
    encode = msgspec.msgpack.Encoder().encode
    journal = Journal(folder / "journal.db")
    journal.append(Kind.STARTED, encode(Began(workers=1)), at_ns=BEGIN_NS)
    prices = compute_records({INSTANCE: per_hour(Decimal("1.006"))})
    journal.append(Kind.COMPUTES, encode(prices), at_ns=BEGIN_NS)
    took_s = 0.0
    for first in range(0, rows, FOLD_ROWS):
        for begin in range(first, min(first + FOLD_ROWS, rows), BATCH_ROWS):
            batch = _batch(begin, min(begin + BATCH_ROWS, rows), rows)
            journal.append(Kind.BATCH, encode(batch), at_ns=batch.rows[-1].started_ns, rows=len(batch.rows))
        took_s += _timed(lambda: fold(folder))
    journal.close()
    return took_s


def _batch(begin: int, end: int, rows: int) -> Batch:
    found = [_row(number, rows) for number in range(begin, end)]
    local = [row for row in found if row.tier == "local"]
    return Batch(
        worker=0,
        started=[ComputeStarted(INSTANCE, row.started_ns) for row in local],
        ended=[ComputeEnded(INSTANCE, row.started_ns, row.started_ns + 500_000_000, row.id) for row in local],
        rows=found,
        dropped=0,
    )


def _row(number: int, rows: int) -> ExchangeRow:
    """Request after request over the month, of eight teams with 40 features, three models, two tiers."""
    drawn = number * 2_654_435_761 % 4_294_967_296
    failed = drawn % 50 == 0
    return replace(
        _ROW,
        id=f"{drawn:08x}{number:024x}",
        started_ns=BEGIN_NS + number * DAYS * DAY_NS // rows,
        key=f"key-{drawn % 8}",
        team=f"team-{drawn % 8}",
        feature=f"feature-{drawn % 40}",
        site=(drawn % 60).to_bytes(8, "big"),
        request_hash=drawn.to_bytes(16, "big"),
        tier="local" if drawn % 3 else "openai",
        model_asked=("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini")[drawn % 3],
        status=502 if failed else 200,
        outcome="upstream_error" if failed else "ok",
        input_tokens=None if failed else 50 + drawn % 3_000,
        output_tokens=None if failed else 1 + drawn % 600,
        cost_nano=0 if drawn % 3 else drawn % 900_000,
        total_s=0.2 + drawn % 10_007 / 1_000,
    )


_ROW = ExchangeRow(
    id="",
    started_ns=0,
    key="",
    team="",
    feature="",
    site=b"",
    site_named=False,
    request_hash=b"",
    operation="chat.completions",
    features=3,
    n=1,
    max_tokens=512,
    service_tier="default",
    messages=3,
    tools=0,
    system_hash=bytes(8),
    system_bytes=640,
    route="chat",
    tier="",
    instance="127.0.0.1:9001",
    model_asked="",
    model_served="qwen3-8b",
    status=200,
    outcome="ok",
    error_code="",
    finish_reason="stop",
    input_tokens=None,
    output_tokens=None,
    cached_tokens=0,
    reasoning_tokens=None,
    usage="measured",
    bytes_in=2_800,
    bytes_out=2_000,
    ttft_s=0.15,
    total_s=0.0,
    attempts=1,
    client_retries=0,
    ratelimit_requests=None,
    ratelimit_tokens=None,
    cost_nano=None,
    baseline_nano=165_000,
)


def _count(folder: Path, table: str) -> int:
    with closing(open_ledger(folder)) as ledger:
        return int(ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 -- our name


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


if __name__ == "__main__":
    sys.exit(main())
