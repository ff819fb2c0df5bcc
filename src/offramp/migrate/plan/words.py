"""What the figures mean, in words: stay, batch it, use a smaller model, another provider, or own GPUs.

A verdict rests only on what was asked about, and on one more thing: whoever would run an open model can rent one by the
token, and it answers just as well. What else would cost less is said after the verdict, because nobody has shown yet
that it is good enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from offramp.catalog.age import STALE_AFTER_DAYS, age_days
from offramp.catalog.compute import Offer
from offramp.catalog.lifecycle import Ending
from offramp.migrate.plan.quick import Column, Plan
from offramp.migrate.report.words import counted, listed
from offramp.pricing.cards import TokenCard

WORTH_MOVING = Fraction(1, 10)
"""Share of the present bill that moving must save: less is within the error of any of these figures."""

_CENTS_BELOW = 100


class Verdict(StrEnum):
    """What to do."""

    STAY = "stay"
    BATCH = "batch it"
    SMALLER = "use a smaller model"
    OTHER = "other provider"
    OWN = "own GPUs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The verdict and what is to be said for it."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way that the question allows."""

    verdict: Verdict
    name: str
    usd_per_month: Fraction
    ends: Ending | None = None
    """Notice that the model it needs is switched off; the incumbent's own is told apart."""


def recommend(plan: Plan, today: date) -> Recommendation:
    """The cheapest way that the question allows, if it saves enough to be worth moving."""
    best = min(_ways(plan), key=lambda way: way.usd_per_month)
    paid = plan.incumbent.usd_per_month
    if best.usd_per_month > paid * (1 - WORTH_MOVING):
        best = _Way(verdict=Verdict.STAY, name=plan.incumbent.name, usd_per_month=paid)
    sentences = [
        _verdict(plan, best),
        *_own_remarks(plan, best),
        *_other_terms(plan, best),
        *_cheaper(plan, best),
        *_moving(plan, best),
        *_ending(plan, best, today),
    ]
    verdict = Verdict.OTHER if _rents_for_less(plan, best) else best.verdict
    return Recommendation(verdict=verdict, text=" ".join(sentences))


def usd(amount: Fraction) -> str:
    """Dollars for people: cents where they matter.

    >>> usd(Fraction("5500")), usd(Fraction("8.604")), usd(Fraction("0.00275")), usd(Fraction(-177))
    ('$5,500', '$8.60', '$0.00275', '-$177')
    """
    sign = "-" if amount < 0 else ""
    size = float(abs(amount))
    if size >= _CENTS_BELOW:
        return f"{sign}${size:,.0f}"
    if size >= 1 or not size:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.3g}" if size >= 1e-4 else f"{sign}${size:.8f}".rstrip("0")


def about(number: int) -> str:
    """An estimate for people: two figures, because it is not better than that.

    >>> about(4_178_739), about(264_364), about(950)
    ('4.2 million', '260,000', '950')
    """
    if number >= 10**6:
        return f"{number / 10**6:,.1f} million" if number < 10**7 else f"{number / 10**6:,.0f} million"
    digits = max(0, len(str(number)) - 2) if number >= 10**3 else 0
    return f"{round(number, -digits):,}"


def _ways(plan: Plan) -> Iterator[_Way]:
    own = plan.own
    yield _Way(verdict=Verdict.OWN, name="own GPUs", usd_per_month=own.usd_per_month_needed)
    if plan.question.can_wait and plan.batch is not None:
        yield _Way(verdict=Verdict.BATCH, name=f"{plan.incumbent.name} as batch", usd_per_month=plan.batch)
    named = plan.alternatives if plan.assumed or plan.hosted is None else (*plan.alternatives, plan.hosted)
    for column in named:
        same = column.card.provider == plan.incumbent.card.provider
        verdict = Verdict.SMALLER if same else Verdict.OTHER
        yield _Way(verdict=verdict, name=column.name, usd_per_month=column.usd_per_month, ends=column.ends)


