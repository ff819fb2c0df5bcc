"""The chart: where lines cross on paper they cross on the screen."""

import doctest
from fractions import Fraction

from offramp.cli import plan_chart
from offramp.cli.plan_chart import Line, chart


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(plan_chart).failed == 0


def drawn(furthest: int = 200) -> list[str]:
    """A line that rises, one that is flat."""
    lines = [
        Line(name="rising", mark="*", usd_per_month=Fraction),
        Line(name="flat", mark="=", usd_per_month=lambda _: Fraction(100)),
    ]
    return chart(lines, requests=100, furthest=furthest, width=41, height=11)


def test_the_lines_cross_where_they_are_equal() -> None:
    """Both cost 100 at 100 requests, the middle of the chart."""
    middle = drawn()[5].partition("|")[2]

    assert middle == "=" * 41
    assert drawn()[4].partition("|")[2].strip("* ") == ""
    assert drawn()[0].endswith("*")
    assert drawn()[10].partition("|")[2].startswith("*")


def test_today_is_marked_below() -> None:
    axis, numbers, legend = drawn()[11:]

    assert axis.partition("+")[2].index("^") == 20
    assert "100 requests a month" in numbers
    assert numbers.endswith("200")
    assert legend.strip() == "* rising   = flat"


def test_nothing_costs_nothing_and_is_still_drawn() -> None:
    free = Line(name="free", mark="o", usd_per_month=lambda _: Fraction(0))

    assert chart([free], requests=1, furthest=2, width=10, height=3)[2].endswith("o" * 10)
