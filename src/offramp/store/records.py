"""What the journal carries besides batches: who began to write, and which compute prices hold."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from offramp.pricing.compute import Billed, ComputePrice


class Began(msgspec.Struct, array_like=True, frozen=True):
    """A writer began to write."""

    workers: int
    """How many processes send it batches; with more than one, events have to be put in order."""


class Compute(msgspec.Struct, array_like=True, frozen=True):
    """The price of one instance, without the parts that only people look at."""

    instance: str
    """`upstream@host:port`."""
    nano_per_hour: str
    """An exact fraction as text, `1006000000` or `727000000000/730`; it may be longer than 64 bits."""
    billed: str


def compute_records(computes: Mapping[str, ComputePrice]) -> list[Compute]:
    """Prices as the journal keeps them."""
    return [Compute(name, str(price.nano_per_hour), price.billed.value) for name, price in computes.items()]


def compute_prices(records: Iterable[Compute]) -> dict[str, ComputePrice]:
    """Prices as the meters take them."""
    return {
        record.instance: ComputePrice(nano_per_hour=Fraction(record.nano_per_hour), billed=Billed(record.billed))
        for record in records
    }
