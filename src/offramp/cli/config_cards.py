"""Whether the price cards that a configuration names are in the catalog; the loader does not open it."""

from collections.abc import Iterator
from fractions import Fraction

from offramp.catalog.compute import compute_card
from offramp.catalog.prices import PriceBook
from offramp.config.model import Settings
from offramp.config.upstreams import Price


def card_notes(settings: Settings) -> list[str]:
    """What is said of cards that nobody knows: costs in the ledger would stay unknown.

    Raises:
        ConfigError: If an own price in `prices`, or a card's sizes, cannot be used.
    """
    own = {name: prices.model_dump(exclude_defaults=True) for name, prices in settings.prices.items()}
    return list(_notes(settings, PriceBook.load(own)))


def _notes(settings: Settings, book: PriceBook) -> Iterator[str]:
    unknown = "is no price card that is known, so {what} stays unknown; `offramp prices` lists them, `prices` adds one"
    for name, route in settings.routes.items():
        if route.baseline and book.card(route.baseline) is None:
            yield f"routes.{name}.baseline: {route.baseline} {unknown.format(what='what was saved')}"
    for name, upstream in settings.upstreams.items():
        price = upstream.price
        if price and price.card and not _compute(price) and book.card(price.card) is None:
            yield f"upstreams.{name}.price: {price.card} {unknown.format(what='what it costs')}"


def _compute(price: Price) -> bool:
    """Whether it is the card of a machine."""
    sizes = (price.gpus, price.cpus, price.memory_gb)
    gpus, vcpus, memory_gb = (None if size is None else Fraction(size) for size in sizes)
    return compute_card(price.card or "", gpus=gpus, vcpus=vcpus, memory_gb=memory_gb) is not None
