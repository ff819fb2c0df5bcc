"""The second table: at which volume the self-hosting guide's machine pays off against whom."""

from dataclasses import dataclass
from fractions import Fraction

from offramp.pricing.breakeven import Bill, break_even
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR
from tools.guides.prices import Prices
from tools.guides.self_hosting_money import BILL
from tools.guides.self_hosting_sizing import requests_per_s

CONCURRENCY = 32
"""At which the GPU carries about 2.4 requests a second."""

SAME_MODEL = ("fireworks", "together", "cerebras", "groq", "novita")
"""Providers of the same open model, by the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """Somebody who is paid by the token."""

    name: str
    usd_per_request: Fraction
    break_even: int
    """Requests a month from which $727 are less."""
    same_model: bool
    checked: str


def comparators(prices: Prices) -> list[Comparator]:
    """Everybody with a price, the dearest first, those with the same open model at the end."""
    found = []
    for name, card in prices.tokens.items():
        each = prices.request_usd(name)
        at = break_even(Bill(fixed_usd=BILL), Bill(usd_per_request=each))
        same = name.partition("/")[0] in SAME_MODEL
        found.append(
            Comparator(name=name, usd_per_request=each, break_even=at or 0, same_model=same, checked=card.checked)
        )
    return sorted(found, key=lambda each: (each.same_model, -each.usd_per_request))


def capacity_per_month(load: Fraction) -> int:
    """Requests a month that one g5.xlarge carries at that mean load."""
    return int(requests_per_s(CONCURRENCY) * float(load) * HOURS_PER_MONTH * SECONDS_PER_HOUR)
