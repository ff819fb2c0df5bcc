"""Compute cards: what rented machines and serverless seconds cost, as dated data with sources."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from pathlib import Path

import msgspec

from offramp.catalog.areas import areas
from offramp.errors import ConfigError, UnavailableError, UsageError
from offramp.pricing.compute import SECONDS_PER_HOUR, Billed, ComputePart, ComputePrice, from_parts, per_hour
from offramp.pricing.money import decimal_text

SHIPPED = Path(__file__).parent / "data" / "compute.json"

_ONE = Fraction(1)


class Terms(StrEnum):
    """How a machine is rented."""

    ON_DEMAND = "on-demand"
    """By the hour or the second, given back at any time."""
    RESERVED = "reserved"
    """Paid for the whole of `Offer.months`, used or not."""
    SPOT = "spot"
    """Cheaper, and taken away at any time."""
    MARKETPLACE = "marketplace"
    """Machines of third parties: their price moves with the day, and nobody signs for them."""
    SERVERLESS = "serverless"
    """By the second, only while it serves; vCPU and memory are billed on top."""

    @property
    def condition(self) -> str:
        """What whoever takes the lower price has to accept; empty where there is nothing.

        >>> Terms.SPOT.condition, Terms.ON_DEMAND.condition
        ('may be taken away at any time', '')
        """
        return _CONDITIONS.get(self.value, "")


_CONDITIONS = {
    "reserved": "is paid for its whole term, used or not",
    "spot": "may be taken away at any time",
    "marketplace": "stands at a third party, without an agreement on its availability, at a price that moves",
}


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A machine one can rent by the hour."""

    provider: str
    product: str
    """The provider's own name for it."""
    gpu: str
    """By the names of `capacity.hardware`."""
    gpus: int
    terms: Terms
    usd_per_hour: Decimal
    """Of the whole machine."""
    months: int = 0
    """Of a reservation; 0 where the source does not say, and for all other terms."""
    source: str
    checked: str
    """Day on which the source said so, `YYYY-MM-DD`."""
    second_hand: bool = False
    """Not seen on the provider's own page."""
    regions: tuple[str, ...] = ()
    """By the provider's own names, those in which the price is known to hold; none if the source does not say."""
    vcpus: int = 0
    """0 if the source does not say."""
    memory_gb: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        """`PROVIDER/PRODUCT`."""
        return f"{self.provider}/{self.product}"

    @property
    def areas(self) -> tuple[str, ...]:
        """Where its regions lie, by the words of `areas.AREAS`; none where the source names no region."""
        return areas(self.regions)

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


def find(words: str, *, provider: str | None = None) -> list[Offer]:
    """The machine or serverless GPU of that name, else all that each word fits; all without words.

    A word fits what is in the name or the GPU's name, the terms (`spot`), a region or an area (`eu`).
    """
    listed = [each for each in (*offers(), *_serverless()) if provider is None or each.provider == provider.lower()]
    exact = [each for each in listed if each.name.lower() == words.strip().lower()]
    wanted = words.lower().split()
    return exact or [each for each in listed if all(_fits(word, each) for word in wanted)]


def _fits(word: str, offer: Offer) -> bool:
    places = (*offer.areas, *(region.lower() for region in offer.regions))
    return word in f"{offer.name} {offer.gpu}".lower() or word in {offer.terms.value, *places}


def _serverless() -> Iterator[Offer]:
    for platform, prices in compute_file().by_the_second.items():
        vcpu, memory = (price * SECONDS_PER_HOUR for price in (prices.vcpu, prices.memory_gb))
        for gpu, usd_per_second in prices.gpus.items():
            yield Offer(
                provider=platform,
                product=gpu,
                gpu=gpu,
                gpus=1,
                terms=Terms.SERVERLESS,
                usd_per_hour=usd_per_second * SECONDS_PER_HOUR,
                source=prices.source,
                checked=prices.checked,
                second_hand=prices.second_hand,
                note=f"plus ${decimal_text(vcpu)} per vCPU-hour and ${decimal_text(memory)} per GB-hour",
            )


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


def compute_card(
    name: str,
    *,
    gpus: Fraction | None = None,
    vcpus: Fraction | None = None,
    memory_gb: Fraction | None = None,
) -> ComputePrice | None:
    """The card of that name: `aws/g5.xlarge`, a whole machine by the hour, or `cerebrium/A10`, parts by the second.

    Args:
        name: `PROVIDER/PRODUCT` or `PLATFORM/GPU`.
        gpus: How many, where parts are billed; 1 by default.
        vcpus: How many, where parts are billed; none by default.
        memory_gb: How much memory, where parts are billed; none by default.

    Returns:
        `None` if no compute card has that name (it may be a token card's).

    Raises:
        ConfigError: If sizes are given for a machine that has one price.

    >>> card = compute_card("aws/g5.xlarge")
    >>> card and float(card.usd_per_month)
    734.38
    """
    platform, _, gpu = name.partition("/")
    prices = compute_file().by_the_second.get(platform.lower())
    if prices is not None and gpu.lower() in {known.lower() for known in prices.gpus}:
        return by_the_second(
            platform.lower(),
            gpu=gpu,
            gpus=Fraction(1) if gpus is None else gpus,
            vcpus=vcpus or Fraction(0),
            memory_gb=memory_gb or Fraction(0),
        )
    for each in compute_file().offers:
        if each.name.lower() == name.lower():
            if (gpus, vcpus, memory_gb) != (None, None, None):
                raise ConfigError(f"{name} is a whole machine with one price; leave out gpus, cpus and memory_gb")
            return each.price()
    return None


def by_the_second(
    platform: str, *, gpu: str, vcpus: Fraction, memory_gb: Fraction, gpus: Fraction = _ONE
) -> ComputePrice:
    """The price of a container on a platform that bills by the second, only while it serves.

    Args:
        platform: `cerebrium`.
        gpu: By the names of `capacity.hardware`.
        vcpus: How many, may be a fraction.
        memory_gb: How much memory.
        gpus: How many.

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
        ComputePart(name=f"GPU {name}", units=gpus, usd_per_second=Fraction(prices.gpus[name])),
        ComputePart(name="vCPU", units=vcpus, usd_per_second=Fraction(prices.vcpu)),
        ComputePart(name="GB memory", units=memory_gb, usd_per_second=Fraction(prices.memory_gb)),
    )
    wanted = tuple(part for part in parts if part.units)
    return replace(from_parts(wanted, billed=Billed.WHILE_SERVING), source=prices.source, checked=prices.checked)
