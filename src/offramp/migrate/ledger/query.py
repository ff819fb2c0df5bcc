"""Questions to the ledger: sums, groups, single exchanges, idle cost; from the hourly sums where they suffice."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from offramp.migrate.ledger.selection import Selection, day_of, hour_of
from offramp.migrate.ledger.view import View
from offramp.pricing.compute import NS_PER_HOUR
from offramp.store.columns import DIMENSIONS, MEASURES
from offramp.store.rows import Outcome


class By(StrEnum):
    """What exchanges can be grouped by."""

    TIER = "tier"
    TEAM = "team"
    FEATURE = "feature"
    MODEL = "model"
    OUTCOME = "outcome"
    ROUTE = "route"
    OPERATION = "operation"
    KEY = "key"
    SITE = "site"
    DAY = "day"
    HOUR = "hour"


@dataclass(slots=True)
class Sums:
    """What some exchanges add up to. Amounts are sums of what is known; the counts say of how many."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    """Nano-dollars, like the four below."""
    compute: int = 0
    baseline: int = 0
    difference: int = 0
    """Baseline less cost where both are known, and less the cost of what failed without usage."""
    unpriced: int = 0
    baselined: int = 0
    compared: int = 0
    estimated: int = 0

    def add(self, values: Sequence[int | None]) -> None:
        """Add values in the order of `MEASURES`."""
        for name, value in zip(self.__slots__, values, strict=True):
            setattr(self, name, getattr(self, name) + (value or 0))

    @property
    def cost_nano(self) -> int | None:
        """Actual cost; unknown if there are requests and none has a price."""
        return None if self.requests and self.unpriced == self.requests else self.cost

    @property
    def baseline_nano(self) -> int | None:
        """What the same usage would have cost; unknown if no request has a baseline."""
        return None if self.requests and not self.baselined else self.baseline

    def saved_nano(self, idle_nano: int | None = 0) -> int | None:
        """Baseline less cost less idle; unknown if there is nothing that could be compared."""
        known = not self.requests or self.compared or self.difference or idle_nano
        return self.difference - (idle_nano or 0) if known else None


_COLUMN = {By.MODEL: "model_asked", By.DAY: "hour / 24", By.SITE: "hex(site)"}
"""Where a group is not a column by its own name."""

_FAILED = ", ".join(f"'{outcome.value}'" for outcome in (Outcome.REFUSED, Outcome.CLIENT_ERROR, Outcome.UPSTREAM_ERROR))

_PER_ROW = {
    "requests": "1",
    "input_tokens": "coalesce(input_tokens, 0)",
    "output_tokens": "coalesce(output_tokens, 0)",
    "cached_tokens": "coalesce(cached_tokens, 0)",
    "reasoning_tokens": "coalesce(reasoning_tokens, 0)",
    "cost_nano": "coalesce(cost_nano, 0)",
    "compute_nano": "compute_nano",
    "baseline_nano": "coalesce(baseline_nano, 0)",
    "saved_nano": "coalesce(CASE WHEN baseline_nano IS NOT NULL THEN baseline_nano - cost_nano"
    f" WHEN outcome IN ({_FAILED}) THEN -cost_nano END, 0)",
    "unpriced": "cost_nano IS NULL",
    "baselined": "baseline_nano IS NOT NULL",
    "compared": "cost_nano IS NOT NULL AND baseline_nano IS NOT NULL",
    "estimated": "usage = 'estimated'",
}
"""What one row of `exchanges` adds to each sum: `store.columns.measures` in SQL. A test compares the two."""

_HOURS = f"SELECT hour, x'' AS site, {', '.join((*DIMENSIONS, *MEASURES))} FROM hours"  # noqa: S608 -- our names

_ROWS = (
    f"SELECT started_ns / {NS_PER_HOUR} AS hour, site, {', '.join(DIMENSIONS)},"  # noqa: S608 -- our names
    f" {', '.join(f'{_PER_ROW[name]} AS {name}' for name in MEASURES)} FROM exchanges"
)

_TOGETHER = (By.TIER, By.TEAM, By.OUTCOME)
"""What every report is grouped by: one walk over the hourly sums serves all of them, and the total."""

_Group = tuple[tuple[object, ...], list[int | None]]
"""Values of some columns, and what their exchanges add up to."""

Condition = tuple[str, tuple[object, ...]]

_END_NS = 1 << 62
"""Later than any exchange: the year 2116."""


def sums(view: View, selection: Selection) -> Sums:
    """What the selected exchanges add up to."""
    total = Sums()
    for _, values in _together(view, selection):
        total.add(values)
    return total


def groups(view: View, selection: Selection, by: By) -> dict[str, Sums]:
    """The same for each group, the one with most requests first; days and hours in their order."""
    found: dict[str, Sums] = {}
    if by in _TOGETHER:
        place = _TOGETHER.index(by)
        amounts = ((names[place], values) for names, values in _together(view, selection))
    else:
        column = _COLUMN.get(by, by.value)
        singles = _grouped(view, selection, [column], needs_rows=by is By.SITE)
        amounts = ((names[0], values) for names, values in singles)
    for name, values in amounts:
        found.setdefault(_label(by, name), Sums()).add(values)
    if by in {By.DAY, By.HOUR}:
        return dict(sorted(found.items()))
    return dict(sorted(found.items(), key=lambda item: (-item[1].requests, item[0])))


def rows(view: View, selection: Selection, limit: int) -> list[dict[str, object]]:
    """The newest of the selected exchanges, the newest last, each with its attempts."""
    where, values = _where([_time_of_rows(selection), *_conditions(selection)])
    query = f"SELECT * FROM exchanges{where} ORDER BY started_ns DESC LIMIT ?"  # noqa: S608 -- our names
    found = [_with_attempts(part, row) for part in view.parts for row in _dicts(part, query, (*values, limit))]
    found.sort(key=_started_ns)
    chosen = view.archive.sound(_first_needed_ns(view, selection, found, limit), selection.until_ns or _END_NS)
    if chosen:
        moved = view.archive.part(chosen).ask_named(query, (*values, limit))
        found = sorted([*found, *map(_without_number, moved)], key=_started_ns)
    return found[-limit:] if limit else []


def span_ns(view: View, selection: Selection) -> tuple[int, int] | None:
    """Arrival of the first and the last of the selected exchanges, to the hour where nothing finer is asked for."""
    ends = _ask(view, selection, "SELECT min(hour), max(hour)", "", needs_rows=False)
    known = [int(str(hour)) for pair in ends for hour in pair if hour is not None]
    return (min(known) * NS_PER_HOUR, (max(known) + 1) * NS_PER_HOUR) if known else None


def dropped(view: View, selection: Selection) -> int:
    """Exchanges that could not be kept, in the selected time; nobody knows whose they were."""
    first, end = _hours_between(selection)
    where, values = _where([("hour >= ?", (first,)), ("hour < ?", (end,))])
    told = sum(
        part.execute(f"SELECT coalesce(sum(rows), 0) FROM dropped{where}", values).fetchone()[0]  # noqa: S608
        for part in view.parts
    )
    return int(told) + (view.unreported if selection.until_ns is None else 0)


def idle_nano(view: View, selection: Selection) -> int | None:
    """What the machines cost while nothing ran on them, until now; `None` where it belongs to nobody in the selection.

    Over all of time it is the bill less all that was charged; for whole hours, what flowed in these hours.
    """
    if not selection.is_whole or not selection.is_in_whole_hours:
        return None
    if selection.is_timeless:
        return sum(meter.idle_nano(view.now_ns) for meter in view.meters.values())
    first, end = _hours_between(selection)
    where, values = _where([("hour >= ?", (first,)), ("hour < ?", (end,))])
    stored = sum(
        part.execute(f"SELECT coalesce(sum(idle_nano), 0) FROM compute_hours{where}", values).fetchone()[0]  # noqa: S608
        for part in view.parts
    )
    return int(stored) + sum(nano for hour, nano in view.idle_hours.items() if first <= hour < end)


def _together(view: View, selection: Selection) -> list[_Group]:
    """The sums by `_TOGETHER`, added up once however many of them are asked for."""
    if selection not in view.answers:
        view.answers[selection] = list(_grouped(view, selection, _TOGETHER, needs_rows=False))
    return view.answers[selection]


def _grouped(view: View, selection: Selection, columns: Sequence[str], *, needs_rows: bool) -> Iterator[_Group]:
    """The sums of each combination of values, part by part."""
    totals = ", ".join(f"sum({name})" for name in MEASURES)
    count = len(columns)
    select = f"SELECT {', '.join(columns)}, {totals}"
    end = f"GROUP BY {', '.join(str(number + 1) for number in range(count))}"
    for row in _ask(view, selection, select, end, needs_rows=needs_rows):
        yield tuple(row[:count]), [_whole(amount) for amount in row[count:]]


def _whole(amount: object) -> int | None:
    """DuckDB's sums are wider than the integers that they add, but whole."""
    return amount if amount is None or isinstance(amount, int) else int(str(amount))


