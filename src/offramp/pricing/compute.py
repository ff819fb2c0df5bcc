"""Prices of computing time: dollars per second, hour or month of a machine, as exact rationals. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from offramp.errors import ConfigError
from offramp.pricing.money import NANO_PER_USD

HOURS_PER_MONTH = 730
"""A month of a rented machine is 730 hours: 8,760 hours of a common year over 12."""

SECONDS_PER_HOUR = 3_600

NS_PER_HOUR = SECONDS_PER_HOUR * 1_000_000_000


class Billed(StrEnum):
    """When the meter runs."""

    ALWAYS = "always"
    """From the instance's first appearance in the configuration until it is removed, also while nothing runs."""
    WHILE_SERVING = "while_serving"
    """Only while a request is in flight, as serverless platforms bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePart:
    """One line of a machine's price: so many units of a thing, each at a price per second."""

    name: str
    """`GPU`, `vCPU` or `GB memory`, with the model where it matters."""
    units: Fraction
    usd_per_second: Fraction
    """Of one unit."""

    @property
    def nano_per_hour(self) -> Fraction:
        """The part's price, all units together, in nano-dollars per hour."""
        return self.units * self.usd_per_second * SECONDS_PER_HOUR * NANO_PER_USD

    def cost_nano(self, duration_ns: int) -> int:
        """What it costs for so long, to the nearest nano-dollar."""
        return round(self.nano_per_hour * duration_ns / NS_PER_HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePrice:
    """What one instance costs while its meter runs."""

    nano_per_hour: Fraction
    billed: Billed = Billed.ALWAYS
    parts: tuple[ComputePart, ...] = ()
    """Where the price is made of parts, they add up to it exactly."""
    source: str = "configuration"
    checked: str = ""
    """Day on which the source said so, `YYYY-MM-DD`; empty if nobody said."""

    @property
    def usd_per_hour(self) -> Fraction:
        """Dollars per hour, exactly."""
        return self.nano_per_hour / NANO_PER_USD

    @property
    def usd_per_month(self) -> Fraction:
        """Dollars for 730 hours around the clock."""
        return self.usd_per_hour * HOURS_PER_MONTH

    def cost_nano(self, duration_ns: int) -> int:
        """What it costs for so long, to the nearest nano-dollar, half to even.

        >>> per_hour(Decimal("1.006")).cost_nano(NS_PER_HOUR)
        1006000000
        """
        return round(self.nano_per_hour * duration_ns / NS_PER_HOUR)


def per_hour(usd: Decimal, *, billed: Billed = Billed.ALWAYS) -> ComputePrice:
    """A price in dollars per hour."""
    return ComputePrice(nano_per_hour=_positive(usd) * NANO_PER_USD, billed=billed)


def per_second(usd: Decimal, *, billed: Billed = Billed.ALWAYS) -> ComputePrice:
    """A price in dollars per second.

    >>> float(per_second(Decimal("0.000306")).usd_per_hour)
    1.1016
    """
    return ComputePrice(nano_per_hour=_positive(usd) * NANO_PER_USD * SECONDS_PER_HOUR, billed=billed)


def per_month(usd: Decimal, *, billed: Billed = Billed.ALWAYS) -> ComputePrice:
    """A price in dollars per month of 730 hours.

    >>> per_month(Decimal(727)).usd_per_month
    Fraction(727, 1)
    """
    return ComputePrice(nano_per_hour=_positive(usd) * NANO_PER_USD / HOURS_PER_MONTH, billed=billed)


def from_parts(parts: Sequence[ComputePart], *, billed: Billed = Billed.WHILE_SERVING) -> ComputePrice:
    """A price made of GPU, vCPU and memory seconds, as Cerebrium bills.

    Raises:
        ConfigError: If there are no parts.

    >>> a10 = ComputePart(name="A10", units=Fraction(1), usd_per_second=Fraction("0.000306"))
    >>> vcpu = ComputePart(name="vCPU", units=Fraction(2), usd_per_second=Fraction("0.00000655"))
    >>> memory = ComputePart(name="GB memory", units=Fraction(12), usd_per_second=Fraction("0.00000222"))
    >>> float(from_parts([a10, vcpu, memory]).usd_per_hour)
    1.244664
    """
    if not parts:
        raise ConfigError("a compute price made of parts needs at least one part")
    total = sum((part.nano_per_hour for part in parts), Fraction(0))
    return ComputePrice(nano_per_hour=total, billed=billed, parts=tuple(parts))


def _positive(usd: Decimal) -> Fraction:
    if not usd.is_finite() or usd < 0:
        raise ConfigError(f"a compute price must be an amount of dollars from 0 up (got {usd})")
    return Fraction(usd)
