"""Ways on machines of one's own: what each group of GPUs that carries the load costs, rented or while it serves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np

from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.saturation import saturation
from offramp.capacity.slo import Slo
from offramp.catalog.compute import Offer, Terms, compute_card
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.machines import Group, usd_per_month
from offramp.migrate.plan.requirements import LeftOut
from offramp.migrate.plan.search import Candidate, Measures
from offramp.migrate.plan.traffic import Traffic
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR
from offramp.pricing.serverless import Metered, Scaling, meter

_MOST_KEPT = 4
"""Instances that may be kept running always before a platform that scales is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """What a platform that starts and stops instances bills."""

    kept: int
    """Instances that always run."""
    concurrency: int
    cold_share: float
    """Requests that wait for an instance to start."""
    billed_hours: float
    """A month, all instances together."""
    served_share: float
    """Of the billed time, the share in which an instance had a request."""
    most_instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWay:
    """One group of GPUs at one offer."""

    group: Group
    offer: Offer
    replicas: int
    """That the load needs at its peak."""
    machines: int
    """That are paid, those to spare included; 0 where instances come and go."""
    usd_per_month: Fraction
    """The machines alone."""
    peak: Measures
    usual: Measures
    attainment_mean: float
    attainment_peak: float
    metering: Metering | None = None

    @property
    def name(self) -> str:
        """Such as `3 machines aws/g5.xlarge`."""
        if self.metering is not None:
            kept = f", {self.metering.kept} always running" if self.metering.kept else ""
            return f"{self.offer.name}, scaling to zero{kept}" if not kept else f"{self.offer.name}, scaling{kept}"
        return f"{self.machines} × {self.offer.name}"


def own_ways(
    candidates: Sequence[Candidate], traffic: Traffic, inputs: Inputs, slo: Slo
) -> tuple[list[OwnWay], list[LeftOut]]:
    """All ways that meet the service level, the cheapest first, and platforms whose cold starts miss it."""
    ways: list[OwnWay] = []
    left_out: list[LeftOut] = []
    for candidate in candidates:
        ways += _rented(candidate, candidate.group.rented, inputs)
        for offer in candidate.group.serverless:
            way = _metered(candidate, offer, traffic, inputs, slo)
            if isinstance(way, OwnWay):
                ways.append(way)
            else:
                left_out.append(way)
    return sorted(ways, key=lambda way: (way.usd_per_month, way.name)), left_out


def cheaper_ways(candidates: Sequence[Candidate], own: OwnWay, inputs: Inputs) -> tuple[OwnWay, ...]:
    """What costs less than `own` under terms that nobody said yes to: the cheapest under each of them.

    They are looked for among the kinds of machines that carry the load, so nothing more is simulated.
    """
    found: dict[Terms, OwnWay] = {}
    ways = [way for candidate in candidates for way in _rented(candidate, candidate.group.aside, inputs)]
    for way in sorted(ways, key=lambda way: (way.usd_per_month, way.name)):
        if way.usd_per_month < own.usd_per_month:
            found.setdefault(way.offer.terms, way)
    return tuple(found.values())