def _ask(view: View, selection: Selection, select: str, end: str, *, needs_rows: bool) -> Iterator[Sequence[object]]:
    """What each part of the ledger answers, the history as far as single exchanges are needed."""
    where, conditions = _where(_conditions(selection))
    source, values = _source(selection, needs_rows=needs_rows)
    for part in view.parts:
        yield from part.execute(f"{select} FROM ({source}){where} {end}", (*values, *conditions))
    for span in _row_spans(selection, needs_rows=needs_rows):
        chosen = view.archive.sound(*span)
        if chosen:
            source = f"{_ROWS} WHERE started_ns >= ? AND started_ns < ?"
            query = f"{select} FROM ({source}){where} {end}"
            yield from view.archive.part(chosen).ask(query, (*span, *conditions))


def _source(selection: Selection, *, needs_rows: bool) -> Condition:
    """Where the sums come from: whole hours from the hourly sums, what is left at the edges from single exchanges."""
    hours, spans = _whole_hours(selection, needs_rows=needs_rows), _row_spans(selection, needs_rows=needs_rows)
    queries = [f"{_HOURS} WHERE hour >= ? AND hour < ?"] if hours else []
    queries += [f"{_ROWS} WHERE started_ns >= ? AND started_ns < ?"] * len(spans)
    return " UNION ALL ".join(queries), tuple(limit for pair in (*hours, *spans) for limit in pair)


