"""The tables of a full plan as words, for the terminal and for the report alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from offramp.catalog.compute import Offer
from offramp.catalog.prices import STALE_AFTER_DAYS
from offramp.migrate.plan.by_token import Tariffed
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.own_ways import OwnWay
from offramp.migrate.plan.rate_limits import room
from offramp.migrate.plan.requirements import Requirements
from offramp.migrate.plan.words import about, usd
from offramp.pricing.economy import Economy

OLD = "(old)"
"""Stands behind every figure that rests on a price older than 90 days."""

UNKNOWN = "not known"

PEOPLE = "people and fees"
AT_THE_INCUMBENT = ("fallback", "answers redone")
"""Parts of a bill that are paid at the incumbent's price."""

_PATH_STEP = 3
_OTHERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bold: tuple[int, ...] = ()
    """Rows that matter most."""
    lead: str = ""


def columns(plan: FullPlan) -> Sheet:
    """The three columns."""
    own, hosted = plan.own, plan.tokens.hosted
    assumed = " (assumed)" if plan.model_assumed else ""
    marks = _marks(plan)
    nobody = "nobody that may be asked" if plan.required != Requirements() else "no provider is known"
    rows = [
        ("who", plan.tokens.incumbent.name, hosted.name if hosted else nobody, _who(plan)),
        *_bill_rows(plan),
    ]
    totals = (plan.economy.incumbent_month(), plan.economy.hosted_month(), plan.economy.own_month())
    good = (plan.traffic.measured.attainment_mean, None, own.attainment_mean if own else None)
    peak = (plan.traffic.measured.attainment_peak, None, own.attainment_peak if own else None)
    is_there = (True, hosted is not None, own is not None)
    bold = len(rows)
    rows += [
        ("a month", *(_or_nothing(total, mark) for total, mark in zip(totals, marks, strict=True))),
        ("a request", *(_each(plan, total, 1.0, mark) for total, mark in zip(totals, marks, strict=True))),
        ("a good request", *(_each(plan, *each) for each in zip(totals, good, marks, strict=True))),
        ("in time, usually", *(_share(each) if there else "" for each, there in zip(good, is_there, strict=True))),
        ("in time, at the peak", *(_share(each) if there else "" for each, there in zip(peak, is_there, strict=True))),
        ("headroom", _room(plan), _stated(hosted, plan) if hosted else "", _own_room(plan)),
        ("break-even of own GPUs", *_break_even(plan), ""),
        ("paid back in", "", _back(plan, own=False), _back(plan, own=True)),
        ("switched off", *(_ends(way) for way in (plan.tokens.incumbent, hosted)), ""),
        ("price of", _dates(plan.tokens.incumbent, plan), _dates(hosted, plan), _offer_date(own, plan)),
    ]
    header = ("", "incumbent", f"{plan.model.name} by the token{assumed}", f"{plan.model.name} on own GPUs{assumed}")
    return Sheet(title="Three ways", header=header, rows=tuple(rows), bold=(bold,))


def bill_lines(plan: FullPlan) -> tuple[dict[str, Fraction], dict[str, Fraction], dict[str, Fraction]]:
    """The parts of each column's bill of a month; they add up to it."""
    economy, requests = plan.economy, plan.requests_per_month
    redone = requests * economy.redone_usd
    hosted: dict[str, Fraction] = {}
    if economy.hosted_usd is not None:
        hosted = {"tokens": requests * economy.hosted_usd, "answers redone": redone}
    own: dict[str, Fraction] = {}
    if plan.own is not None:
        own = {
            **_machines(plan, plan.own),
            "fallback": requests * economy.fallback_share * economy.incumbent_usd,
            "answers redone": (1 - economy.fallback_share) * redone,
            PEOPLE: economy.operating_usd,
        }
    kept = [{label: part for label, part in bill.items() if part} for bill in (hosted, own)]
    return {"tokens": requests * economy.incumbent_usd}, kept[0], kept[1]


