"""An audit as a page for everybody who pays for it: the same figures with charts, and what they mean."""

from collections.abc import Sequence

from markupsafe import Markup

from offramp import __version__
from offramp.migrate.audit.advice import advise, percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.page_captures import asked
from offramp.migrate.audit.page_findings import call_sites, gaps, repetition, trouble, uses
from offramp.migrate.audit.page_traffic import cost, latency, lengths, limits, when
from offramp.migrate.audit.sketch import Measure
from offramp.migrate.ledger.selection import day_of
from offramp.migrate.report.page import Section, Tile, bullets, paragraph, render, stack, tiles
from offramp.migrate.report.words import counted, number
from offramp.pricing.compute import NS_PER_HOUR
from offramp.pricing.money import NANO_PER_USD


def page(audit: Audit, *, sources: Sequence[str], unusable: Sequence[str] = ()) -> str:
    """The HTML of the report.

    Args:
        audit: What was found.
        sources: What it was made from, in words.
        unusable: What of imported files could not be used, a line each.
    """
    whole = audit.whole
    title = "What our LLM traffic is like"
    made = f"Made {_day(audit.now_ns)} by offramp {__version__} from {', '.join(sources)}."
    if not whole.group.requests:
        nothing = Section(
            "Nothing yet", paragraph("No requests match. What the gateway answers is here a second later.")
        )
        return render(title=title, lead="No requests.", sections=[nothing], made=made)
    sections = [
        Section("In short", _short(audit)),
        cost(audit),
        when(audit),
        latency(audit),
        uses(audit),
        *([bodies] if (bodies := asked(audit)) else []),
        lengths(audit),
        repetition(audit),
        trouble(audit),
        limits(audit),
        call_sites(audit),
        gaps(audit, unusable),
    ]
    return render(title=title, lead=_lead(audit), sections=sections, made=made)


def _lead(audit: Audit) -> str:
    whole = audit.whole
    span = f" between {_day(whole.first_ns)} and {_day(whole.last_ns)}" if whole.first_ns and whole.last_ns else ""
    models = len(audit.by["model"].named) + audit.by["model"].left_out
    teams = len(audit.by["team"].named) + audit.by["team"].left_out
    amount = whole.group.sums.cost_nano
    paid = "at a cost that is not known" if amount is None else f"for {number(amount / NANO_PER_USD, '$')}"
    requests = counted(whole.group.requests, "request")
    return f"{requests}{span}, from {counted(teams, 'team')}, to {counted(models, 'model')}, {paid}."


def _short(audit: Audit) -> Markup:
    whole, found = audit.whole, audit.latency.all
    first = found[Measure.TTFT_STREAMED] or found[Measure.TTFT]
    total = found[Measure.TOTAL]
    sums = whole.group.sums
    cost_nano, baseline_nano = sums.cost_nano, sums.baseline_nano
    figures = [
        Tile(label="requests", value=number(whole.group.requests), note=_per_second(audit)),
        Tile(
            label="cost",
            value="?" if cost_nano is None else number(cost_nano / NANO_PER_USD, "$"),
            note=""
            if baseline_nano is None
            else f"{number(baseline_nano / NANO_PER_USD, '$')} at the incumbent's price",
        ),
        Tile(label="tokens in, out", value=f"{number(sums.input_tokens)}, {number(sums.output_tokens)}"),
        Tile(
            label="to the first token",
            value="?" if first is None else f"{number(first.p50, 's')}",
            note="" if first is None else f"p95 {number(first.p95, 's')}, p99 {number(first.p99, 's')}",
        ),
        Tile(
            label="to the end",
            value="?" if total is None else f"{number(total.p50, 's')}",
            note="" if total is None else f"p95 {number(total.p95, 's')}, p99 {number(total.p99, 's')}",
        ),
        Tile(
            label="without a whole answer",
            value=percent(whole.group.failed / whole.group.requests),
            note=f"and {percent(whole.group.cancelled / whole.group.requests)} left by the client",
        ),
    ]
    return stack(tiles(figures), bullets([f"{one.text}: {one.todo}." for one in advise(audit)]))


def _per_second(audit: Audit) -> str:
    hour = next((window for window in audit.arrivals.windows if window.length_s == 3_600), None)
    return "" if hour is None else f"{number(hour.mean)} an hour, {number(hour.peak)} in the busiest"


def _day(ns: int | None) -> str:
    return day_of((ns or 0) // NS_PER_HOUR)
