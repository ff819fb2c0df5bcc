"""The parts of an audit's page about how much, when, how fast and how long."""

from datetime import datetime

from markupsafe import Markup

from offramp.migrate.audit.advice import percent
from offramp.migrate.audit.arrivals import Timeline
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.page_shared import MOST_ROWS, cost_bars, groups_table, spread_bars, usd
from offramp.migrate.audit.sketch import Measure, Spread
from offramp.migrate.ledger.selection import hour_of
from offramp.migrate.report.charts import Series, bars, heat, lines
from offramp.migrate.report.page import Section, figure, paragraph, stack
from offramp.migrate.report.tables import table
from offramp.migrate.report.words import number
from offramp.pricing.money import NANO_PER_USD

_MOST_LINES = 5
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR_S = 3_600
_MOST_STEPS = 20_000
_STEPS = {
    1: "a second",
    10: "in ten seconds",
    60: "a minute",
    600: "in ten minutes",
    3_600: "an hour",
    21_600: "in six hours",
    86_400: "a day",
}


def cost(audit: Audit) -> Section:
    """What costs how much, by everything one could save on."""
    by = audit.by
    parts = [
        cost_bars("By team", by["team"]),
        cost_bars("By feature of the application", by["feature"]),
        cost_bars("By model asked", by["model"]),
        cost_bars("By tier that answered", by["tier"]),
        figure("By day (UTC)", _days(audit)),
        groups_table("call site", by["site"], audit.whole.group, "By call site", names=audit.places),
        groups_table("team", by["team"], audit.whole.group, "By team"),
    ]
    lead = "What the requests cost where they were answered; unknown prices are in no sum."
    if audit.idle_nano:
        lead += f" Machines cost a further {usd(audit.idle_nano)} while nothing ran on them."
    return Section("Cost", stack(*parts), lead=lead)


def when(audit: Audit) -> Section:
    """How requests come."""
    found = audit.arrivals
    step = found.timeline.step_s
    tiers = [tier for tier in audit.by["tier"].named if tier in found.timeline.counts][:_MOST_LINES]
    series = [Series(name=tier, points=_points(found.timeline, tier)) for tier in tiers]
    chart = lines(series, x_label="time (UTC)", y_label=f"requests {_STEPS[step]}", x_time=True)
    parts = [figure(f"Requests {_STEPS[step]}, by tier", chart)]
    if found.week:
        field = heat(_DAYS, [f"{hour:02}" for hour in range(24)], found.week, unit="requests an hour")
        parts.append(figure("Mean requests by weekday and hour (UTC)", field, "An empty cell was never observed."))
    rows = [
        [
            {1: "second", 60: "minute", 3_600: "hour"}[window.length_s],
            number(window.mean),
            f"{window.peak:,}",
            number(window.peak_over_mean),
            number(window.dispersion),
            _clock(window.peak_at_s),
        ]
        for window in found.windows
    ]
    header = ("window", "mean", "fullest", "fullest ÷ mean", "variance ÷ mean", "when (UTC)")
    parts.append(table(header, rows, right={1, 2, 3, 4}, caption="Bursts"))
    if found.concurrency is not None:
        parts.append(
            paragraph(
                f"In flight at once: {number(found.concurrency.mean)} on average, {found.concurrency.peak:,} at most"
                f" ({_clock(found.concurrency.peak_at_s)} UTC)."
            )
        )
    lead = "Variance over mean is 1 where requests come independently of each other (Poisson), and more in bursts."
    return Section("When requests come", stack(*parts), lead=lead)


