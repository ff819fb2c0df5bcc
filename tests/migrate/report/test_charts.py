"""Charts: what is drawn, what is said beside it, and what a hostile name cannot do."""

import re
from itertools import pairwise
from math import inf, nan
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from offramp.migrate.report.charts import Mark, Series, bars, heat, histogram, lines
from offramp.migrate.report.svg import EMPTY

HOSTILE = '"><script>alert(1)</script>\x00\u202e</svg>'


def svg(markup: Markup) -> ET.Element:
    found = ET.fromstring(str(markup)).find("svg")  # noqa: S314 -- our own output
    assert found is not None
    return found


def texts(markup: Markup) -> list[str]:
    return [each.text or "" for each in svg(markup).iter("text")]


def numbers(text: str | None) -> list[float]:
    return [float(each) for each in re.findall(r"-?[\d.]+", text or "")]


def test_lines_are_named_at_their_ends_without_covering_each_other() -> None:
    """Nobody should have to look up a colour in a legend."""
    chart = lines(
        [Series(name=f"way {index}", points=[(0, 0), (10, 5 + index * 0.01)]) for index in range(4)],
        x_label="requests",
        y_label="dollars a month",
        y_unit="$",
    )
    heights = sorted(float(each.attrib["y"]) for each in svg(chart).iter("text") if "name" in each.attrib["class"])

    assert {"way 0", "way 1", "way 2", "way 3", "requests", "dollars a month", "$0"} <= set(texts(chart))
    assert all(later - earlier >= 14.9 for earlier, later in pairwise(heights))


@pytest.mark.parametrize("x_log", [False, True])
@pytest.mark.parametrize("y_log", [False, True])
def test_all_points_lie_on_the_paper(*, x_log: bool, y_log: bool) -> None:
    """A point outside the frame is a wrong statement about the value."""
    points = [(x, (x % 7) * 3.0 - 2) for x in range(-5, 5_000)]
    chart = lines([Series(name="a", points=points)], x_label="x", y_label="y", x_log=x_log, y_log=y_log)
    line = svg(chart).find("polyline")
    assert line is not None
    places = numbers(line.attrib["points"])

    assert 2 * 400 <= len(places) <= 2 * 1_500
    assert all(0 <= x <= 720 for x in places[::2])
    assert all(0 <= y <= 300 for y in places[1::2])


def test_points_without_a_place_are_left_out() -> None:
    """Unknown is not zero, also in a picture."""
    chart = lines([Series(name="a", points=[(1, nan), (2, 3), (3, inf)])], x_label="x", y_label="y")

    assert svg(chart).find("circle") is not None
    assert lines([Series(name="a", points=[(1, nan)])], x_label="x", y_label="y") == EMPTY
    assert lines([Series(name="a", points=[(-1, 5)])], x_label="x", y_label="y", x_log=True) == EMPTY


def test_marks_are_named_and_stay_on_the_paper() -> None:
    """A break-even beside the right edge is the one that matters most."""
    chart = lines(
        [Series(name="a", points=[(1, 1), (100, 100)])],
        x_label="x",
        y_label="y",
        marks=[Mark(x=100, label="break-even at 100 requests"), Mark(x=99, label="today")],
    )

    assert {"break-even at 100 requests", "today"} <= set(texts(chart))


def test_bars_say_their_values_and_go_left_where_they_are_negative() -> None:
    """What was saved can be a loss."""
    chart = bars([("chat", 12.5), ("search", -4.0), ("?", nan)], unit="$")
    widths = [(float(each.attrib["x"]), float(each.attrib["width"])) for each in svg(chart).iter("rect")]

    assert {"chat", "$12.50", "search", "−$4", "?"} <= set(texts(chart))
    assert widths[1][0] + widths[1][1] == pytest.approx(widths[0][0], abs=0.02)
    assert widths[0][1] / widths[1][1] == pytest.approx(12.5 / 4, rel=0.01)


def test_histogram_heights_follow_the_counts() -> None:
    """Twice the requests, twice the height."""
    chart = histogram([1, 10, 100, 1_000], [5, 10, 0], x_label="tokens in", x_log=True, marks=[Mark(x=10, label="p50")])
    heights = [float(each.attrib["height"]) for each in svg(chart).iter("rect")]

    assert heights[1] == pytest.approx(2 * heights[0])
    assert "p50" in texts(chart)
    with pytest.raises(ValueError, match="edges"):
        histogram([1, 2], [1, 2], x_label="x")


def test_heat_is_darkest_where_there_is_most_and_empty_where_nothing_is_known() -> None:
    """A cell without traffic and a cell without knowledge are not the same."""
    chart = heat(["Mon", "Tue"], ["00", "01"], [[0, 10], [None, 5]], unit="requests")
    shades = [float(each.attrib["fill-opacity"]) for each in svg(chart).iter("rect")]

    assert shades == pytest.approx([0.06, 1.0, 0.53])


@pytest.mark.parametrize(
    "chart",
    [
        lines([Series(name="a", points=[(1, 1), (2, 2)])], x_label="x", y_label="y"),
        bars([("a", 1)], unit="$"),
        histogram([0, 1], [1], x_label="x"),
        heat(["a"], ["b"], [[1]], unit="requests"),
    ],
)
def test_every_chart_can_be_read_aloud(chart: Markup) -> None:
    """A picture without words excludes people."""
    picture = svg(chart)

    assert picture.attrib["role"] == "img"
    assert all(picture.findtext(name) for name in ("title", "desc"))
    assert picture.attrib["aria-label"]


@pytest.mark.parametrize(
    "chart",
    [
        lines(
            [Series(name=HOSTILE, points=[(1, 1)])], x_label=HOSTILE, y_label=HOSTILE, marks=[Mark(x=1, label=HOSTILE)]
        ),
        bars([(HOSTILE, 1)], unit="$", title=HOSTILE),
        histogram([0, 1], [1], x_label=HOSTILE, marks=[Mark(x=1, label=HOSTILE)]),
        heat([HOSTILE], [HOSTILE], [[1]], unit=HOSTILE),
    ],
)
def test_no_name_becomes_markup(chart: Markup) -> None:
    """Team and model names come from whoever sends requests."""
    tags = {each.tag for each in svg(chart).iter()}

    assert tags <= {"svg", "title", "desc", "text", "line", "rect", "polyline", "circle"}
    assert "\x00" not in chart
    assert "\u202e" not in chart


@pytest.mark.parametrize(
    "chart", [lines([], x_label="x", y_label="y"), bars([], unit="$"), histogram([], [], x_label="x")]
)
def test_nothing_to_draw_is_said(chart: Markup) -> None:
    """An empty frame would look like a fault."""
    assert chart == EMPTY
