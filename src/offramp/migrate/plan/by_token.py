"""Ways that are paid by the token: the incumbent, open models at providers, alternatives. Sums are exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from offramp.catalog.lifecycle import Ending, ending
from offramp.catalog.models import OpenModel
from offramp.catalog.prices import PriceBook
from offramp.catalog.search import resolve
from offramp.errors import UsageError
from offramp.migrate.plan.requirements import LeftOut, Requirements, against_card
from offramp.migrate.plan.traffic import Tally
from offramp.pricing.cards import TokenCard
from offramp.wire.usage import Usage

BATCH = "batch"
"""The service tier for what can wait a day."""

_ONE = Fraction(1)
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariffed:
    """Which card each model's tokens are priced on."""

    name: str
    cards: Mapping[str, TokenCard]
    """By the model that was asked for; `""` stands for all others."""
    unpriced: tuple[str, ...] = ()
    """Models that no card was found for."""
    token_ratio: Fraction = _ONE
    """Tokens of this way for one that was counted."""
    cached_share: Fraction | None = None
    """Of the input, where it is not what was measured."""
    price_factor: Fraction = _ONE
    """On every price, for sensitivities."""
    service_tier: str | None = None
    """Where it is not the one that was asked for."""
    ends: tuple[Ending, ...] = field(default=())
    """Notices that a model of it is switched off, the earliest first."""

    @property
    def card(self) -> TokenCard:
        """The only card, or the first of several."""
        return next(iter(self.cards.values()))

    def at_tier(self, service_tier: str) -> "Tariffed":
        """The same, all of it at that service tier."""
        return replace(self, service_tier=service_tier)

    def usd_per_request(self, tallies: Sequence[Tally]) -> Fraction | None:
        """The mean price of a request; `None` if none of them has a price."""
        usd, requests = self.usd(tallies)
        return usd / requests if requests else None

    def usd(self, tallies: Sequence[Tally]) -> tuple[Fraction, int]:
        """The sum of all requests that have a price, and their number."""
        total, requests = Fraction(0), 0
        for tally in tallies:
            pico = self._pico(tally)
            if pico is not None:
                total += Fraction(pico, 10**12)
                requests += tally.requests
        return total * self.price_factor, requests

    def _pico(self, tally: Tally) -> int | None:
        card = self.cards.get(tally.model) or self.cards.get("")
        if card is None:
            return None
        tier = tally.service_tier if self.service_tier is None else self.service_tier
        tariff = card.tariffs.get(tier)
        if tariff is None and self.service_tier is None:
            tariff = card.standard
        if tariff is None:
            return None
        share = self.cached_share
        cached = tally.cached_tokens if share is None else tally.input_tokens * share
        tokens = (tally.input_tokens, tally.output_tokens, cached)
        counts = [round(count * self.token_ratio) for count in tokens]
        rates = tariff.rates_for(round((tally.over + 1) * self.token_ratio))
        pico = rates.pico(Usage(counts[0], counts[1], cached_tokens=min(counts[2], counts[0])))
        return None if pico is None else pico + tally.requests * card.request_pico


def thresholds(book: PriceBook) -> tuple[int, ...]:
    """All input lengths at which any card changes its rates, ascending."""
    found = {threshold for card in book.cards() for tariff in card.tariffs.values() for threshold, _ in tariff.long}
    return tuple(sorted(found))


def on_card(
    card: TokenCard,
    *,
    token_ratio: Fraction = _ONE,
    cached_share: Fraction | None = None,
    price_factor: Fraction = _ONE,
) -> Tariffed:
    """A way with one card for everything."""
    notice = ending(card.provider, card.model)
    return Tariffed(
        name=card.name,
        cards={"": card},
        token_ratio=token_ratio,
        cached_share=cached_share,
        price_factor=price_factor,
        ends=() if notice is None else (notice,),
    )


def incumbent(
    book: PriceBook,
    tallies: Sequence[Tally],
    *,
    name: str | None,
    cached_share: Fraction | None,
    price_factor: Fraction = _ONE,
    served: Mapping[str, str] = _NOTHING,
) -> Tariffed:
    """What answers today.

    Args:
        book: The prices.
        tallies: What was asked.
        name: The model that all of it is priced on; without it each is priced on its own.
        cached_share: Where it is not what was measured.
        price_factor: On every price.
        served: What answers to a name, where the name alone is that of no card.

    Raises:
        UsageError: If nobody says which model it is, or none of them has a price.
    """
    if name is not None:
        return on_card(resolve(book, name), cached_share=cached_share, price_factor=price_factor)
    asked = sorted({tally.model for tally in tallies}, key=lambda model: (-_requests(tallies, model), model))
    if asked == [""]:
        raise UsageError(
            "which model answers today? Name it with --incumbent, such as --incumbent gpt-4o", param="incumbent"
        )
    cards = {model: card for model in asked if (card := _card(book, model) or _card(book, served.get(model, "")))}
    if not cards:
        raise UsageError(
            f"no price card for {asked[0]!r}, which the ledger has: say what it is to be compared with "
            "(--incumbent gpt-4o), or add its prices under `prices:` in offramp.yaml",
            param="incumbent",
        )
    used = list(dict.fromkeys(card.name for card in cards.values()))
    notices = [notice for card in cards.values() if (notice := ending(card.provider, card.model)) is not None]
    return Tariffed(
        name=used[0] if len(used) == 1 else f"{used[0]} and {len(used) - 1} more",
        cards=cards,
        unpriced=tuple(model for model in asked if model not in cards),
        cached_share=cached_share,
        price_factor=price_factor,
        ends=tuple(sorted(notices, key=lambda notice: notice.ends)),
    )


def rented(
    book: PriceBook,
    model: OpenModel,
    required: Requirements,
    tallies: Sequence[Tally],
    *,
    token_ratio: Fraction = _ONE,
    cached_share: Fraction | None = None,
    price_factor: Fraction = _ONE,
) -> tuple[list[Tariffed], list[LeftOut]]:
    """An open model at every provider that has a price for it, the cheapest first, and who was left out."""
    ways: list[Tariffed] = []
    left_out: list[LeftOut] = []
    for provider, name in model.hosted.items():
        card = book.token_card(provider, name)
        if card is None:
            left_out.append(LeftOut(name=f"{provider}/{name}", reason="no price is known"))
        elif card.deprecated:
            left_out.append(LeftOut(name=card.name, reason="its provider calls it deprecated"))
        elif why := against_card(required, card, model.context_tokens):
            left_out.append(LeftOut(name=card.name, reason=why))
        else:
            ways.append(on_card(card, token_ratio=token_ratio, cached_share=cached_share, price_factor=price_factor))
    priced = [way for way in ways if way.usd_per_request(tallies) is not None]
    priced.sort(key=lambda way: (way.usd_per_request(tallies) or Fraction(0), way.name))
    return priced, left_out


def _card(book: PriceBook, model: str) -> TokenCard | None:
    try:
        return resolve(book, model) if model else None
    except UsageError:
        return None


def _requests(tallies: Sequence[Tally], model: str) -> int:
    return sum(tally.requests for tally in tallies if tally.model == model)
