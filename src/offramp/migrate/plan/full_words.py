"""What a full plan means, in words: stay, batch it, use a smaller model, another provider, or own GPUs; and how sure.

A way is recommended only if it saves a tenth of what the incumbent costs over all the months that are looked at, the
move itself included. An open model counts as good enough only if somebody named it or runs it already; what else would
cost less is said after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from offramp.catalog.lifecycle import Ending
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.own_ways import OwnWay
from offramp.migrate.plan.words import WORTH_MOVING, Recommendation, Verdict, about, switched_off, usd
from offramp.migrate.report.words import listed

SURE = 0.9
"""Share of the draws from which an outcome is called sure; the same share against it rules it out."""

_HOURS_IN_WORDS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way that could be taken."""

    verdict: Verdict
    name: str
    usd_per_month: Fraction
    """In the first month."""
    whole_usd: Fraction
    """Over all months, the move included."""
    once_usd: Fraction = Fraction(0)
    ends: tuple[Ending, ...] = ()
    proposed: bool = True
    """Whether somebody said that it is good enough."""


def recommend(plan: FullPlan) -> Recommendation:
    """The cheapest way over all months, if it saves enough to be worth moving."""
    stay = _stay(plan)
    possible = [way for way in ways(plan) if way.proposed]
    best = min(possible, key=lambda way: way.whole_usd, default=stay)
    if best.whole_usd > stay.whole_usd * (1 - WORTH_MOVING) and not plan.tokens.refused:
        best = stay
    sentences = [
        _verdict(plan, best, stay),
        *_unmeasured(plan, best),
        *_thin(plan),
        *_refused(plan),
        *_sure(plan),
        *_own(plan, best),
        *_cheaper(plan, best),
        *_other_terms(plan, best),
        *_ending(plan, best),
        *(f"{each[0].upper()}{each[1:]}." for each in plan.facts.earlier),
    ]
    return Recommendation(verdict=best.verdict, text=" ".join(sentences))


def ways(plan: FullPlan) -> Iterator[Way]:
    """Every way but staying."""
    tokens, tallies = plan.tokens, plan.traffic.tallies
    if plan.own is not None:
        yield Way(
            verdict=Verdict.OWN,
            name=own_name(plan.own),
            usd_per_month=plan.path[0].own_usd or Fraction(0),
            whole_usd=sum((month.own_usd or Fraction(0) for month in plan.path), plan.move_own.once_usd),
            once_usd=plan.move_own.once_usd,
            proposed=not plan.model_assumed,
        )
    if tokens.batch_usd is not None:
        yield _by_token(
            plan,
            f"{tokens.incumbent.name} as batch, for what can wait a day",
            tokens.batch_usd,
            Verdict.BATCH,
            proposed=plan.inputs.can_wait,
        )
    for each in tokens.alternatives:
        same = each.card.provider == tokens.incumbent.card.provider
        verdict = Verdict.SMALLER if same else Verdict.OTHER
        yield _by_token(plan, each.name, each.usd_per_request(tallies), verdict, ends=each.ends)
    if tokens.hosted is not None:
        yield Way(
            verdict=Verdict.OTHER,
            name=tokens.hosted.name,
            usd_per_month=plan.path[0].hosted_usd or Fraction(0),
            whole_usd=sum((month.hosted_usd or Fraction(0) for month in plan.path), plan.move_hosted.once_usd),
            once_usd=plan.move_hosted.once_usd,
            ends=tokens.hosted.ends,
            proposed=not plan.model_assumed,
        )


def own_name(own: OwnWay) -> str:
    """Such as `2 of type A10G (aws/g5.xlarge)`.

    The number is that of GPUs, the machines to spare included.
    """
    if own.metering is not None:
        return f"{own.group.name} by the second ({own.offer.name})"
    return f"{own.machines * own.offer.gpus} of type {own.group.gpu} ({own.name})"


