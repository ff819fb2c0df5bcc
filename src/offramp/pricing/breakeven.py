"""When does a machine with a fixed bill cost less than paying by the token? Exact arithmetic. Pure.

A month's bill is `fixed + requests · usd_per_request`. Paying by the token has no fixed part; a machine has nearly only
that. Beyond what one machine carries a second one is billed, so the bill of a fleet goes up in steps.
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

    What a machine carries is left out of this: compare the result with `fixed.max_requests`.

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


def can_pay_off(fixed: Bill, by_the_token: Bill) -> bool | None:
    """Whether the break-even lies within what one machine carries; `None` if what it carries is not known.

    If it does not, no number of machines pays off: each of them would have to carry more than it can.
    """
    if fixed.max_requests is None:
        return None
    needed = break_even(fixed, by_the_token)
    return needed is not None and needed <= fixed.max_requests


def saving_per_year(before: Bill, after: Bill, requests: int) -> Fraction:
    """Dollars that twelve months of so many requests each cost less; negative if they cost more.

    >>> paid = Bill(usd_per_request=Fraction("0.00275"))
    >>> saving_per_year(paid, Bill(fixed_usd=Fraction(727)), 2_000_000)
    Fraction(57276, 1)
    """
    return 12 * (before.month(requests) - after.month(requests))


def pay_back_months(before: Bill, after: Bill, requests: int, *, once_usd: Fraction) -> Fraction | None:
    """Months until what moving costs once has been saved; `None` if nothing is saved."""
    saved = before.month(requests) - after.month(requests)
    return once_usd / saved if saved > 0 else None


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
