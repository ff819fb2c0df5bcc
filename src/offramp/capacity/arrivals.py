"""Loads that were never measured: arrivals and lengths from a seed, shaped like published traces. Pure.

Requests come at a rate that wanders slowly around its mean (with the cloud's many users it is never constant), times a
stated profile of the day and the week; a share of them comes in bursts, where one action of a user or a program causes
many requests at once. Lengths follow a curve through the published median, 99th percentile and mean.

Source of `CHAT` and `CODE`: the traces of Azure's LLM inference service of November 2023 (P. Patel et al., "Splitwise:
Efficient Generative LLM Inference Using Phase Splitting", ISCA 2024), github.com/Azure/AzurePublicDataset, CC BY 4.0:
their figures, none of their rows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from offramp.capacity.load import Floats, Ints, Load
from offramp.errors import UsageError

HOURS_PER_WEEK = 168
SECONDS_PER_HOUR = 3600.0

_GRID_S = 10.0
"""The rate is constant for this long; much shorter than its memory."""

_POINTS = 4001
"""Of the curve of lengths, when its shape is looked for."""

_LEAST_SHARE = 0.1
"""The shortest of all is this share of the median."""

_MOST_TIMES = 2.0
"""The longest of all is so many times the 99th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Tokens of prompts or answers: a curve through three figures.

    The logarithm of the length rises evenly up to the median, and again beyond the 99th percentile; in between it is
    bent so that the mean is met.
    """

    mean: float
    p50: float
    p99: float

    @classmethod
    def all_of(cls, tokens: float) -> "Lengths":
        """All alike."""
        return cls(mean=tokens, p50=tokens, p99=tokens)

    def at(self, share: Floats) -> Ints:
        """The length that this share of all requests does not exceed, at least 1 token.

        Raises:
            UsageError: If no curve through median and 99th percentile has that mean.

        >>> Lengths(mean=1155, p50=1020, p99=4142).at(np.array([0.0, 0.5, 0.99])).tolist()
        [102, 1020, 4142]
        """
        if self.mean == self.p50 == self.p99:
            return np.full(share.shape, max(1, round(self.mean)), dtype=np.int64)
        return np.maximum(1, np.rint(_curve(self, _bend(self), share))).astype(np.int64)


def _curve(lengths: Lengths, bend: float, share: Floats) -> Floats:
    below = lengths.p50 * _LEAST_SHARE ** (1 - np.minimum(share, 0.5) / 0.5)
    between = (lengths.p99 / lengths.p50) ** (np.clip((share - 0.5) / 0.49, 0, 1) ** bend)
    beyond = _MOST_TIMES ** np.clip((share - 0.99) / 0.01, 0, 1)
    return np.asarray(below * between * beyond)


@lru_cache(maxsize=64)
def _bend(lengths: Lengths) -> float:
    """The bend with which the curve has its mean, by halving."""
    share = (np.arange(_POINTS) + 0.5) / _POINTS
    low, high = 0.02, 50.0
    if not _curve(lengths, high, share).mean() <= lengths.mean <= _curve(lengths, low, share).mean():
        raise UsageError(
            f"no lengths have a mean of {lengths.mean:g}, a median of {lengths.p50:g} and a 99th percentile of "
            f"{lengths.p99:g} tokens; check the three",
            param="lengths",
        )
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if _curve(lengths, middle, share).mean() < lengths.mean else (middle, high)
    return low


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How requests of one kind come, and how long they are."""

    name: str
    input: Lengths
    output: Lengths
    rate_cv: float = 0.0
    """Standard deviation of the slowly changing rate, divided by its mean; 0 is a constant rate."""
    rate_memory_s: float = 400.0
    """After this long the rate has forgotten most of what it was."""
    burst_share: float = 0.0
    """Share of the requests that come in bursts."""
    burst_mean: float = 1.0
    """Requests of one burst on average; their number is geometrically distributed."""
    burst_s: float = 0.3
    """Length of a burst."""


CHAT = Shape(
    name="chat",
    input=Lengths(mean=1155, p50=1020, p99=4142),
    output=Lengths(mean=211, p50=129, p99=601),
    rate_cv=0.24,
)
"""Azure 2023, conversation: 19,366 requests in 58 minutes, peak second 2.9 times the mean."""

CODE = Shape(
    name="code",
    input=Lengths(mean=2048, p50=1469, p99=7436),
    output=Lengths(mean=28, p50=13, p99=252),
    rate_cv=0.24,
    burst_share=0.5,
    burst_mean=10.0,
)
"""Azure 2023, code: 8,819 requests, peak second 26 times the mean."""

