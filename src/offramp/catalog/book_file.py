"""The form of the price file: what `tools/cut_prices.py` writes and `PriceBook` reads. No I/O here.

Prices are decimal strings in dollars per million tokens, so that a difference between two releases can be read by a
person. The models of a provider stay undecoded until somebody asks for that provider.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from offramp.errors import ConfigError
from offramp.pricing.cards import Rates, Tariff, TokenCard, tariffs
from offramp.pricing.money import parse_usd, pico_per_token

SCHEMA = "offramp.prices/1"

UNKNOWN = "?"
"""A price that exists but that the source does not give: such tokens make the cost unknown, not cheap."""

KINDS = ("input", "cached_input", "cache_write", "output", "reasoning", "audio_input", "audio_output")
"""Kinds of tokens, as named in the file and, with the ending `_usd_per_mtok`, in the configuration."""

_BILLED_LIKE = {
    "cached_input": "input",
    "cache_write": "input",
    "audio_input": "input",
    "reasoning": "output",
    "audio_output": "output",
}


class Names(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Which names mean this model or provider; one that matches is enough. Compared in lower case."""

    equal: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    contain: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    every: tuple[tuple["Names", ...], ...] = ()
    """Each entry matches if all of its parts match."""

    def match(self, name: str) -> bool:
        """Whether `name`, in lower case, is one of these.

        >>> Names(equal=("gpt-4o",), start=("ft:gpt-4o",)).match("ft:gpt-4o-2024-08-06:acme::1")
        True
        """
        return (
            name in self.equal
            or (bool(self.start) and name.startswith(self.start))
            or (bool(self.end) and name.endswith(self.end))
            or any(part in name for part in self.contain)
            or any(re.search(pattern, name) for pattern in self.regex)
            or any(all(part.match(name) for part in parts) for parts in self.every)
        )


class TariffEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The rates of one service tier as written."""

    rates: dict[str, str]
    over: dict[str, dict[str, str]] = {}
    """Threshold in input tokens -> the rates above it."""


class PeriodEntry(TariffEntry, frozen=True, omit_defaults=True, kw_only=True):
    """What a model costs from a day on, until the next period."""

    since: str = ""
    request_usd: str = ""
    tiers: dict[str, TariffEntry] = {}


class ModelEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One model of a provider."""

    id: str
    names: Names
    periods: tuple[PeriodEntry, ...]
    """In the order of time."""
    window: int = 0
    """Context in tokens; 0 if not known."""
    deprecated: bool = False
    note: str = ""
    source: str = ""
    """Where it differs from the provider's."""
    checked: str = ""
    """Where it differs from the file's `as_of`."""
    second_hand: bool = False


class ModelIndex:
    """The models of a provider, found by name; where several match, the first in the file is meant.

    Nearly all names are plain, so those stand in a dictionary and only the patterns before a hit are tried.
    """

    def __init__(self, models: Sequence[ModelEntry]) -> None:
        """Index the models in their order."""
        self.models = models
        self._plain: dict[str, int] = {}
        self._patterns: list[tuple[int, Names]] = []
        for place, model in enumerate(models):
            for name in model.names.equal:
                self._plain.setdefault(name, place)
            patterns = msgspec.structs.replace(model.names, equal=())
            if patterns != Names():
                self._patterns.append((place, patterns))

    def find(self, name: str) -> ModelEntry | None:
        """The first model that `name`, in lower case, means."""
        plain = self._plain.get(name, len(self.models))
        for place, patterns in self._patterns:
            if place > plain:
                break
            if patterns.match(name):
                return self.models[place]
        return self.models[plain] if plain < len(self.models) else None


class ProviderEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One provider; its models are decoded on demand."""

    id: str
    name: str
    hosts: tuple[str, ...] = ()
    """Regular expressions for the start of a base URL."""
    names: Names = Names()
    """Other spellings of the provider's own name."""
    also: tuple[str, ...] = ()
    """Providers whose prices hold where this one has none of its own."""
    url: str = ""
    models: msgspec.Raw = msgspec.Raw(b"[]")


class BookFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str
    source: str
    as_of: str
    """Day on which the source was known to list these prices, `YYYY-MM-DD`."""
    providers: tuple[ProviderEntry, ...]


def rates_from(prices: Mapping[str, str], *, what: str) -> Rates:
    """Rates from decimal strings; a kind that is not named is billed like the kind it is part of.

    Raises:
        ConfigError: If a price is no amount or finer than offramp can hold.
    """
    pico: dict[str, int | None] = {}
    for kind in KINDS:
        written = prices.get(kind)
        if written is None:
            pico[kind] = pico[_BILLED_LIKE[kind]] if kind in _BILLED_LIKE else None
        elif written == UNKNOWN:
            pico[kind] = None
        else:
            where = f"{what}: {kind}"
            pico[kind] = pico_per_token(parse_usd(written, what=where), what=where)
    return Rates(**pico)


def tariff_from(entry: TariffEntry, *, what: str) -> Tariff:
    """A tariff with its thresholds, the highest first.

    Raises:
        ConfigError: If a threshold or a price cannot be read.
    """
    long: list[tuple[int, Rates]] = []
    for threshold, prices in entry.over.items():
        if not threshold.isdecimal():
            raise ConfigError(f"{what}: expected a number of input tokens as threshold (got {threshold!r})")
        long.append((int(threshold), rates_from({**entry.rates, **prices}, what=f"{what}: over {threshold}")))
    return Tariff(
        rates=rates_from(entry.rates, what=what), long=tuple(sorted(long, key=lambda step: step[0], reverse=True))
    )


def card_from(model: ModelEntry, *, provider: ProviderEntry, file: BookFile, day: str) -> TokenCard | None:
    """The card that holds on `day` (`YYYY-MM-DD`); `None` if the model had no price yet."""
    period = None
    for candidate in model.periods:
        if candidate.since <= day:
            period = candidate
    if period is None:
        return None
    what = f"{provider.id}/{model.id}"
    standard = tariff_from(period, what=what)
    tiers = {tier: tariff_from(entry, what=f"{what}: {tier}") for tier, entry in period.tiers.items()}
    request = parse_usd(period.request_usd or "0", what=what)
    return TokenCard(
        provider=provider.id,
        model=model.id,
        tariffs=tariffs(standard, tiers),
        source=model.source or (f"{file.source}, {provider.url}" if provider.url else file.source),
        checked=model.checked or file.as_of,
        since=period.since,
        second_hand=model.second_hand,
        note=model.note,
        deprecated=model.deprecated,
        window_tokens=model.window,
        request_pico=int(request * 10**12),
    )
