"""Cuts offramp's price file out of the `genai-prices` data: when a release is made, or by `offramp prices --update`.

Only what a request's usage can be priced with is kept: tokens by kind, service tiers, long-context thresholds, a fee
per request. Prices by the hour of audio, the page or the image are left out, and a model that has nothing else is not
in the file.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

import msgspec
from genai_prices import types

from offramp.catalog.book_file import (
    SCHEMA,
    UNKNOWN,
    BookFile,
    ModelEntry,
    Names,
    PeriodEntry,
    ProviderEntry,
    TariffEntry,
)
from offramp.pricing.money import decimal_text

_KINDS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
}

_AUDIO_BY_THE_HOUR = frozenset({"audio_hours", "input_audio_hours"})

_FINEST = Decimal("0.000001")
"""Finer digits in the data are the noise of binary floats (0.18000000000000002)."""

_TIERS = ("batch", "flex", "priority", "fast")

_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")

_VERIFIED = re.compile(r"(?:verified|checked)(?: on)?[^.;]{0,80}?(20\d\d-\d\d-\d\d)", re.IGNORECASE)

Price = Decimal | types.TieredPrices


def cut(providers: Iterable[types.Provider], *, source: str, as_of: date) -> BookFile:
    """The price file of these providers.

    Args:
        providers: As `genai-prices` has them.
        source: Names the data and its version.
        as_of: Day on which the data listed these prices.
    """
    entries = []
    for provider in sorted(providers, key=lambda each: each.id):
        models = [entry for model in provider.models if (entry := _model(model)) is not None]
        if models:
            entries.append(
                ProviderEntry(
                    id=provider.id,
                    name=provider.name,
                    hosts=(provider.api_pattern,),
                    names=Names() if provider.provider_match is None else _names(provider.provider_match),
                    also=tuple(provider.fallback_model_providers or ()),
                    url=next(iter(provider.pricing_urls or ()), ""),
                    models=msgspec.Raw(_lines(models)),
                )
            )
    return BookFile(schema=SCHEMA, source=source, as_of=as_of.isoformat(), providers=tuple(entries))


def encode(book: BookFile) -> bytes:
    """The file's bytes: one line per model, so that a difference between two releases can be read."""
    head = msgspec.json.encode({"schema": book.schema, "source": book.source, "as_of": book.as_of})
    providers = b",\n".join(msgspec.json.encode(provider) for provider in book.providers)
    return head[:-1] + b',"providers":[\n' + providers + b"\n]}\n"


def newest_day_named(providers: Iterable[types.Provider], *, until: date) -> date:
    """The newest day that the data itself names, not after `until`: it cannot be older than that.

    Raises:
        ValueError: If it names none.
    """
    days = {
        day
        for provider in providers
        for comment in (provider.price_comments, *(model.price_comments for model in provider.models))
        for day in _days(comment or "")
    }
    return max(day for day in days if day <= until)


def _days(text: str) -> set[date]:
    found = set()
    for written in _DAY.findall(text):
        try:
            found.add(date.fromisoformat(written))
        except ValueError:
            continue
    return found


def _lines(models: list[ModelEntry]) -> bytes:
    return b"[\n" + b",\n".join(msgspec.json.encode(model) for model in models) + b"\n]"


def _model(model: types.ModelInfo) -> ModelEntry | None:
    periods = tuple(_periods(model))
    if not any(period.rates for period in periods):
        return None
    return ModelEntry(
        id=model.id,
        names=_names(model.match),
        periods=periods,
        window=model.context_window or 0,
        deprecated=bool(model.deprecated),
        note=_note(model),
    )


def _note(model: types.ModelInfo) -> str:
    notes = []
    days = _VERIFIED.findall(model.price_comments or "")
    if days:
        notes.append(f"verified on the provider's page {max(days)}")
    if _hours(model):
        notes.append("other rates at some hours of the day")
    return "; ".join(notes)


def _hours(model: types.ModelInfo) -> bool:
    return isinstance(model.prices, list) and any(
        isinstance(price.constraint, types.TimeOfDateConstraint) for price in model.prices
    )