def _verdict(plan: Plan, best: _Way) -> str:
    paid, own = plan.incumbent.usd_per_month, plan.own
    requests = f"{counted(plan.question.requests_per_month, 'request')} a month"
    saved = paid - best.usd_per_month
    if best.verdict is Verdict.STAY:
        dearer = own.usd_per_month_needed - paid
        if dearer > 0:
            return f"Stay with {best.name}: at {requests} own GPUs would cost {usd(dearer)} a month more."
        return (
            f"Stay with {best.name}: at {requests} nothing that you asked about saves a tenth of {usd(paid)} a month."
        )
    year = f"{usd(12 * saved)} a year ({usd(best.usd_per_month)} instead of {usd(paid)} a month at {requests})"
    if best.verdict is Verdict.OWN:
        machines = "" if own.sizing is None else f": {own.instances * own.gpus} of type {own.sizing.gpu}"
        if _rents_for_less(plan, best):
            return (
                f"Other provider before own GPUs{machines}. Against {plan.incumbent.name} own GPUs would save {year}."
            )
        return f"Own GPUs{machines}. Against {plan.incumbent.name} that saves {year}."
    opening = {
        Verdict.BATCH: "Batch it",
        Verdict.SMALLER: "Use a smaller model",
        Verdict.OTHER: "Other provider",
    }[best.verdict]
    return f"{opening}: {best.name} saves {year}."


def _rents_for_less(plan: Plan, best: _Way) -> bool:
    """Whether own GPUs win only because nobody asked what an open model costs by the token."""
    hosted = plan.hosted
    return best.verdict is Verdict.OWN and hosted is not None and hosted.usd_per_month < best.usd_per_month


def _own_remarks(plan: Plan, best: _Way) -> Iterator[str]:
    """From which volume own machines pay off, and whether they can carry it."""
    own, sizing = plan.own, plan.own.sizing
    if sizing is not None and own.instances > 1:
        machine = f"{own.gpus} × {sizing.gpu}" if own.gpus > 1 else sizing.gpu
        carried = about(own.bill.max_requests or 0)
        yield (
            f"One {machine} with {sizing.model} carries about {carried} such requests a month, so {own.instances} are "
            f"needed: {usd(own.usd_per_month_needed)} a month{_not_as_given(plan)}."
        )
    if sizing is None and best.verdict is Verdict.OWN:
        yield (
            f"Whether machines for {usd(own.usd_per_month)} a month carry so many was not asked: --gpu with "
            "--own-model works it out."
        )
    if plan.break_even is None:
        yield f"Own GPUs never pay off against {plan.incumbent.name}: what they pass on costs as much as before."
    elif plan.break_even_needed is None:
        yield (
            f"Own GPUs never pay off against {plan.incumbent.name}: each machine would have to carry "
            f"{plan.break_even:,} requests a month, more than it can."
        )
    elif best.verdict is Verdict.STAY:
        yield f"Own GPUs pay off from {plan.break_even_needed:,} requests a month on."
    if plan.hosted is not None and plan.break_even_hosted is not None:
        if _rents_for_less(plan, best):
            yield (
                f"But an open model by the token costs {_range(plan.hosted_offers)} a month ({plan.hosted.name} "
                f"is the cheapest). {_against_hosted(plan.hosted, plan, plan.break_even_hosted)}"
            )
        elif best.name == plan.hosted.name:
            yield _against_hosted(plan.hosted, plan, plan.break_even_hosted)


def _not_as_given(plan: Plan) -> str:
    """What the bill that was given would mean, which does not pay for so many machines."""
    own = plan.own
    if not own.is_short:
        return ""
    year = plan.saving_usd_per_year
    saved = f"save {usd(year)}" if year >= 0 else f"cost {usd(-year)} more"
    return f", not the {usd(own.usd_per_month)} that you gave, by which they would {saved} a year"


