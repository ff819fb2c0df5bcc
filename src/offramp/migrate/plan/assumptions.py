"""What a full plan rests on: every assumption with where it is from, and every price that is old or second-hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from offramp.catalog.prices import STALE_AFTER_DAYS
from offramp.migrate.plan.full import FullPlan
from offramp.migrate.plan.requirements import words as requirement_words
from offramp.migrate.plan.words import price_warning, terms_warning
from offramp.pricing.compute import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One thing that is taken for granted."""

    text: str
    origin: str
    """Where it is from: a flag, a source, or a default."""


def assumptions(plan: FullPlan) -> list[Assumption]:
    """All of them."""
    return [*_load(plan), *_own(plan), *_money(plan), *_move(plan)]


def warnings(plan: FullPlan) -> list[str]:
    """Prices that are old or second-hand, rows that are missing, and clocks that were wrong."""
    tokens = plan.tokens
    found = [
        price_warning(card, plan.facts.today)
        for way in (
            tokens.incumbent,
            *tokens.alternatives,
            *([tokens.hosted] if tokens.hosted else []),
            *([tokens.successor] if tokens.successor else []),
        )
        for card in way.cards.values()
    ]
    if plan.own is not None:
        offer = plan.own.offer
        found.append(price_warning(offer, plan.facts.today))
        found.append(terms_warning(offer, ", which is not simulated"))
    found += _old_machines(plan)
    if tokens.incumbent.unpriced:
        found.append(f"without a price, so not in the sums: {', '.join(tokens.incumbent.unpriced)}")
    found += [f"{count:,} row{'' if count == 1 else 's'} {reason}" for reason, count in plan.traffic.left_out]
    found += plan.traffic.notes
    return [text for text in dict.fromkeys(found) if text]


def _old_machines(plan: FullPlan) -> Iterator[str]:
    """Prices of the further machines that are shown, one sentence for each day."""
    days: dict[str, list[str]] = {}
    for way in plan.machines.others:
        offer = way.offer
        if offer.checked and plan.age_days(offer.checked) > STALE_AFTER_DAYS:
            days.setdefault(offer.checked, []).append(offer.name)
    for checked, names in sorted(days.items()):
        listed = ", ".join(dict.fromkeys(names))
        yield f"{listed}: prices of {checked}, {plan.age_days(checked)} days old; check them before you sign"


def _load(plan: FullPlan) -> Iterator[Assumption]:
    inputs, traffic = plan.inputs, plan.traffic
    given = inputs.requests_per_month is not None
    yield Assumption(
        text=f"{plan.requests_per_month:,} requests a month of {HOURS_PER_MONTH} hours",
        origin="--requests-per-month"
        if given
        else f"{traffic.requests:,} requests in {traffic.span_s:,.0f} s, taken for a whole month",
    )
    yield Assumption(
        text="arrivals and lengths keep their pattern when the volume changes: it is run faster or slower",
        origin=traffic.source,
    )
    yield Assumption(
        text=f"service level: {plan.slo.words}", origin="--slo-ttft-ms, --slo-token-ms, --slo-share (defaults are ours)"
    )
    if plan.required != type(plan.required)():
        yield Assumption(text=f"required: {', '.join(requirement_words(plan.required))}", origin="--require")
    yield Assumption(
        text=f"the open model makes {inputs.token_ratio:g} tokens of one that was counted; between families of "
        "tokenizers they differ by 10 to 30 %",
        origin="--token-ratio",
    )
    if inputs.cached_share is not None:
        yield Assumption(text=f"{inputs.cached_share:.0%} of the input is cached", origin="--cached-share")
    else:
        yield Assumption(
            text="the share of cached input is the same at every provider, at each one's price",
            origin="measured in the ledger" if traffic.kind == "ledger" else "the trace, none where it says nothing",
        )