def details(plan: FullPlan) -> Iterator[Sheet]:
    """Everything behind the three columns that there is something to say of."""
    sheets = (own_sheet(plan), cheaper_sheet(plan), moving(plan), cases(plan), utilisation(plan), mixture(plan))
    yield from (sheet for sheet in sheets if sheet is not None and sheet.rows)


def own_sheet(plan: FullPlan) -> Sheet:
    """All kinds of machines that carry the load, the cheapest first."""
    own = () if plan.own is None else (plan.own,)
    rows = [_way_row(way, plan) for way in (*own, *plan.machines.others[:_OTHERS])]
    return Sheet(
        title="Own machines that carry the load at its peak",
        header=("machines", "replicas", "a month", "usually", "at the peak", "first token", "per token", "busy", "KV"),
        rows=tuple(rows),
        lead=f"Service level: {plan.slo.words}. Simulated: {plan.search_words}. First token and time per token at the "
        "95th percentile of the busiest window, as are busy time and the fullest KV cache.",
    )


def cheaper_sheet(plan: FullPlan) -> Sheet:
    """What the same machines cost under terms that nobody said yes to."""
    own = plan.own
    rows = [
        (*_way_row(way, plan)[:3], usd(own.usd_per_month - way.usd_per_month), way.offer.terms.value)
        for way in plan.machines.cheaper
        if own is not None
    ]
    taken = [f"{way.offer.terms.value} {way.offer.terms.condition}" for way in plan.machines.cheaper]
    return Sheet(
        title="Cheaper, if you accept what it takes",
        header=("machines", "replicas", "a month", "less than above", "terms"),
        rows=tuple(rows),
        lead=f"Nobody said yes to these terms (--terms), so none of it is recommended: {'; '.join(taken)}.",
    )


def cases(plan: FullPlan) -> Sheet:
    """What would turn the answer."""
    rows = [_case_row(name, case) for name, case in plan.economy.cases()]
    return Sheet(
        title="If one figure were another",
        header=("if", "incumbent", "by the token", "own GPUs", "least"),
        rows=tuple(rows),
    )


def utilisation(plan: FullPlan) -> Sheet:
    """What a request costs by how busy the machines are."""
    rows = [(f"{float(share):.0%}", f"{volume:,}", usd(each)) for share, volume, each in plan.economy.by_utilisation()]
    return Sheet(
        title="By how busy the machines are",
        header=("of what they carry", "requests a month", "a request"),
        rows=tuple(rows),
        lead="Machines are paid for whether they work or not: this is the whole cost model.",
    )


def path(plan: FullPlan) -> Sheet:
    """The months ahead, every third one."""
    last = len(plan.path) - 1
    shown = [month for month in plan.path if month.number % _PATH_STEP == 0 or month.number == last]
    rows = [
        (
            str(month.number),
            f"{month.requests:,}",
            usd(month.incumbent_usd),
            _or_nothing(month.hosted_usd),
            _or_nothing(month.own_usd),
            "" if month.machines is None else str(month.machines),
        )
        for month in shown
    ]
    header = ("in months", "requests", "incumbent", "by the token", "own GPUs", "machines")
    growth, fall = plan.inputs.growth, plan.inputs.token_price_fall
    lead = f"Growth {growth:+.0%} a month; prices of tokens fall by {fall:.0%} a year."
    return Sheet(title="Months ahead", header=header, rows=tuple(rows), lead=lead)


def moving(plan: FullPlan) -> Sheet:
    """What moving costs once."""
    inputs = plan.inputs
    moves = (plan.move_hosted, plan.move_own)
    rows = [
        (f"engineering, {inputs.engineering_hours:g} hours", *(usd(move.engineering_usd) for move in moves)),
        (
            f"shadow, {inputs.shadow_days:g} days of {inputs.shadow_share:.0%}",
            *(usd(move.shadow_usd) for move in moves),
        ),
        (
            (
                f"evaluation, {plan.pairs:,} pairs (margin {inputs.evaluation_margin:.0%}, "
                f"discordance {inputs.evaluation_discordance:.0%})"
            ),
            *(usd(move.evaluation_usd) for move in moves),
        ),
        ("once", *(usd(move.once_usd) for move in moves)),
    ]
    return Sheet(title="Moving", header=("", "by the token", "own GPUs"), rows=tuple(rows), bold=(3,))