def _against_hosted(hosted: Column, plan: Plan, requests: int) -> str:
    if plan.break_even_hosted_needed is None:
        return (
            f"To cost less than {hosted.name} each own machine would have to carry {requests:,} requests a month, more "
            "than it can."
        )
    return f"Own GPUs cost less than {hosted.name} only from {plan.break_even_hosted_needed:,} requests a month on."


def _other_terms(plan: Plan, best: _Way) -> Iterator[str]:
    """What the machines would cost less under other terms, where that bears on the answer."""
    for offer, month in sorted(plan.own.cheaper, key=lambda each: each[1])[:1]:
        if best.verdict is Verdict.OWN or month < best.usd_per_month:
            yield (
                f"Own GPUs would cost {usd(month)} a month with {offer.name} ({offer.terms.value}), which "
                f"{offer.terms.condition}: not recommended unless you say so (--terms)."
            )


def _moving(plan: Plan, best: _Way) -> Iterator[str]:
    """Where a year's saving is less than the work of moving: that is in no other sum of the quick mode."""
    year = 12 * (plan.incumbent.usd_per_month - best.usd_per_month)
    if best.verdict not in {Verdict.STAY, Verdict.BATCH} and year < plan.question.engineering_usd:
        yield (
            f"The work of moving is not in this: where it costs {usd(plan.question.engineering_usd)} "
            "(--engineering-hours), a year's saving does not pay for it."
        )


def _cheaper(plan: Plan, best: _Way) -> Iterator[str]:
    """What costs less than the verdict but was not asked about."""
    offers = []
    if not plan.question.can_wait and plan.batch is not None and plan.batch < best.usd_per_month:
        offers.append(f"what can wait a day as batch (all of it: {usd(plan.batch)} a month)")
    if plan.successor is not None and plan.successor.usd_per_month < best.usd_per_month:
        offers.append(f"{plan.successor.name} ({usd(plan.successor.usd_per_month)} a month)")
    if plan.assumed and plan.hosted is not None and best.verdict is Verdict.STAY:
        offers.append(f"an open model such as {plan.hosted.name} ({_range(plan.hosted_offers)} a month)")
    if offers:
        named = listed(offers, "or")
        yield f"Cheaper without any hardware, if it is good enough for you: {named}; evaluate that first."


def _ending(plan: Plan, best: _Way, today: date) -> Iterator[str]:
    if best.ends is not None:
        yield f"But {best.name} itself {switched_off(best.ends, today)}."
    notice = plan.incumbent.ends
    if notice is None:
        return
    month = "" if plan.successor is None else f" ({usd(plan.successor.usd_per_month)} a month)"
    instead = f"{notice.instead}{month}" if notice.instead else "another model"
    gone = f"Note that {plan.incumbent.name} {switched_off(notice, today)}"
    if best.verdict is Verdict.STAY:
        yield f"{gone}: staying then means moving to {instead}."
    else:
        yield f"{gone}; its provider suggests {instead} instead." if notice.instead else f"{gone}."


def switched_off(notice: Ending, today: date) -> str:
    """When it is switched off, or was."""
    left = notice.days_left(today)
    return f"is switched off on {notice.ends}, in {left} days" if left > 0 else f"was switched off on {notice.ends}"


def price_warning(price: TokenCard | Offer, today: date) -> str:
    """What whoever signs has to look up again; empty if the price is new and seen at its source."""
    age = age_days(price.checked, today) or 0
    if age > STALE_AFTER_DAYS:
        return f"{price.name}: the price is of {price.checked}, {age} days old; check it before you sign"
    if price.second_hand:
        return f"{price.name}: the price is second-hand ({price.source}); check it before you sign"
    return ""


def terms_warning(offer: Offer, what: str = "") -> str:
    """What whoever takes that machine accepts; empty where there is nothing."""
    return f"{offer.name}: {offer.terms.value}: it {offer.terms.condition}{what}" if offer.terms.condition else ""


def _range(columns: tuple[Column, ...]) -> str:
    low, high = columns[0].usd_per_month, columns[-1].usd_per_month
    return usd(low) if low == high else f"{usd(low)} to {usd(high)}"
