"""A full plan for programs: the keys of the quick one, and what only a simulation knows. Money as decimal strings."""

from fractions import Fraction
from math import isfinite

from offramp.migrate.plan.assumptions import assumptions, warnings
from offramp.migrate.plan.by_token import Tariffed
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.full_tables import bill_lines, is_old
from offramp.migrate.plan.own_ways import OwnWay
from offramp.migrate.plan.search import Measures
from offramp.migrate.plan.uncertainty import Interval
from offramp.migrate.plan.words import Recommendation
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR
from offramp.pricing.money import decimal_text, fraction_text
from offramp.pricing.moving import Move

SCHEMA = "offramp.plan/1"


def document(plan: FullPlan, recommendation: Recommendation, what_if: FullPlan | None = None) -> dict[str, object]:
    """The whole plan.

    Args:
        plan: The plan.
        recommendation: What it means.
        what_if: The same with other inputs, if somebody asked.
    """
    economy, found = plan.economy, plan.uncertainty
    own_month = economy.own_month()
    saving = None if own_month is None else 12 * (economy.incumbent_month() - own_month)
    return {
        "schema": SCHEMA,
        "mode": "full",
        "made": plan.facts.today.isoformat(),
        "load": _load(plan),
        "service_level": {
            "ttft_s": plan.slo.ttft_s,
            "token_s": plan.slo.token_s,
            "share": plan.slo.share,
        },
        **_columns(plan),
        "break_even_requests_per_month": economy.break_even(),
        "break_even_interval": _interval(found.break_even),
        "break_even_against_hosted_requests_per_month": economy.break_even_hosted(),
        "break_even_against_hosted_interval": _interval(found.break_even_hosted),
        "saving_usd_per_year": _usd(saving),
        "saving_usd_per_year_interval": _usd_interval(found.saving_usd_per_year),
        "own_is_cheaper_share": found.own_is_cheaper,
        "own_is_cheapest_share": found.own_is_cheapest,
        "verdict": recommendation.verdict.value,
        "recommendation": recommendation.text,
        "moving": {"hosted": _move(plan, plan.move_hosted, own=False), "own": _move(plan, plan.move_own, own=True)},
        **_details(plan),
        "assumptions": [{"text": each.text, "origin": each.origin} for each in assumptions(plan)],
        "warnings": warnings(plan),
        "earlier_steps": list(plan.facts.earlier),
        "what_if": None if what_if is None else changes(plan, what_if),
    }


def changes(before: FullPlan, after: FullPlan) -> list[dict[str, object]]:
    """The figures that matter most, before and after."""
    return [
        {"figure": name, "before": first, "after": second}
        for (name, first), (_, second) in zip(_key_figures(before), _key_figures(after), strict=True)
    ]


def _key_figures(plan: FullPlan) -> list[tuple[str, object]]:
    economy = plan.economy
    months = plan.pay_back_months(own=True)
    return [
        ("requests a month", economy.requests),
        ("incumbent, $ a month", _usd(economy.incumbent_month(), 2)),
        ("open model by the token, $ a month", _usd(economy.hosted_month(), 2)),
        ("own GPUs, $ a month", _usd(economy.own_month(), 2)),
        ("own GPUs", None if plan.own is None else plan.own.name),
        ("own GPUs in time at the peak", None if plan.own is None else round(plan.own.attainment_peak, 4)),
        ("break-even, requests a month", economy.break_even()),
        ("moving to own GPUs, $ once", _usd(plan.move_own.once_usd, 2)),
        ("paid back in months", None if months is None else round(float(months), 2)),
    ]


def _load(plan: FullPlan) -> dict[str, object]:
    traffic = plan.traffic
    tallies = traffic.tallies
    counted = max(1, sum(tally.requests for tally in tallies))
    return {
        "source": traffic.source,
        "kind": traffic.kind.value,
        "requests_per_month": plan.requests_per_month,
        "requests_per_month_interval": _interval(plan.uncertainty.requests_per_month),
        "requests_seen": traffic.requests,
        "span_s": round(traffic.span_s, 3),
        "input_tokens": round(sum(tally.input_tokens for tally in tallies) / counted, 2),
        "cached_tokens": round(sum(tally.cached_tokens for tally in tallies) / counted, 2),
        "output_tokens": round(sum(tally.output_tokens for tally in tallies) / counted, 2),
        "peak_requests_per_s": round(traffic.busiest.rate_per_s, 4),
        "peak_second_over_mean": round(_peak_second_over_mean(plan), 2),
        "is_thin": traffic.is_thin,
        "paid_usd": _usd(traffic.measured.paid_usd),
        "left_out": [{"reason": reason, "rows": count} for reason, count in traffic.left_out],
    }


