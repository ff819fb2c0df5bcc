"""When does a machine with a fixed bill cost less than paying by the token? Exact arithmetic. Pure.

A month's bill is `fixed + requests · usd_per_request`. Paying by the token has no fixed part; a machine has nearly only
that. Beyond what one machine carries a second one is billed, so the bill of a fleet goes up in steps, and with a spare
machine there is one more from the beginning.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log

from offramp.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a way of answering costs in a month."""

    usd_per_request: Fraction = Fraction(0)
    """The part that grows with each request."""
    fixed_usd: Fraction = Fraction(0)
    """The part that is due without a single request."""
    max_requests: int | None = None
    """Most requests that one month's fixed part pays for; `None` if that is not known or has no bound."""
    next_usd: Fraction | None = None
    """Fixed part of each further machine; the same as the first by default."""

    def instances(self, requests: int) -> int:
        """How many machines a month with so many requests needs; 1 where the bound is not known.

        >>> Bill(fixed_usd=Fraction(727), max_requests=4_000_000).instances(5_000_000)
        2
        """
        if self.max_requests is None or requests <= self.max_requests:
            return 1
        if self.max_requests == 0:
            raise UsageError("a machine that carries no request cannot be made to by adding more of them")
        return ceil(Fraction(requests, self.max_requests))

    def month(self, requests: int) -> Fraction:
        """Dollars for a month with so many requests, further machines included.

        >>> Bill(usd_per_request=Fraction("0.00275")).month(2_000_000)
        Fraction(5500, 1)
        """
        further = self.fixed_usd if self.next_usd is None else self.next_usd
        return self.fixed_usd + (self.instances(requests) - 1) * further + requests * self.usd_per_request


def break_even(fixed: Bill, by_the_token: Bill) -> int | None:
    """The fewest requests a month at which `fixed` costs no more than `by_the_token`.

    What a machine carries is left out of this; `break_even_with_all` counts as many as it takes.

    Returns:
        `None` if it never does, because a request costs as much there or more.

    >>> break_even(Bill(fixed_usd=Fraction(727)), Bill(usd_per_request=Fraction("0.00275")))
    264364
    """
    saved = by_the_token.usd_per_request - fixed.usd_per_request
    fixed_usd = fixed.fixed_usd - by_the_token.fixed_usd
    if fixed_usd <= 0:
        return 0 if saved >= 0 else None
    return ceil(fixed_usd / saved) if saved > 0 else None


def saving_per_year(before: Bill, after: Bill, requests: int) -> Fraction:
    """Dollars that twelve months of so many requests each cost less; negative if they cost more.

    >>> paid = Bill(usd_per_request=Fraction("0.00275"))
    >>> saving_per_year(paid, Bill(fixed_usd=Fraction(727)), 2_000_000)
    Fraction(57276, 1)
    """
    return 12 * (before.month(requests) - after.month(requests))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Machines of one kind, rented one by one as the volume grows, some of them to spare."""

    usd_per_machine: Fraction
    """Of one machine for a month."""
    requests_per_machine: int
    """Most requests a month that one carries at the service level, its peaks included."""
    spare: int = 0
    """Machines beyond those that the volume needs, so that one may fail."""
    fixed_usd: Fraction = Fraction(0)
    """Due a month whatever the number of machines: people, a plan's fee."""
    usd_per_request: Fraction = Fraction(0)
    """What each request costs on top: what falls back to the incumbent, what must be redone there."""

    def machines(self, requests: int) -> int:
        """How many machines a month with so many requests needs, the spare ones included.

        >>> Fleet(usd_per_machine=Fraction(700), requests_per_machine=4_000_000, spare=1).machines(5_000_000)
        3
        """
        return max(1, -(-requests // self.requests_per_machine)) + self.spare

    def month(self, requests: int) -> Fraction:
        """Dollars for a month with so many requests."""
        return self.machines(requests) * self.usd_per_machine + self.fixed_usd + requests * self.usd_per_request


def fleet_break_even(fleet: Fleet, usd_per_request: Fraction) -> int | None:
    """The fewest requests a month at which a fleet costs no more than paying that much for each by the token.

    With n machines that carry m requests each, s to spare at c dollars, F dollars beside them and a saving of p on each
    request, a volume v within n machines pays off if p·v ≥ c·(n + s) + F. The best such v is n·m, so the fewest
    machines are the first n with n·(p·m − c) ≥ c·s + F. Beyond n·m the next machine may lose again for a while.

    Returns:
        `None` if no number of machines ever pays off.

    >>> fleet_break_even(Fleet(usd_per_machine=Fraction(727), requests_per_machine=4_000_000), Fraction("0.00275"))
    264364
    """
    saved = usd_per_request - fleet.usd_per_request
    gained = saved * fleet.requests_per_machine - fleet.usd_per_machine
    if saved <= 0:
        return None
    aside = fleet.usd_per_machine * fleet.spare + fleet.fixed_usd
    if gained <= 0 and (gained < 0 or aside > 0):
        return None
    machines = max(1, ceil(aside / gained)) if gained else 1
    return ceil((fleet.usd_per_machine * machines + aside) / saved)


def break_even_with_all(fixed: Bill, by_the_token: Bill) -> int | None:
    """The fewest requests a month at which all machines that they take cost no more than `by_the_token`.

    It is `break_even` where one machine carries that, or where it is not known what one carries.

    Returns:
        `None` if no number of machines ever does.

    >>> staffed = Bill(fixed_usd=Fraction(2_000), max_requests=1_000_000, next_usd=Fraction(500))
    >>> break_even_with_all(staffed, Bill(usd_per_request=Fraction("0.001")))
    3000000
    """
    alone, carried = break_even(fixed, by_the_token), fixed.max_requests
    if alone is None or carried is None or alone <= carried:
        return alone
    further = fixed.fixed_usd if fixed.next_usd is None else fixed.next_usd
    fleet = Fleet(
        usd_per_machine=further,
        requests_per_machine=carried,
        fixed_usd=fixed.fixed_usd - further,
        usd_per_request=fixed.usd_per_request,
    )
    return fleet_break_even(fleet, by_the_token.usd_per_request)


def months_until(requests: int, target: int, *, growth_per_month: float) -> float | None:
    """Months of steady growth until a volume is reached; `None` if it never is.

    Args:
        requests: A month now.
        target: A month then.
        growth_per_month: 0.2 is 20 % a month.

    >>> round(months_until(200_000, 264_364, growth_per_month=0.2) or 0, 2)
    1.53
    """
    if requests >= target:
        return 0.0
    if growth_per_month <= 0 or requests <= 0:
        return None
    return log(target / requests) / log(1 + growth_per_month)
