"""Where traffic comes from: the ledger, a trace, or the generator."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from offramp.capacity.arrivals import HOURS_PER_WEEK, PROFILES, SHAPES, Profile, Shape, generate
from offramp.capacity.load import Load
from offramp.capacity.slo import Slo
from offramp.errors import UsageError
from offramp.migrate.artifact import Input, input_of
from offramp.migrate.history import relation
from offramp.migrate.history.relation import open_relation, problems
from offramp.migrate.ledger.selection import moment
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.observed import observed
from offramp.migrate.plan.traces import Problem, read_trace
from offramp.migrate.plan.traffic import DAY_S, HOUR_S, METERED_REQUESTS, MINUTE_S, Kind, Traffic, from_load
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR

GENERATED_MOST = 300_000
"""Requests that are generated at most: a week's where that is fewer, else a busy day's, else of its busiest hours."""

_TUESDAY = 24.0
"""The busiest day of the profiles, in hours after Monday 0:00."""

_BUSY_HOUR = 9.0

_PROBLEMS_TOLD = 3


def traffic_of(
    inputs: Inputs,
    *,
    state: Path | None,
    extra: Sequence[Path] = (),
    thresholds: Sequence[int],
    slo: Slo,
    now_ns: int,
) -> Traffic:
    """The traffic that the inputs name: `--trace`, `--generate`, else the ledger and what was imported.

    Args:
        inputs: What was asked.
        state: The state folder; `None` for imports alone.
        extra: Imports, as Parquet with the ledger's columns.
        thresholds: Input lengths at which any price card changes, ascending.
        slo: What the incumbent's answers are held to.
        now_ns: Nanoseconds since the epoch.

    Raises:
        UsageError: If both are named, or the generator has no volume.
        UnavailableError: If nothing can be read.
    """
    if inputs.trace is not None and inputs.generate is not None:
        raise UsageError("--trace and --generate exclude each other", param="generate")
    if inputs.trace is not None:
        return _traced(inputs.trace, thresholds)
    if inputs.generate is not None:
        return _generated(inputs, thresholds)
    since_ns = None if inputs.since is None else moment(inputs.since, option="--since", now_ns=now_ns)
    until_ns = None if inputs.until is None else moment(inputs.until, option="--until", now_ns=now_ns)
    with open_relation(state, extra=extra, since_ns=since_ns, until_ns=until_ns) as connection:
        found = observed(connection, name=_name(state, extra), thresholds=thresholds, slo=slo, now_ns=now_ns)
        missing = tuple(_missing(problem) for problem in problems(connection))
    return replace(found, notes=(*found.notes, *missing))


def inputs_of(inputs: Inputs, *, state: Path | None) -> tuple[Input, ...]:
    """What an artifact says it was made from, beside imports."""
    if inputs.trace is not None:
        return (input_of(inputs.trace),)
    # The ledger grows by the second, so it has no hash.
    return () if inputs.generate is not None or state is None else (Input(name=str(state), sha256=""),)


def _name(state: Path | None, extra: Sequence[Path]) -> str:
    if state is None:
        return "what was imported"
    return f"the ledger in {state}{' and what was imported' if extra else ''}"


def _missing(problem: relation.Problem) -> str:
    rows = "an unknown number of" if problem.rows is None else f"{problem.rows:,}"
    return f"{problem.file}: {problem.message}; {rows} rows are missing because of it"


def _traced(path: Path, thresholds: Sequence[int]) -> Traffic:
    trace = read_trace(path)
    load = Load.of(trace.arrived_s, trace.input_tokens, trace.output_tokens)
    left_out = [(f"that cannot be read, such as {_told(trace.problems)}", trace.left_out)] if trace.left_out else []
    notes = [f"the clock of the trace goes back {trace.jumps} times; its rows were put in order"] if trace.jumps else []
    begins = f", from {trace.begins}" if trace.begins else ""
    return from_load(
        load,
        kind=Kind.TRACE,
        source=f"the trace {path.name}{begins}",
        span_s=max(1.0, load.duration_s * load.requests / max(1, load.requests - 1)),
        cached_tokens=trace.cached_tokens,
        thresholds=thresholds,
        left_out=left_out,
        notes=notes,
    )


def _told(problems: Sequence[Problem]) -> str:
    return "; ".join(f"row {each.row}: {each.message}" for each in problems[:_PROBLEMS_TOLD])


def _generated(inputs: Inputs, thresholds: Sequence[int]) -> Traffic:
    if inputs.generate not in SHAPES or inputs.profile not in PROFILES:
        raise UsageError(
            f"--generate {inputs.generate} --profile {inputs.profile}: expected one of {', '.join(SHAPES)} and one of "
            f"{', '.join(PROFILES)}",
            param="generate",
        )
    if inputs.requests_per_month is None:
        raise UsageError("--generate needs to know how many: add --requests-per-month", param="requests_per_month")
    rate_per_s = inputs.requests_per_month / (HOURS_PER_MONTH * SECONDS_PER_HOUR)
    shape, profile = SHAPES[inputs.generate], PROFILES[inputs.profile]
    start_hour, duration_s = _stretch(rate_per_s, rate_per_s * profile.peak_over_mean)
    load = generate(
        inputs.seed,
        duration_s=duration_s,
        rate_per_s=rate_per_s,
        shape=shape,
        profile=profile,
        start_hour=start_hour,
    )
    found = from_load(
        load,
        kind=Kind.GENERATED,
        source=f"generated requests like those of Azure's {shape.name} trace of 2023, {profile.name} hours, "
        f"seed {inputs.seed}",
        # The stretch may be a busy one; the volume that was asked for is the mean.
        span_s=load.requests / rate_per_s,
        cached_tokens=np.zeros(load.requests, dtype=np.int64),
        thresholds=thresholds,
    )
    hours = tuple(round(rate_per_s * HOUR_S * factor) for factor in profile.hours)
    if duration_s == 7.0 * DAY_S:
        return replace(found, hours=hours)
    metered, metered_s = _week(inputs.seed, rate_per_s, shape, profile)
    return replace(found, hours=hours, metered=metered, metered_s=metered_s)


def _week(seed: int, rate_per_s: float, shape: Shape, profile: Profile) -> tuple[Load, float]:
    """A piece of each hour of the week, one after the other; and how long they take."""
    piece_s = min(float(HOUR_S), METERED_REQUESTS / (rate_per_s * HOURS_PER_WEEK))
    parts = [
        generate(
            seed + hour, duration_s=piece_s, rate_per_s=rate_per_s, shape=shape, profile=profile, start_hour=float(hour)
        )
        for hour in range(HOURS_PER_WEEK)
    ]
    week = Load.of(
        np.concatenate([part.arrived_s + hour * piece_s for hour, part in enumerate(parts)]),
        np.concatenate([part.input_tokens for part in parts]),
        np.concatenate([part.output_tokens for part in parts]),
    )
    return week, piece_s * HOURS_PER_WEEK


def _stretch(rate_per_s: float, peak_per_s: float) -> tuple[float, float]:
    """From which hour of the week, and for how long."""
    if rate_per_s * 7 * DAY_S <= GENERATED_MOST:
        return 0.0, 7.0 * DAY_S
    if rate_per_s * DAY_S <= GENERATED_MOST:
        return _TUESDAY, float(DAY_S)
    return _TUESDAY + _BUSY_HOUR, max(MINUTE_S, min(3.0 * HOUR_S, GENERATED_MOST / peak_per_s))
