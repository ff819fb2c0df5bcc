"""What one answer cost, line by line: by tokens, or by the seconds of a machine. No I/O here.

Unknown is unknown and never zero. Both methods are divided by the same number, the output tokens, so that they can be
compared.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from offramp.migrate.chat.answer import Answer
from offramp.pricing.cards import TokenCard
from offramp.pricing.compute import Billed, ComputePrice
from offramp.pricing.money import decimal_text, fraction_text, nano_from_pico, to_usd, usd_per_mtok

_DECIMALS = 6
"""Dollars are shown with six decimals,"""
_DIGITS = 3
"""but with three digits that say something."""
_DEEPEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: so much of a thing at a price."""

    what: str
    quantity: str
    price: str
    nano: int | None
    """`None` where the price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an answer cost."""

    lines: tuple[Line, ...]
    nano: int | None
    """The whole; `None` if a part is unknown."""
    method: str
    """How it was worked out, from which price of which day."""
    notes: tuple[str, ...] = ()
    """What is not in it, or not certain."""
    per_token_usd: Fraction | None = None
    """For each output token."""
    per_word_usd: Fraction | None = None
    """For each word of the answer."""


def unpriced(why: str) -> Bill:
    """The bill where nobody knows a price."""
    return Bill(lines=(), nano=None, method=f"cost unknown: {why}")


def from_cache() -> Bill:
    """The bill of an answer out of the gateway's memory."""
    return Bill(lines=(), nano=0, method="from the gateway's cache: nobody was asked")


def by_tokens(card: TokenCard, answer: Answer) -> Bill:
    """What the provider charges for the tokens of this answer."""
    method = f"by token, {card.name}{_day(card.checked)}"
    if answer.usage is None:
        return Bill(lines=(), nano=None, method=f"{method}: unknown, because the server did not say how many tokens")
    parts = card.parts(answer.usage, answer.service_tier)
    if parts is None:
        return Bill(lines=(), nano=None, method=f"{method}: it has no price for service tier {answer.service_tier!r}")
    lines = [
        Line(
            what=part.kind,
            quantity=f"{part.tokens:,}",
            price="?" if part.pico_per_token is None else f"${decimal_text(usd_per_mtok(part.pico_per_token))} per M",
            nano=None if part.pico is None else nano_from_pico(part.pico),
        )
        for part in parts
    ]
    if card.request_pico:
        nano = nano_from_pico(card.request_pico)
        lines.append(Line(what="request", quantity="1", price=f"${usd(nano)}", nano=nano))
    bill = Bill(lines=tuple(lines), nano=card.cost_nano(answer.usage, answer.service_tier), method=method)
    return _divided(bill, answer)


def by_time(price: ComputePrice, answer: Answer, *, named: str) -> Bill:
    """What the machine costs for as long as this answer took, with nobody else on it.

    Args:
        price: Of the machine.
        answer: With its time.
        named: What the price is called: a card, or where it stands.
    """
    duration_ns = round(answer.total_s * 10**9)
    seconds = f"{answer.total_s:.2f} s"
    lines = tuple(
        Line(
            what=part.name,
            quantity=f"{_number(part.units)} × {seconds}",
            price=f"${fraction_text(part.usd_per_second)} per s",
            nano=part.cost_nano(duration_ns),
        )
        for part in price.parts
        if part.units
    ) or (Line(what="machine", quantity=seconds, price=f"${_hourly(price)} per h", nano=price.cost_nano(duration_ns)),)
    bill = Bill(
        lines=lines,
        nano=price.cost_nano(duration_ns),
        method=f"by time, {named}{_day(price.checked)}",
        notes=_about_time(price),
    )
    return _divided(bill, answer)


def _about_time(price: ComputePrice) -> tuple[str, ...]:
    """What a bill by time leaves out, with what it would add."""
    notes = ["of the whole machine, the network's time included; parallel requests share it"]
    if price.billed is Billed.WHILE_SERVING:
        per_second = usd(price.cost_nano(10**9))
        notes.append(f"not in it: loading the model and the cooldown, billed at ${per_second} a second")
    else:
        notes.append(f"not in it: the hours it waits, at ${_hourly(price)} each")
    return tuple(notes)


def _divided(bill: Bill, answer: Answer) -> Bill:
    """The bill with what it means for a token and a word."""
    if bill.nano is None:
        return bill
    whole = Fraction(bill.nano, 10**9)
    notes = bill.notes
    if answer.is_counted_by_chunks:
        notes = (*notes, "no usage came: tokens are counted by chunks")
    return replace(
        bill,
        per_token_usd=whole / answer.output_tokens if answer.output_tokens else None,
        per_word_usd=whole / answer.words if answer.words else None,
        notes=notes,
    )


def compared(name: str, bill: Bill, other_name: str, other: Bill) -> str | None:
    """How many times as much the dearer of two answers cost; `None` where that cannot be said."""
    if not bill.nano or not other.nano:
        return None
    (less, few), (more, many) = sorted(((bill.nano, name), (other.nano, other_name)))
    times = Fraction(more, less)
    if times < Fraction(21, 20):
        return f"{name} and {other_name} cost about the same"
    shown = f"{float(times):.1f}" if times < 10 else f"{round(times):,}"
    return f"{many} cost {shown} times as much as {few} (${usd(more)}, ${usd(less)})"


def usd(nano: int) -> str:
    """Nano-dollars as dollars: six decimals, more where less than three digits would be left.

    >>> usd(736_426), usd(6_300), usd(12_052_496), usd(1_244_664_000), usd(0)
    ('0.000736', '0.0000063', '0.012052', '1.244664', '0.000000')
    """
    return usd_exact(Fraction(nano, 10**9))


def usd_exact(amount: Fraction) -> str:
    """The same for an amount that is finer than a nano-dollar.

    >>> usd_exact(Fraction(12_052_496, 541 * 10**9))
    '0.0000223'
    """
    decimals = _DECIMALS
    while decimals < _DEEPEST and 0 < abs(amount) * 10**decimals < 10 ** (_DIGITS - 1):
        decimals += 1
    text = f"{Decimal(round(amount * 10**decimals)).scaleb(-decimals):f}"
    while len(text.partition(".")[2]) > _DECIMALS and text.endswith("0"):
        text = text[:-1]
    return text


def _hourly(price: ComputePrice) -> str:
    return decimal_text(to_usd(round(price.nano_per_hour)))


def _number(units: Fraction) -> str:
    return str(units.numerator) if units.denominator == 1 else f"{float(units):g}"


def _day(checked: str) -> str:
    return f", price of {checked}" if checked else ""
