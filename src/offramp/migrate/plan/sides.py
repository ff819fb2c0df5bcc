"""The two sides of a full plan: everything that is paid by the token, and everything on machines of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from offramp.capacity.llm import Llm
from offramp.capacity.load import Load
from offramp.capacity.slo import Slo
from offramp.catalog.models import open_model
from offramp.catalog.prices import PriceBook
from offramp.catalog.search import resolve
from offramp.errors import UsageError
from offramp.migrate.plan.by_token import BATCH, Tariffed, incumbent, on_card, rented
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.machines import groups, parse_terms
from offramp.migrate.plan.own_ways import OwnWay, cheaper_ways, own_ways
from offramp.migrate.plan.quick import ASSUMED_MODEL
from offramp.migrate.plan.requirements import (
    LeftOut,
    Requirements,
    against_card,
    against_model,
    against_provider,
)
from offramp.migrate.plan.search import NOTHING, Loads, Search, headroom, search
from offramp.migrate.plan.traffic import Traffic

LIKE_ASSUMED = 8e9
"""Parameters of the model that is assumed where nobody names one; of others the nearest in size is taken."""

Tried = dict[object, "OwnSide"]
"""What was found before, by all that it depends on: a `--what-if` on money simulates nothing anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a plan is worked out from, beside the inputs and the traffic."""

    book: PriceBook
    catalogue: Catalogue
    today: date
    jobs: int
    """Processes for the search."""
    earlier: tuple[str, ...] = ()
    """What earlier steps found, as sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSide:
    """Everything that is paid by the token."""

    incumbent: Tariffed
    incumbent_usd: Fraction
    """Of a request."""
    refused: str
    """Why the incumbent's provider does not meet the requirements; empty if it does."""
    batch_usd: Fraction | None
    """Of a request as batch; `None` without such prices."""
    successor: Tariffed | None
    """What the provider suggests where the incumbent is switched off."""
    offers: tuple[Tariffed, ...]
    """The open model at every provider that may be asked, the cheapest first."""
    alternatives: tuple[Tariffed, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def hosted(self) -> Tariffed | None:
        """The cheapest offer of the open model."""
        return self.offers[0] if self.offers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSide:
    """Everything on own machines."""

    own: OwnWay | None
    """The cheapest way that carries the load at the service level; `None` if none does."""
    others: tuple[OwnWay, ...]
    """Further ones, the cheapest of each kind of GPU."""
    cheaper: tuple[OwnWay, ...]
    """What would cost less under terms that nobody said yes to, the cheapest under each."""
    headroom: float | None
    """How many times the load the same replicas carry."""
    search: Search
    left_out: tuple[LeftOut, ...]


def chosen_model(inputs: Inputs, catalogue: Catalogue, required: Requirements, in_use: str) -> Llm:
    """The open model: the one that is named, else the one in use, else an assumed one.

    The assumed one gives way to the nearest in size that meets the requirements.

    Args:
        inputs: What was asked.
        catalogue: All models.
        required: What it must meet, if nobody names it.
        in_use: What own machines answer with already; empty if there are none.

    Raises:
        UsageError: If the model is unknown.
    """
    if inputs.own_model is not None:
        return catalogue.llm(inputs.own_model)
    if in_use.lower() in catalogue.llms:
        return catalogue.llm(in_use)
    others = sorted(catalogue.llms.values(), key=lambda each: (abs(each.parameters - LIKE_ASSUMED), each.name))
    for model in (catalogue.llm(ASSUMED_MODEL), *others):
        if not _against(required, model):
            return model
    return catalogue.llm(ASSUMED_MODEL)


def token_side(inputs: Inputs, traffic: Traffic, facts: Facts, required: Requirements, model: Llm) -> TokenSide:
    """Price all ways by the token.

    Raises:
        UsageError: If a model is unknown or has no price.
    """
    tallies = traffic.tallies
    paid = incumbent(
        facts.book,
        tallies,
        name=inputs.incumbent,
        cached_share=share_or_none(inputs.cached_share),
        price_factor=share(inputs.incumbent_price),
        served=traffic.measured.served,
    )
    usd = _needed(paid, paid.usd_per_request(tallies))
    offers, left_out = _hosted(inputs, traffic, facts, required, model)
    alternatives: list[Tariffed] = []
    for name in inputs.alternative:
        card = resolve(facts.book, name)
        if why := against_card(required, card):
            left_out.append(LeftOut(name=card.name, reason=why))
        else:
            alternatives.append(on_card(card, cached_share=share_or_none(inputs.cached_share)))
    for each in alternatives:
        _needed(each, each.usd_per_request(tallies))
    return TokenSide(
        incumbent=paid,
        incumbent_usd=usd,
        refused=against_provider(required, paid.card.provider),
        batch_usd=paid.at_tier(BATCH).usd_per_request(tallies),
        successor=_successor(paid, facts),
        offers=tuple(offers),
        alternatives=tuple(alternatives),
        left_out=tuple(left_out),
    )


def own_side(
    inputs: Inputs, traffic: Traffic, facts: Facts, *, required: Requirements, model: Llm, slo: Slo, tried: Tried
) -> OwnSide:
    """Search for machines that carry the load.

    Args:
        inputs: What was asked.
        traffic: At the volume that is planned for.
        facts: Cards and offers.
        required: Who may be asked.
        model: What runs on them.
        slo: The service level.
        tried: What was found before; looked up and kept up.

    Raises:
        UsageError: If a card, a machine or a word of the terms is unknown.
    """
    key = _depends_on(inputs, traffic, required)
    if key not in tried:
        tried[key] = _own_side(inputs, traffic, facts, required, model, slo)
    return tried[key]


def share(value: float) -> Fraction:
    """A share or a factor as it was written."""
    return Fraction(str(value))


def share_or_none(value: float | None) -> Fraction | None:
    """The same where it may not be given."""
    return None if value is None else share(value)


def _own_side(inputs: Inputs, traffic: Traffic, facts: Facts, required: Requirements, model: Llm, slo: Slo) -> OwnSide:
    why = _against(required, model)
    if why:
        refused = LeftOut(name=model.name, reason=why)
        return OwnSide(own=None, others=(), cheaper=(), headroom=None, search=NOTHING, left_out=(refused,))
    found, left_out = groups(
        facts.catalogue,
        model,
        required,
        gpu=inputs.gpu,
        offer=inputs.offer,
        terms=parse_terms(inputs.terms),
        prefix_cache=inputs.prefix_cache,
    )
    loads = Loads(
        busiest=_stretched(traffic.busiest, inputs.token_ratio),
        usual=_stretched(traffic.usual, inputs.token_ratio),
        slo=slo,
    )
    searched = search(found, loads, spare=inputs.spare, most_machines=inputs.max_machines, jobs=facts.jobs)
    left_out += [LeftOut(name=name, reason=why) for name, why in searched.left_out]
    ways, cold = own_ways(searched.candidates, traffic, inputs, slo)
    own = ways[0] if ways else None
    return OwnSide(
        own=own,
        others=_one_per_gpu(ways),
        cheaper=() if own is None else cheaper_ways(searched.candidates, own, inputs),
        headroom=None if own is None else headroom(own.group, loads, own.replicas),
        search=searched,
        left_out=(*left_out, *cold),
    )


def _depends_on(inputs: Inputs, traffic: Traffic, required: Requirements) -> object:
    """All that the search depends on, but for the catalogue and the price of a GPU as such."""
    names = (
        "own_model gpu offer terms slo_ttft_ms slo_token_ms slo_share spare max_machines prefix_cache start_s init_s "
        "cooldown_s cpus memory_gb token_ratio gpu_price"
    )
    own = tuple(getattr(inputs, name) for name in names.split())
    return own, required, traffic.requests_per_month, traffic.busiest.duration_s, traffic.busiest.requests


def _hosted(
    inputs: Inputs, traffic: Traffic, facts: Facts, required: Requirements, model: Llm
) -> tuple[list[Tariffed], list[LeftOut]]:
    ratio, cached = share(inputs.token_ratio), share_or_none(inputs.cached_share)
    factor = share(inputs.hosted_price)
    if inputs.hosted is not None:
        card = resolve(facts.book, inputs.hosted)
        if why := against_card(required, card):
            return [], [LeftOut(name=card.name, reason=why)]
        way = on_card(card, token_ratio=ratio, cached_share=cached, price_factor=factor)
        _needed(way, way.usd_per_request(traffic.tallies))
        return [way], []
    found = open_model(model.name)
    why = _against(required, model)
    if found is None or why:
        return [], [LeftOut(name=model.name, reason=why or "no provider that rents it out is known")]
    return rented(
        facts.book, found, required, traffic.tallies, token_ratio=ratio, cached_share=cached, price_factor=factor
    )


def _against(required: Requirements, model: Llm) -> str:
    return against_model(required, open_model(model.name), name=model.name, context_tokens=model.context_tokens)


def _successor(paid: Tariffed, facts: Facts) -> Tariffed | None:
    if not paid.ends or not paid.ends[0].instead:
        return None
    card = facts.book.token_card(paid.ends[0].provider, paid.ends[0].instead)
    return None if card is None else on_card(card, cached_share=paid.cached_share)


def _needed(way: Tariffed, usd: Fraction | None) -> Fraction:
    if usd is None:
        raise UsageError(
            f"{way.name} has no price for this kind of tokens ({way.card.source}); give your own under `prices:` in "
            "offramp.yaml"
        )
    return usd


def _stretched(load: Load, ratio: float) -> Load:
    """The same texts in the tokens of another tokenizer."""
    if ratio == 1:
        return load
    return Load.of(
        load.arrived_s,
        (load.input_tokens * ratio).round(),
        (load.output_tokens * ratio).round(),
        prefix=load.prefix,
        prefix_tokens=(load.prefix_tokens * ratio).round(),
    )


def _one_per_gpu(ways: Sequence[OwnWay]) -> tuple[OwnWay, ...]:
    """All but the first, the cheapest of each group and each way of being paid."""
    seen = {(ways[0].group.name, ways[0].metering is None)} if ways else set()
    kept: list[OwnWay] = []
    for way in ways[1:]:
        key = (way.group.name, way.metering is None)
        if key not in seen:
            seen.add(key)
            kept.append(way)
    return tuple(kept)
