"""`--require`: who may be asked at all, and for whoever may not, why not.

What nobody has stated is not there: a provider whose regions are unknown is left out where a region is required.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from offramp.catalog.areas import AREAS, area
from offramp.catalog.compute import Offer
from offramp.catalog.models import OpenModel
from offramp.catalog.providers import COMPLIANCE, provider_card
from offramp.errors import UsageError
from offramp.migrate.report.words import listed
from offramp.pricing.cards import TokenCard

_KEYS = ("region", "compliance", "context", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Conditions that all hold; an empty one holds for everybody."""

    areas: tuple[str, ...] = ()
    """One of these, by the words of `areas.AREAS`."""
    compliance: tuple[str, ...] = ()
    """All of these, by the words of `providers.COMPLIANCE`."""
    context_tokens: int = 0
    licences: tuple[str, ...] = ()
    """One of these, in lower case; a part of the licence's name is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A candidate that is not considered."""

    name: str
    reason: str


def parse_requirements(texts: Sequence[str]) -> Requirements:
    """`region=eu,compliance=hipaa,context=32768,licence=apache-2.0`, in one text or in several.

    Raises:
        UsageError: If a word is none that the catalogue knows.
    """
    found: dict[str, list[str]] = {key: [] for key in _KEYS}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        key, equals, value = (piece.strip().lower() for piece in part.partition("="))
        key = {"license": "licence", "regions": "region"}.get(key, key)
        if not equals or key not in found or not value:
            raise UsageError(f"--require {part.strip()!r}: expected KEY=VALUE with one of {', '.join(_KEYS)}")
        found[key].append(value)
    return Requirements(
        areas=tuple(_known(area(value) or value, AREAS, "region") for value in found["region"]),
        compliance=tuple(_known(value, COMPLIANCE, "compliance") for value in found["compliance"]),
        context_tokens=max((_tokens(value) for value in found["context"]), default=0),
        licences=tuple(found["licence"]),
    )


def against_provider(required: Requirements, provider: str) -> str:
    """Why a provider may not be asked; empty if it may."""
    if not required.areas and not required.compliance:
        return ""
    card = provider_card(provider)
    if card is None:
        return f"nothing is known about {provider}'s regions and statements"
    if required.areas and not {*required.areas} & {*card.regions}:
        where = f"states {listed(card.regions, 'and')} only" if card.regions else "states no region"
        return f"{card.name} {where}, not {listed(required.areas, 'or')}"
    missing = [word for word in required.compliance if word not in card.compliance]
    return f"{card.name} states nothing about {listed(missing, 'and')}" if missing else ""


def against_card(required: Requirements, card: TokenCard, model_tokens: int = 0) -> str:
    """Why a model by the token may not be asked; empty if it may.

    Args:
        required: What is required.
        card: Of the model at its provider.
        model_tokens: Its context where the card does not say; 0 if that is not known either.
    """
    why = against_provider(required, card.provider)
    window = card.window_tokens or model_tokens
    if not why and required.context_tokens > window:
        said = f"takes {window:,} tokens" if window else "has a context that nobody states"
        return f"{card.name} {said}, not {required.context_tokens:,}"
    return why


def against_offer(required: Requirements, offer: Offer) -> str:
    """Why a machine may not be rented; empty if it may."""
    if required.areas and not {*required.areas} & {*offer.areas}:
        where = f"is priced for {listed(offer.regions, 'and')}" if offer.regions else "names no region"
        return f"{offer.name} {where}, not for {listed(required.areas, 'or')}"
    needed = Requirements(compliance=required.compliance)
    return against_provider(needed, offer.provider)


def against_model(required: Requirements, model: OpenModel | None, *, name: str, context_tokens: int) -> str:
    """Why an open model may not be run; empty if it may."""
    if required.context_tokens > context_tokens:
        return f"{name} takes {context_tokens:,} tokens, not {required.context_tokens:,}"
    if required.licences:
        if model is None:
            return f"the licence of {name} is not known"
        if not any(wanted in model.licence.lower() for wanted in required.licences):
            return f"{name} is under {model.licence}, not {listed(required.licences, 'or')}"
    return ""


def words(required: Requirements) -> Iterator[str]:
    """The conditions, for people."""
    if required.areas:
        yield f"in {listed(required.areas, 'or')}"
    yield from required.compliance
    if required.context_tokens:
        yield f"a context of {required.context_tokens:,} tokens"
    if required.licences:
        yield f"under {listed(required.licences, 'or')}"


def _known(value: str, known: Sequence[str], key: str) -> str:
    if value not in known:
        near = get_close_matches(value, known, 3, 0.5) or known
        raise UsageError(f"--require {key}={value}: nobody states such a thing; known are {', '.join(near)}")
    return value


def _tokens(value: str) -> int:
    if not value.isdecimal():
        raise UsageError(f"--require context={value}: expected a number of tokens")
    return int(value)
