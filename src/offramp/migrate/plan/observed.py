"""Traffic as the ledger saw it: sums per block of time by SQL, and windows of single requests for the simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import inf

import duckdb
import numpy as np

from offramp.capacity.load import NO_PREFIX, Load
from offramp.capacity.slo import Slo
from offramp.errors import UnavailableError
from offramp.migrate.plan.traffic import (
    DAY_S,
    HOUR_S,
    METERED_REQUESTS,
    MINUTE_S,
    SHORTEST_S,
    WINDOW_REQUESTS,
    WINDOW_S,
    Block,
    Kind,
    Measured,
    Tally,
    Traffic,
    block_length_s,
)
from offramp.pricing.money import NANO_PER_USD
from offramp.wire.operation import Operation

NS_PER_S = 10**9

ANSWERED = (Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES)
"""Operations whose answers an engine of one's own would make."""

SYSTEM_BYTES_PER_TOKEN = 4.0
"""Of a system prompt, where its tokens were not counted apart; an estimate for English text."""

_EARLIEST_NS = 1_577_836_800 * NS_PER_S
"""2020: an earlier moment is a clock that was not set."""

_ASKED = """
CREATE OR REPLACE TEMP VIEW asked AS
SELECT started_ns, operation, route, tier, model_asked, model_served, service_tier, outcome, system_hash, system_bytes,
       ttft_s, total_s, compute_nano, cost_nano, ratelimit_requests, ratelimit_tokens,
       input_tokens, output_tokens, least(greatest(coalesce(cached_tokens, 0), 0), input_tokens) AS cached_tokens,
       coalesce(input_tokens, -1) >= 0 AND coalesce(output_tokens, -1) >= 0 AS counted
FROM exchanges
WHERE list_contains(getvariable('operations'), operation)
  AND outcome IN ('ok', 'truncated', 'cancelled', 'upstream_error') AND tier <> 'cache'
  AND started_ns BETWEEN getvariable('earliest_ns') AND getvariable('latest_ns')
"""

_LED = """
CREATE OR REPLACE TEMP VIEW led AS
WITH own AS (
    -- Tiers whose rows cost computing time and nothing else; elsewhere some is left of tries that failed before.
    SELECT route, tier FROM asked GROUP BY route, tier
    HAVING sum(compute_nano) > 0 AND coalesce(sum(cost_nano - compute_nano), 0) = 0)
SELECT asked.*, (route, tier) IN (SELECT (route, tier) FROM own) AS is_own,
       route IN (SELECT route FROM own) AS has_own FROM asked
"""
"""The same, told apart by whether own machines answer."""

_MEASURED = """
WITH held AS (
    -- An answer that came whole has a first token only with its last. Whether one was in time is unknown where nobody
    -- recorded how long it took, as in some imports: nothing takes no time.
    SELECT *, greatest(coalesce(output_tokens, 1) - 1, 0) AS more,
        CASE WHEN outcome <> 'ok' THEN 0 WHEN total_s <= 0 THEN NULL
             WHEN ttft_s IS NULL OR ttft_s >= total_s THEN (total_s <= $ttft_s + $token_s * more)::INTEGER
             ELSE (ttft_s <= $ttft_s AND total_s - ttft_s <= $token_s * more)::INTEGER END AS good
    FROM led)
SELECT count(*) FILTER (has_own), count(*) FILTER (has_own AND NOT is_own), avg(good) FILTER (NOT is_own),
    avg(good) FILTER (NOT is_own AND started_ns >= $begin_ns AND started_ns < $end_ns),
    min(ratelimit_requests) FILTER (NOT is_own),
    CASE WHEN count(*) = count(cost_nano) THEN sum(cost_nano) END,
    mode(model_served) FILTER (is_own), avg(is_own::INTEGER) FROM held
"""

_SERVED = """
SELECT coalesce(nullif(model_asked, ''), model_served), mode(model_served) FROM led
WHERE NOT is_own AND model_served <> '' GROUP BY ALL
"""