def requests_per_machine(way: OwnWay, requests_per_month: int, headroom: float) -> int:
    """What one machine carries a month at the service level, if the pattern stays as it is.

    Never so much that fewer machines than were found would do: the search has shown that they do not.
    """
    needed = way.group.machines(way.offer, way.replicas)
    carried = ceil(Fraction(headroom) * requests_per_month / needed)
    return carried if needed == 1 else max(1, min(carried, (requests_per_month - 1) // (needed - 1)))


def _rented(candidate: Candidate, offers: Sequence[Offer], inputs: Inputs) -> Iterator[OwnWay]:
    peak, usual, group = candidate.found.peak, candidate.found.usual, candidate.group
    if peak is None or usual is None:
        return
    for offer in offers:
        machines = group.machines(offer, peak.replicas) + inputs.spare
        yield OwnWay(
            group=group,
            offer=offer,
            replicas=peak.replicas,
            machines=machines,
            usd_per_month=machines * usd_per_month(offer) * _factor(inputs),
            peak=peak,
            usual=usual,
            attainment_mean=usual.attainment,
            attainment_peak=peak.attainment,
        )


def _metered(candidate: Candidate, offer: Offer, traffic: Traffic, inputs: Inputs, slo: Slo) -> OwnWay | LeftOut:
    peak, usual, group = candidate.found.peak, candidate.found.usual, candidate.group
    name = f"{offer.name}, scaling to zero"
    if peak is None or usual is None:
        return LeftOut(name=name, reason=candidate.found.why)
    load = traffic.metered
    served_s = usual.ttft_p50_s + load.output_tokens * _or_zero(usual.token_p50_s)
    concurrency = _concurrency(group.engine, load, slo)
    patience_s = max(0.0, (slo.ttft_s or float("inf")) - usual.ttft_p50_s)
    mean = peak_share = 0.0
    for kept in range(_MOST_KEPT + 1):
        metered = meter(
            load.arrived_s.tolist(),
            served_s.tolist(),
            Scaling(
                start_s=inputs.start_s,
                init_s=inputs.init_s,
                cooldown_s=inputs.cooldown_s,
                concurrency=concurrency,
                least_instances=kept,
            ),
            until_s=traffic.metered_s,
        )
        in_time = np.asarray(metered.waited_s) <= patience_s
        mean = usual.attainment * float(in_time.mean())
        peak_share = peak.attainment * float(in_time[_busiest(load)].mean())
        if min(mean, peak_share) >= slo.share:
            way = _way(candidate, offer, metered, _Rules(kept=kept, concurrency=concurrency), traffic, inputs)
            return replace(way, attainment_mean=mean, attainment_peak=peak_share)
    return LeftOut(
        name=name,
        reason=f"too many wait for an instance to start: {mean:.0%} in time, {peak_share:.0%} at the peak, even with "
        f"{_MOST_KEPT} always running",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """How the platform was set."""

    kept: int
    concurrency: int


def _way(
    candidate: Candidate, offer: Offer, metered: Metered, rules: _Rules, traffic: Traffic, inputs: Inputs
) -> OwnWay:
    peak, usual = candidate.found.peak, candidate.found.usual
    assert peak is not None
    assert usual is not None
    per_month = Fraction(HOURS_PER_MONTH * SECONDS_PER_HOUR) / Fraction(traffic.metered_s)
    usd = metered.usd(_usd_per_second(offer, candidate.group.gpus, inputs)) * per_month * _factor(inputs)
    return OwnWay(
        group=candidate.group,
        offer=offer,
        replicas=peak.replicas,
        machines=0,
        usd_per_month=usd,
        peak=peak,
        usual=usual,
        attainment_mean=usual.attainment,
        attainment_peak=peak.attainment,
        metering=Metering(
            kept=rules.kept,
            concurrency=rules.concurrency,
            cold_share=metered.cold_requests / max(1, len(metered.waited_s)),
            billed_hours=metered.billed_s * float(per_month) / SECONDS_PER_HOUR,
            served_share=metered.served_s / metered.billed_s if metered.billed_s else 0.0,
            most_instances=metered.most_instances,
        ),
    )


def _usd_per_second(offer: Offer, gpus: int, inputs: Inputs) -> Fraction:
    card = compute_card(
        offer.name,
        gpus=Fraction(gpus),
        vcpus=Fraction(str(inputs.cpus)),
        memory_gb=Fraction(str(inputs.memory_gb)),
    )
    hour = Fraction(offer.usd_per_hour) if card is None else card.usd_per_hour
    return hour / SECONDS_PER_HOUR


def _concurrency(engine: Engine, load: Load, slo: Slo) -> int:
    """The most requests at once that a replica keeps its time per token with."""
    tokens_in, tokens_out = int(load.input_tokens.mean()), max(1, int(load.output_tokens.mean()))
    chosen, batch = 1, 2
    while batch <= engine.running_limit:
        found = saturation(engine, input_tokens=max(1, tokens_in), output_tokens=tokens_out, concurrency=batch)
        if found.concurrency < batch or (slo.token_s is not None and found.answer_s / tokens_out > slo.token_s):
            break
        chosen, batch = batch, 2 * batch
    return chosen


def _busiest(load: Load, window_s: float = 600.0) -> slice:
    """The places of the requests in the busiest window."""
    counts = np.searchsorted(load.arrived_s, load.arrived_s + window_s, side="left") - np.arange(load.requests)
    first = int(counts.argmax())
    return slice(first, first + int(counts[first]))


def _factor(inputs: Inputs) -> Fraction:
    return Fraction(str(inputs.gpu_price))


def _or_zero(value: float) -> float:
    return value if np.isfinite(value) else 0.0
