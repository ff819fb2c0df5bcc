"""Quantiles in bounded memory: values are counted in buckets that are one percent apart, and buckets add up.

A value falls into bucket round(100 · ln value), so that the middle of its bucket is within half a percent of it. The
counts of any two groups of requests can be added, so one pass gives the quantiles of every operation, model and tier,
and the same counts are what histograms are drawn from.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
Guarantees", PVLDB 12(12), 2019.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, floor, log

import duckdb

from offramp.migrate.audit.groups import label
from offramp.store.rows import Outcome
from offramp.wire.features import Feature

PER_UNIT = 100
"""Buckets per unit of the natural logarithm."""

QUANTILES = (0.5, 0.95, 0.99)
MOST_GROUPS = 200
_ZERO = -1_000_000
"""The bucket of what is exactly zero."""

_PER_DECADE = 8
"""Bars of a histogram."""


class Measure(StrEnum):
    """What is told in quantiles."""

    TTFT = "ttft"
    """Seconds from arrival to first content; for answers that are not streamed, to the whole answer."""
    TTFT_STREAMED = "ttft_streamed"
    """The same of streamed answers alone."""
    TOKEN = "token"  # noqa: S105 -- of a text
    """Seconds per output token after the first, of streamed answers."""
    TOTAL = "total"
    """Seconds from arrival to the end of the answer."""
    INPUT = "input"
    OUTPUT = "output"
    CONTEXT = "context"
    """Input and output tokens together."""
    RATELIMIT_REQUESTS = "ratelimit_requests"
    """What the upstream said was left."""
    RATELIMIT_TOKENS = "ratelimit_tokens"


_OK = f"outcome = '{Outcome.OK.value}'"
_STREAMED = f"features & {int(Feature.STREAMING)} <> 0"
_VALUES = {
    Measure.TTFT: f"CASE WHEN {_OK} THEN ttft_s END",
    Measure.TTFT_STREAMED: f"CASE WHEN {_OK} AND {_STREAMED} THEN ttft_s END",
    Measure.TOKEN: f"CASE WHEN {_OK} AND {_STREAMED} AND output_tokens > 1 AND total_s >= ttft_s"
    " THEN (total_s - ttft_s) / (output_tokens - 1) END",
    # Nothing takes no time: 0 is what an import says that does not know.
    Measure.TOTAL: f"CASE WHEN {_OK} AND total_s > 0 THEN total_s END",
    Measure.INPUT: "input_tokens",
    Measure.OUTPUT: "output_tokens",
    Measure.CONTEXT: "input_tokens + output_tokens",
    Measure.RATELIMIT_REQUESTS: "ratelimit_requests",
    Measure.RATELIMIT_TOKENS: "ratelimit_tokens",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """How values of one measure spread."""

    count: int
    p50: float
    p95: float
    p99: float

    def up_to(self, most: float) -> "Spread":
        """The same where the greatest value is known: half a percent must not lift a quantile above it."""
        return Spread(self.count, min(self.p50, most), min(self.p95, most), min(self.p99, most))


@dataclass(frozen=True, slots=True)
class Bars:
    """The same as a histogram: rising edges, one more than counts."""

    edges: list[float]
    counts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """How near an upstream's limit the requests came."""

    tier: str
    model: str
    lowest: float
    """The least that was left."""
    highest: float
    """The most that was left: about the limit."""
    answers: int
    """How many answers said what was left."""
    below_tenth: float
    """Share of them that left less than a tenth of the most."""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `buckets` from `audited`, in one pass."""
    columns = ", ".join(f"{_bucket(sql)} AS {measure.value}" for measure, sql in _VALUES.items())
    kinds = " ".join(f"WHEN grouping({measure.value}) = 0 THEN '{measure.value}'" for measure in Measure)
    sets = ", ".join(f"(operation, model, tier, {measure.value})" for measure in Measure)
    names = ", ".join(measure.value for measure in Measure)
    connection.execute(
        "CREATE TEMP TABLE buckets AS SELECT * FROM ("  # noqa: S608 -- our names
        f"SELECT CASE {kinds} END AS measure, operation, model, tier, coalesce({names}) AS bucket, count(*) AS number"
        f" FROM (SELECT operation, model_served AS model, tier, {columns} FROM audited)"
        f" GROUP BY GROUPING SETS ({sets})) WHERE bucket IS NOT NULL"
    )


def spreads(connection: duckdb.DuckDBPyConnection, measure: Measure, column: str) -> dict[str, Spread]:
    """Quantiles of each value of `operation`, `model` or `tier`, the one with most requests first.

    The quantile q is the least value with at least q of all values at or below it (definition 1 of Hyndman and Fan,
    "Sample Quantiles in Statistical Packages", 1996), to half a percent.
    """
    ranks = ", ".join(f"min(bucket) FILTER (upto >= ceil({q} * total))" for q in QUANTILES)
    rows = connection.execute(
        f"WITH one AS (SELECT {column} AS name, bucket, sum(number) AS number FROM buckets"  # noqa: S608 -- our names
        " WHERE measure = ? GROUP BY 1, 2), summed AS (SELECT *, sum(number) OVER (rising) AS upto,"
        " sum(number) OVER (PARTITION BY name) AS total FROM one WINDOW rising AS (PARTITION BY name ORDER BY bucket))"
        f" SELECT name, total, {ranks} FROM summed GROUP BY 1, 2 ORDER BY 2 DESC, 1 LIMIT {MOST_GROUPS}",
        [measure.value],
    ).fetchall()
    return {label(name): Spread(int(total), *map(value_of, found)) for name, total, *found in rows}


def spread(connection: duckdb.DuckDBPyConnection, measure: Measure, most: int | None = None) -> Spread | None:
    """Quantiles of all, never above `most` where that is known; `None` if no value is known."""
    found = spreads(connection, measure, "'all'").get("all")
    return found if found is None or most is None else found.up_to(most)


def bars(connection: duckdb.DuckDBPyConnection, measure: Measure) -> Bars:
    """A histogram on a logarithmic axis; what is exactly zero is left out."""
    width = log(10) * PER_UNIT / _PER_DECADE
    rows = connection.execute(
        f"SELECT floor(bucket / {width})::INT, sum(number) FROM buckets"  # noqa: S608 -- our numbers
        f" WHERE measure = ? AND bucket > {_ZERO} GROUP BY 1 ORDER BY 1",
        [measure.value],
    ).fetchall()
    if not rows:
        return Bars([], [])
    counts = {int(place): int(number) for place, number in rows}
    places = range(min(counts), max(counts) + 1)
    return Bars(
        [10 ** (place / _PER_DECADE) for place in (*places, places[-1] + 1)], [counts.get(p, 0) for p in places]
    )


def headrooms(connection: duckdb.DuckDBPyConnection, measure: Measure) -> list[Headroom]:
    """How near the limits came, the nearest first, by tier and model."""
    rows = connection.execute(
        "WITH one AS (SELECT tier, model, bucket, sum(number) AS number,"  # noqa: S608 -- our names
        " max(max(bucket)) OVER (PARTITION BY tier, model) AS top FROM buckets WHERE measure = ? GROUP BY 1, 2, 3)"
        " SELECT tier, model, min(bucket), max(bucket), sum(number),"
        f" sum(number) FILTER (bucket < top - {PER_UNIT} * ln(10))"
        f" FROM one GROUP BY 1, 2 ORDER BY 6 DESC NULLS LAST, 5 DESC LIMIT {MOST_GROUPS}",
        [measure.value],
    ).fetchall()
    return [
        Headroom(
            tier=label(tier),
            model=label(model),
            lowest=value_of(low),
            highest=value_of(high),
            answers=int(answers),
            below_tenth=int(below or 0) / int(answers),
        )
        for tier, model, low, high, answers, below in rows
    ]


def value_of(bucket: int) -> float:
    """The middle of a bucket.

    >>> value_of(0), round(value_of(461))
    (1.0, 100)
    """
    return 0.0 if bucket == _ZERO else exp(bucket / PER_UNIT)


def bucket_of(value: float) -> int:
    """The bucket of a value from zero up: the same as in SQL.

    >>> bucket_of(100), bucket_of(0)
    (461, -1000000)
    """
    return floor(log(value) * PER_UNIT + 0.5) if value > 0 else _ZERO


def _bucket(sql: str) -> str:
    return f"CASE WHEN ({sql}) > 0 THEN floor(ln({sql}) * {PER_UNIT} + 0.5)::INT WHEN ({sql}) = 0 THEN {_ZERO} END"