def _peak_second_over_mean(plan: FullPlan) -> float:
    """The fullest second of the busiest window against the mean of the whole time, not of that window."""
    busiest = plan.traffic.busiest
    mean_per_s = plan.requests_per_month / (HOURS_PER_MONTH * SECONDS_PER_HOUR)
    return busiest.peak_over_mean() * busiest.rate_per_s / mean_per_s


def _columns(plan: FullPlan) -> dict[str, object]:
    tokens, measured = plan.tokens, plan.traffic.measured
    bills = bill_lines(plan)
    economy = plan.economy
    return {
        "incumbent": {
            **_token_way(plan, tokens.incumbent, economy.incumbent_month(), bills[0]),
            "batch_usd_per_month": _usd(None if tokens.batch_usd is None else tokens.batch_usd * economy.requests),
            "successor": _plain(plan, tokens.successor),
            "meets_requirements": not tokens.refused,
            "attainment_mean": measured.attainment_mean,
            "attainment_peak": measured.attainment_peak,
            "usd_per_good_request": _good(plan, economy.incumbent_month(), measured.attainment_mean),
            "headroom_requests": measured.least_left_requests,
        },
        "hosted": None
        if tokens.hosted is None
        else {
            **_token_way(plan, tokens.hosted, economy.hosted_month() or Fraction(0), bills[1]),
            "model": plan.model.name,
            "assumed": plan.model_assumed,
            "offers": [_plain(plan, each) for each in tokens.offers],
            "attainment_mean": None,
            "attainment_peak": None,
            "usd_per_good_request": None,
        },
        "alternatives": [_plain(plan, each) for each in tokens.alternatives],
        "own": _own(plan, plan.own, bills[2]),
        "own_others": [_way(plan, each) for each in plan.machines.others],
        "own_cheaper": [
            {**_way(plan, each), "condition": each.offer.terms.condition} for each in plan.machines.cheaper
        ],
    }


def _token_way(plan: FullPlan, way: Tariffed, month: Fraction, bill: dict[str, Fraction]) -> dict[str, object]:
    return {
        **(_plain(plan, way) or {}),
        "usd_per_request": _usd(month / plan.requests_per_month),
        "usd_per_month": _usd(month),
        "bill": {label: _usd(part) for label, part in bill.items()},
    }


def _plain(plan: FullPlan, way: Tariffed | None) -> dict[str, object] | None:
    if way is None:
        return None
    each = way.usd_per_request(plan.traffic.tallies)
    card = way.card
    return {
        "name": way.name,
        "usd_per_request": _usd(each),
        "usd_per_month": _usd(None if each is None else each * plan.requests_per_month),
        "source": card.source,
        "checked": card.checked or None,
        "age_days": plan.age_days(card.checked) if card.checked else None,
        "old": any(is_old(used.checked, plan) for used in way.cards.values()),
        "second_hand": card.second_hand,
        "ends": way.ends[0].ends.isoformat() if way.ends else None,
        "instead": way.ends[0].instead or None if way.ends else None,
    }


def _own(plan: FullPlan, own: OwnWay | None, bill: dict[str, Fraction]) -> dict[str, object] | None:
    if own is None:
        return None
    economy = plan.economy
    month, fleet = economy.own_month() or Fraction(0), economy.machines
    return {
        **_way(plan, own),
        "usd_per_request": _usd(month / plan.requests_per_month),
        "usd_per_month": _usd(month),
        "usd_per_month_interval": _usd_interval(plan.uncertainty.own_usd_per_month),
        "usd_per_good_request": _good(plan, month, own.attainment_mean),
        "bill": {label: _usd(part) for label, part in bill.items()},
        "max_requests_per_month": None if fleet is None else (own.machines - fleet.spare) * fleet.requests_per_machine,
        "headroom": plan.machines.headroom,
        "fallback_share": float(economy.fallback_share),
        "fallback_from": plan.fallback_from,
    }


