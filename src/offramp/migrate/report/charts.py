"""Charts as inline SVG: lines, bars, histograms, heat. Labelled directly, coloured by the page, readable aloud.

Nothing here needs a script or a font from elsewhere. Series differ by colour and by dashes, so that a print without
colours can be read; names are escaped, since clients choose them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from offramp.migrate.report.scale import Kind, Scale, scale
from offramp.migrate.report.svg import EMPTY, WIDTH, element, picture, text, width_of
from offramp.migrate.report.words import number, shown

_TOP, _BOTTOM, _LEFT = 34.0, 44.0, 64.0
_HEIGHT = 300.0
_LINE_GAP = 15.0
"""Between two labels, so that neither covers the other."""

_STYLES = 6
"""How many series the page can tell apart; the seventh looks like the first."""

_MOST_POINTS = 1_440
"""Of one line; of more, the highest and the lowest of each pixel stay."""

_LONGEST_LABEL = 30
_HEADROOM = 1.15
"""Above the highest bar of a histogram, for the words of its marks."""

_BAR, _BAR_GAP = 18.0, 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line."""

    name: str
    points: Sequence[tuple[float, float]]
    """In the order of x."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place on the x axis worth a word."""

    x: float
    label: str


def lines(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_log: bool = False,
    y_log: bool = False,
    x_time: bool = False,
    marks: Sequence[Mark] = (),
    x_unit: str = "",
    y_unit: str = "",
    title: str = "",
) -> Markup:
    """Lines over one axis, each named at its end.

    Points that an axis cannot show (not finite; not positive on a logarithmic one) are left out.

    Args:
        series: The lines.
        x_label: What the x axis shows, with its unit.
        y_label: What the y axis shows, with its unit.
        x_log: Whether the x axis is logarithmic.
        y_log: Whether the y axis is; a linear one begins at zero unless there are values below.
        x_time: Whether x is in seconds since the epoch.
        marks: Places on the x axis to point at.
        x_unit: Of the ticks: `$` stands before the number, any other after it.
        y_unit: The same for the y axis.
        title: What is read out first; made of the labels if not given.
    """
    drawn = [each for one in series if (each := _finite(one, x_log=x_log, y_log=y_log)).points]
    if not drawn:
        return EMPTY
    places = [mark for mark in marks if isfinite(mark.x) and (mark.x > 0 or not x_log)]
    xs = [x for one in drawn for x, _ in one.points] + [mark.x for mark in places]
    ys = [y for one in drawn for _, y in one.points]
    right = WIDTH - 8 - max(width_of(shown(one.name, _LONGEST_LABEL), is_bold=True) for one in drawn)
    kind = Kind.TIME if x_time else Kind.LOG if x_log else Kind.LINEAR
    x = _tight(scale(min(xs), max(xs), begin=_LEFT, end=right, kind=kind, unit=x_unit), min(xs), max(xs))
    low = min(ys) if y_log else min(0.0, *ys)
    y = scale(
        low, max(ys), begin=_HEIGHT - _BOTTOM, end=_TOP, kind=Kind.LOG if y_log else Kind.LINEAR, unit=y_unit, most=5
    )
    parts = [*_axes(x, y, x_label, y_label), *_marks(places, x, y), *_drawn(drawn, x, y)]
    description = " ".join(_told(one, x_unit, y_unit, is_time=x_time) for one in drawn)
    return picture(parts, height=_HEIGHT, title=title or f"{y_label} by {x_label}", description=description)


def _drawn(series: Sequence[Series], x: Scale, y: Scale) -> list[Markup]:
    """The lines with their names; a line of one point is a dot."""
    parts = []
    for index, one in enumerate(series):
        points = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in _thinned(one.points, x))
        parts.append(element("polyline", points=points, class_=f"line s{index % _STYLES}"))
        if len(one.points) == 1:
            a, b = one.points[0]
            parts.append(element("circle", cx=x.at(a), cy=y.at(b), r=4, class_=f"dot s{index % _STYLES}"))
    return [*parts, *_end_labels(series, x, y)]


