"""The price book: token prices by provider and model, shipped or overridden, each with its source and its date.

The file is cut from `genai-prices` when a release is made (`tools/cut_prices.py`) or by `offramp prices --update`; a
serving process only reads it. A model the book does not know has no price: `None`, never zero.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from offramp.catalog import age
from offramp.catalog.book_file import SCHEMA, BookFile, ModelEntry, ModelIndex, ProviderEntry, card_from
from offramp.catalog.overrides import override_card
from offramp.errors import ConfigError, UnavailableError
from offramp.pricing.cards import TokenCard

SHIPPED = Path(__file__).parent / "data" / "prices.json"

SUPPLEMENT = Path(__file__).parent / "data" / "prices_supplement.json"
"""Models newer than the shipped file, from second-hand sources; consulted last."""

UPDATED_NAME = "prices.json"
"""What `offramp prices --update` writes into the state folder."""

STALE_AFTER_DAYS = age.STALE_AFTER_DAYS
"""A price older than this is shown with a warning."""

_NS_PER_DAY = 86_400 * 1_000_000_000

_CACHE_LIMIT = 4_096
"""Model names come from clients, so the cache of looked-up cards is bounded."""

_DATED = re.compile(r"-20\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])$")
"""The end of a dated snapshot's name: `gpt-4o-2024-08-06`, `gpt-5.2-20251211`."""

_COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)$")

_PROVIDER_SPELLINGS = {
    "azure-openai": "azure",
    "bedrock": "aws",
    "fireworks-ai": "fireworks",
    "gemini": "google",
    "grok": "x-ai",
    "moonshot": "moonshotai",
    "togetherai": "together",
    "together-ai": "together",
    "vertex": "google",
    "vertex-ai": "google",
    "xai": "x-ai",
}


