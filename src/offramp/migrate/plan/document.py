"""A quick plan for programs: money as decimal strings, every price with its source and its day."""

from datetime import date

from offramp import __version__
from offramp.catalog.compute import Offer
from offramp.migrate.plan.quick import Case, Column, Own, Plan, sensitivity
from offramp.migrate.plan.sizing import ERROR_SHARE
from offramp.migrate.plan.words import Recommendation, price_warning, terms_warning
from offramp.pricing.compute import HOURS_PER_MONTH
from offramp.pricing.money import decimal_text, fraction_text

SCHEMA = "offramp.plan/1"

FULL = "leave out --input-tokens and --output-tokens, and read the ledger, or give --trace or --generate"
"""How to get from the quick mode to the full one."""


def document(plan: Plan, recommendation: Recommendation, today: date, what_if: Plan | None = None) -> dict[str, object]:
    """The whole plan.

    Args:
        plan: The plan.
        recommendation: What it means.
        today: Prices age by it.
        what_if: The same with other inputs, if somebody asked.
    """
    question = plan.question
    return {
        "schema": SCHEMA,
        "mode": "quick",
        "version": __version__,
        "made": today.isoformat(),
        "load": {
            "requests_per_month": question.requests_per_month,
            "input_tokens": question.usage.input_tokens,
            "cached_tokens": question.usage.cached_tokens,
            "output_tokens": question.usage.output_tokens,
        },
        "incumbent": {
            **_column(plan.incumbent, today),
            "batch_usd_per_month": None if plan.batch is None else fraction_text(plan.batch),
            "successor": None if plan.successor is None else _column(plan.successor, today),
        },
        "hosted": None if plan.hosted is None else _hosted(plan, plan.hosted, today),
        "alternatives": [_column(column, today) for column in plan.alternatives],
        "own": _own(plan, plan.own),
        "break_even_requests_per_month": plan.break_even,
        "break_even_against_hosted_requests_per_month": plan.break_even_hosted,
        "saving_usd_per_year": fraction_text(plan.saving_usd_per_year),
        "verdict": recommendation.verdict.value,
        "recommendation": recommendation.text,
        "sensitivity": [_case(plan, case) for case in sensitivity(plan)],
        "assumptions": assumptions(plan),
        "warnings": warnings(plan, today),
        **({} if what_if is None else {"what_if": changes(plan, what_if)}),
    }


def changes(before: Plan, after: Plan) -> list[dict[str, object]]:
    """The figures that matter most, before and after."""
    return [
        {"figure": name, "before": first, "after": second}
        for (name, first), (_, second) in zip(_key_figures(before), _key_figures(after), strict=True)
    ]


def _key_figures(plan: Plan) -> list[tuple[str, object]]:
    hosted = plan.hosted
    return [
        ("requests a month", plan.question.requests_per_month),
        ("incumbent, $ a month", fraction_text(plan.incumbent.usd_per_month, 2)),
        ("open model by the token, $ a month", None if hosted is None else fraction_text(hosted.usd_per_month, 2)),
        ("own GPUs, $ a month", fraction_text(plan.own.usd_per_month_needed, 2)),
        ("machines", None if plan.own.sizing is None else plan.own.instances),
        ("break-even, requests a month", plan.break_even),
        ("saving, $ a year", fraction_text(plan.saving_usd_per_year_needed, 2)),
    ]


def assumptions(plan: Plan) -> list[str]:
    """What the figures rest on, for whoever signs them."""
    stated = [
        f"a month has {HOURS_PER_MONTH} hours; all requests are alike",
        "a text has the same number of tokens everywhere; between families of tokenizers they differ by 10 to 30 %",
        "no evaluation, no shadow traffic, no engineering time; how fast anybody answers is not looked at",
    ]
    if plan.own.sizing is None:
        stated.append("the own bill is the same whatever the volume; what a machine carries was not asked")
    else:
        load, error = float(plan.own.sizing.max_load), ERROR_SHARE
        stated.append(
            f"what a GPU carries is a roofline estimate from datasheets, ± {error * 100:.0f} %; its mean load stays "
            f"below {load * 100:.0f} %, the rest is for peaks; no spare machine for a failure"
        )
    if plan.own.is_short:
        stated.append(
            "the break-even, own.usd_per_month and saving_usd_per_year take the own bill that was given, whatever the "
            "volume; the recommendation, the chart and what is called needed count all machines that it takes "
            f"({plan.own.instances})"
        )
    if plan.assumed:
        stated.append(f"nobody named an open model, so {plan.hosted_model} stands in the second column")
    return stated


