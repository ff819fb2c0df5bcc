"""Sums by team, feature, call site, model …: the largest groups, and the rest of them added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from offramp.migrate.audit.traffic import CONTEXTS, TOTAL_NAMES, TOTALS
from offramp.migrate.history.relation import LEDGER_SOURCE
from offramp.migrate.ledger.query import Sums
from offramp.migrate.ledger.selection import day_of
from offramp.store.columns import MEASURES
from offramp.wire.features import Feature

MOST_GROUPS = 1_000
"""Groups that are told apart; names come from clients, and there may be a million of them."""


@dataclass(frozen=True, slots=True)
class Group:
    """What some exchanges add up to."""

    sums: Sums = field(default_factory=Sums)
    """As the ledger knows them."""
    failed: int = 0
    """Without a whole answer, the client's leaving apart."""
    cancelled: int = 0
    streamed: int = 0
    retried: int = 0
    """Requests that the client itself had sent before."""
    failed_over: int = 0
    """Requests with more than one attempt."""

    @property
    def requests(self) -> int:
        """How many there are."""
        return self.sums.requests

    def share_of(self, total: int) -> float:
        """Requests as a share of all; 0 of none."""
        return self.requests / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Groups:
    """The largest groups, largest first (days in their order), and what is not among them."""

    named: dict[str, Group]
    left_out: int = 0
    """How many further groups there are."""
    rest: Group = field(default_factory=Group)
    """What those add up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What is told of all requests together."""

    group: Group
    first_ns: int | None
    """Arrival of the first and the last whose clock can be right."""
    last_ns: int | None
    sources: dict[str, int]
    """Requests by where they were read from."""
    several: int
    """Requests for more than one answer (`n`)."""
    most_n: int
    limited: int
    """Requests that set a limit of tokens."""
    most_max_tokens: int | None
    most_tools: int
    messages: int
    most_messages: int
    cut: int
    """Answers that ended because the limit of tokens was reached."""
    counted: int
    """Requests whose tokens are known."""
    most_input: int | None
    most_output: int | None
    most_context: int | None
    bad_time: int
    """Durations that cannot be."""
    bad_usage: int
    """Negative or impossible token counts."""
    bad_clock: int
    """Arrivals before 2020 or in the future."""
    hashed: int
    """Requests that can be compared with others."""
    above: dict[int, int]
    """Requests whose input and output together are longer than each of `CONTEXTS`."""


def whole(connection: duckdb.DuckDBPyConnection) -> Whole:
    """What all audited exchanges add up to."""
    group = _group(_row(connection, f"SELECT {TOTALS} FROM cube"))  # noqa: S608 -- our names
    sums = [f"coalesce({function}({name}), 0)" for name, function in _OF_ALL.items()]
    sums += [f"{function}({name})" for name, function in _OF_KNOWN.items()]
    sums += [f"coalesce(sum(number) FILTER ({sql}), 0)" for sql in _COUNTED.values()]
    names = (*_OF_ALL, *_OF_KNOWN, *_COUNTED)
    query = f"SELECT {', '.join(sums)} FROM cube"  # noqa: S608 -- our names
    more = dict(zip(names, _row(connection, query), strict=True))
    bands = dict(connection.execute("SELECT band, sum(number) FROM cube GROUP BY 1").fetchall())
    sources = connection.execute("SELECT source, sum(number) FROM cube GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    return Whole(
        group=group,
        sources={str(name or LEDGER_SOURCE): int(number) for name, number in sources},
        above={
            limit: sum(int(number) for band, number in bands.items() if band > place)
            for place, limit in enumerate(CONTEXTS)
        },
        **more,
    )


_OF_ALL = {
    "several": "sum",
    "most_n": "max",
    "limited": "sum",
    "most_tools": "max",
    "messages": "sum",
    "most_messages": "max",
    "counted": "sum",
    "hashed": "sum",
}
_OF_KNOWN = {
    "first_ns": "min",
    "last_ns": "max",
    "most_max_tokens": "max",
    "most_input": "max",
    "most_output": "max",
    "most_context": "max",
}
"""What is unknown where there is nothing."""

