"""What was sent more than once: whole requests, which a cache could answer, and system prompts, which cost tokens.

Nothing of their content is known, only keyed fingerprints. Of a body longer than 4 KiB the fingerprint takes length and
both ends, so two long requests that differ in the middle alone look the same.
"""

from dataclasses import dataclass

import duckdb

from offramp.migrate.audit.groups import label
from offramp.store.rows import Outcome
from offramp.wire.operation import Operation

LIFETIMES_S = (60, 3_600, 86_400, 604_800)
"""How long a cache might keep an answer: a minute, an hour, a day, a week."""

BYTES_PER_TOKEN = 4
"""Of English text, roughly. Source: OpenAI, "What are tokens and how to count them?", help center."""

_MOST = 20
_CACHEABLE = (
    f"outcome = '{Outcome.OK.value}' AND tier <> 'cache' AND operation NOT IN ('{Operation.MODELS.value}',"
    f" '{Operation.OTHER.value}') AND octet_length(request_hash) > 0 AND NOT bad_clock"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """What an exact-match cache with one lifetime would have done.

    An answer is dropped when the minute (hour, day, week) of the clock in which it was made is over. A cache that keeps
    it for the whole lifetime can only do better.
    """

    lifetime_s: int
    hits: int
    saved_nano: int
    """Cost of the requests that would have been hits, as far as it is known."""
    saved_s: float
    """Seconds that their clients waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Requests that are the same to the byte, of the same tenant."""

    comparable: int
    """Whole answers with a fingerprint."""
    repeated: int
    """Requests beyond the first of their kind, at any distance in time."""
    caches: tuple[Cache, ...]
    by_site: dict[str, int]
    """Hits of a cache that keeps answers for a day, by the call site, most first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPrompt:
    """One system prompt, by its fingerprint."""

    fingerprint: str
    requests: int
    tokens: int
    """About how long it is."""
    input_tokens: int
    cached_tokens: int

    @property
    def repeated_tokens(self) -> int:
        """Tokens of all its repetitions."""
        return (self.requests - 1) * self.tokens

    @property
    def wasted_tokens(self) -> int:
        """Those that no upstream took from its cache."""
        return max(0, self.repeated_tokens - self.cached_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPrompts:
    """System prompts that came more than once."""

    different: int
    requests: int
    """Requests with a system prompt and known usage."""
    input_tokens: int
    """Of those requests."""
    cached_tokens: int
    repeated_tokens: int
    wasted_tokens: int
    top: list[SystemPrompt]
    """Those that waste most."""


def repeats(connection: duckdb.DuckDBPyConnection) -> Repeats:
    """What a cache would have saved; needs `audited`."""
    row = connection.execute(f"SELECT count(*) FROM audited WHERE {_CACHEABLE}").fetchone()  # noqa: S608 -- our names
    connection.execute(
        "CREATE TEMP TABLE twice AS SELECT hash(request_hash) AS request, count(*) AS number FROM audited"  # noqa: S608
        f" WHERE {_CACHEABLE} GROUP BY 1 HAVING count(*) > 1"
    )
    again = connection.execute("SELECT coalesce(sum(number - 1), 0)::BIGINT FROM twice").fetchone()
    connection.execute(
        "CREATE TEMP TABLE windows AS SELECT hash(request_hash) AS request,"  # noqa: S608 -- our names
        f" started_ns // {LIFETIMES_S[0] * 10**9} AS place, count(*) AS number, {_SUMS}, min(started_ns) AS moment,"
        " any_value(site) AS site FROM audited"
        f" WHERE {_CACHEABLE} AND hash(request_hash) IN (SELECT request FROM twice) GROUP BY 1, 2"
    )
    caches, by_site = [], {}
    for shorter, lifetime_s in zip((LIFETIMES_S[0], *LIFETIMES_S), LIFETIMES_S, strict=False):
        if lifetime_s != shorter:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE windows AS SELECT request, place // {lifetime_s // shorter} AS place,"  # noqa: S608
                " sum(number)::BIGINT AS number, sum(cost) AS cost, arg_min(first_cost, moment) AS first_cost,"
                " sum(taken_s) AS taken_s, arg_min(first_s, moment) AS first_s, min(moment) AS moment,"
                " any_value(site) AS site FROM windows GROUP BY 1, 2"
            )
        caches.append(_cache(connection, lifetime_s))
        if lifetime_s == 86_400:
            by_site = _hits_by_site(connection)
    return Repeats(
        comparable=int(row[0]) if row else 0,
        repeated=int(again[0]) if again else 0,
        caches=tuple(caches),
        by_site=by_site,
    )


_SUMS = (
    "coalesce(sum(cost_nano), 0) AS cost, coalesce(arg_min(coalesce(cost_nano, 0), started_ns), 0) AS first_cost,"
    " coalesce(sum(total_s), 0) AS taken_s, coalesce(arg_min(coalesce(total_s, 0), started_ns), 0) AS first_s"
)


def _cache(connection: duckdb.DuckDBPyConnection, lifetime_s: int) -> Cache:
    row = connection.execute(
        "SELECT coalesce(sum(number - 1), 0)::BIGINT, coalesce(sum(cost - first_cost), 0)::HUGEINT,"
        " coalesce(sum(taken_s - first_s), 0.0) FROM windows WHERE number > 1"
    ).fetchone()
    hits, nano, seconds = row or (0, 0, 0.0)
    return Cache(lifetime_s=lifetime_s, hits=int(hits), saved_nano=int(nano), saved_s=float(seconds))


def _hits_by_site(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = connection.execute(
        "SELECT site, sum(number - 1)::BIGINT FROM windows WHERE number > 1 GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608 -- our numbers
        f" LIMIT {_MOST}"
    ).fetchall()
    return {label(site): int(hits) for site, hits in rows}


def system_prompts(connection: duckdb.DuckDBPyConnection) -> SystemPrompts:
    """What repeating system prompts costs in tokens; needs `audited`."""
    connection.execute(
        "CREATE TEMP TABLE prompts AS SELECT system_hash, count(*) AS number,"  # noqa: S608 -- our numbers
        f" max(system_bytes) // {BYTES_PER_TOKEN} AS tokens, coalesce(sum(input_tokens), 0)::HUGEINT AS input_tokens,"
        " coalesce(sum(cached_tokens), 0)::HUGEINT AS cached_tokens,"
        f" (count(*) - 1) * (max(system_bytes) // {BYTES_PER_TOKEN}) AS repeated FROM audited"
        " WHERE octet_length(system_hash) > 0 AND input_tokens IS NOT NULL AND tier <> 'cache' GROUP BY 1"
    )
    row = connection.execute(
        "SELECT count(*), coalesce(sum(number), 0), coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0),"
        " coalesce(sum(repeated), 0), coalesce(sum(greatest(0, repeated - cached_tokens)), 0) FROM prompts"
    ).fetchone()
    top = connection.execute(
        "SELECT system_hash, number, tokens, input_tokens, cached_tokens FROM prompts WHERE number > 1"  # noqa: S608 -- our numbers
        f" ORDER BY greatest(0, repeated - cached_tokens) DESC, number DESC, system_hash LIMIT {_MOST}"
    ).fetchall()
    different, requests, given, cached, repeated, wasted = map(int, row or (0,) * 6)
    return SystemPrompts(
        different=different,
        requests=requests,
        input_tokens=given,
        cached_tokens=cached,
        repeated_tokens=repeated,
        wasted_tokens=wasted,
        top=[
            SystemPrompt(
                fingerprint=label(hashed),
                requests=int(number),
                tokens=int(tokens),
                input_tokens=int(input_tokens),
                cached_tokens=int(cached_tokens),
            )
            for hashed, number, tokens, input_tokens, cached_tokens in top
        ],
    )
