"""How long an audit takes beside a set of plain DuckDB queries, one for each of its figures, on generated traffic.

python -m tools.speed.audit --rows 10000000
"""

import argparse
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec

from offramp.migrate.audit.audit import examine
from offramp.migrate.history.columns import literal
from offramp.migrate.history.engine import open_engine
from offramp.migrate.ledger.selection import Selection
from tools.speed.audit_traffic import BEGIN_NS, DAYS, generate

PLAIN = Path(__file__).with_name("plain_audit.sql")

NOW_NS = BEGIN_NS + (DAYS + 1) * 86_400 * 10**9

_LOST = "outcome IN ('refused', 'client_error', 'upstream_error')"
_SUMS = (
    "count(*), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(cost_nano),"
    " sum(compute_nano), sum(baseline_nano), sum(CASE WHEN baseline_nano IS NOT NULL THEN baseline_nano - cost_nano"
    f" WHEN {_LOST} THEN -cost_nano END), count(*) - count(cost_nano), count(baseline_nano),"
    " count(*) FILTER (cost_nano IS NOT NULL AND baseline_nano IS NOT NULL), count(*) FILTER (usage = 'estimated'),"
    f" count(*) FILTER ({_LOST} OR outcome = 'truncated'), count(*) FILTER (outcome = 'cancelled'),"
    " count(*) FILTER (features & 1 <> 0), count(*) FILTER (client_retries > 0), count(*) FILTER (attempts > 1)"
)
"""What every group of an audit adds up."""

Work = Callable[[duckdb.DuckDBPyConnection], None]


def main() -> int:
    """Generate the traffic, measure both, print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.speed.audit", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="how many requests are generated")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured; the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="offramp-speed-") as folder:
        files = generate(Path(folder), arguments.rows)
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        print(f"{arguments.rows:,} requests of {DAYS} days, {size_mb:,.0f} MB of Parquet")
        ours_s = min(_measured(files, _audit) for _ in range(arguments.rounds))
        # Before the plain queries, whose memory would be in it.
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        plain = [
            {name: _measured(files, _all(queries)) for name, queries in plain_queries().items()}
            for _ in range(arguments.rounds)
        ]
    plain_s = {name: min(one[name] for one in plain) for name in plain[0]}
    for name, seconds in plain_s.items():
        print(f"  {name:24}{seconds:7.2f} s")
    total_s = sum(plain_s.values())
    print(
        f"plain queries {total_s:.1f} s, audit {ours_s:.1f} s ({ours_s / total_s:.2f} times), {peak_mb:,.0f} MB at most"
    )
    if arguments.json:
        figures = {"rows": arguments.rows, "audit_s": ours_s, "audit_peak_mb": peak_mb, "plain_s": plain_s}
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2))
    return 0


def plain_queries() -> dict[str, list[str]]:
    """The statements of `plain_audit.sql` by their headings, each alternative written out."""
    found: dict[str, list[str]] = {}
    _, *parts = re.split(r"^-- ([a-z ]+)$", PLAIN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        statements = (statement.replace("{sums}", _SUMS) for statement in text.split(";") if statement.strip())
        found[name] = [query for statement in statements for query in _alternatives(statement)]
    return found


def _alternatives(statement: str) -> list[str]:
    choice = re.search(r"\{([^{}|]+(?:\|[^{}|]+)+)\}", statement)
    if choice is None:
        return [statement]
    return [statement.replace(choice[0], one).replace("{=}", one) for one in choice[1].split("|")]


def _audit(connection: duckdb.DuckDBPyConnection) -> None:
    examine(connection, Selection(), now_ns=NOW_NS)


def _all(queries: Sequence[str]) -> Work:
    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for query in queries:
            connection.execute(query).fetchall()

    return work


def _measured(files: Sequence[Path], work: Work) -> float:
    """Seconds that it takes over these files, with the memory and the threads that an audit has."""
    listed = ", ".join(literal(str(path)) for path in files)
    with open_engine() as engine:
        engine.connection.execute(f"CREATE VIEW exchanges AS SELECT * FROM read_parquet([{listed}])")  # noqa: S608
        engine.connection.execute(
            "CREATE VIEW attempts AS SELECT '' AS exchange, '' AS tier, '' AS failure, 0 AS started_ns, 0 AS ended_ns,"
            " 0 AS cost_nano WHERE false"
        )
        begin = time.perf_counter()
        work(engine.connection)
        return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
