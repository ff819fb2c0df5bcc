"""What of an exchange goes into which column, and what it adds to the hourly sums. No I/O here."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from offramp.pricing.compute import NS_PER_HOUR
from offramp.store.rows import ExchangeRow, Outcome

EXCHANGE = tuple(name for name in ExchangeRow.__struct_fields__ if name not in {"cost_nano", "baseline_nano", "tries"})
"""The columns of `exchanges` that are fields of the row as they stand."""

DIMENSIONS = ("team", "feature", "key", "operation", "route", "tier", "model_asked", "model_served", "outcome")
"""What the hourly sums can be filtered and grouped by, besides the hour."""

MEASURES = (
    "requests",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_nano",
    "compute_nano",
    "baseline_nano",
    "saved_nano",
    "unpriced",
    "baselined",
    "compared",
    "estimated",
)
"""What they add up: sums of what is known, and numbers of requests without cost, with baseline, with both."""

_FREE_IF_FAILED = {Outcome.REFUSED.value, Outcome.CLIENT_ERROR.value, Outcome.UPSTREAM_ERROR.value}

_fields = attrgetter(*EXCHANGE)
_dimensions = attrgetter("started_ns", *DIMENSIONS)

Bucket = tuple[int | str, ...]
"""The hour since the epoch and the values of `DIMENSIONS`."""


class Money(NamedTuple):
    """The three numbers of an exchange, and how much of the first came from shared machines; `None` is unknown."""

    cost_nano: int | None
    baseline_nano: int | None
    compute_nano: int

    def with_share(self, share_nano: int | None) -> "Money":
        """The same after an instance was paid; a share that is unknown makes the cost unknown."""
        if share_nano is None:
            return Money(None, self.baseline_nano, self.compute_nano)
        cost_nano = None if self.cost_nano is None else self.cost_nano + share_nano
        return Money(cost_nano, self.baseline_nano, self.compute_nano + share_nano)


def exchange_values(seq: int, row: ExchangeRow, money: Money) -> tuple[object, ...]:
    """The values of one row of `exchanges`: its number, the columns of `EXCHANGE`, the money."""
    return (seq, *_fields(row), *money)


def attempt_values(seq: int, row: ExchangeRow, costs_nano: Sequence[int | None]) -> list[tuple[object, ...]]:
    """The rows of `attempts`, with each attempt's own cost."""
    return [
        (seq, number, t.tier, t.instance, t.started_ns, t.ended_ns, t.status, t.failure, cost_nano)
        for number, (t, cost_nano) in enumerate(zip(row.tries, costs_nano, strict=True), start=1)
    ]


def bucket(row: ExchangeRow) -> Bucket:
    """The hourly sum that the exchange belongs to: the hour is that of its arrival."""
    started_ns, *rest = _dimensions(row)
    return (started_ns // NS_PER_HOUR, *rest)


def saved_nano(money: Money, outcome: str) -> int | None:
    """Baseline less cost; unknown if either is.

    A request that failed without usage would have cost nothing on the baseline either: what it did cost is a loss.
    """
    if money.cost_nano is None:
        return None
    if money.baseline_nano is not None:
        return money.baseline_nano - money.cost_nano
    return -money.cost_nano if outcome in _FREE_IF_FAILED else None


def measures(row: ExchangeRow, money: Money) -> tuple[int, ...]:
    """What one exchange adds to the sums, in the order of `MEASURES`. Unknown adds nothing and is counted."""
    return (
        1,
        row.input_tokens or 0,
        row.output_tokens or 0,
        row.cached_tokens or 0,
        row.reasoning_tokens or 0,
        *_money_measures(money, row.outcome),
        1 if row.usage == "estimated" else 0,
    )


def change(before: Money, after: Money, outcome: str) -> tuple[int, ...]:
    """What the sums change by when an exchange that is in them already turns out to have cost something else."""
    old, new = _money_measures(before, outcome), _money_measures(after, outcome)
    return (0, 0, 0, 0, 0, *(b - a for a, b in zip(old, new, strict=True)), 0)


def _money_measures(money: Money, outcome: str) -> tuple[int, ...]:
    saved = saved_nano(money, outcome)
    return (
        money.cost_nano or 0,
        money.compute_nano,
        money.baseline_nano or 0,
        saved or 0,
        int(money.cost_nano is None),
        int(money.baseline_nano is not None),
        int(money.cost_nano is not None and money.baseline_nano is not None),
    )
