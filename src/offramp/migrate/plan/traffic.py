"""What arrives: sums that are priced, loads that are simulated, and hours that say how sure both are.

It comes from the ledger (`observed`), from a trace or from the generator; from here on it is all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from offramp.capacity.load import Load
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

WINDOW_S = 600.0
"""Length of the busiest and of the usual window, which are simulated: long against an answer, short against a day."""

WINDOW_REQUESTS = 20_000
"""Most requests of a window; with more it is shortened, down to `SHORTEST_S`."""

SHORTEST_S = 60.0

METERED_REQUESTS = 200_000
"""Most requests that are metered one by one, for platforms that scale to zero; of more, a piece of each hour."""

FEWEST_BLOCKS = 10
"""With fewer blocks of time, what their scatter says is worth little."""


class Kind(StrEnum):
    """Where the traffic comes from."""

    LEDGER = "ledger"
    TRACE = "trace"
    GENERATED = "generated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Requests that one rate holds for: the same model, service tier and step of a long context."""

    model: str
    """As the application asked for it; empty where nobody said."""
    service_tier: str = ""
    over: int = 0
    """The inputs are longer than this, and no longer than the next threshold of any price card."""
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of time, the unit of the bootstrap."""

    number: int
    requests: int
    """All of them, also those whose tokens nobody counted."""
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What only a ledger can tell; `None` is not known."""

    fallback_share: Fraction | None = None
    """Requests that own machines should have answered and another tier did."""
    attainment_mean: float | None = None
    """Share of the incumbent's answers within the service level."""
    attainment_peak: float | None = None
    """The same in the busiest window."""
    least_left_requests: int | None = None
    """The lowest `x-ratelimit-remaining-requests` that the incumbent told."""
    served: Mapping[str, str] = field(default_factory=dict)
    """What answers to each name that was asked for, most of the time and not on own machines."""
    own_model: str = ""
    """What answers on own machines already, most of the time; empty if there are none."""
    own_share: float = 0.0
    """Share of the requests that they answer."""
    paid_usd: Fraction | None = None
    """What all of it cost as it was answered, where it is priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """All that a plan needs to know of it."""

    kind: Kind
    source: str
    """In words."""
    span_s: float
    requests: int
    blocks: tuple[Block, ...]
    block_s: int
    hours: tuple[int, ...]
    """Requests of each whole hour of the span, in order, the first and the last left out; empty if it is short."""
    busiest: Load
    usual: Load
    metered: Load
    """All of it, or a piece of each hour one after the other: nights and days as they are, only shorter."""
    metered_s: float
    """How long that takes."""
    measured: Measured = Measured()
    scale: float = 1.0
    """How many times the requests that were seen the loads have; sums and hours are as they were seen."""
    left_out: tuple[tuple[str, int], ...] = ()
    """Rows that are not in it: why, and how many."""
    notes: tuple[str, ...] = ()

    @property
    def requests_per_month(self) -> int:
        """If a month went on like this."""
        return max(1, round(self.requests * HOURS_PER_MONTH * SECONDS_PER_HOUR / self.span_s))

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """All blocks together, one tally for each rate."""
        return merged(tally for block in self.blocks for tally in block.tallies)

    @property
    def is_thin(self) -> bool:
        """Whether it is too little to say much: short, or few blocks."""
        return self.span_s < DAY_S or len(self.blocks) < FEWEST_BLOCKS


def merged(tallies: Iterator[Tally] | Sequence[Tally]) -> tuple[Tally, ...]:
    """Sums by model, service tier and step."""
    sums: dict[tuple[str, str, int], Tally] = {}
    for each in tallies:
        key = (each.model, each.service_tier, each.over)
        known = sums.get(key)
        sums[key] = each if known is None else _plus(known, each)
    return tuple(sums[key] for key in sorted(sums))


def scaled(traffic: Traffic, factor: float) -> Traffic:
    """The same pattern with `factor` times as many requests in the same time."""
    if factor == 1:
        return traffic
    return replace(
        traffic,
        busiest=traffic.busiest.faster(factor),
        usual=traffic.usual.faster(factor),
        metered=traffic.metered.faster(factor),
        metered_s=traffic.metered_s / factor,
        scale=traffic.scale * factor,
    )


def from_load(
    load: Load,
    *,
    kind: Kind,
    source: str,
    span_s: float,
    cached_tokens: NDArray[np.int64],
    thresholds: Sequence[int],
    left_out: Sequence[tuple[str, int]] = (),
    notes: Sequence[str] = (),
) -> Traffic:
    """Traffic from requests that are all in memory.

    Args:
        load: The requests.
        kind: Where they come from.
        source: The same in words.
        span_s: How long they took to come, from the beginning of the first to the end of the last interval.
        cached_tokens: Part of each input that was read from a prompt cache.
        thresholds: Input lengths at which any price card changes, ascending.
        left_out: Rows that could not be read.
        notes: What else is to be said of it.
    """
    block_s = block_length_s(span_s)
    blocks = tuple(_blocks(load, cached_tokens, thresholds, block_s))
    metered, metered_s = pieces(load, span_s)
    return Traffic(
        kind=kind,
        source=source,
        span_s=span_s,
        requests=load.requests,
        blocks=blocks,
        block_s=block_s,
        hours=whole_hours(load.arrived_s),
        busiest=busiest(load),
        usual=usual(load, span_s),
        metered=metered,
        metered_s=metered_s,
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def block_length_s(span_s: float) -> int:
    """Days where there are many, else hours, else minutes, else seconds.

    Requests close to each other resemble each other, so that a long block is the more careful one.

    >>> [block_length_s(days * 86_400) for days in (30, 3, 0.1, 0.001)]
    [86400, 3600, 60, 8]
    """
    for length_s in (DAY_S, HOUR_S, MINUTE_S):
        if span_s >= FEWEST_BLOCKS * length_s:
            return length_s
    return max(1, int(span_s / FEWEST_BLOCKS))


def busiest(load: Load, window_s: float = WINDOW_S) -> Load:
    """The requests of the busiest window, shortened if it has too many."""
    found = load.busiest(window_s)
    while found.requests > WINDOW_REQUESTS and window_s > SHORTEST_S:
        window_s = max(SHORTEST_S, window_s * WINDOW_REQUESTS / found.requests)
        found = load.busiest(window_s)
    return found


def usual(load: Load, span_s: float, window_s: float = WINDOW_S) -> Load:
    """The requests of the window whose number is nearest to the mean one."""
    rate_per_s = load.requests / span_s
    window_s = min(window_s, max(SHORTEST_S, WINDOW_REQUESTS / rate_per_s))
    if span_s <= 2 * window_s:
        return load if load.requests <= WINDOW_REQUESTS else load.take(np.arange(WINDOW_REQUESTS))
    counts = np.bincount((load.arrived_s / window_s).astype(np.int64))
    wanted = np.abs(counts - rate_per_s * window_s)
    wanted[counts == 0] = np.inf
    chosen = int(np.argmin(wanted))
    return load.between(chosen * window_s, (chosen + 1) * window_s)


def pieces(load: Load, span_s: float, most: int = METERED_REQUESTS) -> tuple[Load, float]:
    """The load if it is short enough, else the same piece of each hour, one after the other; and how long it takes."""
    if load.requests <= most:
        return load, span_s
    share = most / load.requests
    piece_s = HOUR_S * share
    hours = np.floor(load.arrived_s / HOUR_S)
    within_s = load.arrived_s - hours * HOUR_S
    kept = np.flatnonzero(within_s < piece_s)
    shorter = replace(load.take(kept), arrived_s=(hours * piece_s + within_s)[kept])
    return shorter, span_s * share


def whole_hours(arrived_s: NDArray[np.float64]) -> tuple[int, ...]:
    """Requests of each whole hour; none where there are fewer than three, because ends are cut."""
    counts = np.bincount((arrived_s / HOUR_S).astype(np.int64))
    return tuple(int(count) for count in counts[1:-1])


def _blocks(load: Load, cached_tokens: NDArray[np.int64], thresholds: Sequence[int], block_s: int) -> Iterator[Block]:
    numbers = (load.arrived_s / block_s).astype(np.int64)
    steps = np.searchsorted(np.asarray(thresholds, dtype=np.int64), load.input_tokens, side="left")
    overs = (0, *thresholds)
    for number in range(int(numbers[-1]) + 1):
        first, end = np.searchsorted(numbers, [number, number + 1])
        here = slice(int(first), int(end))
        tallies = [
            Tally(
                model="",
                over=overs[step],
                requests=int(np.count_nonzero(steps[here] == step)),
                input_tokens=int(load.input_tokens[here][steps[here] == step].sum()),
                cached_tokens=int(cached_tokens[here][steps[here] == step].sum()),
                output_tokens=int(load.output_tokens[here][steps[here] == step].sum()),
            )
            for step in np.unique(steps[here]).tolist()
        ]
        yield Block(number=number, requests=int(end - first), tallies=tuple(tallies))


def _plus(one: Tally, other: Tally) -> Tally:
    return replace(
        one,
        requests=one.requests + other.requests,
        input_tokens=one.input_tokens + other.input_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
    )
