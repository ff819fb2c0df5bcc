"""The plain queries that an audit's speed is held against answer the same questions, with the same answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from offramp.migrate.audit.audit import Audit, examine
from offramp.migrate.audit.sketch import Measure, Spread
from offramp.migrate.ledger.query import Sums
from offramp.migrate.ledger.selection import Selection
from tools.speed.audit import NOW_NS, plain_queries
from tools.speed.audit_traffic import generate

ROWS = 20_000


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("traffic")
    files = ", ".join(f"'{path}'" for path in generate(folder, ROWS))
    with duckdb.connect(config={"threads": 1}) as opened:
        opened.execute(f"CREATE VIEW exchanges AS SELECT * FROM read_parquet([{files}])")  # noqa: S608
        opened.execute(
            "CREATE VIEW attempts AS SELECT '' AS exchange, '' AS tier, '' AS failure, 0 AS started_ns, 0 AS ended_ns,"
            " 0 AS cost_nano WHERE false"
        )
        yield opened


@pytest.fixture(scope="module")
def audit(connection: duckdb.DuckDBPyConnection) -> Audit:
    return examine(connection, Selection(), now_ns=NOW_NS)


def asked(connection: duckdb.DuckDBPyConnection, part: str) -> list[list[tuple[Any, ...]]]:
    return [connection.execute(query).fetchall() for query in plain_queries()[part]]


def test_sums(connection: duckdb.DuckDBPyConnection, audit: Audit) -> None:
    """By team, to the nano-dollar."""
    found = {name: tuple(values) for name, *values in asked(connection, "sums by group")[0]}
    ours = {
        name: (
            *(getattr(group.sums, column) for column in Sums.__slots__),
            *(group.failed, group.cancelled, group.streamed, group.retried, group.failed_over),
        )
        for name, group in audit.by["team"].named.items()
    }

    assert sum(values[0] for values in found.values()) == ROWS
    assert ours == {name: tuple(value or 0 for value in values) for name, values in found.items()}


def test_quantiles(connection: duckdb.DuckDBPyConnection, audit: Audit) -> None:
    """To half a percent, by model."""
    rows = asked(connection, "latency")[2]
    measures = (Measure.TTFT, Measure.TOTAL, Measure.TTFT_STREAMED, Measure.TOKEN)

    assert len(rows) > 3
    for model, *quantiles in rows:
        for measure, exact in zip(measures, quantiles, strict=True):
            spread = audit.latency.by["model"][measure].get(model)
            values = [None] * 3 if spread is None else [spread.p50, spread.p95, spread.p99]
            assert values == [one if one is None else pytest.approx(one, rel=0.00502) for one in exact or [None] * 3]


def test_lengths(connection: duckdb.DuckDBPyConnection, audit: Audit) -> None:
    """Parameters to the last one, lengths to half a percent."""
    (parameters,), (lengths,) = asked(connection, "parameters and lengths")
    whole = audit.whole
    spreads = [audit.lengths[measure] for measure in (Measure.INPUT, Measure.OUTPUT, Measure.CONTEXT)]

    assert parameters[:4] == (whole.first_ns, whole.last_ns, whole.several, whole.most_n)
    assert parameters[9:14] == (whole.cut, whole.counted, whole.most_input, whole.most_output, whole.most_context)
    assert parameters[18:] == tuple(whole.above.values())
    for spread, exact in zip(spreads, lengths, strict=True):
        assert isinstance(spread, Spread)
        assert [spread.p50, spread.p95, spread.p99] == [pytest.approx(one, rel=0.00502) for one in exact]


def test_arrivals(connection: duckdb.DuckDBPyConnection, audit: Audit) -> None:
    """Windows and the peak in flight are exact."""
    windows = [rows[0][:4] for rows in asked(connection, "arrivals")[:3]]
    ((peak,),), ((mean,),) = asked(connection, "in flight")
    found = audit.arrivals

    assert [(one.windows, ROWS, one.peak) for one in found.windows] == [(n, rows, most) for n, rows, _, most in windows]
    assert found.concurrency is not None
    assert found.concurrency.peak == peak
    assert found.concurrency.mean == pytest.approx(mean, rel=1e-6)


def test_repetitions(connection: duckdb.DuckDBPyConnection, audit: Audit) -> None:
    """Hits of a cache for each lifetime, and what they cost, but where the first of them has no known cost."""
    ((again,),), *lifetimes = asked(connection, "repeated requests")

    assert audit.repeats.repeated == again
    assert [one.hits for one in audit.repeats.caches] == [rows[0][0] or 0 for rows in lifetimes]
    assert [one.saved_nano for one in audit.repeats.caches] == [
        pytest.approx(int(rows[0][1] or 0), rel=0.01) for rows in lifetimes
    ]
    assert audit.prompts.different == len(asked(connection, "system prompts")[0])
