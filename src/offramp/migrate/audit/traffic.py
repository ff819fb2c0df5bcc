"""The traffic that is audited, cut down once so that most questions never touch single rows again.

`audited` is a view: the selected exchanges, with impossible values made unknown and counted. `cube` is a table with one
row per combination of what an exchange can be grouped by; `hours` has one per hour and tier. Every sum is asked of
those two. What is no sum (quantiles, arrivals, repetitions) has a module of its own and one pass of its own.
"""

import duckdb

from offramp.migrate.history.columns import literal
from offramp.migrate.ledger.selection import NS_PER_DAY, Selection
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store.columns import MEASURES
from offramp.store.rows import Outcome
from offramp.wire.features import Feature

EARLIEST_NS = 1_577_836_800 * 10**9
"""2020-01-01: before it there was no such API, so an earlier arrival is a clock that was wrong."""

LONGEST_S = 7 * 86_400.0
"""A request that took longer than a week did not; its clock jumped."""

MOST_TOKENS = 10**9
"""Of one request; more is no usage of any model."""

CONTEXTS = (4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 1_000_000)
"""Context lengths that models are sold with: how many requests need more than each."""

_FLAGS = {
    "priced": "cost_nano IS NOT NULL",
    "baselined": "baseline_nano IS NOT NULL",
    "retried": "client_retries > 0",
    "failed_over": "attempts > 1",
}
"""What is told of single requests by yes or no: cheaper to group by than to count."""

_OF_HOURS = ("tier", "outcome", "usage", "features", *_FLAGS)

DIMENSIONS = (
    *("source", "team", "feature", "key", "site", "site_named", "operation", "tier", "model_asked", "model_served"),
    *(
        "outcome",
        "error_code",
        "status",
        "usage",
        "service_tier",
        "features",
        "finish_reason",
        "band",
        "bad_time",
        "bad_usage",
        "bad_clock",
    ),
    *_FLAGS,
)
"""What `cube` can be grouped by. `band` is how many of `CONTEXTS` a request is longer than;
the others tell of impossible values that were made unknown."""

FAILED = (Outcome.REFUSED, Outcome.CLIENT_ERROR, Outcome.UPSTREAM_ERROR, Outcome.TRUNCATED)
"""Ends without a whole answer that are not the client's leaving."""


def words(values: tuple[str, ...]) -> str:
    """Texts as an SQL list."""
    return f"({', '.join(map(literal, values))})"


_LOST = words((Outcome.REFUSED.value, Outcome.CLIENT_ERROR.value, Outcome.UPSTREAM_ERROR.value))

_SUMS = {
    "number": "count(*)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cached_tokens": "sum(cached_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "cost_nano": "sum(cost_nano)",
    "compute_nano": "sum(compute_nano)",
    "baseline_nano": "sum(baseline_nano)",
}

_ONCE = {
    "several": "count(CASE WHEN n > 1 THEN 1 END)",
    "most_n": "max(n)",
    "limited": "count(max_tokens)",
    "most_max_tokens": "max(max_tokens)",
    "most_tools": "max(tools)",
    "messages": "sum(messages)",
    "most_messages": "max(messages)",
    "counted": "count(input_tokens)",
    "most_input": "max(input_tokens)",
    "most_output": "max(output_tokens)",
    "most_context": "max(context)",
    "hashed": "count(CASE WHEN octet_length(request_hash) > 0 THEN 1 END)",
    "first_ns": "min(CASE WHEN NOT bad_clock THEN started_ns END)",
    "last_ns": "max(CASE WHEN NOT bad_clock THEN started_ns END)",
}
"""What is told of all requests together."""

_TOTALS = {
    "requests": "sum(number)",
    **{name: f"sum({name})" for name in _SUMS if name != "number"},
    "saved_nano": "sum(CASE WHEN baselined AND priced THEN baseline_nano - cost_nano"
    f" WHEN NOT baselined AND priced AND outcome IN {_LOST} THEN -cost_nano END)",
    "unpriced": "sum(number) FILTER (NOT priced)",
    "baselined": "sum(number) FILTER (baselined)",
    "compared": "sum(number) FILTER (priced AND baselined)",
    "estimated": "sum(number) FILTER (usage = 'estimated')",
    "failed": f"sum(number) FILTER (outcome IN {words(tuple(one.value for one in FAILED))})",
    "cancelled": f"sum(number) FILTER (outcome = {literal(Outcome.CANCELLED.value)})",
    "streamed": f"sum(number) FILTER (features & {int(Feature.STREAMING)} <> 0)",
    "retried": "sum(number) FILTER (retried)",
    "failed_over": "sum(number) FILTER (failed_over)",
}
"""The ledger's own sums (`store.columns.MEASURES`) as this side computes them, and further ones of every group."""