def _periods(model: types.ModelInfo) -> Iterable[PeriodEntry]:
    """One period per day on which anything changes, each with everything that holds from then on."""
    dated = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    standing = [price for price in dated if not isinstance(price.constraint, types.TimeOfDateConstraint)]
    variants = [
        variant
        for variant in model.price_variants or ()
        if _tier(variant) and not isinstance(variant.constraint, types.TimeOfDateConstraint)
    ]
    days = sorted({_start(price.constraint) for price in standing} | {_start(each.constraint) for each in variants})
    last = None
    for day in days:
        active = [price for price in standing if _start(price.constraint) <= day]
        if not active:
            continue
        prices = active[-1].prices.__dict__
        tiers: dict[str, dict[str, Price]] = {}
        for variant in variants:
            if _start(variant.constraint) <= day:
                tiers.setdefault(_tier(variant), {**_known(prices), **_known(variant.prices.__dict__)})
        period = _period(_known(prices), tiers, since=day)
        if last is None or msgspec.structs.replace(period, since=last.since) != last:
            last = period
            yield period


def _start(constraint: types.StartDateConstraint | types.TimeOfDateConstraint | None) -> str:
    return constraint.start_date.isoformat() if isinstance(constraint, types.StartDateConstraint) else ""


def _tier(variant: types.PriceVariant) -> str:
    """The service tier that a variant prices; empty if it is about something else (a route, a kind of search)."""
    word = variant.when.get("service_tier") or variant.when.get("processing") or ""
    return word if len(variant.when) == 1 and word in _TIERS else ""


def _known(prices: Mapping[str, object]) -> dict[str, Price]:
    return {key: value for key, value in prices.items() if isinstance(value, Decimal | types.TieredPrices)}


def _period(prices: Mapping[str, Price], tiers: Mapping[str, Mapping[str, Price]], *, since: str) -> PeriodEntry:
    standard = _tariff(prices)
    fee = prices.get("requests_kcount")
    return PeriodEntry(
        since=since,
        rates=standard.rates,
        over=standard.over,
        request_usd=decimal_text(fee / 1000) if isinstance(fee, Decimal) else "",
        tiers={tier: _tariff(own) for tier, own in tiers.items()},
    )


def _tariff(prices: Mapping[str, Price]) -> TariffEntry:
    rates: dict[str, str] = {}
    over: dict[int, dict[str, str]] = {}
    for key, kind in _KINDS.items():
        price = prices.get(key)
        if isinstance(price, types.TieredPrices):
            rates[kind] = _usd(price.base)
            for step in price.tiers:
                over.setdefault(step.start, {})[kind] = _usd(step.price)
        elif price is not None:
            rates[kind] = _usd(price)
    if rates and prices.keys() & _AUDIO_BY_THE_HOUR:
        rates["audio_input"] = UNKNOWN
    return TariffEntry(rates=rates, over=_carried(over))


def _carried(over: dict[int, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Each threshold with all that changed up to it, because above the second the first has been passed too."""
    whole: dict[str, str] = {}
    steps = {}
    for threshold in sorted(over):
        whole = {**whole, **over[threshold]}
        steps[str(threshold)] = whole
    return steps


def _usd(price: Decimal) -> str:
    return decimal_text(price.quantize(_FINEST) if price % _FINEST else price)


def _names(match: types.MatchLogic) -> Names:
    """The same names in offramp's form."""
    if isinstance(match, types.ClauseAnd):
        return Names(every=(tuple(_names(part) for part in match.and_),))
    if isinstance(match, types.ClauseOr):
        parts = [_names(part) for part in match.or_]
        return Names(
            equal=tuple(name for part in parts for name in part.equal),
            start=tuple(name for part in parts for name in part.start),
            end=tuple(name for part in parts for name in part.end),
            contain=tuple(name for part in parts for name in part.contain),
            regex=tuple(name for part in parts for name in part.regex),
            every=tuple(every for part in parts for every in part.every),
        )
    if isinstance(match, types.ClauseEquals):
        return Names(equal=(match.equals.lower(),))
    if isinstance(match, types.ClauseStartsWith):
        return Names(start=(match.starts_with.lower(),))
    if isinstance(match, types.ClauseEndsWith):
        return Names(end=(match.ends_with.lower(),))
    if isinstance(match, types.ClauseContains):
        return Names(contain=(match.contains.lower(),))
    return Names(regex=(match.regex,))
