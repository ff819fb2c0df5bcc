"""Axes: where values lie on paper, and which ones get a tick. Pure.

Linear ticks are 1, 2 or 5 times a power of ten; logarithmic ones are decades, with 2 and 5 between them where there is
room; ticks in time are whole minutes, hours, days or months (UTC).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import ceil, floor, isfinite, log10

from offramp.migrate.report.words import number

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS_S = (
    *(1, 5, 15, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY),
)
_FIRST_MONDAY_S = 4 * _DAY
"""1970-01-05 was a Monday: ticks of whole weeks count from there."""


class Kind(Enum):
    """What an axis shows."""

    LINEAR = "linear"
    LOG = "log"
    TIME = "time"
    """Seconds since the epoch, labelled as moments (UTC)."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A value that the axis names."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: values from `low` to `high` on pixels from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float
    ticks: tuple[Tick, ...]
    is_log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, here = self.low, self.high, value
        if self.is_log:
            low, high, here = log10(low), log10(high), log10(value)
        return self.begin + (here - low) / (high - low) * (self.end - self.begin)

    def shows(self, value: float) -> bool:
        """Whether the value has a place on this axis at all."""
        return isfinite(value) and (value > 0 or not self.is_log)


def scale(
    low: float, high: float, *, begin: float, end: float, kind: Kind = Kind.LINEAR, unit: str = "", most: int = 6
) -> Scale:
    """An axis that holds all values from `low` to `high`.

    Args:
        low: Least value, finite; positive on a logarithmic axis.
        high: Greatest value, finite, at least `low`.
        begin: Pixel of the low end.
        end: Pixel of the high end.
        kind: Linear, logarithmic, or moments in time. Only the linear one is widened to its outer ticks.
        unit: Of the labels: `$` stands before the number, any other after it.
        most: About how many ticks there may be.
    """
    if kind is Kind.TIME:
        low, high = (low, high) if high > low else (low - _MINUTE, low + _MINUTE)
        return Scale(low, high, begin, end, tuple(_moments(low, high, most + 2)))
    if kind is Kind.LOG:
        low, high = (low, high) if high > low else (low / 2, low * 2)
        ticks = tuple(Tick(value, number(value, unit)) for value in log_values(low, high, most))
        return Scale(low, high, begin, end, ticks, is_log=True)
    values = linear_values(low, high, most)
    return Scale(values[0], values[-1], begin, end, tuple(Tick(value, number(value, unit)) for value in values))


def linear_values(low: float, high: float, most: int = 6) -> list[float]:
    """Round values that reach from at most `low` to at least `high`.

    >>> linear_values(0, 87)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = _round_step((high - low) / max(1, most - 1))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(index * step, 12) if step < 1 else float(index * step) for index in range(first, last + 1)]


def log_values(low: float, high: float, most: int = 6) -> list[float]:
    """Decades between two positive values, or every third of a decade where there are few.

    >>> log_values(3, 40_000)
    [10.0, 100.0, 1000.0, 10000.0]
    >>> log_values(2, 50)
    [2.0, 5.0, 10.0, 20.0, 50.0]
    """
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    fine = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    inside = [value for value in fine if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    if len(inside) <= most:
        return inside or [low, high]
    whole = [10.0**decade for decade in decades if low * (1 - 1e-9) <= 10.0**decade <= high * (1 + 1e-9)]
    return whole[:: ceil(len(whole) / most)] if len(whole) > 1 else inside[:: ceil(len(inside) / most)]


def _round_step(rough: float) -> float:
    decade = 10.0 ** floor(log10(rough))
    return next((factor * decade for factor in (1, 2, 5) if rough <= factor * decade * (1 + 1e-9)), 10 * decade)


def _moments(low: float, high: float, most: int) -> list[Tick]:
    step = next((step for step in _TIME_STEPS_S if (high - low) / step <= most), _TIME_STEPS_S[-1])
    begin = _FIRST_MONDAY_S if step % (7 * _DAY) == 0 else 0
    first = ceil((low - begin) / step)
    label = _moment_label(step)
    values = [begin + index * step for index in range(first, floor((high - begin) / step) + 1)]
    return [Tick(float(value), label(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value))) for value in values]


def _moment_label(step_s: int) -> Callable[[datetime], str]:
    """What tells two neighbouring ticks apart; midnight shows its day."""
    if step_s >= _DAY:
        return lambda moment: f"{moment:%d %b %Y}" if step_s > 28 * _DAY else f"{moment.day} {moment:%b}"
    clock = "%H:%M" if step_s >= _MINUTE else "%H:%M:%S"
    return lambda moment: (
        f"{moment.day} {moment:%b}" if moment.hour == moment.minute == moment.second == 0 else f"{moment:{clock}}"
    )
