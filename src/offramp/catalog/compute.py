"""Compute cards: what rented machines and serverless seconds cost, as dated data with sources."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError, UsageError
from offramp.pricing.compute import Billed, ComputePart, ComputePrice, from_parts, per_hour

SHIPPED = Path(__file__).parent / "data" / "compute.json"

_SCHEMA = "offramp.compute/1"


class Kind(StrEnum):
    """How a machine is rented."""

    ON_DEMAND = "on-demand"
    RESERVED = "reserved"
    SPOT = "spot"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A machine one can rent by the hour."""

    provider: str
    product: str
    """The provider's own name for it."""
    gpu: str
    """By the names of `capacity.hardware`."""
    gpus: int
    kind: Kind
    usd_per_hour: Decimal
    """Of the whole machine."""
    source: str
    checked: str
    """Day on which the source said so, `YYYY-MM-DD`."""
    second_hand: bool = False
    """Not seen on the provider's own page."""
    region: str = ""
    vcpus: int = 0
    """0 if the source does not say."""
    memory_gb: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        """`PROVIDER/PRODUCT`."""
        return f"{self.provider}/{self.product}"

    @property
    def usd_per_gpu_hour(self) -> Decimal:
        """Dollars per hour of one of its GPUs."""
        return self.usd_per_hour / self.gpus

    def price(self) -> ComputePrice:
        """The machine's price, billed whether it works or not."""
        return replace(per_hour(self.usd_per_hour), source=self.source, checked=self.checked)


class SecondPrices(msgspec.Struct, frozen=True, kw_only=True):
    """The price list of a platform that bills GPU, vCPU and memory by the second."""

    gpus: dict[str, Decimal]
    """Dollars per second of one GPU."""
    vcpu: Decimal
    """Dollars per second of one vCPU."""
    memory_gb: Decimal
    """Dollars per second of one GB."""
    source: str
    checked: str
    second_hand: bool = False
    note: str = ""


class ComputeFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str
    by_the_second: dict[str, SecondPrices]
    offers: tuple[Offer, ...]


@cache
def compute_file() -> ComputeFile:
    """The shipped compute cards, read once.

    Raises:
        UnavailableError: If the installation is damaged.
    """
    try:
        return msgspec.json.decode(SHIPPED.read_bytes(), type=ComputeFile)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(
            f"{SHIPPED}: the compute prices cannot be read ({error}); install offramp again"
        ) from error


def offers(*, gpu: str | None = None, provider: str | None = None) -> Iterator[Offer]:
    """The offers with that GPU at that provider, in the order of the file.

    >>> [str(offer.usd_per_hour) for offer in offers(gpu="A10G", provider="aws")][0]
    '1.006'
    """
    for each in compute_file().offers:
        if (gpu is None or each.gpu.lower() == gpu.lower()) and (provider is None or each.provider == provider.lower()):
            yield each


def offer(name: str) -> Offer:
    """The offer called `PROVIDER/PRODUCT`, such as `aws/g5.xlarge`.

    Raises:
        UsageError: If there is none.
    """
    for each in compute_file().offers:
        if each.name.lower() == name.lower():
            return each
    known = ", ".join(each.name for each in compute_file().offers)
    raise UsageError(f"no compute offer is called {name!r}; known are {known}", param="offer")


def by_the_second(platform: str, *, gpu: str, gpus: int = 1, vcpus: Fraction, memory_gb: Fraction) -> ComputePrice:
    """The price of a container on a platform that bills by the second, only while it serves.

    Args:
        platform: `cerebrium`.
        gpu: By the names of `capacity.hardware`.
        gpus: How many.
        vcpus: How many, may be a fraction.
        memory_gb: How much memory.

    Raises:
        UsageError: If the platform or the GPU is not on its list.

    >>> price = by_the_second("cerebrium", gpu="A10", vcpus=Fraction(2), memory_gb=Fraction(12))
    >>> price.cost_nano(2_130_000_000)
    736426
    """
    lists = compute_file().by_the_second
    if platform not in lists:
        raise UsageError(f"no price list by the second for {platform!r}; known are {', '.join(lists)}")
    prices = lists[platform]
    names = {name.lower(): name for name in prices.gpus}
    if gpu.lower() not in names:
        raise UsageError(f"{platform} lists no {gpu!r}; it has {', '.join(prices.gpus)}", param="gpu")
    name = names[gpu.lower()]
    parts = (
        ComputePart(name=f"GPU {name}", units=Fraction(gpus), usd_per_second=Fraction(prices.gpus[name])),
        ComputePart(name="vCPU", units=vcpus, usd_per_second=Fraction(prices.vcpu)),
        ComputePart(name="GB memory", units=memory_gb, usd_per_second=Fraction(prices.memory_gb)),
    )
    return replace(from_parts(parts, billed=Billed.WHILE_SERVING), source=prices.source, checked=prices.checked)
