"""One audit: all figures of the selected traffic, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from offramp.catalog.lifecycle import Ending, ending
from offramp.errors import UnavailableError
from offramp.migrate.audit import arrivals, callsites, captures, groups, repeats, retries, sketch, traffic
from offramp.migrate.audit.arrivals import Arrivals
from offramp.migrate.audit.callsites import CallSites, ScanSite, Traffic
from offramp.migrate.audit.captures import Bodies
from offramp.migrate.audit.groups import Group, Groups, Whole
from offramp.migrate.audit.repeats import Repeats, SystemPrompts
from offramp.migrate.audit.retries import Errors, FailedAttempts
from offramp.migrate.audit.sketch import Bars, Headroom, Measure, Spread
from offramp.migrate.history.relation import LEDGER_SOURCE, Problem, open_relation, problems
from offramp.migrate.ledger import query
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import open_view
from offramp.store.hash_key import load_or_create
from offramp.store.state import HASH_KEY
from offramp.wire.operation import Operation

GROUPS = {
    "team": "team",
    "feature": "feature",
    "site": "site",
    "model": "model_asked",
    "model_served": "model_served",
    "tier": "tier",
    "operation": "operation",
    "key": "key",
    "service_tier": "service_tier",
    "usage": "usage",
}
"""What sums are told by, and the column it is in."""

_MOST_TRAFFIC = 20_000
"""Different combinations that the join with a scan looks at; the rest is traffic without a call site."""

_PROVIDER = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds, by measure; `None` where no value is known."""

    all: dict[Measure, Spread | None]
    by: dict[str, dict[Measure, dict[str, Spread]]]
    """By `operation`, `model` (served) and `tier`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the traffic is like."""

    now_ns: int
    selection: Selection
    whole: Whole
    by: dict[str, Groups]
    """By the names of `GROUPS`, and by `day`."""
    features: dict[str, Group]
    latency: Latency
    lengths: dict[Measure, Spread | None]
    """Of input, output and both together, in tokens."""
    bars: dict[Measure, Bars]
    """Histograms of latencies and lengths."""
    headrooms: dict[Measure, list[Headroom]]
    arrivals: Arrivals
    repeats: Repeats
    prompts: SystemPrompts
    attempts: list[FailedAttempts]
    errors: list[Errors]
    call_sites: CallSites | None
    """`None` without a scan."""
    endings: dict[str, Ending]
    """Models in use that will be switched off."""
    dropped: int
    """Requests that were answered and could not be recorded."""
    idle_nano: int | None
    """Of machines paid by the hour; `None` where it belongs to nobody in the selection, or nothing is known."""
    note: str
    """Why figures may lag behind; empty if they do not."""
    unread: tuple[Problem, ...]
    """Files that could not be counted."""
    bodies: Bodies | None = None
    """What captures tell; `None` where there are none, or they were not read."""
    sampled_of: int | None = None
    """Requests of the ledger in the time of the captures, from the first to the last."""
    without_bodies: str = ""
    """Why nothing is told of bodies, and what to do about it; empty where that would not help."""

    @property
    def places(self) -> dict[str, str]:
        """Where in the code the call sites are whose fingerprints the scan knows."""
        return {} if self.call_sites is None else self.call_sites.places

    @property
    def today(self) -> date:
        """The day it was made (UTC)."""
        return datetime.fromtimestamp(self.now_ns // 10**9, UTC).date()


def audit(
    state: Path | None,
    selection: Selection,
    *,
    sites: Sequence[ScanSite] | None = None,
    extra: Sequence[Path] = (),
    now_ns: int,
) -> Audit:
    """Audit the ledger of a state folder, and what was imported beside it.

    Args:
        state: The state folder; `None` for imports alone.
        selection: Which exchanges.
        sites: Call sites of a scan, if there was one.
        extra: Parquet files with exchanges from elsewhere.
        now_ns: Nanoseconds since the epoch.

    Raises:
        NoLedgerError: If there is none in the state folder.
        UnavailableError: If it cannot be read.
    """
    dropped, idle_nano, note = 0, None, ""
    bodies = None
    if state is not None:
        with open_view(state) as view:
            dropped, idle_nano, note = query.dropped(view, selection), query.idle_nano(view, selection), view.note
        bodies = None if selection.key else captures.read(state, selection)
    span = (selection.since_ns, selection.until_ns)
    try:
        with open_relation(state, extra=extra, since_ns=span[0], until_ns=span[1]) as connection:
            found = examine(
                connection,
                selection,
                sites=sites,
                hash_key=None if state is None else _hash_key(state),
                now_ns=now_ns,
                dropped=dropped,
                idle_nano=idle_nano,
                note=note,
                unread=problems(connection),
            )
            sampled_of = None if bodies is None else _requests_between(connection, bodies.first_ns, bodies.last_ns)
    except duckdb.Error as error:
        raise UnavailableError(f"the requests cannot be audited: {str(error).partition(chr(10))[0]}") from error
    without = _without_bodies(found) if bodies is None and state is not None else ""
    return replace(found, bodies=bodies, sampled_of=sampled_of, without_bodies=without)


def examine(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    *,
    sites: Sequence[ScanSite] | None = None,
    hash_key: bytes | None = None,
    now_ns: int,
    dropped: int = 0,
    idle_nano: int | None = None,
    note: str = "",
    unread: Sequence[Problem] = (),
) -> Audit:
    """The same over a connection with views `exchanges` and `attempts`."""
    traffic.prepare(connection, selection, now_ns=now_ns)
    sketch.prepare(connection)
    by = {name: groups.by(connection, column) for name, column in GROUPS.items()}
    seconds = (Measure.TTFT, Measure.TTFT_STREAMED, Measure.TOKEN, Measure.TOTAL)
    limits = (Measure.RATELIMIT_REQUESTS, Measure.RATELIMIT_TOKENS)
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    asked = ((name, ending(_PROVIDER, name)) for name in by["model"].named)
    whole = groups.whole(connection)
    tokens = {Measure.INPUT: whole.most_input, Measure.OUTPUT: whole.most_output, Measure.CONTEXT: whole.most_context}
    return Audit(
        now_ns=now_ns,
        selection=selection,
        whole=whole,
        by=by | {"day": groups.by_day(connection)},
        features=groups.by_features(connection),
        latency=Latency(
            all={measure: sketch.spread(connection, measure) for measure in seconds},
            by={
                column: {measure: sketch.spreads(connection, measure, column) for measure in seconds}
                for column in ("operation", "model", "tier")
            },
        ),
        lengths={measure: sketch.spread(connection, measure, most) for measure, most in tokens.items()},
        bars={measure: sketch.bars(connection, measure) for measure in (*seconds, *tokens)},
        headrooms={measure: sketch.headrooms(connection, measure) for measure in limits},
        arrivals=arrivals.arrivals(connection),
        repeats=repeats.repeats(connection),
        prompts=repeats.system_prompts(connection),
        attempts=retries.failed_attempts(connection),
        errors=retries.errors(connection),
        call_sites=None if sites is None else callsites.join(sites, _traffic(connection), hash_key=hash_key),
        endings={name: notice for name, notice in asked if notice is not None and notice.days_left(today) < _SOON_DAYS},
        dropped=dropped,
        idle_nano=idle_nano,
        note=note,
        unread=tuple(unread),
    )


_SOON_DAYS = 730
"""A shutdown further away than two years is nobody's concern today."""


def _requests_between(connection: duckdb.DuckDBPyConnection, first_ns: int, last_ns: int) -> int:
    """Inference requests that the gateway recorded in a time: what captures are a sample of."""
    row = connection.execute(
        "SELECT count(*) FROM audited WHERE source = ? AND started_ns BETWEEN ? AND ? AND operation NOT IN (?, ?)",
        [LEDGER_SOURCE, first_ns, last_ns, Operation.MODELS.value, Operation.OTHER.value],
    ).fetchone()
    return int(row[0]) if row else 0


def _without_bodies(found: Audit) -> str:
    if found.selection.key:
        return "Captures do not say which key asked, so with --key they are not read."
    asking = (name for name in found.by["operation"].named if name not in {Operation.MODELS, Operation.OTHER})
    if LEDGER_SOURCE not in found.whole.sources or not any(asking):
        return ""
    return (
        "Which parameters, tools and schemas are used is told by a masked sample of the bodies:"
        " `capture: {share: 0.05}` in offramp.yaml keeps one."
    )


def _traffic(connection: duckdb.DuckDBPyConnection) -> list[Traffic]:
    columns = "site, site_named, operation, model_asked, features"
    return [
        Traffic(
            site=bytes(site or b""),
            site_named=bool(named),
            operation=str(operation),
            model=str(model or ""),
            features=int(features or 0),
            group=group,
        )
        for (site, named, operation, model, features), group in groups.by_columns(connection, columns, _MOST_TRAFFIC)
    ]


def _hash_key(state: Path) -> bytes | None:
    """The key of the fingerprints, if it is there: an audit makes none."""
    return load_or_create(state) if (state / HASH_KEY).exists() else None
