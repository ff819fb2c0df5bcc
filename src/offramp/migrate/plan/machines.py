"""Machines of one's own: which GPUs could run a model at all, in which groups, and what so many replicas cost.

A replica is a GPU, or several that hold the model together. Machines are rented whole, with some to spare, so that a
smaller machine can be the cheaper way to survive the loss of one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from offramp.capacity.engine import Engine
from offramp.capacity.fit import fit
from offramp.capacity.hardware import Card
from offramp.capacity.llm import Llm
from offramp.capacity.step_time import TENSOR_PARALLEL_EFFICIENCY, RooflineStepTime
from offramp.catalog.compute import Offer, Terms
from offramp.errors import UsageError
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.requirements import LeftOut, Requirements, against_offer
from offramp.pricing.compute import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """GPUs that hold the model together, and all offers that have them."""

    gpu: str
    gpus: int
    """Of one replica."""
    engine: Engine
    rented: tuple[Offer, ...]
    """Paid around the clock."""
    serverless: tuple[Offer, ...]
    """Paid while they serve."""
    aside: tuple[Offer, ...] = ()
    """Rented under terms that nobody said yes to."""

    @property
    def name(self) -> str:
        """Such as `A10G` or `4 × A10G`."""
        return self.gpu if self.gpus == 1 else f"{self.gpus} × {self.gpu}"

    def machines(self, offer: Offer, replicas: int) -> int:
        """Machines of an offer for so many replicas."""
        return -(-replicas // (offer.gpus // self.gpus))

    def cheapest(self, replicas: int, *, spare: int) -> tuple[Fraction, Offer] | None:
        """Dollars a month of the cheapest offer for so many replicas, and which it is; `None` if none is rented."""
        found = [
            ((self.machines(offer, replicas) + spare) * usd_per_month(offer), offer.name, offer)
            for offer in self.rented
        ]
        if not found:
            return None
        usd, _, offer = min(found, key=lambda each: each[:2])
        return usd, offer


def usd_per_month(offer: Offer) -> Fraction:
    """One machine for 730 hours."""
    return Fraction(offer.usd_per_hour) * HOURS_PER_MONTH


def groups(
    catalogue: Catalogue,
    model: Llm,
    required: Requirements,
    *,
    gpu: str | None,
    offer: str | None,
    terms: Sequence[Terms],
    prefix_cache: bool,
) -> tuple[list[Group], list[LeftOut]]:
    """All groups that could run a model, and what cannot or may not, with the reason.

    Args:
        catalogue: Cards and offers.
        model: What runs on them.
        required: Who may be asked.
        gpu: Only this card.
        offer: Only this machine.
        terms: How it may be rented; a machine that is named may be rented as it is.
        prefix_cache: Whether the engine keeps the beginnings of prompts.

    Raises:
        UsageError: If the card or the machine is unknown.
    """
    allowed: list[Offer] = []
    left_out: list[LeftOut] = []
    considered, others = _considered(catalogue, gpu, offer, terms)
    aside = [each for each in others if each.terms is not Terms.SERVERLESS and not against_offer(required, each)]
    for each in considered:
        why = against_offer(required, each)
        if not why and each.gpu not in catalogue.cards:
            why = f"no datasheet of {each.gpu} is known"
        if why:
            left_out.append(LeftOut(name=each.name, reason=why))
        else:
            allowed.append(each)
    found: list[Group] = []
    for name in dict.fromkeys(each.gpu for each in allowed):
        mine = [each for each in allowed if each.gpu == name]
        several = list(_groups_of(catalogue.cards[name], model, mine, aside, prefix_cache=prefix_cache))
        if not several:
            why = fit(catalogue.cards[name], model, gpus=max(each.gpus for each in mine)).why
            left_out.append(LeftOut(name=name, reason=f"{model.name} does not fit: {why}"))
        found += several
    return found, left_out


def _groups_of(
    card: Card, model: Llm, mine: Sequence[Offer], aside: Sequence[Offer], *, prefix_cache: bool
) -> Iterable[Group]:
    for gpus in TENSOR_PARALLEL_EFFICIENCY:
        large = tuple(each for each in mine if each.gpus % gpus == 0)
        if not large or not fit(card, model, gpus=gpus).fits:
            continue
        steps = RooflineStepTime(card=card, llm=model, gpus=gpus)
        yield Group(
            gpu=card.name,
            gpus=gpus,
            engine=Engine(steps=steps, prefix_cache=prefix_cache),
            rented=tuple(each for each in large if each.terms is not Terms.SERVERLESS),
            serverless=tuple(each for each in large if each.terms is Terms.SERVERLESS),
            aside=tuple(each for each in aside if each.gpu == card.name and each.gpus % gpus == 0),
        )


def parse_terms(text: str) -> tuple[Terms, ...]:
    """`on-demand,spot` as values.

    Raises:
        UsageError: If a word is none of them, or there is none.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    known = [each.value for each in Terms]
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise UsageError(f"--terms {text!r}: expected some of {', '.join(known)}, with commas between", param="terms")
    return tuple(Terms(word) for word in words)


def _considered(
    catalogue: Catalogue, gpu: str | None, offer: str | None, terms: Sequence[Terms]
) -> tuple[list[Offer], list[Offer]]:
    """Offers under the terms that are accepted, and those under others; a machine that is named stands alone."""
    if offer is not None:
        return [catalogue.offer(offer)], []
    wanted = None if gpu is None else catalogue.card(gpu).name
    mine = [each for each in catalogue.offers if wanted in {None, each.gpu}]
    return [each for each in mine if each.terms in terms], [each for each in mine if each.terms not in terms]