TOTALS = ", ".join(
    f"coalesce({_TOTALS[name]}, 0)::HUGEINT AS {name}"
    for name in (*MEASURES, *(name for name in _TOTALS if name not in MEASURES))
)
"""SQL that adds up rows of `cube` or `hours`: what a `Group` is made of, in its order."""

TOTAL_NAMES = (*MEASURES, *(name for name in _TOTALS if name not in MEASURES))


def prepare(connection: duckdb.DuckDBPyConnection, selection: Selection, *, now_ns: int) -> None:
    """Make `audited`, `cube` and `hours` from the view `exchanges`.

    Args:
        connection: With a view `exchanges` as `migrate.history.relation` makes it.
        selection: Which exchanges.
        now_ns: An arrival more than a day later is a clock that was wrong.
    """
    connection.execute(f"CREATE TEMP VIEW audited AS {_audited(selection, now_ns)}")
    flags = ", ".join(f"({sql}) AS {name}" for name, sql in _FLAGS.items())
    plain = ", ".join(name for name in DIMENSIONS if name not in _FLAGS)
    sums = ", ".join(f"{sql} AS {name}" for name, sql in (_SUMS | _ONCE).items())
    connection.execute(f"CREATE TEMP TABLE cube AS SELECT {plain}, {flags}, {sums} FROM audited GROUP BY ALL")  # noqa: S608 -- our names
    plain = ", ".join(name for name in _OF_HOURS if name not in _FLAGS)
    sums = ", ".join(f"{sql} AS {name}" for name, sql in _SUMS.items())
    connection.execute(
        f"CREATE TEMP TABLE hours AS SELECT started_ns // {NS_PER_HOUR} AS hour, {plain}, {flags}, {sums}"  # noqa: S608
        " FROM audited WHERE NOT bad_clock GROUP BY ALL"
    )


def _audited(selection: Selection, now_ns: int) -> str:
    good_time = f"total_s BETWEEN 0 AND {LONGEST_S}"
    tokens = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    cleaned = {
        "total_s": f"CASE WHEN {good_time} THEN total_s END",
        "ttft_s": f"CASE WHEN {good_time} AND ttft_s BETWEEN 0 AND {LONGEST_S} THEN ttft_s END",
        **{name: f"CASE WHEN {name} BETWEEN 0 AND {MOST_TOKENS} THEN {name} END" for name in tokens},
    }
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in cleaned.items())
    context = "(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))"
    band = " + ".join(f"(context > {limit})::TINYINT" for limit in CONTEXTS)
    bad_usage = " OR ".join(f"coalesce({name} NOT BETWEEN 0 AND {MOST_TOKENS}, false)" for name in tokens)
    good_clock = f"started_ns BETWEEN {EARLIEST_NS} AND {now_ns + NS_PER_DAY}"
    bad = f"coalesce(NOT ({good_time}), true) AS bad_time, ({bad_usage}) AS bad_usage"
    bad = f"{bad}, coalesce(NOT ({good_clock}), true) AS bad_clock"
    return (
        f"SELECT *, {band} AS band FROM (SELECT *, {context} AS context FROM ("  # noqa: S608 -- quoted
        f"SELECT * REPLACE ({replaced}), {bad} FROM exchanges{where(selection)}))"
    )


def where(selection: Selection) -> str:
    """The conditions of a selection, as `offramp ledger` understands them; empty for none."""
    conditions = [
        f"{name} = {literal(value)}"
        for name in ("team", "feature", "key", "operation", "route", "tier", "outcome")
        if (value := getattr(selection, name)) is not None
    ]
    if selection.model is not None:
        conditions.append(f"{literal(selection.model)} IN (model_asked, model_served)")
    if selection.site is not None:
        conditions.append(f"starts_with(hex(site), {literal(selection.site.upper())})")
    if selection.since_ns is not None:
        conditions.append(f"started_ns >= {selection.since_ns}")
    if selection.until_ns is not None:
        conditions.append(f"started_ns < {selection.until_ns}")
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