def _whole_hours(selection: Selection, *, needs_rows: bool) -> list[tuple[int, int]]:
    """The hours whose sums suffice: the first, and the one after the last; none if single exchanges are needed."""
    first, end = -(-(selection.since_ns or 0) // NS_PER_HOUR), (selection.until_ns or _END_NS) // NS_PER_HOUR
    return [(first, end)] if first < end and not needs_rows and selection.site is None else []


def _row_spans(selection: Selection, *, needs_rows: bool) -> list[tuple[int, int]]:
    """The times of which single exchanges are needed: all of it, or what whole hours leave at the edges."""
    since_ns, until_ns = selection.since_ns or 0, selection.until_ns or _END_NS
    hours = _whole_hours(selection, needs_rows=needs_rows)
    if not hours:
        return [(since_ns, until_ns)]
    edges = ((since_ns, hours[0][0] * NS_PER_HOUR), (hours[0][1] * NS_PER_HOUR, until_ns))
    return [(begin_ns, end_ns) for begin_ns, end_ns in edges if begin_ns < end_ns < _END_NS]


def _first_needed_ns(view: View, selection: Selection, found: Sequence[dict[str, object]], limit: int) -> int:
    """From when on the history can have one of the newest so many exchanges, if so many were found elsewhere."""
    since_ns = selection.since_ns or 0
    if len(found) >= limit:
        return max(since_ns, _started_ns(found[-limit]))
    if selection.is_whole:
        missing = limit - len(found)
        before_ns = selection.until_ns or _END_NS
        for file in sorted(view.archive.files, key=attrgetter("first_ns"), reverse=True):
            # Of a file that the span cuts nobody knows how many of its exchanges are in it.
            missing -= file.rows if file.last_ns < before_ns else 0
            if missing <= 0:
                return max(since_ns, file.first_ns)
    return since_ns


def _conditions(selection: Selection) -> list[Condition]:
    found: list[Condition] = [
        (f"{name} = ?", (value,))
        for name in ("team", "feature", "key", "operation", "route", "tier", "outcome")
        if (value := getattr(selection, name)) is not None
    ]
    if selection.model is not None:
        found.append(("(model_asked = ? OR model_served = ?)", (selection.model, selection.model)))
    if selection.site is not None:
        found.append(("hex(site) LIKE ?", (f"{selection.site}%",)))
    return found


def _time_of_rows(selection: Selection) -> Condition:
    return "started_ns >= ? AND started_ns < ?", (selection.since_ns or 0, selection.until_ns or _END_NS)


def _hours_between(selection: Selection) -> tuple[int, int]:
    """Every hour that the selected time touches: the first, and the one after the last."""
    return (selection.since_ns or 0) // NS_PER_HOUR, -(-(selection.until_ns or _END_NS) // NS_PER_HOUR)


def _where(conditions: list[Condition]) -> Condition:
    if not conditions:
        return "", ()
    text = " AND ".join(condition for condition, _ in conditions)
    return f" WHERE {text}", tuple(value for _, values in conditions for value in values)


def _label(by: By, value: object) -> str:
    if by is By.DAY and isinstance(value, int):
        return day_of(value * 24)
    if by is By.HOUR and isinstance(value, int):
        return hour_of(value)
    text = str(value)
    return text.lower() or "none" if by is By.SITE else text or "none"


def _without_number(row: dict[str, object]) -> dict[str, object]:
    """An exchange of the history in the form of the others."""
    del row["seq"]
    return row | {"tries": row["tries"] or []}


def _dicts(part: sqlite3.Connection, query: str, values: Sequence[object]) -> list[dict[str, object]]:
    cursor = part.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _with_attempts(part: sqlite3.Connection, row: dict[str, object]) -> dict[str, object]:
    seq = row.pop("seq")
    query = "SELECT * FROM attempts WHERE exchange = ? ORDER BY number"
    tries = _dicts(part, query, (seq,)) if row["attempts"] != 1 else []
    for attempt in tries:
        del attempt["exchange"]
    return row | {"tries": tries}


def _started_ns(row: dict[str, object]) -> int:
    return int(str(row["started_ns"]))
