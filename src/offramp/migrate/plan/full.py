"""The full plan: three columns at the team's own arrivals and service level, and how sure they are."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil

from offramp.capacity.llm import Llm
from offramp.capacity.slo import Slo
from offramp.catalog.compute import Offer, Terms
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.machines import usd_per_month
from offramp.migrate.plan.own_ways import OwnWay, requests_per_machine
from offramp.migrate.plan.requirements import Requirements, parse_requirements
from offramp.migrate.plan.sides import (
    Facts,
    OwnSide,
    TokenSide,
    Tried,
    chosen_model,
    own_side,
    share,
    share_or_none,
    token_side,
)
from offramp.migrate.plan.traffic import HOUR_S, Traffic, scaled
from offramp.migrate.plan.uncertainty import Uncertainty, uncertainty
from offramp.pricing.breakeven import Fleet
from offramp.pricing.compute import HOURS_PER_MONTH
from offramp.pricing.economy import Economy
from offramp.pricing.mix import Mix, cheapest_mix
from offramp.pricing.money import parse_usd
from offramp.pricing.moving import Move, evaluation_usd, paired_sample_size, shadow_usd
from offramp.pricing.path import pay_back, price_factor, volumes

ASSUMED_FALLBACK = Fraction(1, 100)
"""Share of the requests that own machines pass on, where no ledger has measured it."""

FEWEST_HOURS = 24
"""With fewer hours nothing is said about reserving and renting by the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of the path."""

    number: int
    requests: int
    incumbent_usd: Fraction
    hosted_usd: Fraction | None
    own_usd: Fraction | None
    machines: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Reserved machines against those that come and go by the hour."""

    mix: Mix
    reserved_usd_per_hour: Fraction
    reserved_from: str
    """Where that price is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullPlan:
    """The answer."""

    inputs: Inputs
    facts: Facts
    traffic: Traffic
    """At the volume that is planned for."""
    slo: Slo
    required: Requirements
    model: Llm
    tokens: TokenSide
    machines: OwnSide
    economy: Economy
    fallback_from: str
    """`measured`, `given` or `assumed`."""
    pairs: int
    """Requests that an evaluation needs."""
    move_own: Move
    move_hosted: Move
    path: tuple[Month, ...]
    mixture: Mixture | None
    uncertainty: Uncertainty

    @property
    def requests_per_month(self) -> int:
        """The volume that is planned for."""
        return self.economy.requests

    @property
    def own(self) -> OwnWay | None:
        """The cheapest way on own machines."""
        return self.machines.own

    @property
    def model_assumed(self) -> bool:
        """Whether nobody named the open model, and none is in use."""
        return self.inputs.own_model is None and self.inputs.hosted is None and not self.model_in_use

    @property
    def model_in_use(self) -> bool:
        """Whether the ledger shows that own machines answer with it already."""
        return self.inputs.own_model is None and self.traffic.measured.own_model.lower() == self.model.name

    @property
    def search_words(self) -> str:
        """What the search did."""
        found = self.machines.search
        return (
            f"{found.simulated} configurations of {found.considered} groups of GPUs; {found.pruned} further ones were "
            "ruled out by bounds"
        )

    def age_days(self, checked: str) -> int:
        """How many days ago a price was checked."""
        return (self.facts.today - date.fromisoformat(checked)).days

    def pay_back_months(self, *, own: bool) -> Fraction | None:
        """Until the move has paid for itself, within the months that are looked at; `None` if it does not."""
        savings = []
        for month in self.path:
            after = month.own_usd if own else month.hosted_usd
            if after is None:
                return None
            savings.append(month.incumbent_usd - after)
        return pay_back(savings, once_usd=(self.move_own if own else self.move_hosted).once_usd)


def answer(inputs: Inputs, traffic: Traffic, facts: Facts, *, tried: Tried | None = None) -> FullPlan:
    """Work it out.

    Args:
        inputs: What was asked.
        traffic: What arrives.
        facts: Prices, cards and the day.
        tried: Searches that were made before; kept up here.

    Raises:
        UsageError: If a name is unknown or a figure impossible.
    """
    requests = inputs.requests_per_month or traffic.requests_per_month
    traffic = scaled(traffic, requests / traffic.requests_per_month)
    slo = service_level(inputs)
    required = parse_requirements(inputs.require)
    model = chosen_model(inputs, facts.catalogue, required, traffic.measured.own_model)
    tokens = token_side(inputs, traffic, facts, required, model)
    machines = own_side(
        inputs, traffic, facts, required=required, model=model, slo=slo, tried={} if tried is None else tried
    )
    economy = _economy(inputs, traffic, requests, tokens, machines)
    pairs = paired_sample_size(margin=inputs.evaluation_margin, discordance=inputs.evaluation_discordance)
    return FullPlan(
        inputs=inputs,
        facts=facts,
        traffic=traffic,
        slo=slo,
        required=required,
        model=model,
        tokens=tokens,
        machines=machines,
        economy=economy,
        fallback_from=_fallback(inputs, traffic)[1],
        pairs=pairs,
        move_own=_move(inputs, economy, pairs, own=True),
        move_hosted=_move(inputs, economy, pairs, own=False),
        path=tuple(_path(inputs, economy)),
        mixture=_mixture(machines, traffic, inputs, facts.catalogue),
        uncertainty=uncertainty(
            economy,
            traffic.blocks,
            incumbent=tokens.incumbent,
            hosted=tokens.hosted,
            capacity_error=inputs.capacity_error,
            volume_is_given=inputs.requests_per_month is not None,
            seed=inputs.seed,
        ),
    )


def service_level(inputs: Inputs) -> Slo:
    """What was asked for.

    Raises:
        UsageError: If a limit is impossible.
    """
    return Slo(ttft_s=inputs.slo_ttft_ms / 1_000, token_s=inputs.slo_token_ms / 1_000, share=inputs.slo_share)


def _economy(inputs: Inputs, traffic: Traffic, requests: int, tokens: TokenSide, machines: OwnSide) -> Economy:
    own, hosted = machines.own, tokens.hosted
    metering = None if own is None else own.metering
    operating_usd = _hours_usd(inputs, inputs.operating_hours_per_month)
    if metering is not None:
        operating_usd += parse_usd_fraction(inputs.platform_usd_per_month, "--platform-usd-per-month")
    return Economy(
        requests=requests,
        incumbent_usd=tokens.incumbent_usd,
        hosted_usd=None if hosted is None else hosted.usd_per_request(traffic.tallies),
        machines=None if own is None or metering else _fleet(own, requests, machines.headroom or 1.0, inputs),
        metered_usd=None if own is None or metering is None else own.usd_per_month / requests,
        served_share=Fraction(1) if metering is None else share(metering.served_share),
        operating_usd=operating_usd,
        fallback_share=_fallback(inputs, traffic)[0],
        quality_loss=share(inputs.quality_loss),
    )


def _fleet(own: OwnWay, requests: int, headroom: float, inputs: Inputs) -> Fleet:
    return Fleet(
        usd_per_machine=own.usd_per_month / own.machines,
        requests_per_machine=requests_per_machine(own, requests, headroom),
        spare=inputs.spare,
    )


def _fallback(inputs: Inputs, traffic: Traffic) -> tuple[Fraction, str]:
    given = share_or_none(inputs.fallback_share)
    if given is not None:
        return given, "given"
    measured = traffic.measured.fallback_share
    return (ASSUMED_FALLBACK, "assumed") if measured is None else (measured, "measured")


def _move(inputs: Inputs, economy: Economy, pairs: int, *, own: bool) -> Move:
    """What moving costs, to own machines or to a provider."""
    fleet, hosted_usd = economy.machines, economy.hosted_usd or Fraction(0)
    candidate_usd = (economy.metered_usd or Fraction(0)) if own else hosted_usd
    standing = fleet.machines(economy.requests) * fleet.usd_per_machine if own and fleet is not None else Fraction(0)
    return Move(
        engineering_usd=_hours_usd(inputs, inputs.engineering_hours),
        shadow_usd=shadow_usd(
            economy.requests,
            days=share(inputs.shadow_days),
            share=share(inputs.shadow_share),
            usd_per_request=candidate_usd,
            usd_per_month=standing,
        ),
        evaluation_usd=evaluation_usd(
            pairs,
            answers_each=inputs.answers_each,
            incumbent_usd=economy.incumbent_usd,
            candidate_usd=candidate_usd,
            judge_usd=parse_usd_fraction(inputs.usd_per_judgement, "--usd-per-judgement"),
        ),
    )


def _path(inputs: Inputs, economy: Economy) -> list[Month]:
    fall = share(inputs.token_price_fall)
    path = []
    grown = volumes(economy.requests, growth_per_month=share(inputs.growth), months=inputs.months)
    for number, requests in enumerate(grown):
        then = economy.later(requests, price_factor(number, fall_per_year=fall))
        path.append(
            Month(
                number=number,
                requests=requests,
                incumbent_usd=then.incumbent_month(),
                hosted_usd=then.hosted_month(),
                own_usd=then.own_month(),
                machines=None if then.machines is None else then.machines.machines(requests),
            )
        )
    return path


def _mixture(machines: OwnSide, traffic: Traffic, inputs: Inputs, catalogue: Catalogue) -> Mixture | None:
    """Machines of each hour by its requests, at the load that one carries in the busiest window."""
    own = machines.own
    if own is None or own.metering is not None or len(traffic.hours) < FEWEST_HOURS:
        return None
    needed = own.group.machines(own.offer, own.replicas)
    each_per_s = traffic.busiest.rate_per_s * (machines.headroom or 1.0) / needed
    # The hours were counted before the volume was scaled, the busiest window after it.
    factor = traffic.scale
    hours = [inputs.spare + max(1, ceil(count * factor / HOUR_S / each_per_s)) for count in traffic.hours]
    on_demand = usd_per_month(own.offer) / HOURS_PER_MONTH
    reserved, where = _reserved(own.offer, on_demand, inputs, catalogue)
    return Mixture(
        mix=cheapest_mix(hours, on_demand_usd_per_hour=on_demand, reserved_usd_per_hour=reserved),
        reserved_usd_per_hour=reserved,
        reserved_from=where,
    )


def _reserved(offer: Offer, on_demand: Fraction, inputs: Inputs, catalogue: Catalogue) -> tuple[Fraction, str]:
    like = [
        each
        for each in catalogue.offers
        if each.terms is Terms.RESERVED
        and (each.provider, each.gpu, each.gpus) == (offer.provider, offer.gpu, offer.gpus)
        and (not offer.vcpus or each.vcpus in {0, offer.vcpus})
    ]
    if like:
        found = min(like, key=lambda each: each.usd_per_hour)
        return Fraction(found.usd_per_hour), f"{found.name}, {found.source} ({found.checked})"
    discount = share(inputs.reserved_discount)
    return on_demand * (1 - discount), f"assumed {inputs.reserved_discount:.0%} below the price by the hour"


def _hours_usd(inputs: Inputs, hours: float) -> Fraction:
    return share(hours) * parse_usd_fraction(inputs.usd_per_engineering_hour, "--usd-per-engineering-hour")


def parse_usd_fraction(text: str, what: str) -> Fraction:
    """An amount of dollars as somebody wrote it.

    Raises:
        ConfigError: If it is none.
    """
    return Fraction(parse_usd(text, what=what))