def _stay(plan: FullPlan) -> Way:
    return Way(
        verdict=Verdict.STAY,
        name=plan.tokens.incumbent.name,
        usd_per_month=plan.economy.incumbent_month(),
        whole_usd=sum((month.incumbent_usd for month in plan.path), Fraction(0)),
        ends=plan.tokens.incumbent.ends,
    )


def _by_token(
    plan: FullPlan,
    name: str,
    usd_per_request: Fraction | None,
    verdict: Verdict,
    *,
    ends: tuple[Ending, ...] = (),
    proposed: bool = True,
) -> Way:
    """A way that follows the incumbent's path in proportion; moving there costs the evaluation and the hours."""
    each = usd_per_request or Fraction(0)
    share = each / plan.economy.incumbent_usd if plan.economy.incumbent_usd else Fraction(0)
    whole = sum((month.incumbent_usd for month in plan.path), Fraction(0)) * share
    once = Fraction(0) if verdict is Verdict.BATCH else plan.move_hosted.engineering_usd
    return Way(
        verdict=verdict,
        name=name,
        usd_per_month=each * plan.requests_per_month,
        whole_usd=whole + once,
        once_usd=once,
        ends=ends,
        proposed=proposed,
    )


def _verdict(plan: FullPlan, best: Way, stay: Way) -> str:
    requests = f"{about(plan.requests_per_month)} requests a month"
    months = len(plan.path)
    if best.verdict is Verdict.STAY:
        return (
            f"Stay with {stay.name}: at {requests} nothing that you asked about saves a tenth of the "
            f"{usd(stay.whole_usd)} that it costs in {months} months, what moving costs included."
        )
    opening = {
        Verdict.OWN: f"Own GPUs: {best.name}",
        Verdict.BATCH: f"Batch it: {best.name}",
        Verdict.SMALLER: f"Use a smaller model: {best.name}",
        Verdict.OTHER: f"Other provider: {best.name}",
    }[best.verdict]
    saved = stay.whole_usd - best.whole_usd
    back = _pay_back(plan, best)
    return (
        f"{opening}. At {requests} that costs {usd(best.usd_per_month)} a month instead of {usd(stay.usd_per_month)}, "
        f"and {usd(best.once_usd)} once{back}; in {months} months it {'saves' if saved >= 0 else 'costs'} "
        f"{usd(abs(saved))}{'' if saved >= 0 else ' more'}."
    )


def _pay_back(plan: FullPlan, best: Way) -> str:
    own = best.verdict is Verdict.OWN
    if not best.once_usd or not (own or best.name == (plan.tokens.hosted.name if plan.tokens.hosted else "")):
        return ""
    months = plan.pay_back_months(own=own)
    if months is None:
        return f", which {len(plan.path)} months do not bring back"
    days = float(months) * 365 / 12
    if days >= _HOURS_IN_WORDS:
        return f", paid back in {float(months):.1f} months"
    return f", paid back in {days:.0f} days" if days >= 1.5 else ", paid back in a day"


def _unmeasured(plan: FullPlan, best: Way) -> Iterator[str]:
    """The service level is simulated for own machines only."""
    if best.verdict in {Verdict.SMALLER, Verdict.OTHER}:
        level = plan.slo.words
        yield f"Whether {best.name} keeps your service level ({level}) is not known: measure it before you move."


def _refused(plan: FullPlan) -> Iterator[str]:
    if plan.tokens.refused:
        yield f"The incumbent does not meet your requirements: {plan.tokens.refused}."


def _sure(plan: FullPlan) -> Iterator[str]:
    """How sure it is that own machines cost less."""
    if plan.own is None:
        return
    found, name = plan.uncertainty, plan.tokens.incumbent.name
    share = found.own_is_cheaper
    draws = f"{share:.0%} of {found.draws:,} draws (capacity ± {found.capacity_error:.0%}, traffic drawn again)"
    is_open = 1 - SURE < share < SURE
    said = (
        f"Whether own GPUs cost less than {name} is open: they do in"
        if is_open
        else f"Own GPUs cost less than {name} in"
    )
    too = f", and less than the open model by the token in {found.own_is_cheapest:.0%}" if plan.tokens.hosted else ""
    yield f"{said} {draws}{too if share else ''}."