_COUNTED = {
    "cut": "finish_reason = 'length'",
    "bad_time": "bad_time",
    "bad_usage": "bad_usage",
    "bad_clock": "bad_clock",
}


def by(connection: duckdb.DuckDBPyConnection, column: str) -> Groups:
    """Sums of each value of a column of `cube`, or of an SQL expression of such columns."""
    again = ", ".join(f"sum({name})::HUGEINT" for name in TOTAL_NAMES)
    rows = connection.execute(
        f"WITH grouped AS (SELECT {column} AS name, {TOTALS} FROM cube GROUP BY 1),"  # noqa: S608 -- our names
        " ranked AS (SELECT *, row_number() OVER (ORDER BY requests DESC, name) AS place FROM grouped)"
        f" SELECT CASE WHEN place <= {MOST_GROUPS} THEN place END, any_value(name), count(*), {again}"
        " FROM ranked GROUP BY 1 ORDER BY 1 NULLS LAST"
    ).fetchall()
    named: dict[str, Group] = {}
    left_out, rest = 0, Group()
    for place, name, number, *values in rows:
        if place is None:
            left_out, rest = number, _group(values)
        else:
            # Nothing, an empty name and the name `none` are one group.
            known = named.get(label(name))
            named[label(name)] = together([known, _group(values)]) if known else _group(values)
    return Groups(named, left_out, rest)


def by_columns(connection: duckdb.DuckDBPyConnection, columns: str, limit: int) -> list[tuple[tuple[Any, ...], Group]]:
    """Sums of each combination of several columns of `cube`, the one with most requests first."""
    rows = connection.execute(
        f"SELECT {columns}, {TOTALS} FROM cube GROUP BY {columns} ORDER BY requests DESC LIMIT {limit}"  # noqa: S608
    ).fetchall()
    first = columns.count(",") + 1
    return [(row[:first], _group(row[first:])) for row in rows]


def by_day(connection: duckdb.DuckDBPyConnection) -> Groups:
    """Sums of each day (UTC), in their order."""
    rows = connection.execute(f"SELECT hour // 24, {TOTALS} FROM hours GROUP BY 1 ORDER BY 1").fetchall()  # noqa: S608
    return Groups({day_of(int(day) * 24): _group(values) for day, *values in rows})


def by_features(connection: duckdb.DuckDBPyConnection) -> dict[str, Group]:
    """Sums of the requests that use each feature, in the order of the bits; features that nobody uses are left out."""
    rows = connection.execute(f"SELECT features, {TOTALS} FROM cube GROUP BY 1").fetchall()  # noqa: S608 -- ours
    found: dict[str, Group] = {}
    for feature in Feature:
        values = [row[1:] for row in rows if (row[0] or 0) & feature]
        if values and feature.name is not None:
            found[feature.name.lower()] = _group([sum(column) for column in zip(*values, strict=True)])
    return found


def together(groups: Iterable[Group]) -> Group:
    """What several groups add up to."""
    columns = [_numbers(group) for group in groups]
    return _group([sum(column) for column in zip(*columns, strict=True)]) if columns else Group()


def label(name: object) -> str:
    """The name of a group as `offramp ledger` says it: `none` where there is none, sites in hexadecimal digits."""
    if isinstance(name, bytes):
        return name.hex() or "none"
    return "none" if name is None or name == "" else str(name)


def _group(values: Sequence[int]) -> Group:
    numbers = [int(value) for value in values]
    return Group(Sums(*numbers[: len(MEASURES)]), *numbers[len(MEASURES) :])


def _numbers(group: Group) -> list[int]:
    sums = [getattr(group.sums, name) for name in Sums.__slots__]
    return [*sums, *(getattr(group, name) for name in Group.__slots__ if name != "sums")]


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