def mixture(plan: FullPlan) -> Sheet | None:
    """Reserved machines against those by the hour."""
    found = plan.mixture
    if found is None:
        return None
    mix = found.mix
    rows = (
        ("all reserved, for the busiest hour", usd(mix.all_reserved_usd)),
        ("all by the hour, as needed", usd(mix.all_on_demand_usd)),
        (f"{mix.reserved} reserved, {float(mix.on_demand_share):.0%} of the hours rented", usd(mix.usd_per_month)),
    )
    lead = f"Reserved at {usd(found.reserved_usd_per_hour)} an hour: {found.reserved_from}."
    return Sheet(title="Reserved or by the hour", header=("machines", "a month"), rows=rows, lead=lead)


def left_out(plan: FullPlan) -> Sheet:
    """Who was not considered, and why; who merely costs more is counted."""
    everybody = (*plan.tokens.left_out, *plan.machines.left_out)
    dear = [each for each in everybody if each.reason.startswith("costs ")]
    rows = [(each.name, each.reason) for each in everybody if each not in dear]
    if dear:
        names = ", ".join(each.name for each in dear)
        rows.append((f"{len(dear)} kinds of machines", f"cost more even by their lower bound: {names}"))
    return Sheet(title="Left out", header=("who", "why"), rows=tuple(rows))


def is_old(checked: str, plan: FullPlan) -> bool:
    """Whether a price of that day is older than 90 days."""
    return bool(checked) and plan.age_days(checked) > STALE_AFTER_DAYS


def _old_prices(plan: FullPlan) -> tuple[bool, bool, bool]:
    """Whether a price of each column's own is old."""
    hosted = plan.tokens.hosted
    return (
        any(is_old(card.checked, plan) for card in plan.tokens.incumbent.cards.values()),
        hosted is not None and is_old(hosted.card.checked, plan),
        plan.own is not None and is_old(plan.own.offer.checked, plan),
    )


def _marks(plan: FullPlan) -> tuple[str, str, str]:
    """What stands behind the sums of each column if one of its prices is old.

    What is redone or falls back is paid at the incumbent's price, so that its age counts in all columns.
    """
    paid, rented, machines = _old_prices(plan)
    redone, passed_on = plan.economy.redone_usd > 0, plan.economy.passed_on_usd > 0
    return _said(paid), _said(rented or (paid and redone)), _said(machines or (paid and passed_on))


def _bill_rows(plan: FullPlan) -> Iterator[tuple[str, ...]]:
    """The parts of the bills, each with the age of the price that it rests on."""
    bills, old = bill_lines(plan), _old_prices(plan)
    for label in dict.fromkeys(label for bill in bills for label in bill):
        ages = (False,) * 3 if label == PEOPLE else (old[0],) * 3 if label in AT_THE_INCUMBENT else old
        yield (label, *(_or_nothing(bill.get(label), _said(age)) for bill, age in zip(bills, ages, strict=True)))


def _said(is_old_price: bool) -> str:  # noqa: FBT001 - a word for yes, none for no
    return f" {OLD}" if is_old_price else ""


def _who(plan: FullPlan) -> str:
    own = plan.own
    if own is None:
        return "none carries it"
    spare = f", {plan.inputs.spare} of them to spare" if plan.inputs.spare and own.machines else ""
    return f"{own.name}{spare}"


def _machines(plan: FullPlan, own: OwnWay) -> dict[str, Fraction]:
    if not own.machines:
        return {"machines while they serve": own.usd_per_month}
    spare = own.usd_per_month * plan.inputs.spare / own.machines
    return {"machines": own.usd_per_month - spare, "machines to spare": spare}