_MINUTES = """
SELECT (started_ns - $first_ns) // $minute_ns AS minute, count(*) AS requests FROM asked GROUP BY minute
"""

_SINGLE = """
WITH mean AS (
    SELECT avg(input_tokens) AS tokens_in, avg(output_tokens) AS tokens_out FROM asked WHERE counted),
seen AS (SELECT *, started_ns - $first_ns AS since_ns FROM asked),
chosen AS (
    SELECT *, since_ns // $period_ns * $piece_ns + since_ns % $period_ns AS at_ns FROM seen
    WHERE since_ns >= $begin_ns AND since_ns < $end_ns AND since_ns % $period_ns < $piece_ns
    ORDER BY started_ns LIMIT $most)
SELECT at_ns,
    CASE WHEN counted THEN input_tokens ELSE tokens_in::BIGINT END AS tokens_in,
    CASE WHEN counted THEN output_tokens ELSE tokens_out::BIGINT END AS tokens_out,
    CASE WHEN system_bytes > 0 THEN dense_rank() OVER (ORDER BY system_hash) ELSE $no_prefix END AS prefix,
    (system_bytes / $bytes_per_token)::BIGINT AS prefix_tokens
FROM chosen, mean ORDER BY at_ns
"""
"""Single requests; those whose tokens nobody counted are as long as the mean of the others."""

_LEFT_OUT = """
SELECT CASE
    WHEN started_ns NOT BETWEEN getvariable('earliest_ns') AND getvariable('latest_ns')
        THEN 'with a clock that is wrong'
    WHEN tier = 'cache' THEN 'answered from the cache'
    WHEN outcome IN ('refused', 'client_error') THEN 'refused, or wrong in themselves'
    WHEN NOT list_contains(getvariable('operations'), operation)
        THEN 'of operations that are planned apart (' || operation || ')'
    WHEN coalesce(input_tokens, -1) < 0 OR coalesce(output_tokens, -1) < 0
        THEN 'without usable token counts: in the volume, not in the sums'
    END AS reason, count(*) FROM exchanges GROUP BY reason HAVING reason IS NOT NULL ORDER BY reason
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The time that the ledger covers."""

    first_ns: int
    last_ns: int
    requests: int

    @property
    def length_s(self) -> float:
        """With one mean interval after the last request."""
        between_s = (self.last_ns - self.first_ns) / NS_PER_S
        return max(1.0, between_s * self.requests / max(1, self.requests - 1))


def observed(
    connection: duckdb.DuckDBPyConnection, *, name: str, thresholds: Sequence[int], slo: Slo, now_ns: int
) -> Traffic:
    """The traffic of a ledger.

    Args:
        connection: With a view `exchanges`, as `migrate.history.relation` opens it.
        name: What it is, in words.
        thresholds: Input lengths at which any price card changes, ascending.
        slo: What the incumbent's answers are held to.
        now_ns: Rows of a later day are a clock that was wrong.

    Raises:
        UnavailableError: If there is nothing to plan with.
    """
    connection.execute("SET VARIABLE earliest_ns = ?::BIGINT", [_EARLIEST_NS])
    connection.execute("SET VARIABLE latest_ns = ?::BIGINT", [now_ns + DAY_S * NS_PER_S])
    connection.execute("SET VARIABLE operations = ?::VARCHAR[]", [[operation.value for operation in ANSWERED]])
    connection.execute(_ASKED)
    connection.execute(_LED)
    span = _span(connection, name)
    minutes = _minutes(connection, span)
    block_s = block_length_s(span.length_s)
    busy_s, busy_length_s = _busiest(minutes)
    usual_s, usual_length_s = _usual(minutes, span)
    share = min(1.0, METERED_REQUESTS / span.requests)
    days = f"{_day(span.first_ns)} to {_day(span.last_ns)} (UTC)"
    return Traffic(
        kind=Kind.LEDGER,
        source=f"{name}, {days}",
        span_s=span.length_s,
        requests=span.requests,
        blocks=_blocks(connection, span, block_s, thresholds),
        block_s=block_s,
        hours=_hours(minutes),
        busiest=_window(connection, span, busy_s, busy_s + busy_length_s),
        usual=_window(connection, span, usual_s, usual_s + usual_length_s),
        metered=_metered(connection, span, share),
        metered_s=span.length_s * share,
        measured=_measured(connection, slo, span.first_ns + int(busy_s * NS_PER_S), busy_length_s),
        left_out=tuple((str(reason), int(count)) for reason, count in connection.execute(_LEFT_OUT).fetchall()),
    )


