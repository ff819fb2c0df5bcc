"""When requests came and how many were in flight: bursts, peaks, the shape of a week."""

from dataclasses import dataclass

import duckdb

from offramp.migrate.audit.groups import label

_NS = 10**9
_HOUR_S = 3_600
_STEPS_S = (1, 10, 60, 600, _HOUR_S, 6 * _HOUR_S, 24 * _HOUR_S)
_MOST_STEPS = 800
"""Of a timeline: about a pixel each."""

_STARTS = f"started_ns // {_NS}"
_END_NS = f"(started_ns + (total_s * {_NS})::BIGINT)"
_ENDS = f"{_END_NS} // {_NS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Arrivals counted in windows of one length, empty ones included."""

    length_s: int
    windows: int
    mean: float
    """Requests per window."""
    peak: int
    peak_at_s: int
    """Beginning of the fullest window, seconds since the epoch."""
    dispersion: float
    """Variance of the counts over their mean: 1 for arrivals without memory (Poisson), more for bursts."""

    @property
    def peak_over_mean(self) -> float:
        """How many times the mean the fullest window holds."""
        return self.peak / self.mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many requests were in flight."""

    mean: float
    """Over the whole time from the first arrival to the last end."""
    peak: int
    peak_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Requests by tier in steps of equal length; steps without any are left out."""

    step_s: int
    first: int
    """The first step, in steps since the epoch."""
    last: int
    counts: dict[str, dict[int, int]]
    """By tier, then by step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """When requests came. `None` where there is nothing to tell."""

    windows: tuple[Window, ...]
    concurrency: Concurrency | None
    week: list[list[float | None]]
    """Mean requests by weekday (Monday first) and hour (UTC); `None` for hours that were never observed."""
    timeline: Timeline


def arrivals(connection: duckdb.DuckDBPyConnection) -> Arrivals:
    """Everything about when; needs `audited` and `hours`."""
    connection.execute(
        "CREATE TEMP TABLE seconds AS SELECT second, sum(starts)::BIGINT AS starts, sum(ends)::BIGINT AS ends FROM ("  # noqa: S608
        f"SELECT {_STARTS} AS second, count(*) AS starts, 0 AS ends FROM audited WHERE NOT bad_clock GROUP BY 1"
        f" UNION ALL SELECT {_ENDS}, 0, count(*) FROM audited WHERE NOT bad_clock AND NOT bad_time GROUP BY 1"
        f" UNION ALL SELECT {_STARTS}, 0, count(*) FROM audited WHERE NOT bad_clock AND bad_time GROUP BY 1"
        ") GROUP BY 1"
    )
    counted = (_window(connection, length_s) for length_s in (1, 60, 3_600))
    return Arrivals(
        windows=tuple(window for window in counted if window is not None),
        concurrency=_concurrency(connection),
        week=_week(connection),
        timeline=_timeline(connection),
    )


def _timeline(connection: duckdb.DuckDBPyConnection) -> Timeline:
    """In hours, or in days where there are years of them; of less than two days in finer steps."""
    row = connection.execute("SELECT min(second), max(second) FROM seconds WHERE starts > 0").fetchone()
    first_s, last_s = (0, 0) if row is None or row[0] is None else map(int, row)
    step_s = next((step for step in _STEPS_S if (last_s - first_s) // step <= _MOST_STEPS), _STEPS_S[-1])
    if step_s < _HOUR_S:
        rows = connection.execute(
            f"SELECT tier, {_STARTS} // {step_s}, count(*) FROM audited WHERE NOT bad_clock GROUP BY 1, 2"  # noqa: S608
        ).fetchall()
    else:
        rows = connection.execute(
            f"SELECT tier, hour // {step_s // _HOUR_S}, sum(number)::BIGINT FROM hours GROUP BY 1, 2"  # noqa: S608
        ).fetchall()
    counts: dict[str, dict[int, int]] = {}
    for tier, step, number in rows:
        counts.setdefault(label(tier), {})[int(step)] = int(number)
    return Timeline(step_s=step_s, first=first_s // step_s, last=last_s // step_s, counts=counts)


def _window(connection: duckdb.DuckDBPyConnection, length_s: int) -> Window | None:
    row = connection.execute(
        "WITH counted AS (SELECT second // $length AS place, sum(starts)::BIGINT AS number FROM seconds"
        " WHERE starts > 0 GROUP BY 1) SELECT max(place) - min(place) + 1, sum(number), sum(number::DOUBLE * number),"
        " max(number), arg_max(place, (number, -place)) FROM counted",
        {"length": length_s},
    ).fetchone()
    if row is None or row[0] is None:
        return None
    windows, total, squares, peak, place = map(int, row)
    mean = total / windows
    return Window(
        length_s=length_s,
        windows=windows,
        mean=mean,
        peak=peak,
        peak_at_s=place * length_s,
        dispersion=(squares / windows - mean * mean) / mean,
    )


def _concurrency(connection: duckdb.DuckDBPyConnection) -> Concurrency | None:
    """Exact, but single events are put in order only where the peak can be.

    What is in flight when a second begins is known from the counts; within the second there are at most as many more as
    start in it. Only seconds that can exceed the highest known beginning are looked at event by event.
    """
    connection.execute(
        "CREATE TEMP TABLE carried AS SELECT second, starts, coalesce(sum(starts - ends) OVER (ORDER BY second"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT AS before FROM seconds"
    )
    connection.execute(
        "CREATE TEMP TABLE crowded AS SELECT second, before FROM carried"
        " WHERE before + starts > (SELECT max(before) FROM carried) AND starts > 0"
    )
    peak = connection.execute(
        "WITH events AS ("  # noqa: S608 -- our names
        f"SELECT {_STARTS} AS second, started_ns AS moment, 1 AS change FROM audited"
        f" WHERE NOT bad_clock AND NOT bad_time AND {_STARTS} IN (SELECT second FROM crowded)"
        f" UNION ALL SELECT {_ENDS}, {_END_NS}, -1 FROM audited"
        f" WHERE NOT bad_clock AND NOT bad_time AND {_ENDS} IN (SELECT second FROM crowded)"
        "), running AS (SELECT second, sum(change) OVER (PARTITION BY second ORDER BY moment, change DESC"
        " ROWS UNBOUNDED PRECEDING) AS inside FROM events)"
        " SELECT before + inside, second FROM running JOIN crowded USING (second)"
        " UNION ALL SELECT before, second FROM carried ORDER BY 1 DESC, 2 LIMIT 1"
    ).fetchone()
    busy = connection.execute(
        f"SELECT sum(total_s), (max({_END_NS}) - min(started_ns)) / {_NS}.0 FROM audited"  # noqa: S608 -- our names
        " WHERE NOT bad_clock AND NOT bad_time"
    ).fetchone()
    if peak is None or busy is None or not busy[1]:
        return None
    return Concurrency(mean=float(busy[0]) / float(busy[1]), peak=int(peak[0]), peak_at_s=int(peak[1]))


def _week(connection: duckdb.DuckDBPyConnection) -> list[list[float | None]]:
    """Each hour of the week divided by how often it lies between the first and the last hour with traffic."""
    row = connection.execute("SELECT min(hour), max(hour) FROM hours").fetchone()
    if row is None or row[0] is None:
        return []
    first, last = map(int, row)
    # 1970-01-01 was a Thursday: Monday is day 4.
    found = connection.execute(
        "SELECT (hour // 24 + 3) % 7, hour % 24, sum(number)::BIGINT FROM hours GROUP BY 1, 2"
    ).fetchall()
    counts = {(int(day), int(hour)): int(number) for day, hour, number in found}
    week: list[list[float | None]] = []
    for day in range(7):
        week.append([])
        for hour in range(24):
            place = ((day - 3) % 7) * 24 + hour
            seen = (last - place) // 168 - (first - 1 - place) // 168
            week[-1].append(counts.get((day, hour), 0) / seen if seen else None)
    return week
