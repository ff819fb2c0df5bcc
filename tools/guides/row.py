"""One figure of a guide beside ours, and how numbers are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from offramp.pricing.money import fraction_text

Value = Fraction | float | int | bool | str


class Guide(StrEnum):
    """Whose figure it is."""

    SELF_HOSTING = "vLLM self-hosting guide"
    CEREBRIUM = "Cerebrium migration guide"
    PRACTICAL = "practical migration guide"


class Verdict(StrEnum):
    """What became of the figure."""

    RIGHT = "right"
    PARTLY = "partly right"
    WRONG = "wrong"
    UNSUPPORTED = "not supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, worked out again."""

    number: int
    guide: Guide
    figure: str
    """What the guide says."""
    ours: str
    """What comes out here."""
    verdict: Verdict
    why: str
    values: Mapping[str, Value] = field(default_factory=dict)
    """The numbers behind `ours`, unrounded; none where there is nothing to work out."""


def row(guide: Guide, number: int, figure: str, ours: str, verdict: Verdict, why: str, **values: Value) -> Row:
    """A row with the numbers behind it by their names."""
    return Row(number=number, guide=guide, figure=figure, ours=ours, verdict=verdict, why=why, values=values)


def usd(amount: Fraction, places: int = 2) -> str:
    """Dollars with thousands, such as `$5,500` or `$0.0003635`.

    >>> usd(Fraction(5500)), usd(Fraction("864.5")), usd(Fraction(727, 2_000_000), 7)
    ('$5,500', '$864.50', '$0.0003635')
    """
    if places == 2:
        whole = amount.denominator == 1
        return f"${float(amount):,.0f}" if whole else f"${float(amount):,.2f}"
    return f"${fraction_text(amount, places)}"


def percent(share: Fraction | float, places: int = 1) -> str:
    """A share in per cent.

    >>> percent(Fraction(1, 8)), percent(0.5, 0)
    ('12.5 %', '50 %')
    """
    return f"{float(share) * 100:.{places}f} %"


def millions(count: Fraction | float) -> str:
    """A count in millions.

    >>> millions(264_364), millions(4_406_061)
    ('0.26M', '4.41M')
    """
    return f"{float(count) / 1e6:.2f}M"
