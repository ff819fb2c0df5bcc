"""Costs along a path of months: a volume that grows, a price that falls, and when a move has paid for itself. Pure."""

from collections.abc import Sequence
from fractions import Fraction

MONTHS_PER_YEAR = 12


def volumes(requests: int, *, growth_per_month: Fraction, months: int) -> tuple[int, ...]:
    """The requests of each month, the first one being today's.

    Args:
        requests: In the first month.
        growth_per_month: 1/5 is 20 % a month; negative where it shrinks.
        months: How many.

    >>> volumes(200_000, growth_per_month=Fraction(1, 5), months=3)
    (200000, 240000, 288000)
    """
    factor = 1 + growth_per_month
    return tuple(max(0, round(requests * factor**month)) for month in range(months))


def price_factor(month: int, *, fall_per_year: Fraction) -> Fraction:
    """What is left of a price after some months, falling by the same share each year and evenly within one.

    >>> [str(price_factor(month, fall_per_year=Fraction(1, 2))) for month in (0, 6, 12, 24)]
    ['1', '3/4', '1/2', '1/4']
    """
    years, months = divmod(month, MONTHS_PER_YEAR)
    left = 1 - fall_per_year
    return left**years * (1 - fall_per_year * Fraction(months, MONTHS_PER_YEAR))


def pay_back(savings_usd: Sequence[Fraction], *, once_usd: Fraction) -> Fraction | None:
    """Months until what moving costs once has been saved, the last of them in part.

    Args:
        savings_usd: Of each month; negative where it costs more.
        once_usd: Paid at the beginning.

    Returns:
        `None` if the months given do not suffice.

    >>> str(pay_back([Fraction(100), Fraction(200), Fraction(400)], once_usd=Fraction(500)))
    '5/2'
    """
    left = once_usd
    if left <= 0:
        return Fraction(0)
    for month, saved in enumerate(savings_usd):
        if saved >= left:
            return month + left / saved
        left -= saved
    return None