def warnings(plan: Plan, today: date) -> list[str]:
    """Prices that are old or second-hand, among those that were used; and what was given and not used."""
    columns = [plan.incumbent, *plan.alternatives]
    columns += [column for column in (plan.successor, plan.hosted) if column is not None]
    listed = [price_warning(column.card, today) for column in columns]
    offer = plan.own.offer
    if offer is not None and (not plan.own.is_given or plan.own.is_short):
        listed += [price_warning(offer, today), terms_warning(offer)]
    aside = ", ".join(plan.question.left_aside)
    if aside:
        listed.append(f"{aside}: no part of the quick mode, left aside; the full plan knows more ({FULL})")
    return [text for text in dict.fromkeys(listed) if text]


def _case(plan: Plan, case: Case) -> dict[str, object]:
    return {
        "if": case.name,
        "saving_usd_per_year": fraction_text(case.saving_usd_per_year),
        "saving_usd_per_year_needed": fraction_text(case.saving_usd_per_year_needed),
        "instances_needed": None if plan.own.sizing is None else case.instances,
    }


def _column(column: Column, today: date) -> dict[str, object]:
    card, notice = column.card, column.ends
    return {
        "name": card.name,
        "usd_per_request": fraction_text(column.bill.usd_per_request),
        "usd_per_month": fraction_text(column.usd_per_month),
        "source": card.source,
        "checked": card.checked or None,
        "age_days": (today - date.fromisoformat(card.checked)).days if card.checked else None,
        "second_hand": card.second_hand,
        "ends": None if notice is None else notice.ends.isoformat(),
        "instead": None if notice is None else notice.instead or None,
    }


def _hosted(plan: Plan, hosted: Column, today: date) -> dict[str, object]:
    return {
        **_column(hosted, today),
        "model": plan.hosted_model,
        "assumed": plan.assumed,
        "offers": [_column(column, today) for column in plan.hosted_offers],
    }


def _offer(offer: Offer) -> dict[str, object]:
    return {
        "name": offer.name,
        "usd_per_hour": decimal_text(offer.usd_per_hour),
        "terms": offer.terms.value,
        "source": offer.source,
        "checked": offer.checked,
        "second_hand": offer.second_hand,
    }


def _own(plan: Plan, own: Own) -> dict[str, object]:
    sizing, offer = own.sizing, own.offer
    requests = plan.question.requests_per_month
    return {
        "usd_per_request": fraction_text(own.usd_per_month / requests),
        "usd_per_month": fraction_text(own.usd_per_month),
        "fixed_usd_per_month": fraction_text(own.bill.fixed_usd),
        "fallback_usd_per_request": fraction_text(own.bill.usd_per_request),
        "max_requests_per_month": own.bill.max_requests,
        "instances_needed": None if sizing is None else own.instances,
        "usd_per_month_needed": fraction_text(own.usd_per_month_needed),
        "saving_usd_per_year_needed": fraction_text(plan.saving_usd_per_year_needed),
        "break_even_requests_per_month_needed": plan.break_even_needed,
        "gpu": plan.question.gpu,
        "gpus": own.gpus,
        "model": plan.question.own_model,
        "offer": None if offer is None else _offer(offer),
        "cheaper": [
            {**_offer(each), "usd_per_month": fraction_text(usd), "condition": each.terms.condition}
            for each, usd in own.cheaper
        ],
        "sizing": None
        if sizing is None
        else {
            "concurrency": sizing.concurrency,
            "requests_per_s": round(sizing.requests_per_s, 3),
            "answer_s": round(sizing.answer_s, 2),
            "max_load": float(sizing.max_load),
            "error": ERROR_SHARE,
        },
    }