def _span(connection: duckdb.DuckDBPyConnection, name: str) -> _Span:
    found = connection.execute(
        "SELECT min(started_ns), max(started_ns), count(*), count(*) FILTER (counted) FROM asked"
    ).fetchone()
    if found is None or not found[3]:
        raise UnavailableError(
            f"{name}: there is no answered request with its tokens yet: relay some with `offramp serve`, "
            "or give figures by hand (--requests-per-month, --input-tokens, --output-tokens), --trace or --generate"
        )
    return _Span(first_ns=int(found[0]), last_ns=int(found[1]), requests=int(found[2]))


def _minutes(connection: duckdb.DuckDBPyConnection, span: _Span) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Requests of each minute since the first."""
    counts = np.zeros(int((span.last_ns - span.first_ns) / NS_PER_S // MINUTE_S) + 1, dtype=np.int64)
    asked = {"first_ns": span.first_ns, "minute_ns": MINUTE_S * NS_PER_S}
    rows = connection.execute(_MINUTES, asked).fetchnumpy()
    counts[np.asarray(rows["minute"], dtype=np.int64)] = np.asarray(rows["requests"], dtype=np.int64)
    return counts


def _busiest(minutes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[float, float]:
    """Where the busiest window begins and how long it is, in seconds since the first request."""
    width = int(WINDOW_S // MINUTE_S)
    while True:
        sums = np.convolve(minutes, np.ones(min(width, len(minutes)), dtype=np.int64), mode="valid")
        most = int(sums.max())
        if most <= WINDOW_REQUESTS or width == 1:
            return float(int(sums.argmax()) * MINUTE_S), float(width * MINUTE_S)
        width = max(1, width * WINDOW_REQUESTS // most)


def _usual(minutes: np.ndarray[tuple[int], np.dtype[np.int64]], span: _Span) -> tuple[float, float]:
    """The same for a window with a mean number of requests."""
    rate_per_s = span.requests / span.length_s
    window_s = min(WINDOW_S, max(SHORTEST_S, WINDOW_REQUESTS / rate_per_s))
    width = max(1, int(window_s // MINUTE_S))
    if len(minutes) <= width:
        return 0.0, float(width * MINUTE_S)
    sums = np.convolve(minutes, np.ones(width, dtype=np.int64), mode="valid")
    distance = np.abs(sums - rate_per_s * width * MINUTE_S)
    distance[sums == 0] = np.inf
    return float(int(distance.argmin()) * MINUTE_S), float(width * MINUTE_S)


def _hours(minutes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[int, ...]:
    whole = len(minutes) // 60
    return tuple(int(count) for count in minutes[: whole * 60].reshape(whole, 60).sum(axis=1)) if whole > 1 else ()


def _blocks(
    connection: duckdb.DuckDBPyConnection, span: _Span, block_s: int, thresholds: Sequence[int]
) -> tuple[Block, ...]:
    steps = " + ".join(f"(coalesce(input_tokens, 0) > {threshold})::INTEGER" for threshold in thresholds) or "0"
    rows = connection.execute(
        f"""SELECT (started_ns - {span.first_ns}) // {block_s * NS_PER_S} AS block,
            coalesce(nullif(model_asked, ''), model_served) AS model, service_tier, {steps} AS step, count(*),
            count(*) FILTER (counted), coalesce(sum(input_tokens) FILTER (counted), 0),
            coalesce(sum(cached_tokens) FILTER (counted), 0), coalesce(sum(output_tokens) FILTER (counted), 0)
            FROM asked GROUP BY ALL ORDER BY ALL"""  # noqa: S608 - our numbers
    ).fetchall()
    overs = (0, *thresholds)
    numbers: dict[int, list[tuple[int, Tally]]] = {number: [] for number in range(int(span.length_s // block_s) + 1)}
    for block, model, tier, step, requests, counted, tokens_in, cached, tokens_out in rows:
        tally = Tally(
            model=model,
            service_tier=tier,
            over=overs[step],
            requests=counted,
            input_tokens=int(tokens_in),
            cached_tokens=int(cached),
            output_tokens=int(tokens_out),
        )
        numbers.setdefault(block, []).append((requests, tally))
    last = max(number for number, found in numbers.items() if found)
    return tuple(
        Block(
            number=number,
            requests=sum(requests for requests, _ in found),
            tallies=tuple(tally for _, tally in found if tally.requests),
        )
        for number, found in sorted(numbers.items())
        if number <= last
    )


def _window(connection: duckdb.DuckDBPyConnection, span: _Span, begin_s: float, end_s: float) -> Load:
    return _load(connection, span, begin_s=begin_s, end_s=end_s, most=WINDOW_REQUESTS)


def _metered(connection: duckdb.DuckDBPyConnection, span: _Span, share: float) -> Load:
    """All requests, or the same piece of each hour, one after the other."""
    return _load(connection, span, piece_s=HOUR_S * share, most=2 * METERED_REQUESTS)


def _load(
    connection: duckdb.DuckDBPyConnection,
    span: _Span,
    *,
    begin_s: float = 0.0,
    end_s: float = inf,
    piece_s: float = float(HOUR_S),
    most: int,
) -> Load:
    """Single requests from a window, the first piece of each hour of it."""
    columns: Mapping[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = connection.execute(
        _SINGLE,
        {
            "first_ns": span.first_ns,
            "begin_ns": int(begin_s * NS_PER_S),
            "end_ns": int(min(end_s, span.length_s + 1) * NS_PER_S),
            "period_ns": HOUR_S * NS_PER_S,
            "piece_ns": int(piece_s * NS_PER_S),
            "most": most,
            "no_prefix": NO_PREFIX,
            "bytes_per_token": SYSTEM_BYTES_PER_TOKEN,
        },
    ).fetchnumpy()
    started = np.asarray(columns["at_ns"], dtype=np.int64)
    tokens_in = np.asarray(columns["tokens_in"], dtype=np.int64)
    return Load.of(
        (started - started[0]) / NS_PER_S,
        tokens_in,
        np.asarray(columns["tokens_out"], dtype=np.int64),
        prefix=np.asarray(columns["prefix"], dtype=np.int64),
        prefix_tokens=np.minimum(np.asarray(columns["prefix_tokens"], dtype=np.int64), tokens_in),
    )


def _measured(connection: duckdb.DuckDBPyConnection, slo: Slo, busy_ns: int, busy_s: float) -> Measured:
    row = connection.execute(
        _MEASURED,
        {
            "ttft_s": inf if slo.ttft_s is None else slo.ttft_s,
            "token_s": inf if slo.token_s is None else slo.token_s,
            "begin_ns": busy_ns,
            "end_ns": busy_ns + int(busy_s * NS_PER_S),
        },
    ).fetchone()
    if row is None:
        return Measured()
    with_own, fallen, mean, peak, left_requests, paid, own_model, own_share = row
    served = connection.execute(_SERVED).fetchall()
    return Measured(
        served=dict(served),
        fallback_share=Fraction(fallen, with_own) if with_own else None,
        attainment_mean=mean,
        attainment_peak=peak,
        least_left_requests=left_requests,
        own_model=own_model or "",
        own_share=float(own_share or 0),
        paid_usd=None if paid is None else Fraction(int(paid), NANO_PER_USD),
    )


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // NS_PER_S, UTC):%Y-%m-%d %H:%M}"