def _way(plan: FullPlan, way: OwnWay) -> dict[str, object]:
    offer, metering = way.offer, way.metering
    return {
        "name": way.name,
        "model": plan.model.name,
        "gpu": way.group.gpu,
        "gpus_per_replica": way.group.gpus,
        "replicas": way.replicas,
        "machines": way.machines,
        "spare": plan.inputs.spare if way.machines else 0,
        "offer": {
            "name": offer.name,
            "usd_per_hour": decimal_text(offer.usd_per_hour),
            "terms": offer.terms.value,
            "source": offer.source,
            "checked": offer.checked or None,
            "old": is_old(offer.checked, plan),
            "second_hand": offer.second_hand,
        },
        "machines_usd_per_month": _usd(way.usd_per_month),
        "attainment_mean": way.attainment_mean,
        "attainment_peak": way.attainment_peak,
        "peak": _measures(way.peak),
        "usual": _measures(way.usual),
        "serverless": None
        if metering is None
        else {
            "always_running": metering.kept,
            "concurrency": metering.concurrency,
            "cold_share": metering.cold_share,
            "billed_hours_per_month": round(metering.billed_hours, 2),
            "served_share": metering.served_share,
            "most_instances": metering.most_instances,
        },
    }


def _details(plan: FullPlan) -> dict[str, object]:
    economy = plan.economy
    mixture = plan.mixture
    return {
        "sensitivity": [
            {
                "if": name,
                "incumbent_usd_per_month": _usd(case.incumbent_month()),
                "hosted_usd_per_month": _usd(case.hosted_month()),
                "own_usd_per_month": _usd(case.own_month()),
            }
            for name, case in economy.cases()
        ],
        "utilisation": [
            {"share": float(share), "requests_per_month": volume, "usd_per_request": _usd(each)}
            for share, volume, each in economy.by_utilisation()
        ],
        "path": [
            {
                "month": month.number,
                "requests": month.requests,
                "incumbent_usd": _usd(month.incumbent_usd),
                "hosted_usd": _usd(month.hosted_usd),
                "own_usd": _usd(month.own_usd),
                "machines": month.machines,
            }
            for month in plan.path
        ],
        "mixture": None
        if mixture is None
        else {
            "reserved": mixture.mix.reserved,
            "on_demand_share": float(mixture.mix.on_demand_share),
            "usd_per_month": _usd(mixture.mix.usd_per_month),
            "all_reserved_usd_per_month": _usd(mixture.mix.all_reserved_usd),
            "all_on_demand_usd_per_month": _usd(mixture.mix.all_on_demand_usd),
            "reserved_usd_per_hour": _usd(mixture.reserved_usd_per_hour),
            "reserved_from": mixture.reserved_from,
        },
        "left_out": [
            {"name": each.name, "reason": each.reason} for each in (*plan.tokens.left_out, *plan.machines.left_out)
        ],
        "search": {
            "groups": plan.machines.search.considered,
            "simulated": plan.machines.search.simulated,
            "ruled_out_by_bounds": plan.machines.search.pruned,
        },
    }


def _move(plan: FullPlan, move: Move, *, own: bool) -> dict[str, object]:
    months = plan.pay_back_months(own=own)
    return {
        "engineering_usd": _usd(move.engineering_usd),
        "shadow_usd": _usd(move.shadow_usd),
        "evaluation_usd": _usd(move.evaluation_usd),
        "evaluation_pairs": plan.pairs,
        "once_usd": _usd(move.once_usd),
        "pay_back_months": None if months is None else round(float(months), 3),
    }


def _measures(found: Measures) -> dict[str, object]:
    return {
        "attainment": found.attainment,
        "ttft_p95_s": _finite(found.ttft_p95_s),
        "token_p95_s": _finite(found.token_p95_s),
        "utilisation": round(found.utilisation, 4),
        "kv_peak_share": round(found.kv_peak_share, 4),
        "preemptions": found.preemptions,
        "prefix_hit_tokens": found.prefix_hit_tokens,
    }


def _finite(value: float) -> float | None:
    return round(value, 5) if isfinite(value) else None


def _interval(found: Interval) -> dict[str, object]:
    return {"low": _rounded(found.low), "high": _rounded(found.high), "never_share": found.never_share}


def _usd_interval(found: Interval) -> dict[str, object]:
    low, high = (None if end is None else f"{end:.2f}" for end in (found.low, found.high))
    return {"low": low, "high": high, "never_share": found.never_share}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _good(plan: FullPlan, month: Fraction, share: float | None) -> str | None:
    if not share:
        return None
    return _usd(month / plan.requests_per_month / Fraction(share).limit_denominator(10**6))


def _usd(amount: Fraction | None, places: int = 12) -> str | None:
    return None if amount is None else fraction_text(amount, places)
