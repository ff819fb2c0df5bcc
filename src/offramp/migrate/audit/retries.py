"""Who asks again: clients that repeat themselves, and attempts of the gateway that failed."""

from dataclasses import dataclass

import duckdb

from offramp.migrate.audit.groups import label

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempts:
    """Attempts at one upstream that ended alike, and were followed by another."""

    tier: str
    failure: str
    """As in `policy.failover.Failure`."""
    attempts: int
    cost_nano: int
    """What they cost all the same, as far as it is known."""
    lost_s: float
    """Seconds that clients waited for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Requests without a whole answer that ended alike."""

    outcome: str
    code: str
    status: int
    tier: str
    requests: int


def failed_attempts(connection: duckdb.DuckDBPyConnection) -> list[FailedAttempts]:
    """Failed attempts by upstream and reason, the most first; needs `audited` and the view `attempts`."""
    rows = connection.execute(
        "SELECT tries.tier, tries.failure, count(*), coalesce(sum(tries.cost_nano), 0)::HUGEINT,"  # noqa: S608
        " coalesce(sum(greatest(0, tries.ended_ns - tries.started_ns)), 0)::DOUBLE / 1e9 FROM attempts AS tries"
        " WHERE tries.failure <> '' AND tries.exchange IN (SELECT id FROM audited WHERE attempts > 1)"
        f" GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {_MOST}"
    ).fetchall()
    return [
        FailedAttempts(
            tier=label(tier), failure=str(failure), attempts=int(number), cost_nano=int(nano), lost_s=float(lost_s)
        )
        for tier, failure, number, nano, lost_s in rows
    ]


def errors(connection: duckdb.DuckDBPyConnection) -> list[Errors]:
    """How requests ended that were not answered in full, the most first; needs `cube`."""
    rows = connection.execute(
        "SELECT outcome, error_code, status, tier, sum(number)::BIGINT FROM cube WHERE outcome <> 'ok'"  # noqa: S608
        f" GROUP BY ALL ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT {_MOST}"
    ).fetchall()
    return [
        Errors(outcome=str(outcome), code=label(code), status=int(status or 0), tier=label(tier), requests=int(number))
        for outcome, code, status, tier, number in rows
    ]
