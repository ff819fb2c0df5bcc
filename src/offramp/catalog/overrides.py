"""The user's own token prices: the configuration's words -> a price card. No I/O here."""

from collections.abc import Mapping
from datetime import date

from offramp.catalog.book_file import KINDS, PeriodEntry, TariffEntry, rates_from, tariff_from
from offramp.errors import ConfigError
from offramp.pricing.cards import TokenCard, tariffs
from offramp.pricing.money import ONLY_DOLLARS, decimal_text, foreign_currency, parse_usd

_SUFFIX = "_usd_per_mtok"

_OTHER_KEYS = frozenset({"tiers", "over", "source", "checked", "request_usd", "note"})


def override_card(provider: str, model: str, prices: Mapping[str, object]) -> TokenCard:
    """A card made of what the user says and nothing else: a price that is left out is not taken from the book.

    Args:
        provider: Provider's id.
        model: The model's name there.
        prices: `input_usd_per_mtok`, `cached_input_usd_per_mtok`, `cache_write_usd_per_mtok`, `output_usd_per_mtok`,
            `reasoning_usd_per_mtok`, `audio_input_usd_per_mtok`, `audio_output_usd_per_mtok`, `request_usd`;
            `tiers` maps a service tier to such prices, `over` a number of input tokens to those above it;
            `source` and `checked` (YYYY-MM-DD) say where and when. `None` counts as left out.

    Raises:
        ConfigError: If a key is unknown, a value is no price or in another currency, or neither input nor output
            has one.
    """
    what = f"prices: {provider}/{model}"
    given = {str(key): value for key, value in prices.items() if value is not None}
    entry = _period(given, what=what)
    if not {"input", "output"} & entry.rates.keys() and not entry.request_usd:
        raise ConfigError(f"{what}: expected at least input{_SUFFIX} or output{_SUFFIX}")
    return TokenCard(
        provider=provider,
        model=model,
        tariffs=tariffs(
            tariff_from(entry, what=what),
            {tier: tariff_from(tariff, what=f"{what}: {tier}") for tier, tariff in entry.tiers.items()},
        ),
        source=str(given.get("source", "configuration")),
        checked=_day(given.get("checked"), what=what),
        note=str(given.get("note", "")),
        request_pico=int(parse_usd(entry.request_usd or "0", what=what) * 10**12),
    )


def _period(given: Mapping[str, object], *, what: str) -> PeriodEntry:
    known = {f"{kind}{_SUFFIX}" for kind in KINDS} | _OTHER_KEYS
    unknown = sorted(given.keys() - known)
    for key in unknown:
        other = foreign_currency(f"{key} {given[key]}" if key == "currency" else key)
        if other is not None:
            raise ConfigError(f"{what}: {key} is in {other}; {ONLY_DOLLARS}")
    if unknown:
        raise ConfigError(f"{what}: unknown key {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    rates = _rates(given, what=what)
    tiers = {}
    for tier, nested in _mapping(given.get("tiers"), what=f"{what}: tiers").items():
        inner = _mapping(nested, what=f"{what}: tiers: {tier}")
        where = f"{what}: tiers: {tier}"
        tiers[tier] = TariffEntry(rates={**rates, **_rates(inner, what=where)}, over=_over(inner, what=where))
    request = "" if "request_usd" not in given else _amount(given["request_usd"], what=f"{what}: request_usd")
    return PeriodEntry(rates=rates, over=_over(given, what=what), tiers=tiers, request_usd=request)


def _rates(given: Mapping[str, object], *, what: str) -> dict[str, str]:
    rates = {
        kind: _amount(given[f"{kind}{_SUFFIX}"], what=f"{what}: {kind}{_SUFFIX}")
        for kind in KINDS
        if given.get(f"{kind}{_SUFFIX}") is not None
    }
    rates_from(rates, what=what)
    return rates


def _over(given: Mapping[str, object], *, what: str) -> dict[str, dict[str, str]]:
    steps = _mapping(given.get("over"), what=f"{what}: over")
    return {
        threshold: _rates(_mapping(nested, what=f"{what}: over: {threshold}"), what=f"{what}: over: {threshold}")
        for threshold, nested in steps.items()
    }


def _mapping(value: object, *, what: str) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{what}: expected a mapping (got {value!r})")
    return {str(key): nested for key, nested in value.items()}


def _amount(value: object, *, what: str) -> str:
    return decimal_text(parse_usd(value if isinstance(value, int | float) else str(value), what=what))


def _day(value: object, *, what: str) -> str:
    if value is None:
        return ""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ConfigError(f"{what}: checked: expected a day such as 2026-11-04 (got {value!r})") from None
