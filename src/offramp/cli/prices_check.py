"""Which of the prices that the configuration uses are missing, old, or belong to a model that ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from offramp.catalog.age import age_days, is_stale
from offramp.catalog.compute import compute_card
from offramp.catalog.lifecycle import ending
from offramp.catalog.prices import STALE_AFTER_DAYS, PriceBook
from offramp.catalog.search import nearest
from offramp.compose.fleet import provider_of
from offramp.config.model import CacheTier, Settings
from offramp.config.upstreams import PriceKind, Upstream
from offramp.pricing.cards import TokenCard

ENDS_WITHIN_DAYS = 180
"""A model that is switched off within so many days is worth a finding: moving takes weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about the prices in use that somebody should look at."""

    subject: str
    """Whose price it is."""
    text: str
    """What is wrong and what to do."""


def findings(book: PriceBook, settings: Settings) -> list[Finding]:
    """Everything worth a look, the whole file first, then by route."""
    found = list(_of_the_file(book))
    cards: dict[str, TokenCard] = {}
    for name, where in _names_in_use(book, settings):
        card = book.card(name)
        if card is None:
            found.append(_missing(book, name, where))
        else:
            cards.setdefault(card.name, card)
    found += _of_machines(book, settings)
    for name in settings.prices:
        own = book.card(name)
        if own is not None:
            cards.setdefault(own.name, own)
    for card in cards.values():
        found += _of_the_card(book, card)
    return found


def _of_the_file(book: PriceBook) -> Iterator[Finding]:
    age = (book.today() - date.fromisoformat(book.as_of)).days
    if age > STALE_AFTER_DAYS:
        text = f"{book.source} is of {book.as_of}, {age} days ago; bring it up to date with `offramp prices --update`"
        yield Finding(subject="all prices", text=text)


def _names_in_use(book: PriceBook, settings: Settings) -> Iterator[tuple[str, str]]:
    """`PROVIDER/MODEL` of every token card that the configuration needs, and what needs it."""
    for name, route in settings.routes.items():
        if route.baseline is not None:
            yield route.baseline, f"route {name}: baseline"
        for tier in route.tiers:
            if not isinstance(tier, CacheTier):
                models = (tier.model,) if tier.model else tuple(model for model in route.models if "*" not in model)
                for model in models:
                    card = _card_name(book, tier.upstream, settings.upstreams[tier.upstream], model)
                    if card is not None:
                        yield card, f"route {name}: tier {tier.upstream}"


def _card_name(book: PriceBook, name: str, upstream: Upstream, model: str) -> str | None:
    """The card that prices a model there; `None` where it is priced by time, by its own words, or not at all."""
    if upstream.price is not None:
        card = upstream.price.card
        return card if upstream.price.kind is PriceKind.CARD and card and compute_card(card) is None else None
    provider = provider_of(name, upstream, book)
    return None if provider is None else f"{provider}/{model}"


def _of_machines(book: PriceBook, settings: Settings) -> Iterator[Finding]:
    """Machines whose price was looked up long ago."""
    for name, upstream in settings.upstreams.items():
        price = upstream.price
        machine = compute_card(price.card) if price is not None and price.card else None
        if price is not None and machine is not None and is_stale(machine.checked, book.today()):
            age = age_days(machine.checked, book.today())
            text = f"checked {machine.checked}, {age} days ago ({machine.source}); set usd_per_hour to what you pay"
            yield Finding(subject=f"{price.card} (upstream {name})", text=text)


def _missing(book: PriceBook, name: str, where: str) -> Finding:
    near = nearest(book, name)
    hint = f"; near: {', '.join(near)}" if near else ""
    text = f"no price card, so its cost stays unknown ({where}){hint}; add it under `prices:`"
    return Finding(subject=name, text=text)


def _of_the_card(book: PriceBook, card: TokenCard) -> Iterator[Finding]:
    name = card.name
    if book.is_stale(card):
        text = f"checked {card.checked}, {book.age_days(card)} days ago ({card.source}); look again"
        yield Finding(subject=name, text=text)
    notice = ending(card.provider, card.model)
    if notice is not None and notice.days_left(book.today()) <= ENDS_WITHIN_DAYS:
        left = notice.days_left(book.today())
        when = f"in {left} days" if left > 0 else "it has ended"
        instead = f"; {notice.instead} is suggested instead" if notice.instead else ""
        text = f"is switched off on {notice.ends} ({when}){instead} ({notice.source})"
        yield Finding(subject=name, text=text)
