"""Brings the newest token prices into the state folder: fetch, cut, compare, replace."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from genai_prices import types
from genai_prices.data import providers as installed_providers
from genai_prices.update_prices import DEFAULT_UPDATE_URL, UpdatePrices

from offramp.catalog.book_file import BookFile
from offramp.catalog.prices import PriceBook
from offramp.errors import UnavailableError
from offramp.migrate.prices import cut, encode, newest_day_named
from offramp.pricing.cards import TokenCard

INSTALLED = "installed"
"""Instead of an address: the genai-prices that is installed, without any network."""

DEFAULT_ADDRESS = DEFAULT_UPDATE_URL

_SMALLEST_SHARE = 0.5
"""A file with fewer cards than this share of the present ones is taken for damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a new price file changes for today."""

    new: tuple[str, ...]
    """`PROVIDER/MODEL`."""
    gone: tuple[str, ...]
    changed: tuple[tuple[TokenCard, TokenCard], ...]
    """Before and after."""


def newest(address: str, *, today: date) -> BookFile:
    """The price file cut from the newest data.

    Args:
        address: Where genai-prices publishes its data, or `installed`.
        today: The day of fetching, which is what the prices are checked on.

    Raises:
        UnavailableError: If the data cannot be fetched or read.
    """
    if address == INSTALLED:
        source = f"genai-prices {version('genai-prices')}"
        return cut(installed_providers, source=source, as_of=newest_day_named(installed_providers, until=today))
    return cut(_fetch(address), source="genai-prices", as_of=today)


def compare(before: PriceBook, after: PriceBook) -> Changes:
    """What differs between two books in the list prices of input and output."""
    old = {(card.provider, card.model): card for card in before.cards()}
    new = {(card.provider, card.model): card for card in after.cards()}
    both = sorted(old.keys() & new.keys())
    return Changes(
        new=tuple("/".join(key) for key in sorted(new.keys() - old.keys())),
        gone=tuple("/".join(key) for key in sorted(old.keys() - new.keys())),
        changed=tuple((old[key], new[key]) for key in both if old[key].standard != new[key].standard),
    )


def check_size(file: BookFile, present: PriceBook) -> None:
    """Refuse a file that lost most of its cards: more likely a broken source than a cheaper world.

    Raises:
        UnavailableError: If it did.
    """
    had, has = _count(present.cards()), _count(PriceBook((file,)).cards())
    if has < had * _SMALLEST_SHARE:
        raise UnavailableError(
            f"the new data has {has} price cards where there are {had} now; it looks damaged and was not taken over"
        )


def replace_file(path: Path, file: BookFile) -> None:
    """Write the file whole or not at all.

    Raises:
        UnavailableError: If it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_bytes(encode(file))
        beside.replace(path)
    except OSError as error:
        raise UnavailableError(f"{path}: the prices cannot be written ({error.strerror})") from error


def _fetch(address: str) -> list[types.Provider]:
    try:
        snapshot = UpdatePrices(url=address).fetch()
    except Exception as error:
        # Whatever the fetching library raises means the same here: there is nothing new.
        raise UnavailableError(
            f"the newest prices could not be fetched from {address} ({type(error).__name__}: {error}); the present "
            "ones stay in use (`--from installed` takes those of the installed genai-prices, without a network)"
        ) from error
    if snapshot is None:
        raise UnavailableError(f"{address} has no prices; the present ones stay in use")
    return snapshot.providers


def _count(cards: Iterable[TokenCard]) -> int:
    return sum(1 for _ in cards)
