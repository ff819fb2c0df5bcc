"""The picture of the load: what a person sees at any width."""

import doctest

import pytest
from rich.console import Console

from offramp.cli import demo_panel
from offramp.cli.demo_panel import bars, line, marked, panel
from offramp.migrate.demo.timeline import CLOSED, HALF_OPEN, OPEN, Mark, Picture


def picture(cells: int = 10, *, failed: int = 0) -> Picture:
    """A failover in its middle."""
    half = cells // 2
    return Picture(
        tiers={
            "local": [12] * half + [0] * (cells - half),
            "openai": [0] * half + [12] * (cells - half),
            "cache": [0] * cells,
        },
        breaker=[CLOSED] * half + [OPEN] * (cells - half - 1) + [HALF_OPEN],
        marks=[Mark(cell=half, text="kill -9")],
        rates={"local": 0.0, "openai": 30.0, "cache": 0.0},
        answered={"local": 60, "openai": 1_060, "cache": 0},
        cut=7,
        failed=failed,
        in_flight=3,
        breaker_now=HALF_OPEN,
        elapsed_s=4.0,
    )


def drawn(shown: Picture, width: int) -> list[str]:
    """The panel's lines without colours."""
    console = Console(width=width, force_terminal=False, no_color=True)
    with console.capture() as capture:
        console.print(panel(shown, rate_per_s=30, width=width))
    return capture.get().splitlines()


def test_the_examples_in_the_code_hold() -> None:
    """They are what a reader sees first."""
    assert doctest.testmod(demo_panel).failed == 0


@pytest.mark.parametrize("width", [72, 80, 100, 200])
@pytest.mark.parametrize("cells", [1, 10, 45, 300])
def test_it_fits_every_width(width: int, cells: int) -> None:
    """A line that is too long breaks the whole picture."""
    lines = drawn(picture(cells), width)

    assert {len(each) for each in lines} == {min(width, 100)}
    assert len(lines) == 7


def test_it_says_who_answers_and_how_the_breaker_stands() -> None:
    """The four facts that the show is about."""
    local, openai, breaker, moments, totals = drawn(picture(), 80)[1:-1]

    assert "▇▇▇▇▇     " in local
    assert local.rstrip("│ ").endswith("0/s      60")
    assert openai.rstrip("│ ").endswith("30/s   1,060")
    assert "━━━━━××××?" in breaker
    assert "half-open" in breaker
    assert "     ▲ kill -9" in moments
    assert "whole answers 1,120   failed 0   cut, and told so 7   in flight 3" in totals


def test_the_cache_is_a_row_only_when_it_answers() -> None:
    """An empty row asks a question that nobody answers."""
    assert not any("cache" in each for each in drawn(picture(), 80))


def test_what_is_not_zero_is_seen() -> None:
    """One answer among hundreds is the probe that one wants to see."""
    assert bars([0, 1, 500, 1_000], 1_000) == " ▁▄█"


def test_marks_never_run_into_each_other() -> None:
    """Two texts on top of each other are none."""
    marks = [Mark(cell=3, text="kill -9"), Mark(cell=7, text="started again")]

    assert marked(marks, first=0, width=24) == "   ▲   ▲ started again  "
    assert marked(marks, first=5, width=10) == "  ▲       "


def test_one_line_says_the_same() -> None:
    """Where there is no terminal, in a CI's log."""
    assert line(picture(failed=2)) == (
        "  4.0 s  local 0/s  openai 30/s  breaker half-open  whole answers 1,120  failed 2  cut 7"
    )
