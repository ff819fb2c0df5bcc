"""Requests as the simulation takes them: when each arrived and how long it was. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offramp.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_PREFIX = -1
"""The group of a request that shares no prefix."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """Requests in the order of their arrival; make one with `Load.of`, which checks and sorts."""

    arrived_s: Floats
    """Since the first, which is 0; shape (n,), rising."""
    input_tokens: Ints
    """Of each prompt, the shared prefix included."""
    output_tokens: Ints
    """Of each answer, at least 1; an embedding counts as 1."""
    prefix: Ints
    """Group of requests whose prompts begin alike; `NO_PREFIX` for none."""
    prefix_tokens: Ints
    """How many tokens of the prompt that is."""

    @classmethod
    def of(
        cls,
        arrived_s: ArrayLike,
        input_tokens: ArrayLike,
        output_tokens: ArrayLike,
        *,
        prefix: ArrayLike | None = None,
        prefix_tokens: ArrayLike | None = None,
    ) -> "Load":
        """A load from columns in any order, whose clock begins at the first request.

        Raises:
            UsageError: If there is no request, the columns differ in length, or a figure is negative or no number.

        >>> load = Load.of([12.0, 10.0], [700, 300], [100, 1])
        >>> load.arrived_s.tolist(), load.input_tokens.tolist(), load.rate_per_s
        ([0.0, 2.0], [300, 700], 1.0)
        """
        arrived = np.asarray(arrived_s, dtype=np.float64)
        count = len(arrived)
        if not count:
            raise UsageError("a load needs at least one request", param="load")
        order = np.argsort(arrived, kind="stable")
        none = np.full(count, NO_PREFIX) if prefix is None else prefix
        return cls(
            arrived_s=_column("arrived_s", arrived - arrived.min(), count)[order],
            input_tokens=np.maximum(1, _tokens("input_tokens", input_tokens, count))[order],
            output_tokens=np.maximum(1, _tokens("output_tokens", output_tokens, count))[order],
            prefix=np.asarray(none, dtype=np.int64)[order],
            prefix_tokens=_tokens("prefix_tokens", np.zeros(count) if prefix_tokens is None else prefix_tokens, count)[
                order
            ],
        )

    @property
    def requests(self) -> int:
        """How many."""
        return len(self.arrived_s)

    @property
    def duration_s(self) -> float:
        """From the first to the last arrival."""
        return float(self.arrived_s[-1])

    @property
    def rate_per_s(self) -> float:
        """Requests per second on average; a single request has the rate of one in a second."""
        return self.requests / self.duration_s if self.duration_s else float(self.requests)

    def peak_over_mean(self, window_s: float = 1.0) -> float:
        """How many times the mean rate the busiest window has; windows begin at multiples of `window_s`."""
        windows = max(1, int(np.ceil(self.duration_s / window_s)))
        counts = np.bincount((self.arrived_s / window_s).astype(np.int64), minlength=windows)
        return float(counts.max() / (self.rate_per_s * window_s)) if self.duration_s else 1.0

    def between(self, start_s: float, end_s: float) -> "Load":
        """The requests that arrived in [start, end), whose clock begins anew at the first of them.

        Raises:
            UsageError: If there is none.
        """
        chosen = np.flatnonzero((self.arrived_s >= start_s) & (self.arrived_s < end_s))
        if not len(chosen):
            raise UsageError(f"no request arrived between {start_s:g} s and {end_s:g} s", param="load")
        return self.take(chosen)

    def take(self, rows: Ints | Sequence[int]) -> "Load":
        """Some of the requests, by their places, whose clock begins anew."""
        return Load.of(
            self.arrived_s[rows],
            self.input_tokens[rows],
            self.output_tokens[rows],
            prefix=self.prefix[rows],
            prefix_tokens=self.prefix_tokens[rows],
        )

    def busiest(self, window_s: float) -> "Load":
        """The requests of the busiest window of that length."""
        starts = self.arrived_s
        counts = np.searchsorted(starts, starts + window_s, side="left") - np.arange(self.requests)
        first = int(counts.argmax())
        return self.take(np.arange(first, first + int(counts[first])))

    def faster(self, factor: float) -> "Load":
        """The same requests, `factor` times as fast one after the other: growth that keeps the pattern."""
        return Load(
            arrived_s=self.arrived_s / factor,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            prefix=self.prefix,
            prefix_tokens=self.prefix_tokens,
        )


def _column(name: str, values: ArrayLike, count: int) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (count,):
        raise UsageError(f"{name} has {column.size} values for {count} requests", param=name)
    wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0)))
    if len(wrong):
        raise UsageError(f"{name} of request {wrong[0] + 1} is {column[wrong[0]]:g}; it must be 0 or more", param=name)
    return column


def _tokens(name: str, values: ArrayLike, count: int) -> Ints:
    return _column(name, values, count).astype(np.int64)
