"""The picture of a load: one row per tier, the breaker below, on one axis of time."""

from collections.abc import Sequence

from rich.box import ROUNDED
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from offramp.migrate.demo.timeline import CELL_S, CLOSED, HALF_OPEN, OPEN, Mark, Picture

MAX_WIDTH = 100
"""Wider lines are hard to read."""
_BESIDE_CHART = 33
"""Columns of the panel that are not the chart: border, name, numbers, gaps."""
_HEADROOM = 1.15
"""The highest bar is a little more than the load, so that its unevenness is seen."""
_BARS = " ▁▂▃▄▅▆▇█"
_COLOURS = {"local": "green", "openai": "cyan", "cerebrium": "cyan", "cache": "magenta"}
_STRIP = {CLOSED: ("━", "green"), OPEN: ("×", "red"), HALF_OPEN: ("?", "yellow")}
_STATES = {HALF_OPEN: "half-open"}


def colour(tier: str) -> str:
    """What a tier is drawn in."""
    return _COLOURS.get(tier, "blue")


def bars(counts: Sequence[int], top: int) -> str:
    """Counts as bars; what is not zero is seen.

    >>> bars([0, 1, 4, 8], 8)
    ' ▁▄█'
    """
    steps = len(_BARS) - 1
    return "".join(_BARS[0 if not count else max(1, min(steps, round(steps * count / top)))] for count in counts)


def marked(marks: Sequence[Mark], *, first: int, width: int) -> str:
    """A line with a pointer at each moment and its words beside it: to the right, or to the left where no room is.

    Args:
        marks: In the order of time.
        first: The cell that stands at the left.
        width: How many cells are shown.

    >>> marked([Mark(cell=1, text="kill -9"), Mark(cell=17, text="back")], first=0, width=18)
    ' ▲ kill -9  back ▲'
    """
    shown = [(mark.cell - first, mark.text) for mark in marks if 0 <= mark.cell - first < width]
    line = [" "] * width
    for position, _ in shown:
        line[position] = "▲"
    for position, text in shown:
        for start in (position + 2, position - 1 - len(text)):
            if start >= 0 and start + len(text) <= width and set(line[start : start + len(text)]) == {" "}:
                line[start : start + len(text)] = text
                break
    return "".join(line)


def panel(picture: Picture, *, rate_per_s: float, width: int, is_over: bool = False) -> Panel:
    """The picture in a frame; once it is over there is no rate any more."""
    width = min(width, MAX_WIDTH)
    cells = max(10, width - _BESIDE_CHART)
    first = max(0, len(picture.breaker) - cells)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(width=cells, no_wrap=True)
    grid.add_column(width=9, justify="right", no_wrap=True)
    grid.add_column(width=7, justify="right", no_wrap=True)
    top = max(1, round(_HEADROOM * rate_per_s * CELL_S))
    for name, counts in picture.tiers.items():
        if name == "cache" and not any(counts):
            continue
        chart = Text(bars(counts[first:], top), style=colour(name))
        rate = "" if is_over else f"{picture.rates[name]:.0f}/s"
        grid.add_row(Text(name, style=f"bold {colour(name)}"), chart, rate, f"{picture.answered[name]:,}")
    state = picture.breaker_now
    strip = Text.assemble(*(_STRIP[each] for each in picture.breaker[first:]))
    grid.add_row(Text("breaker", style="bold"), strip, Text(_STATES.get(state, state), style=_STRIP[state][1]), "")
    grid.add_row("", Text(marked(picture.marks, first=first, width=cells), style="yellow"), "", "")
    title = f"{rate_per_s:.0f} requests a second, two of three streamed"
    return Panel(
        Group(grid, _totals(picture)),
        box=ROUNDED,
        title=Text(title, style="dim"),
        title_align="left",
        border_style="dim",
        width=width,
    )


def _totals(picture: Picture) -> Text:
    return Text.assemble(
        ("whole answers ", "dim"),
        f"{sum(picture.answered.values()):,}",
        ("   failed ", "dim"),
        (f"{picture.failed:,}", "bold red" if picture.failed else "bold green"),
        ("   cut, and told so ", "dim"),
        (f"{picture.cut:,}", "yellow" if picture.cut else ""),
        ("   in flight ", "dim"),
        f"{picture.in_flight:,}",
    )


def line(picture: Picture) -> str:
    """The same in one line, for where there is no terminal."""
    rates = "  ".join(f"{name} {picture.rates[name]:.0f}/s" for name in picture.tiers if name != "cache")
    return (
        f"{picture.elapsed_s:5.1f} s  {rates}  breaker {_STATES.get(picture.breaker_now, picture.breaker_now)}  "
        f"whole answers {sum(picture.answered.values()):,}  failed {picture.failed:,}  cut {picture.cut:,}"
    )
