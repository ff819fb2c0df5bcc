"""Price cards for programs; the names of the prices are those that the configuration's `prices:` takes."""

from datetime import date

from offramp.catalog.age import age_days, is_stale
from offramp.catalog.book_file import KINDS
from offramp.catalog.compute import Offer
from offramp.catalog.lifecycle import ending
from offramp.catalog.prices import PriceBook
from offramp.pricing.cards import STANDARD_TIERS, Rates, Tariff, TokenCard
from offramp.pricing.compute import HOURS_PER_MONTH
from offramp.pricing.money import decimal_text, mtok_text, usd_per_mtok


def card_json(card: TokenCard, book: PriceBook) -> dict[str, object]:
    """A token card: prices as decimal strings in dollars per million tokens, `null` where nobody knows."""
    notice = ending(card.provider, card.model)
    return {
        "name": card.name,
        **_tariff(card.standard),
        "tiers": {tier: _tariff(own) for tier, own in card.tariffs.items() if tier not in STANDARD_TIERS},
        "request_usd": decimal_text(usd_per_mtok(card.request_pico).scaleb(-6)),
        "window_tokens": card.window_tokens or None,
        "source": card.source,
        "checked": card.checked or None,
        "age_days": book.age_days(card),
        "stale": book.is_stale(card),
        "since": card.since or None,
        "second_hand": card.second_hand,
        "deprecated": card.deprecated,
        "ends": None if notice is None else notice.ends.isoformat(),
        "instead": None if notice is None else notice.instead or None,
        "note": card.note,
    }


def offer_json(offer: Offer, today: date) -> dict[str, object]:
    """A compute card."""
    return {
        "name": offer.name,
        "gpu": offer.gpu,
        "gpus": offer.gpus,
        "terms": offer.terms.value,
        "months": offer.months or None,
        "usd_per_hour": decimal_text(offer.usd_per_hour),
        "usd_per_month": decimal_text(offer.usd_per_hour * HOURS_PER_MONTH),
        "vcpus": offer.vcpus or None,
        "memory_gb": offer.memory_gb or None,
        "regions": offer.regions,
        "source": offer.source,
        "checked": offer.checked,
        "age_days": age_days(offer.checked, today),
        "stale": is_stale(offer.checked, today),
        "second_hand": offer.second_hand,
        "note": offer.note,
    }


def _tariff(tariff: Tariff) -> dict[str, object]:
    prices: dict[str, object] = dict(_rates(tariff.rates))
    if tariff.long:
        prices["over"] = {str(threshold): _rates(rates) for threshold, rates in reversed(tariff.long)}
    return prices


def _rates(rates: Rates) -> dict[str, str | None]:
    return {f"{kind}_usd_per_mtok": mtok_text(getattr(rates, kind)) for kind in KINDS}
