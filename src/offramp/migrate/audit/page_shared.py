"""What several parts of an audit's page are made of: bars of cost, tables of groups, spreads."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from offramp.migrate.audit.advice import percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.groups import Group, Groups
from offramp.migrate.audit.sketch import Measure
from offramp.migrate.report.charts import Mark, bars, histogram
from offramp.migrate.report.page import figure
from offramp.migrate.report.tables import table
from offramp.migrate.report.words import number
from offramp.pricing.money import NANO_PER_USD

MOST_ROWS = 20
_MOST_BARS = 12


def usd(nano: int | None) -> str:
    """An amount for people."""
    return "?" if nano is None else number(nano / NANO_PER_USD, "$")


def cost_bars(title: str, groups: Groups) -> Markup:
    """What each of the largest groups costs; nothing where there is but one without a name."""
    if set(groups.named) <= {"none"}:
        return Markup("")
    found = [(name, group.sums.cost / NANO_PER_USD) for name, group in most(groups, lambda group: group.sums.cost)]
    others = sum(group.sums.cost for group in groups.named.values()) + groups.rest.sums.cost
    rest = others / NANO_PER_USD - sum(amount for _, amount in found)
    if rest > 1e-9:
        found.append(("all others", rest))
    return figure(title, bars(found, unit="$", title=f"Cost, {title}"))


def groups_table(
    what: str, groups: Groups, total: Group, caption: str, *, names: Mapping[str, str] | None = None
) -> Markup:
    """The largest groups with their sums; some may have a better name than their own."""
    better = names or {}
    rows = [
        [
            better.get(name, name),
            f"{group.requests:,}",
            percent(group.share_of(total.requests)),
            number(group.sums.input_tokens),
            number(group.sums.output_tokens),
            usd(group.sums.cost_nano),
            percent(group.failed / group.requests),
        ]
        for name, group in list(groups.named.items())[:MOST_ROWS]
    ]
    more = len(groups.named) - len(rows) + groups.left_out
    header = (what, "requests", "share", "tokens in", "tokens out", "cost", "failed")
    shown = f"{caption} (and {more:,} more)" if more else caption
    return table(header, rows, right=range(1, 7), caption=shown)


def spread_bars(audit: Audit, measure: Measure, title: str, x_label: str, unit: str) -> Markup:
    """A histogram with its quantiles."""
    found = audit.bars[measure]
    spread = audit.latency.all.get(measure) or audit.lengths.get(measure)
    marks = [] if spread is None else [Mark(x=getattr(spread, name), label=name) for name in ("p50", "p95", "p99")]
    return figure(
        title, histogram(found.edges, found.counts, x_label=x_label, x_log=True, x_unit=unit, marks=marks, title=title)
    )


def most(groups: Groups, key: Callable[[Group], int]) -> list[tuple[str, Group]]:
    """The largest groups by a number of theirs; those without any are left out."""
    found = sorted(groups.named.items(), key=lambda item: -key(item[1]))
    return [(name, group) for name, group in found[:_MOST_BARS] if key(group) > 0]