def bars(rows: Sequence[tuple[str, float]], *, unit: str, title: str = "") -> Markup:
    """Horizontal bars from zero, each with its name and its value; values may be negative.

    Args:
        rows: Names and values, in the order in which they are drawn; a value that is not finite is shown as unknown.
        unit: Of the values: `$` stands before the number, any other after it.
        title: What is read out first.
    """
    if not rows:
        return EMPTY
    names = [shown(name, _LONGEST_LABEL) for name, _ in rows]
    values = [value if isfinite(value) else 0.0 for _, value in rows]
    widest = max(width_of(number(value, unit)) for _, value in rows) + 8
    left = max(width_of(name) for name in names) + 12
    low, high = min(0.0, *values), max(0.0, *values)
    begin = left + (widest if low < 0 else 0)
    axis = Scale(low, high if high > low else low + 1, begin, WIDTH - widest, ())
    parts, zero = [], axis.at(0)
    for index, ((full, value), name) in enumerate(zip(rows, names, strict=True)):
        top = 4 + index * (_BAR + _BAR_GAP)
        end = axis.at(values[index])
        parts.append(text(name, left - 8, top + 13, anchor="end"))
        label = element("title", f"{shown(full)}: {number(value, unit)}")
        parts.append(
            element("rect", label, x=min(zero, end), y=top, width=abs(end - zero), height=_BAR, class_="bar s0")
        )
        below = values[index] < 0
        parts.append(
            text(number(value, unit), end + (-6 if below else 6), top + 13, anchor="end" if below else "start")
        )
    height = 4 + len(rows) * (_BAR + _BAR_GAP)
    parts.append(element("line", x1=zero, x2=zero, y1=0, y2=height, class_="axis"))
    description = "; ".join(f"{shown(name)} {number(value, unit)}" for name, value in rows)
    return picture(parts, height=height, title=title or f"Bars, {unit}".rstrip(", "), description=description)


def histogram(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    x_label: str,
    y_label: str = "requests",
    x_log: bool = False,
    x_unit: str = "",
    marks: Sequence[Mark] = (),
    title: str = "",
) -> Markup:
    """How often values fall between edges.

    Args:
        edges: Rising and finite, one more than `counts`; positive with `x_log`.
        counts: Of each interval.
        x_label: What was measured, with its unit.
        y_label: What was counted.
        x_log: Whether the x axis is logarithmic.
        x_unit: Of the ticks.
        marks: Places on the x axis to point at, such as quantiles.
        title: What is read out first.

    Raises:
        ValueError: If edges and counts do not belong together.
    """
    if len(edges) != len(counts) + 1 and counts:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
    if not any(counts):
        return EMPTY
    kind = Kind.LOG if x_log else Kind.LINEAR
    x = _tight(scale(edges[0], edges[-1], begin=_LEFT, end=WIDTH - 14, kind=kind, unit=x_unit), edges[0], edges[-1])
    y = scale(0.0, max(counts) * _HEADROOM, begin=_HEIGHT - _BOTTOM, end=_TOP, most=5)
    parts = _axes(x, y, x_label, y_label)
    told = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if not count:
            continue
        told.append(f"{number(low, x_unit)} to {number(high, x_unit)}: {number(count)}")
        left, top = x.at(low), y.at(count)
        box = {"x": left, "y": top, "width": max(1.0, x.at(high) - left - 1), "height": y.begin - top}
        parts.append(element("rect", element("title", told[-1]), class_="bar s0", **box))
    parts += _marks([mark for mark in marks if edges[0] <= mark.x <= edges[-1]], x, y)
    return picture(parts, height=_HEIGHT, title=title or f"{y_label} by {x_label}", description="; ".join(told))


def heat(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]], *, unit: str, title: str = ""
) -> Markup:
    """A field of cells, darker where there is more; an unknown value stays empty.

    Args:
        rows: Names of the rows.
        columns: Names of the columns.
        values: Row by row; from zero up.
        unit: What is counted.
        title: What is read out first.
    """
    known = [value for row in values for value in row if value is not None and isfinite(value)]
    if not known:
        return EMPTY
    most = max(known) or 1.0
    left = max(width_of(shown(name, _LONGEST_LABEL)) for name in rows) + 12
    cell, tall = (WIDTH - left) / len(columns), 24.0
    parts, told = [], []
    for index, name in enumerate(columns):
        parts.append(text(name, left + (index + 0.5) * cell, 12, class_="tick", anchor="middle"))
    for index, (name, row) in enumerate(zip(rows, values, strict=True)):
        top = 20 + index * tall
        parts.append(text(shown(name, _LONGEST_LABEL), left - 8, top + 16, anchor="end"))
        for column, value in enumerate(row):
            if value is None or not isfinite(value):
                continue
            label = element("title", f"{shown(name)} {shown(columns[column])}: {number(value, unit)}")
            box = {"x": left + column * cell, "y": top, "width": cell - 2, "height": tall - 2}
            shade = 0.06 + 0.94 * max(0.0, value) / most
            parts.append(element("rect", label, class_="cell", fill_opacity=shade, **box))
        known_here = [value for value in row if value is not None and isfinite(value)]
        told.append(f"{shown(name)}: {number(sum(known_here))} in all, {number(max(known_here, default=0))} at most")
    height = 20 + len(rows) * tall + 20
    parts.append(text(f"faintest 0, strongest {number(most, unit)}", left, height - 4, class_="tick"))
    return picture(parts, height=height, title=title or unit, description="; ".join(told))


