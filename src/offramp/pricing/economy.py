"""Three ways of answering beside each other, at any volume: as today, by the token elsewhere, own machines. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from offramp.pricing.breakeven import Fleet, fleet_break_even

_ZERO = Fraction(0)

UTILISATIONS = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1))
"""Shares of what the machines carry, for the table of what a request then costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Economy:
    """What each way costs, all else being equal."""

    requests: int
    """A month."""
    incumbent_usd: Fraction
    """Of a request."""
    hosted_usd: Fraction | None
    """Of a request to the open model by the token; `None` if nobody rents it out."""
    machines: Fleet | None = None
    """Own machines alone: what is passed on and redone is added here; `None` if there are none, or they are metered."""
    metered_usd: Fraction | None = None
    """Of a request on machines that are paid while they serve."""
    served_share: Fraction = Fraction(1)
    """Of the time that is billed there, the share in which they work; the rest is loading and waiting."""
    operating_usd: Fraction = _ZERO
    """People and fees a month that own machines take, whatever their number."""
    fallback_share: Fraction = _ZERO
    """Requests that own machines pass on to the incumbent; the machines cost the same meanwhile."""
    quality_loss: Fraction = _ZERO
    """Answers of the open model that must be redone by the incumbent."""

    @property
    def redone_usd(self) -> Fraction:
        """What the open model's bad answers cost on each request that it answers."""
        return self.quality_loss * self.incumbent_usd

    @property
    def passed_on_usd(self) -> Fraction:
        """What a request on own machines costs at the incumbent, on average over all of them."""
        return self.fallback_share * self.incumbent_usd + (1 - self.fallback_share) * self.redone_usd

    @property
    def fleet(self) -> Fleet | None:
        """Own machines with all that belongs to their bill."""
        if self.machines is None:
            return None
        return replace(self.machines, fixed_usd=self.operating_usd, usd_per_request=self.passed_on_usd)

    def incumbent_month(self) -> Fraction:
        """Dollars a month as it is."""
        return self.requests * self.incumbent_usd

    def hosted_month(self) -> Fraction | None:
        """Dollars a month with the open model by the token."""
        return None if self.hosted_usd is None else self.requests * (self.hosted_usd + self.redone_usd)

    def own_month(self) -> Fraction | None:
        """Dollars a month on own machines; `None` if none carry the load."""
        fleet = self.fleet
        if fleet is not None:
            return fleet.month(self.requests)
        if self.metered_usd is None:
            return None
        return self.requests * (self.metered_usd + self.passed_on_usd) + self.operating_usd

    def break_even(self) -> int | None:
        """The fewest requests a month at which own machines cost no more than the incumbent."""
        return self._against(self.incumbent_usd)

    def break_even_hosted(self) -> int | None:
        """The same against the open model by the token."""
        return None if self.hosted_usd is None else self._against(self.hosted_usd + self.redone_usd)

    def by_utilisation(self) -> Iterator[tuple[Fraction, int, Fraction]]:
        """Share of what the machines of today carry, the volume that it is, and what a request then costs."""
        fleet = self.fleet
        if fleet is None:
            return
        carried = (fleet.machines(self.requests) - fleet.spare) * fleet.requests_per_machine
        for share in UTILISATIONS:
            volume = max(1, round(carried * share))
            machines = fleet.machines(carried) * fleet.usd_per_machine
            yield share, volume, (machines + fleet.fixed_usd) / volume + fleet.usd_per_request

    def cases(self) -> Iterator[tuple[str, "Economy"]]:
        """The same with one figure changed at a time: what would turn the answer."""
        yield "as planned", self
        yield "half the requests", replace(self, requests=max(1, self.requests // 2))
        yield "twice the requests", replace(self, requests=self.requests * 2)
        yield "the incumbent at half its price", replace(self, incumbent_usd=self.incumbent_usd / 2)
        if self.hosted_usd is not None:
            yield "the open model by the token at half its price", replace(self, hosted_usd=self.hosted_usd / 2)
            yield "the open model by the token at twice its price", replace(self, hosted_usd=self.hosted_usd * 2)
        if self.machines is not None or self.metered_usd is not None:
            yield "own machines a quarter dearer", self.dearer(Fraction(5, 4))
            yield "own machines a quarter cheaper", self.dearer(Fraction(3, 4))
            yield "own machines carry 40 % less", self.carrying(Fraction(3, 5))
            yield "own machines carry 40 % more", self.carrying(Fraction(7, 5))
        if self.machines is not None and self.machines.spare:
            yield "no machine to spare", replace(self, machines=replace(self.machines, spare=0))
        worse = self.quality_loss + Fraction(1, 20)
        yield "five more of a hundred answers to be redone", replace(self, quality_loss=min(Fraction(1), worse))
        yield "a tenth falls back to the incumbent", replace(self, fallback_share=Fraction(1, 10))

    def dearer(self, factor: Fraction) -> "Economy":
        """With own machines at another price."""
        machines = self.machines
        if machines is not None:
            machines = replace(machines, usd_per_machine=machines.usd_per_machine * factor)
        return replace(
            self, machines=machines, metered_usd=None if self.metered_usd is None else self.metered_usd * factor
        )

    def later(self, requests: int, token_price_factor: Fraction) -> "Economy":
        """At another volume and other prices of tokens."""
        hosted_usd = None if self.hosted_usd is None else self.hosted_usd * token_price_factor
        incumbent_usd = self.incumbent_usd * token_price_factor
        return replace(self, requests=requests, incumbent_usd=incumbent_usd, hosted_usd=hosted_usd)

    def carrying(self, factor: Fraction) -> "Economy":
        """With own machines that carry more or less than was worked out."""
        if self.metered_usd is not None:
            # The slower they are, the longer they work on the same requests.
            longer = 1 - self.served_share + self.served_share / factor
            return replace(self, metered_usd=self.metered_usd * longer)
        machines = self.machines
        if machines is None:
            return self
        carried = max(1, int(machines.requests_per_machine * factor))
        return replace(self, machines=replace(machines, requests_per_machine=carried))

    def _against(self, usd_per_request: Fraction) -> int | None:
        fleet = self.fleet
        if fleet is not None:
            return fleet_break_even(fleet, usd_per_request)
        if self.metered_usd is None:
            return None
        saved = usd_per_request - self.metered_usd - self.passed_on_usd
        return max(1, ceil(self.operating_usd / saved)) if saved > 0 else None
