"""Writes `docs/the-guides-rechecked.md`: each figure of the guides beside ours, and where ours comes from."""

from collections import Counter
from fractions import Fraction

from tools.guides import cerebrium, practical, self_hosting_money, self_hosting_sizing
from tools.guides.comparators import Comparator, capacity_per_month, comparators
from tools.guides.prices import PRINTED, Prices
from tools.guides.row import Guide, Row, Verdict, usd

INTRODUCTION = """\
Three guides to leaving the OpenAI API inspired offramp: the Cerebrium migration guide, the vLLM self-hosting guide and
the practical migration guide. Here their figures are worked out again by the code that `offramp plan`, `offramp prices`
and `offramp simulate` use. {counts}.

A plan of your own takes your prices and your traffic: [plan](plan.md), [prices](prices.md).
"""

COMPARATORS = """\
The vLLM self-hosting guide sets its machine at $727 a month against GPT-4o. These are the volumes from which the same
$727 are less than others charge for the same request, 700 tokens in and 100 out.
"""

CAPACITY = """\
One g5.xlarge carries about {full:,} such requests a month if it never pauses, {usual:,} at 60 % load. A machine that
has to carry more than it can to pay off never does, however many of them there are. So against the same open model by
the token it pays off at {at_full} if it never pauses, and at {at_usual} at 60 % load.
"""

ASSUMPTIONS = """\
- Token prices: genai-prices of 2026-08-21. Machines: g5.xlarge {on_demand} an hour on demand ({g5}); p4d.24xlarge
  {p4d} ({p4d_day}). Cerebrium: {cerebrium} ({cerebrium_day}).
- Speed and memory: the roofline of `offramp simulate` with 50 % of the peak arithmetic and 70 % of the peak bandwidth
  of the datasheets, 600 GB/s and 70 TFLOPS for an A10G, 1.4 GiB for activations. Expect ± 40 % until it has been
  calibrated on the machine itself.
- A month has 730 hours, unless the guide's 720 are meant.
- The prices do not follow the installed price book: the page says the same in a year.
"""


def page(prices: Prices = PRINTED) -> str:
    """The whole page."""
    found = rows(prices)
    parts = [
        "# The guides, rechecked\n",
        "<!-- Made by `make docs`; what it says is changed in the code. -->\n",
        INTRODUCTION.format(counts=_counts(found)),
        "## Figure by figure\n",
        *(_table([row for row in found if row.guide is guide], guide) for guide in Guide),
        "## Against honest comparators\n",
        COMPARATORS,
        _comparators(comparators(prices)),
        _capacity(comparators(prices)),
        "## What it rests on\n",
        _assumptions(prices),
    ]
    return "\n".join(parts)


def rows(prices: Prices) -> list[Row]:
    """All rows of the first table, by their numbers."""
    found = [
        *self_hosting_money.rows(prices),
        *self_hosting_sizing.rows(),
        *cerebrium.rows(prices),
        *practical.rows(),
    ]
    return sorted(found, key=lambda row: row.number)


def _counts(found: list[Row]) -> str:
    counted = Counter(row.verdict for row in found)
    return f"Of {len(found)} figures " + ", ".join(f"{counted[verdict]} {verdict.value}" for verdict in Verdict)


def _table(found: list[Row], guide: Guide) -> str:
    lines = [f"### The {guide.value}", "", "| # | its figure | ours | | why |", "|---|---|---|---|---|"]
    for row in found:
        verdict = row.verdict.value if row.verdict is Verdict.RIGHT else f"**{row.verdict.value}**"
        lines.append(f"| {' | '.join((str(row.number), row.figure, row.ours, verdict, row.why))} |")
    return "\n".join(lines) + "\n"


def _comparators(found: list[Comparator]) -> str:
    lines = ["| by the token | a request | break-even, requests a month | price of |", "|---|---|---|---|"]
    for each in found:
        name = f"{each.name} (the same model)" if each.same_model else each.name
        lines.append(f"| {name} | {usd(each.usd_per_request, 6)} | {each.break_even:,} | {each.checked} |")
    return "\n".join(lines) + "\n"


def _capacity(found: list[Comparator]) -> str:
    full, usual = (capacity_per_month(load) for load in (Fraction(1), Fraction(3, 5)))
    at_full, at_usual = (
        [each.name.partition("/")[0].title() for each in found if each.same_model and each.break_even <= carried]
        for carried in (full, usual)
    )
    return CAPACITY.format(
        full=round(full, -4),
        usual=round(usual, -4),
        at_full=" and ".join(at_full) or "none of them",
        at_usual=" and ".join(at_usual) or "none of them",
    )


def _assumptions(prices: Prices) -> str:
    return ASSUMPTIONS.format(
        on_demand=usd(prices.g5_on_demand.usd_per_hour, 3),
        g5=prices.g5_on_demand.checked,
        p4d=usd(prices.p4d_now.usd_per_hour),
        p4d_day=prices.p4d_now.checked,
        cerebrium=prices.cerebrium_source,
        cerebrium_day=prices.cerebrium_checked,
    )
