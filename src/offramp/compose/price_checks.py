"""Prices that a configuration names and nobody knows, or that are old: it works without them, but the books do not."""

from collections.abc import Iterator
from datetime import date

from offramp.catalog.prices import STALE_AFTER_DAYS, PriceBook
from offramp.catalog.search import nearest
from offramp.compose.fleet import compute_price, provider_of
from offramp.config.model import Settings, UpstreamTier
from offramp.pricing.cards import TokenCard


def price_warnings(settings: Settings, book: PriceBook) -> list[str]:
    """What to say about prices when a configuration is checked or taken into use, each thing once.

    Raises:
        ConfigError: If sizes are given for a machine that has one price.
    """
    checks = _Checks(settings, book)
    return list(dict.fromkeys(checks.all()))


class _Checks:
    def __init__(self, settings: Settings, book: PriceBook) -> None:
        self._settings = settings
        self._book = book

    def all(self) -> Iterator[str]:
        for name, route in self._settings.routes.items():
            if route.baseline is not None:
                yield from self._baseline(name, route.baseline)
            for tier in route.tiers:
                if isinstance(tier, UpstreamTier) and tier.model is not None:
                    yield from self._tier(tier.upstream, tier.model)
        for name, part in self._settings.upstreams.items():
            if part.price is not None and part.price.card is not None:
                yield from self._card(name, part.price.card)

    def _baseline(self, route: str, name: str) -> Iterator[str]:
        card = self._book.card(name)
        if card is None:
            consequence = "what its requests would have cost there is not known"
            yield f"routes.{route}.baseline: {self._unknown(name)}; until then {consequence}"
        else:
            yield from self._age(card)

    def _tier(self, upstream: str, model: str) -> Iterator[str]:
        """A tier whose upstream is paid by its provider's list."""
        part = self._settings.upstreams[upstream]
        provider = provider_of(upstream, part, self._book) if part.price is None else None
        if provider is None:
            return
        card = self._book.token_card(provider, model)
        if card is None:
            yield f"upstreams.{upstream}: {self._unknown(f'{provider}/{model}')}; until then its requests are unpriced"
        else:
            yield from self._age(card)

    def _card(self, upstream: str, name: str) -> Iterator[str]:
        machine, card = compute_price(self._settings.upstreams[upstream].price), self._book.card(name)
        if machine is not None:
            yield from self._days(name, machine.checked, "set usd_per_hour to what you pay")
        elif card is not None:
            yield from self._age(card)
        else:
            yield f"upstreams.{upstream}.price: {self._unknown(name)}; until then its requests are unpriced"

    def _unknown(self, name: str) -> str:
        near = nearest(self._book, name, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"no price card is called {name!r}: {hint}`offramp prices` finds cards, `prices:` adds one"

    def _age(self, card: TokenCard) -> Iterator[str]:
        name = f"{card.provider}/{card.model}"
        yield from self._days(name, card.checked, "`offramp prices --update` fetches newer ones")

    def _days(self, name: str, checked: str, remedy: str) -> Iterator[str]:
        if not checked:
            return  # the user's own word
        age_days = (self._book.today() - date.fromisoformat(checked)).days
        if age_days > STALE_AFTER_DAYS:
            yield f"the prices of {name} were last checked on {checked}, {age_days} days ago: {remedy}"
