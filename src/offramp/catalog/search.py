"""Looking for price cards as people do: by part of a name, without the provider, with a typing mistake."""

from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches

from offramp.catalog import compute
from offramp.catalog.prices import PriceBook
from offramp.errors import UsageError
from offramp.pricing.cards import TokenCard

_FIRST_PROVIDERS = ("openai", "azure", "anthropic", "google")
"""Who is meant where only a model is named; after them all others in the order of their ids."""

_LIKE_ENOUGH = 0.6


def find(book: PriceBook, words: str, provider: str | None = None) -> list[TokenCard]:
    """The cards whose `provider/model` contains every word, or that a model of exactly that name has.

    Args:
        book: Where to look.
        words: Separated by white space, any case; none finds everything.
        provider: Only this one's.

    Returns:
        The card that has the name first, then by provider and model.
    """
    wanted = words.lower().split()
    exact = list(_exact(book, words.strip(), provider)) if len(wanted) == 1 else []
    seen = {(card.provider, card.model) for card in exact}
    others = [
        card
        for card in book.cards(provider)
        if (card.provider, card.model) not in seen and all(word in card.name.lower() for word in wanted)
    ]
    return exact + sorted(others, key=lambda card: (_rank(card.provider), card.provider, card.model))


def resolve(book: PriceBook, name: str) -> TokenCard:
    """The one card that is meant by `PROVIDER/MODEL` or by a model's name alone.

    Raises:
        UsageError: If there is none; names what is near and says how to add one.
    """
    for card in _exact(book, name.strip(), None):
        return card
    near = nearest(book, name)
    hint = f"did you mean {', '.join(near)}? Else " if near else ""
    raise UsageError(f"no price card for {name!r}: {hint}{how_to_add(name)}", param="model")


def how_to_add(name: str) -> str:
    """What to do about a missing card."""
    full = name if "/" in name else f"PROVIDER/{name}"
    return (
        f"add it under `prices:` in offramp.yaml, as {full}: {{input_usd_per_mtok: 0.15, output_usd_per_mtok: 0.6}}, "
        "or look with `offramp prices SEARCH`"
    )


def nearest(book: PriceBook, name: str, count: int = 3) -> list[str]:
    """The names of cards that look most like `name`, as `PROVIDER/MODEL`; none if nothing does."""
    provider, _, model = name.lower().rpartition("/")
    known = book.provider_id(provider) if provider else None
    scored: dict[str, float] = {}
    matcher = SequenceMatcher(b=model)
    for card in book.cards(known):
        last = card.model.lower().rpartition("/")[2]
        matcher.set_seq1(last)
        if matcher.real_quick_ratio() > _LIKE_ENOUGH and matcher.quick_ratio() > _LIKE_ENOUGH:
            likeness = matcher.ratio()
            if likeness > _LIKE_ENOUGH:
                scored[card.name] = likeness - _rank(card.provider) / 100
    return sorted(scored, key=lambda each: (-scored[each], each))[:count]


def nearest_machines(name: str, count: int = 3) -> list[str]:
    """The names of machines and GPUs that look most like `name`; none if nothing does."""
    known = {each.lower(): each for offer in compute.find("") for each in (offer.name, offer.gpu)}
    return [known[each] for each in get_close_matches(name.strip().lower(), known, count, _LIKE_ENOUGH)]


def how_to_add_machine() -> str:
    """What to do about a missing machine."""
    return (
        "a machine's price goes to its upstream, as price: {usd_per_hour: 1.10}; `offramp plan --catalogue FILE` takes "
        "machines of your own"
    )


def _exact(book: PriceBook, name: str, provider: str | None) -> Iterator[TokenCard]:
    """The cards of models that are called exactly so, the likeliest provider first."""
    first, slash, rest = name.partition("/")
    if slash and (known := book.provider_id(first)) is not None and provider in {None, known}:
        card = book.token_card(known, rest)
        if card is not None:
            yield card
    ids = [provider] if provider is not None else sorted(book.provider_ids(), key=_rank)
    for each in ids:
        card = book.token_card(each, name)
        if card is not None and card.provider == each:
            yield card


def _rank(provider: str) -> int:
    return _FIRST_PROVIDERS.index(provider) if provider in _FIRST_PROVIDERS else len(_FIRST_PROVIDERS)