def _own(plan: FullPlan, best: Way) -> Iterator[str]:
    if plan.own is None:
        reasons = [f"{each.name}: {each.reason}" for each in plan.machines.left_out[:2]]
        yield f"No machine that was looked at carries the load at its peak ({plan.slo.words}; {'; '.join(reasons)})."
        return
    found = plan.economy.break_even()
    hosted = plan.economy.break_even_hosted()
    name = plan.tokens.incumbent.name
    if found is None:
        yield f"Own GPUs never break even with {name}, however many requests there are."
    elif best.verdict is not Verdict.OWN:
        yield f"Own GPUs break even with {name} at {about(found)} requests a month."
    if plan.tokens.hosted is not None:
        against = plan.tokens.hosted.name
        yield (
            f"Against the same model at {against} no number of machines pays off."
            if hosted is None
            else f"Against the same model at {against} they break even at {about(hosted)}."
        )


def _cheaper(plan: FullPlan, best: Way) -> Iterator[str]:
    """What would cost less, had somebody shown that it is good enough."""
    found = [way for way in ways(plan) if not way.proposed and way.whole_usd < best.whole_usd]
    found.sort(key=lambda way: way.usd_per_month)
    offers = [f"{way.name} ({usd(way.usd_per_month)} a month)" for way in found]
    successor = plan.tokens.successor
    if successor is not None and best.verdict is Verdict.STAY:
        each = successor.usd_per_request(plan.traffic.tallies)
        if each is not None and each < plan.economy.incumbent_usd:
            offers.insert(0, f"{successor.name} ({usd(each * plan.requests_per_month)} a month)")
    if offers:
        yield f"It would cost less, if it is good enough for you: {listed(offers, 'or')}; evaluate that first."


def _other_terms(plan: FullPlan, best: Way) -> Iterator[str]:
    """What own machines would cost less under other terms, where that bears on the answer."""
    own, mine = plan.own, plan.path[0].own_usd
    if own is None or mine is None or not plan.machines.cheaper:
        return
    way = plan.machines.cheaper[0]
    month = mine - own.usd_per_month + way.usd_per_month
    if best.verdict is Verdict.OWN or month < best.usd_per_month:
        yield (
            f"Own GPUs would cost {usd(month)} a month with {way.name} ({way.offer.terms.value}), which "
            f"{way.offer.terms.condition}: not recommended unless you say so (--terms)."
        )


def _ending(plan: FullPlan, best: Way) -> Iterator[str]:
    today = plan.facts.today
    if best.verdict is not Verdict.STAY:
        yield from (f"But {best.name} itself {switched_off(notice, today)}." for notice in best.ends)
    for notice in plan.tokens.incumbent.ends:
        named = f"{notice.provider}/{_model(plan, notice)}"
        instead = f" its provider suggests {notice.instead}." if notice.instead else ""
        yield f"Note that {named} {switched_off(notice, today)}: you must move anyway;{instead or ' see what is left.'}"


def _thin(plan: FullPlan) -> Iterator[str]:
    traffic = plan.traffic
    if not traffic.is_thin:
        return
    span = _span(traffic.span_s)
    requests = round(traffic.requests)
    said = f"{requests:,} requests in {span}" if requests != 1 else f"a single request in {span}"
    if plan.inputs.requests_per_month is None:
        yield (
            f"This is very unsure: it rests on {said}, taken for a whole month. Days and nights, weekends and growth "
            "are not in it; give the volume with --requests-per-month, or plan again after a week."
        )
    else:
        yield f"The volume is yours; lengths and peaks rest on {said}."


def _span(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return "one second" if seconds <= 1 else f"{seconds:.0f} seconds"


def _model(plan: FullPlan, notice: Ending) -> str:
    used = {card.model for card in plan.tokens.incumbent.cards.values()}
    return next((model for model in notice.models if model in used), notice.models[0])