def _own(plan: FullPlan) -> Iterator[Assumption]:
    inputs = plan.inputs
    if plan.model_assumed:
        yield Assumption(text=f"nobody named an open model, so {plan.model.name} stands there", origin="--own-model")
    elif plan.model_in_use:
        share = plan.traffic.measured.own_share
        yield Assumption(
            text=f"{plan.model.name} is in use already, for {share:.0%} of the requests", origin="the ledger"
        )
    yield Assumption(
        text=f"an engine with continuous batching is simulated on datasheets: half of the arithmetic, 70 % of the "
        f"bandwidth, ± {inputs.capacity_error:.0%}",
        origin="--capacity-error; docs/capacity-model.md",
    )
    cache = "keeps" if inputs.prefix_cache else "does not keep"
    yield Assumption(
        text=f"the engine {cache} the common beginnings of prompts (system prompts, where the ledger knows them)",
        origin="--prefix-cache",
    )
    yield Assumption(text=_spare(inputs.spare), origin="--spare")
    own = plan.own
    if own is not None and own.metering is not None:
        yield Assumption(
            text=f"an instance starts in {inputs.start_s:g} s that are free, loads its model in {inputs.init_s:g} s "
            f"that are billed, and {inputs.cooldown_s:g} s after its last request are billed too; "
            f"{own.metering.concurrency} requests at a time, {inputs.cpus:g} vCPUs, {inputs.memory_gb:g} GB, "
            f"${inputs.platform_usd_per_month} a month for the plan",
            origin="docs.cerebrium.ai/calculating-cost; --start-s, --init-s, --cooldown-s, --cpus, --memory-gb, "
            "--platform-usd-per-month (the seconds are assumptions)",
        )


def _spare(machines: int) -> str:
    return "1 machine stands by for a failure" if machines == 1 else f"{machines} machines stand by for a failure"


def _money(plan: FullPlan) -> Iterator[Assumption]:
    inputs, economy = plan.inputs, plan.economy
    origin = {"measured": "measured in the ledger", "given": "--fallback-share", "assumed": "assumed; --fallback-share"}
    yield Assumption(
        text=f"{float(economy.fallback_share):.1%} of the requests fall back from own machines to the incumbent, which "
        "cost the same meanwhile",
        origin=origin[plan.fallback_from],
    )
    yield Assumption(
        text=f"{inputs.quality_loss:.1%} of the open model's answers are redone by the incumbent",
        origin="--quality-loss",
    )
    yield Assumption(
        text=f"own machines take {inputs.operating_hours_per_month:g} hours of work a month at "
        f"${inputs.usd_per_engineering_hour}",
        origin="--operating-hours-per-month, --usd-per-engineering-hour (defaults are ours)",
    )
    yield Assumption(
        text=f"the volume grows by {inputs.growth:.0%} a month, prices of tokens fall by {inputs.token_price_fall:.0%} "
        "a year, rents stay",
        origin="--growth, --token-price-fall",
    )
    found = plan.uncertainty
    yield Assumption(
        text=f"intervals hold nine of ten of {found.draws:,} draws: {found.blocks} blocks of "
        f"{plan.traffic.block_s:,} s drawn again, capacity evenly within ± {found.capacity_error:.0%}; prices are not "
        "drawn",
        origin="--seed, --capacity-error",
    )


def _move(plan: FullPlan) -> Iterator[Assumption]:
    inputs = plan.inputs
    yield Assumption(
        text=f"moving takes {inputs.engineering_hours:g} hours of work and {inputs.shadow_days:g} days in which "
        f"{inputs.shadow_share:.0%} of the requests are answered twice",
        origin="--engineering-hours, --shadow-days, --shadow-share (defaults are ours)",
    )
    yield Assumption(
        text=f"an evaluation asks both models {plan.pairs:,} times, {inputs.answers_each} answers each: margin "
        f"{inputs.evaluation_margin:.0%}, discordance {inputs.evaluation_discordance:.0%}, one-sided 5 %, power 80 %",
        origin="--evaluation-margin, --evaluation-discordance, --answers-each",
    )
