"""What `offramp prices gpus`, `models` and `providers` list: the catalogue beside the prices, as values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from offramp.capacity.hardware import CARDS, Card
from offramp.catalog.compute import Offer, Terms, find
from offramp.catalog.models import OpenModel, open_models
from offramp.catalog.prices import PriceBook
from offramp.catalog.providers import ProviderCard, providers_file
from offramp.pricing.cards import TokenCard

LISTS = ("gpus", "models", "providers")
"""Words that ask for a list instead of a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU, and the cheapest offer with it under each terms, by the GPU-hour."""

    card: Card
    cheapest: Mapping[Terms, Offer]
    offers: int
    """How many there are, under all terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An open model, and who rents it by the token, the cheapest first."""

    model: OpenModel
    hosted: Sequence[TokenCard]


def gpu_hour_usd(offer: Offer) -> Decimal:
    """Dollars for an hour of one GPU of the machine."""
    return offer.usd_per_hour / offer.gpus


def gpus(words: str) -> list[Gpu]:
    """The GPUs whose name contains each word, in the order of the table of specifications."""
    offers = find("")
    listed = []
    for card in CARDS.values():
        if _contains(card.name, words):
            own = [offer for offer in offers if offer.gpu == card.name]
            cheapest = {terms: min(group, key=gpu_hour_usd) for terms, group in _by_terms(own).items()}
            listed.append(Gpu(card=card, cheapest=cheapest, offers=len(own)))
    return listed


def models(words: str, book: PriceBook) -> list[Model]:
    """The open models whose name, maker or licence contains each word."""
    return [
        Model(model=model, hosted=_hosted(model, book))
        for model in open_models()
        if _contains(f"{model.id} {model.title} {model.maker} {model.licence}", words)
    ]


def providers(words: str) -> list[ProviderCard]:
    """The providers each word fits: it is in the name, or one of the areas or the audits and agreements."""
    return [card for card in providers_file().providers if all(_said(word, card) for word in words.lower().split())]


def _said(word: str, card: ProviderCard) -> bool:
    return word in f"{card.id} {card.name}".lower() or word in {*card.regions, *card.compliance}


def _contains(text: str, words: str) -> bool:
    return all(word in text.lower() for word in words.lower().split())


def _by_terms(offers: Iterable[Offer]) -> dict[Terms, list[Offer]]:
    groups: dict[Terms, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(offer.terms, []).append(offer)
    return groups


def _hosted(model: OpenModel, book: PriceBook) -> list[TokenCard]:
    cards = (book.token_card(provider, name) for provider, name in model.hosted.items())
    priced = [card for card in cards if card is not None and not card.deprecated]
    return sorted(priced, key=lambda card: (_blended(card), card.name))


def _blended(card: TokenCard) -> int:
    """Three tokens in for one out, the share that price lists are compared by; unknown prices come last."""
    rates = card.standard.rates
    return 3 * rates.input + rates.output if rates.input is not None and rates.output is not None else 1 << 62