def _way_row(way: OwnWay, plan: FullPlan) -> tuple[str, ...]:
    mark = f" {OLD}" if is_old(way.offer.checked, plan) else ""
    name = way.name if way.group.gpus == 1 else f"{way.name} ({way.group.name} each)"
    return (
        name,
        str(way.replicas) if way.metering is None else f"up to {way.metering.most_instances}",
        f"{usd(way.usd_per_month)}{mark}",
        _share(way.attainment_mean),
        _share(way.attainment_peak),
        f"{way.peak.ttft_p95_s:.2f} s",
        f"{way.peak.token_p95_s * 1000:.0f} ms",
        f"{way.peak.utilisation:.0%}",
        f"{way.peak.kv_peak_share:.0%}",
    )


def _case_row(name: str, case: Economy) -> tuple[str, ...]:
    months = {
        "incumbent": case.incumbent_month(),
        "by the token": case.hosted_month(),
        "own GPUs": case.own_month(),
    }
    known = {way: month for way, month in months.items() if month is not None}
    return (name, *(_or_nothing(month) for month in months.values()), min(known, key=lambda way: known[way]))


def _break_even(plan: FullPlan) -> Iterator[str]:
    if plan.own is None:
        yield from ("", "")
        return
    found = plan.uncertainty
    yield _between(plan.economy.break_even(), found.break_even.low, found.break_even.high)
    if plan.tokens.hosted is None:
        yield ""
    else:
        hosted = found.break_even_hosted
        yield _between(plan.economy.break_even_hosted(), hosted.low, hosted.high)


def _between(value: int | None, low: float | None, high: float | None) -> str:
    """A figure with its interval; `None` is never."""
    if value is None and low is None:
        return "never"
    said = "never" if value is None else f"{about(value)} a month"
    ends = ["never" if end is None else about(round(end)) for end in (low, high)]
    return said if ends[0] == ends[1] == said.removesuffix(" a month") else f"{said} ({ends[0]} to {ends[1]})"


def _each(plan: FullPlan, total: Fraction | None, good: float | None, mark: str) -> str:
    if total is None:
        return ""
    if not good:
        return UNKNOWN
    return f"{usd(total / plan.requests_per_month / Fraction(good).limit_denominator(10**6))}{mark}"


def _back(plan: FullPlan, *, own: bool) -> str:
    if (plan.own if own else plan.tokens.hosted) is None:
        return ""
    months = plan.pay_back_months(own=own)
    return f"not within {len(plan.path)} months" if months is None else f"{float(months):.1f} months"


def _room(plan: FullPlan) -> str:
    left = plan.traffic.measured.least_left_requests
    return _stated(plan.tokens.incumbent, plan) if left is None else f"{left:,} requests of its limit left at least"


def _stated(way: Tariffed, plan: FullPlan) -> str:
    found = room(way, plan.traffic.busiest)
    return UNKNOWN if found is None else f"{found.times:.2g} × the load ({found.limit.plan})"


def _own_room(plan: FullPlan) -> str:
    return "" if plan.machines.headroom is None else f"{plan.machines.headroom:.2g} × the load"


def _ends(way: Tariffed | None) -> str:
    return "" if way is None or not way.ends else str(way.ends[0].ends)


def _dates(way: Tariffed | None, plan: FullPlan) -> str:
    if way is None:
        return ""
    days = sorted({card.checked or "your own" for card in way.cards.values()})
    return f"{days[0]}{f' {OLD}' if is_old(days[0] if days[0] != 'your own' else '', plan) else ''}"


def _offer_date(own: OwnWay | None, plan: FullPlan) -> str:
    if own is None:
        return ""
    offer: Offer = own.offer
    return f"{offer.checked or 'your own'}{f' {OLD}' if is_old(offer.checked, plan) else ''}"


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1%}"


def _or_nothing(amount: Fraction | None, mark: str = "") -> str:
    return "" if amount is None else f"{usd(amount)}{mark}"
