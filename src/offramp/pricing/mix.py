"""How many machines to reserve and how many to rent by the hour, where the need changes from hour to hour. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from offramp.errors import UsageError
from offramp.pricing.compute import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The cheapest mixture, and the two ways without one."""

    reserved: int
    """Machines that are paid around the clock at the lower price."""
    on_demand_share: Fraction
    """Machine-hours rented by the hour, of all machine-hours that are paid."""
    usd_per_month: Fraction
    all_reserved_usd: Fraction
    """A month with the most machines of any hour, all reserved."""
    all_on_demand_usd: Fraction
    """A month with machines that come and go by the hour."""


def cheapest_mix(needed: Sequence[int], *, on_demand_usd_per_hour: Fraction, reserved_usd_per_hour: Fraction) -> Mix:
    """Reserve the k-th machine if it is needed in a larger share of the hours than its price is of the other one.

    Args:
        needed: Machines of each hour that was observed; they stand for all hours of the month.
        on_demand_usd_per_hour: One machine, paid only in hours that need it.
        reserved_usd_per_hour: One machine, paid in all hours.

    Raises:
        UsageError: If there is no hour, or one needs fewer than no machine.

    Source:
        The critical fractile of the newsvendor problem: K. J. Arrow, T. Harris, J. Marschak, "Optimal Inventory
        Policy", Econometrica 19(3), 1951.

    >>> found = cheapest_mix([1, 1, 1, 4], on_demand_usd_per_hour=Fraction(1), reserved_usd_per_hour=Fraction(3, 5))
    >>> found.reserved, float(found.usd_per_month)
    (1, 985.5)
    """
    if not needed or min(needed) < 0:
        raise UsageError("a mixture needs at least one hour, and no hour can need fewer than no machine")
    most = max(needed)
    hours = len(needed)
    busy = [sum(1 for machines in needed if machines >= number) for number in range(1, most + 1)]
    reserved = sum(1 for count in busy if Fraction(count, hours) * on_demand_usd_per_hour > reserved_usd_per_hour)
    rented_hours = Fraction(sum(busy[reserved:]) * HOURS_PER_MONTH, hours)
    reserved_hours = reserved * HOURS_PER_MONTH
    paid_hours = rented_hours + reserved_hours
    return Mix(
        reserved=reserved,
        on_demand_share=rented_hours / paid_hours if paid_hours else Fraction(0),
        usd_per_month=reserved_hours * reserved_usd_per_hour + rented_hours * on_demand_usd_per_hour,
        all_reserved_usd=most * HOURS_PER_MONTH * reserved_usd_per_hour,
        all_on_demand_usd=Fraction(sum(needed) * HOURS_PER_MONTH, hours) * on_demand_usd_per_hour,
    )