class PriceBook:
    """All known token prices; cheap to make, and a look-up that was made before is a dictionary's."""

    def __init__(
        self,
        files: tuple[BookFile, ...],
        overrides: Mapping[str, Mapping[str, object]] | None = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Keep the files, the first of which wins, and check the overrides.

        Raises:
            ConfigError: If an override cannot be read.
        """
        self.as_of = files[0].as_of
        self.source = files[0].source
        self._files = files
        self._clock_ns = clock_ns
        self._indexes: dict[tuple[int, str], ModelIndex] = {}
        self._cache: dict[tuple[str, str], TokenCard | None] = {}
        self._cached_day = -1
        self._overrides: dict[tuple[str, str], TokenCard] = {}
        for name, prices in (overrides or {}).items():
            provider, model = self._split(name)
            self._overrides[provider, model.lower()] = override_card(provider, model, prices)

    @classmethod
    def load(
        cls,
        overrides: Mapping[str, Mapping[str, object]] | None = None,
        *,
        updated: Path | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> "PriceBook":
        """The shipped book, or the updated one where that is newer, with the user's overrides on top.

        Args:
            overrides: `PROVIDER/MODEL` -> prices, as in the configuration's `prices`.
            updated: A file that `offramp prices --update` may have written; it need not exist.
            clock_ns: Nanoseconds since the epoch; prices that change on a known day follow it.

        Raises:
            ConfigError: If an override cannot be read.
            UnavailableError: If a file is damaged.
        """
        first = read_book(SHIPPED)
        if updated is not None and updated.is_file():
            newer = read_book(updated)
            first = max(first, newer, key=lambda file: file.as_of)
        return cls((first, read_book(SUPPLEMENT)), overrides, clock_ns=clock_ns)

    def token_card(self, provider: str, model: str, on: date | None = None) -> TokenCard | None:
        """The prices of a model, found by its name, an alias, or the name of a dated snapshot.

        Args:
            provider: A provider's id or another spelling of it; see `provider_of`.
            model: As in the request or the answer.
            on: The day whose prices are wanted; today by default.

        Returns:
            The user's own card, else the book's, else `None`.
        """
        if on is not None:
            return self._find(self.provider_id(provider) or provider, model.lower(), on.isoformat())
        today = self._clock_ns() // _NS_PER_DAY
        if today != self._cached_day:
            self._cache.clear()
            self._cached_day = today
        key = (provider, model)
        if key in self._cache:
            return self._cache[key]
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        card = self._find(self.provider_id(provider) or provider, model.lower(), self.today().isoformat())
        self._cache[key] = card
        return card

    def card(self, name: str) -> TokenCard | None:
        """The card called `PROVIDER/MODEL`, as in `baseline:`.

        Raises:
            ConfigError: If the name has not that form.
        """
        return self.token_card(*self._split(name))

    def provider_of(self, base_url: str) -> str | None:
        """The provider behind a base URL or a host; `None` if it is none of those known.

        >>> PriceBook.load().provider_of("api.groq.com")
        'groq'
        """
        url = base_url if "://" in base_url else f"https://{base_url}"
        for provider in self._providers():
            if any(re.match(pattern, url) for pattern in provider.hosts):
                return provider.id
        return None

    def provider_id(self, name: str) -> str | None:
        """The id of the provider that `name` spells, the user's own ones included; `None` if none is known."""
        lower = name.strip().lower().replace("_", "-")
        ids = set(self.provider_ids())
        for candidate in (name.strip().lower(), lower, _PROVIDER_SPELLINGS.get(lower, "")):
            if candidate in ids:
                return candidate
        return None

    def provider_ids(self) -> list[str]:
        """All providers, in the order of their ids."""
        own = {provider for provider, _ in self._overrides}
        return sorted(own | {provider.id for provider in self._providers()})

    def cards(self, provider: str | None = None) -> Iterator[TokenCard]:
        """All cards that hold today, or those of one provider; the user's own in the place of the book's."""
        day = self.today().isoformat()
        seen: set[tuple[str, str]] = set()
        wanted = None if provider is None else (self.provider_id(provider) or provider)
        for key, card in self._overrides.items():
            if wanted in {None, card.provider}:
                seen.add(key)
                yield card
        for number, file in enumerate(self._files):
            for entry in file.providers:
                if wanted not in {None, entry.id}:
                    continue
                for model in self._index(number, entry).models:
                    key = (entry.id, model.id.lower())
                    card_today = card_from(model, provider=entry, file=file, day=day)
                    if key not in seen and card_today is not None:
                        seen.add(key)
                        yield card_today

    def today(self) -> date:
        """The day that the book's clock shows, in UTC."""
        return datetime.fromtimestamp(self._clock_ns() / 1e9, tz=UTC).date()

    def age_days(self, card: TokenCard) -> int | None:
        """How many days ago the card was checked; `None` if nobody said."""
        return age.age_days(card.checked, self.today())

    def is_stale(self, card: TokenCard) -> bool:
        """Whether the card is older than a warning needs; one without a date is the user's own word and is not."""
        return age.is_stale(card.checked, self.today())

    def _providers(self) -> Iterator[ProviderEntry]:
        for file in self._files:
            yield from file.providers

    def _split(self, name: str) -> tuple[str, str]:
        provider, slash, model = name.partition("/")
        if not slash or not provider.strip() or not model.strip():
            raise ConfigError(f"price card {name!r}: expected PROVIDER/MODEL, such as openai/gpt-4o-mini")
        return self.provider_id(provider) or provider.strip().lower(), model.strip()

    def _find(self, provider: str, model: str, day: str) -> TokenCard | None:
        if (own := self._overrides.get((provider, model))) is not None:
            return own
        for name in _spellings(model):
            for number, file in enumerate(self._files):
                for entry in file.providers:
                    if entry.id == provider and (found := self._index(number, entry).find(name)) is not None:
                        own = self._overrides.get((provider, found.id.lower()))
                        return own or card_from(found, provider=entry, file=file, day=day)
            if (own := self._overrides.get((provider, name))) is not None:
                return own
        return self._find_elsewhere(provider, model, day)

    def _find_elsewhere(self, provider: str, model: str, day: str) -> TokenCard | None:
        """The card of a provider whose models this one resells at the same price."""
        for entry in self._providers():
            if entry.id == provider:
                for other in entry.also:
                    card = self._find(other, model, day)
                    if card is not None:
                        return msgspec.structs.replace(card, note=f"{other}'s price, which {provider} charges too")
        return None

    def _index(self, number: int, provider: ProviderEntry) -> ModelIndex:
        """The models of a provider in one of the files, decoded when they are first asked for."""
        key = (number, provider.id)
        if key not in self._indexes:
            self._indexes[key] = ModelIndex(msgspec.json.decode(provider.models, type=list[ModelEntry]))
        return self._indexes[key]


def _spellings(model: str) -> Iterator[str]:
    """The name itself, its date written with dashes, and the name without the date."""
    yield model
    dashed = _COMPACT_DATE.sub(r"-\1-\2-\3", model)
    if dashed != model:
        yield dashed
    undated = _DATED.sub("", model)
    if undated != model:
        yield undated


def read_book(path: Path) -> BookFile:
    """One price file.

    Raises:
        UnavailableError: If it cannot be read or is not a price file of this version.
    """
    hint = "remove it or run `offramp prices --update`"
    try:
        book = msgspec.json.decode(path.read_bytes(), type=BookFile)
    except OSError as error:
        raise UnavailableError(f"{path}: the price file cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise UnavailableError(f"{path}: not a price file ({error}); {hint}") from error
    if book.schema != SCHEMA:
        raise UnavailableError(f"{path}: price file of form {book.schema!r}, expected {SCHEMA!r}; {hint}")
    return book