SHAPES = {shape.name: shape for shape in (CHAT, CODE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The week's rate by the hour, relative to its mean."""

    name: str
    hours: tuple[float, ...]
    """168 factors, Monday 0:00 first, whose mean is 1."""

    @property
    def peak_over_mean(self) -> float:
        """The busiest hour."""
        return max(self.hours)


def profile(name: str, *, day: tuple[float, ...], week: tuple[float, ...]) -> Profile:
    """A profile from the weights of the hours of a day and of the days of a week, Monday first.

    Raises:
        UsageError: If there are not 24 and 7 of them, one is negative, or all are 0.

    >>> profile("even", day=(1.0,) * 24, week=(1.0,) * 7).peak_over_mean
    1.0
    """
    weights = np.outer(np.asarray(week), np.asarray(day)).ravel()
    if len(day) != 24 or len(week) != 7 or (weights < 0).any() or not weights.sum():
        raise UsageError(
            "a profile needs 24 weights for the day and 7 for the week, 0 or more, not all 0", param="profile"
        )
    return Profile(name=name, hours=tuple((weights / weights.mean()).tolist()))


EVEN = profile("even", day=(1.0,) * 24, week=(1.0,) * 7)
"""No profile at all."""

OFFICE = profile(
    "office",
    day=(2, 1, 1, 1, 1, 2, 4, 8, 14, 19, 20, 19, 16, 18, 20, 20, 18, 15, 11, 8, 6, 5, 4, 3),
    week=(1.0, 1.05, 1.05, 1.0, 0.9, 0.3, 0.25),
)
"""People at work in one time zone. An assumption that is stated, not measured: put your own in its place."""

PROFILES = {one.name: one for one in (EVEN, OFFICE)}


def generate(
    seed: int,
    *,
    requests: int | None = None,
    duration_s: float | None = None,
    rate_per_s: float | None = None,
    shape: Shape = CHAT,
    profile: Profile = EVEN,
    start_hour: float = 0.0,
) -> Load:
    """Requests of a shape, the same for the same seed.

    Two of the three amounts say the third.

    Args:
        seed: Decides everything that is left to chance.
        requests: How many.
        duration_s: Over how long.
        rate_per_s: On average; with a profile this is the mean of the week, of which a part may have more or less.
        shape: Lengths and burstiness.
        profile: The week's rate by the hour.
        start_hour: Where in the week it begins, in hours after Monday 0:00.

    Raises:
        UsageError: If not exactly two amounts are given, one of them is not above 0, or the profile has no requests
            then.

    >>> load = generate(1, requests=1000, rate_per_s=5.0)
    >>> load.requests, round(load.rate_per_s, 1)
    (1000, 5.0)
    """
    given = [amount for amount in (requests, duration_s, rate_per_s) if amount is not None]
    if len(given) != 2 or min(given) <= 0:
        raise UsageError("two of requests, duration_s and rate_per_s are needed, both above 0", param="load")
    chance = np.random.default_rng(seed)
    length_s = duration_s or (requests or 0) / (rate_per_s or 1.0)
    edges_s = np.linspace(0.0, length_s, max(2, int(length_s / _GRID_S) + 1))
    hours = (start_hour + edges_s[:-1] / SECONDS_PER_HOUR).astype(np.int64) % HOURS_PER_WEEK
    wanted = np.asarray(profile.hours)[hours]
    count = requests or max(1, int(chance.poisson((rate_per_s or 0.0) * length_s * float(wanted.mean()))))
    done = np.concatenate(([0.0], np.cumsum(wanted * _wander(chance, shape, edges_s))))
    if not done[-1]:
        raise UsageError(f"the profile {profile.name!r} has no requests in these hours", param="profile")
    arrived_s = _arrivals(chance, count, shape, edges_s, done / done[-1])
    return Load.of(arrived_s, shape.input.at(chance.random(count)), shape.output.at(chance.random(count)))


def _wander(chance: np.random.Generator, shape: Shape, edges_s: Floats) -> Floats:
    """A rate around 1 with a log-normal distribution, whose memory fades with time (an Ornstein-Uhlenbeck process)."""
    spread = np.sqrt(np.log1p(shape.rate_cv**2))
    keep = float(np.exp(-(edges_s[1] - edges_s[0]) / shape.rate_memory_s))
    shocks = chance.standard_normal(len(edges_s) - 1) * np.sqrt(1 - keep * keep)
    levels = [float(chance.standard_normal())]
    for shock in shocks[1:].tolist():
        levels.append(levels[-1] * keep + shock)
    return np.asarray(np.exp(np.asarray(levels) * spread - spread * spread / 2))


def _arrivals(chance: np.random.Generator, count: int, shape: Shape, edges_s: Floats, done: Floats) -> Floats:
    in_bursts = round(count * shape.burst_share)
    alone_s = np.interp(chance.random(count - in_bursts), done, edges_s)
    if not in_bursts:
        return alone_s
    sizes = chance.geometric(1 / shape.burst_mean, in_bursts)
    bursts = int(np.searchsorted(np.cumsum(sizes), in_bursts)) + 1
    begun_s = np.repeat(np.interp(chance.random(bursts), done, edges_s), sizes[:bursts])[:in_bursts]
    return np.concatenate((alone_s, begun_s + chance.random(in_bursts) * shape.burst_s))