def _finite(one: Series, *, x_log: bool, y_log: bool) -> Series:
    kept = [
        (x, y) for x, y in one.points if isfinite(x) and isfinite(y) and (x > 0 or not x_log) and (y > 0 or not y_log)
    ]
    return Series(name=one.name, points=kept)


def _tight(axis: Scale, low: float, high: float) -> Scale:
    """The same axis without empty room beyond the values: a line should fill the paper."""
    if high <= low or axis.is_log:
        return axis
    ticks = tuple(tick for tick in axis.ticks if low <= tick.value <= high)
    return Scale(low, high, axis.begin, axis.end, ticks or axis.ticks)


def _axes(x: Scale, y: Scale, x_label: str, y_label: str) -> list[Markup]:
    parts = [text(y_label, 0, 14, class_="axis-label")]
    for tick in y.ticks:
        at = y.at(tick.value)
        parts.append(element("line", x1=x.begin, x2=x.end, y1=at, y2=at, class_="grid"))
        parts.append(text(tick.label, x.begin - 8, at + 4, class_="tick", anchor="end"))
    for tick in x.ticks:
        at = x.at(tick.value)
        parts.append(element("line", x1=at, x2=at, y1=y.begin, y2=y.begin + 5, class_="axis"))
        parts.append(text(tick.label, at, y.begin + 19, class_="tick", anchor="middle"))
    parts.append(element("line", x1=x.begin, x2=x.end, y1=y.begin, y2=y.begin, class_="axis"))
    parts.append(text(x_label, (x.begin + x.end) / 2, y.begin + 38, class_="axis-label", anchor="middle"))
    return parts


def _marks(marks: Sequence[Mark], x: Scale, y: Scale) -> list[Markup]:
    """Dashed lines; a label that would cover the one before it moves a line down."""
    parts: list[Markup] = []
    free = [-1.0] * 6
    for mark in sorted(marks, key=lambda one: one.x):
        at, label = x.at(mark.x), shown(mark.label, _LONGEST_LABEL)
        is_right = at + width_of(label) + 8 > WIDTH
        begin = at - 4 - width_of(label) if is_right else at + 4
        level = next((index for index, taken in enumerate(free) if begin > taken), len(free) - 1)
        free[level] = begin + width_of(label)
        parts.append(element("line", x1=at, x2=at, y1=y.end, y2=y.begin, class_="mark"))
        height = y.end + 10 + level * _LINE_GAP
        parts.append(
            text(
                label,
                at - 4 if is_right else at + 4,
                height,
                class_="mark-label",
                anchor="end" if is_right else "start",
            )
        )
    return parts


def _thinned(points: Sequence[tuple[float, float]], x: Scale) -> Sequence[tuple[float, float]]:
    if len(points) <= _MOST_POINTS:
        return points
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(x.at(point[0])), []).append(point)
    extremes = ({min(column, key=_height), max(column, key=_height)} for column in columns.values())
    return [point for pair in extremes for point in sorted(pair)]


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _end_labels(drawn: Sequence[Series], x: Scale, y: Scale) -> list[Markup]:
    """The names at the lines' ends, moved apart where the ends meet."""
    wanted = sorted((y.at(one.points[-1][1]), index) for index, one in enumerate(drawn))
    placed: list[float] = []
    for height, _ in wanted:
        placed.append(max(height, placed[-1] + _LINE_GAP) if placed else height)
    excess = max(0.0, placed[-1] - y.begin)
    heights = [height - excess for height in placed]
    return [
        text(
            shown(drawn[index].name, _LONGEST_LABEL),
            x.end + 6,
            height + 4,
            class_=f"name s{index % _STYLES}",
        )
        for height, (_, index) in zip(heights, wanted, strict=True)
    ]


def _told(one: Series, x_unit: str, y_unit: str, *, is_time: bool) -> str:
    values = [y for _, y in one.points]
    reach = f"from {number(values[0], y_unit)} to {number(values[-1], y_unit)}"
    if not is_time:
        first, last = one.points[0][0], one.points[-1][0]
        reach = f"{reach} between {number(first, x_unit)} and {number(last, x_unit)}"
    return f"{shown(one.name)}: {reach}, lowest {number(min(values), y_unit)}, highest {number(max(values), y_unit)}."