def latency(audit: Audit) -> Section:
    """How long answers take."""
    found = audit.latency
    parts = [
        spread_bars(audit, Measure.TTFT_STREAMED, "Time to the first token, of streams", "seconds", "s"),
        spread_bars(audit, Measure.TOTAL, "Time to the end of the answer", "seconds", "s"),
    ]
    names = (Measure.TTFT_STREAMED, Measure.TOKEN, Measure.TOTAL)
    for column, title in (("operation", "By operation"), ("model", "By model that answered"), ("tier", "By tier")):
        measures = found.by[column]
        rows = [
            [name, f"{total.count:,}", *(_quantiles(measures[measure].get(name)) for measure in names)]
            for name, total in list(measures[Measure.TOTAL].items())[:MOST_ROWS]
        ]
        header = (column, "answers", "first token, s", "each further token, s", "end, s")
        parts.append(table(header, rows, right={1}, caption=f"{title}: p50 / p95 / p99"))
    return Section(
        "How fast answers are", stack(*parts), lead="Whole answers only; quantiles are exact to half a percent."
    )


def lengths(audit: Audit) -> Section:
    """How long requests and answers are."""
    whole = audit.whole
    parts = [
        spread_bars(audit, Measure.INPUT, "Tokens in", "tokens", ""),
        spread_bars(audit, Measure.OUTPUT, "Tokens out", "tokens", ""),
    ]
    rows = []
    most = {"in": whole.most_input, "out": whole.most_output, "in and out": whole.most_context}
    for name, measure in (("in", Measure.INPUT), ("out", Measure.OUTPUT), ("in and out", Measure.CONTEXT)):
        spread = audit.lengths[measure]
        if spread is not None:
            quantiles = [f"{round(value):,}" for value in (spread.p50, spread.p95, spread.p99)]
            rows.append([name, *quantiles, f"{most[name] or 0:,}"])
    parts.append(table(("tokens", "p50", "p95", "p99", "most"), rows, right={1, 2, 3, 4}, caption="Lengths"))
    above = [
        [f"{limit:,}", f"{requests:,}", percent(requests / whole.counted)]
        for limit, requests in whole.above.items()
        if whole.counted
    ]
    header = ("context of a model", "requests that need more", "share")
    parts.append(table(header, above, right={1, 2}, caption="What would not fit"))
    return Section("How long requests are", stack(*parts), lead="Of requests whose usage is known.")


def limits(audit: Audit) -> Section:
    """How near the limits of upstreams the traffic came."""
    rows = [
        [
            one.tier,
            one.model,
            measure.value.removeprefix("ratelimit_"),
            number(one.highest),
            number(one.lowest),
            percent(one.below_tenth),
        ]
        for measure, found in audit.headrooms.items()
        for one in found[:MOST_ROWS]
    ]
    header = ("tier", "model", "limit of", "most left", "least left", "below a tenth")
    lead = "What upstreams said was left (x-ratelimit-remaining-*). The most that was ever left stands for the limit."
    return Section("Rate limits", table(header, rows, right={3, 4, 5}), lead=lead)


def _days(audit: Audit) -> Markup:
    """Bars for a week, a line for more."""
    days = {name: group.sums.cost / NANO_PER_USD for name, group in audit.by["day"].named.items()}
    if len(days) <= 7:
        return bars(list(days.items()), unit="$", title="Cost by day")
    points = [(datetime.fromisoformat(f"{name}T00:00Z").timestamp(), amount) for name, amount in days.items()]
    series = [Series(name="cost", points=points)]
    return lines(series, x_label="day (UTC)", y_label="dollars a day", x_time=True, y_unit="$", title="Cost by day")


def _points(timeline: Timeline, tier: str) -> list[tuple[float, float]]:
    """Requests of each step; steps without any are zero, so that a line does not bridge a night."""
    counts = timeline.counts[tier]
    steps = range(timeline.first, timeline.last + 1)
    if len(steps) > _MOST_STEPS:
        return [(step * timeline.step_s, counts[step]) for step in sorted(counts)]
    return [(step * timeline.step_s, counts.get(step, 0)) for step in steps]


def _quantiles(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return " / ".join(number(value) for value in (spread.p50, spread.p95, spread.p99))


def _clock(at_s: int) -> str:
    return f"{hour_of(at_s // _HOUR_S)[:-4].replace('T', ' ')}:{at_s // 60 % 60:02}:{at_s % 60:02}"
