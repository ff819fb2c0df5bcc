"""How sure a plan is: blocks of time drawn again, and machines that carry more or less than was worked out.

What a roofline says is good for ± 40 %, and the traffic that was seen is a sample. Each draw takes as many blocks of
time as there were, with replacement, and a factor on the capacity, evenly distributed within its error; then everything
is worked out anew.

Source: B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 8.6 (blocks of a series).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from offramp.migrate.plan.by_token import Tariffed
from offramp.migrate.plan.traffic import Block
from offramp.pricing.economy import Economy

DRAWS = 1_000

LOW, HIGH = 0.05, 0.95
"""Ends of the interval: nine of ten draws lie within."""

_DIGITS = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Nine of ten draws lie within; `None` is never, or without end."""

    low: float | None
    high: float | None
    never_share: float = 0.0
    """Draws that had no answer: own machines never break even."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What the draws say."""

    requests_per_month: Interval
    incumbent_usd_per_month: Interval
    own_usd_per_month: Interval
    break_even: Interval
    break_even_hosted: Interval
    saving_usd_per_year: Interval
    own_is_cheaper: float
    """Share of the draws in which own machines cost less than the incumbent."""
    own_is_cheapest: float
    """Share in which they cost less than the open model by the token too."""
    draws: int
    blocks: int
    capacity_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prices:
    """Sums of each block."""

    requests: NDArray[np.float64]
    incumbent_usd: NDArray[np.float64]
    incumbent_requests: NDArray[np.float64]
    hosted_usd: NDArray[np.float64]
    hosted_requests: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    """One outcome."""

    requests: int
    incumbent: float
    own: float | None
    hosted: float | None
    break_even: int | None
    break_even_hosted: int | None


def uncertainty(
    economy: Economy,
    blocks: Sequence[Block],
    *,
    incumbent: Tariffed,
    hosted: Tariffed | None,
    capacity_error: float,
    volume_is_given: bool,
    seed: int,
    draws: int = DRAWS,
) -> Uncertainty:
    """Draw it.

    Args:
        economy: As planned.
        blocks: The traffic by blocks of time.
        incumbent: What answers today.
        hosted: The open model by the token.
        capacity_error: Share by which machines may carry more or less.
        volume_is_given: Whether the volume was given by hand, and so is not drawn.
        seed: Of the draws.
        draws: How many.
    """
    chance = np.random.default_rng(seed)
    prices = _prices(blocks, incumbent, hosted)
    outcomes = [
        _outcome(
            economy,
            prices,
            chance.integers(0, len(blocks), len(blocks)),
            capacity=float(chance.uniform(1 - capacity_error, 1 + capacity_error)),
            volume_is_given=volume_is_given,
        )
        for _ in range(draws)
    ]
    return _summary(outcomes, blocks=len(blocks), capacity_error=capacity_error)


def _summary(outcomes: Sequence[_Draw], *, blocks: int, capacity_error: float) -> Uncertainty:
    draws = len(outcomes)
    cheaper = [each for each in outcomes if each.own is not None and each.own < each.incumbent]
    cheapest = [each for each in cheaper if each.hosted is None or (each.own or 0) < each.hosted]
    return Uncertainty(
        requests_per_month=_interval([each.requests for each in outcomes]),
        incumbent_usd_per_month=_interval([each.incumbent for each in outcomes]),
        own_usd_per_month=_interval([each.own for each in outcomes]),
        break_even=_interval([each.break_even for each in outcomes]),
        break_even_hosted=_interval([each.break_even_hosted for each in outcomes]),
        saving_usd_per_year=_interval(
            [None if each.own is None else 12 * (each.incumbent - each.own) for each in outcomes]
        ),
        own_is_cheaper=len(cheaper) / draws,
        own_is_cheapest=len(cheapest) / draws,
        draws=draws,
        blocks=blocks,
        capacity_error=capacity_error,
    )


def _outcome(
    economy: Economy, prices: _Prices, drawn: NDArray[np.int64], *, capacity: float, volume_is_given: bool
) -> _Draw:
    factor = 1.0 if volume_is_given else float(prices.requests[drawn].sum() / prices.requests.sum())
    changed = replace(
        economy,
        requests=max(1, round(economy.requests * factor)),
        incumbent_usd=economy.incumbent_usd * _relative(prices.incumbent_usd, prices.incumbent_requests, drawn),
        hosted_usd=None
        if economy.hosted_usd is None
        else economy.hosted_usd * _relative(prices.hosted_usd, prices.hosted_requests, drawn),
    ).carrying(_fraction(capacity))
    own, hosted = changed.own_month(), changed.hosted_month()
    return _Draw(
        requests=changed.requests,
        incumbent=float(changed.incumbent_month()),
        own=None if own is None else float(own),
        hosted=None if hosted is None else float(hosted),
        break_even=changed.break_even(),
        break_even_hosted=changed.break_even_hosted(),
    )


def _prices(blocks: Sequence[Block], incumbent: Tariffed, hosted: Tariffed | None) -> _Prices:
    paid = [incumbent.usd(block.tallies) for block in blocks]
    rented = [(Fraction(0), 0) if hosted is None else hosted.usd(block.tallies) for block in blocks]
    return _Prices(
        requests=np.array([block.requests for block in blocks], dtype=np.float64),
        incumbent_usd=np.array([float(usd) for usd, _ in paid]),
        incumbent_requests=np.array([float(requests) for _, requests in paid]),
        hosted_usd=np.array([float(usd) for usd, _ in rented]),
        hosted_requests=np.array([float(requests) for _, requests in rented]),
    )


def _relative(usd: NDArray[np.float64], requests: NDArray[np.float64], drawn: NDArray[np.int64]) -> Fraction:
    """The mean price of a request in a draw, against the one of all blocks; 1 where a draw has none."""
    drawn_requests, whole_usd = float(requests[drawn].sum()), float(usd.sum())
    if not drawn_requests or not whole_usd:
        return Fraction(1)
    return _fraction(float(usd[drawn].sum()) / drawn_requests * float(requests.sum()) / whole_usd)


def _fraction(value: float) -> Fraction:
    return Fraction(round(value * _DIGITS), _DIGITS)


def _interval(values: Sequence[float | None]) -> Interval:
    """Quantiles in which *never* lies beyond every number."""
    numbers = np.sort(np.array([np.inf if value is None else float(value) for value in values]))
    low, high = (float(numbers[min(len(numbers) - 1, int(q * len(numbers)))]) for q in (LOW, HIGH))
    never = sum(1 for value in values if value is None) / len(values)
    return Interval(low=None if low == np.inf else low, high=None if high == np.inf else high, never_share=never)
