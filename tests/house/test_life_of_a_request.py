"""The page that every contributor reads first says what the code does: its lists are compared with it."""

import inspect
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from offramp.gateway import exchange, pipeline
from offramp.gateway.exchange import Mode, Stage
from offramp.gateway.pipeline import Pipeline
from offramp.upstream.base import Listener
from offramp.upstream.instance import Timeouts
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/life-of-a-request.md").read_text(encoding="utf-8")
UNITS = {"KiB": 1024, "MiB": 1024**2, "s": 1}


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its title."""
    section = re.split(r"^#+ ", PAGE.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _words(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def test_every_module_of_the_gateway_is_on_the_page() -> None:
    """Who adds a module says there what it is for; who removes one takes it off."""
    listed = [word for row in _rows("Modules") for word in _words(row[0])]

    assert sorted(listed) == sorted(
        path.stem for path in Path(ROOT, "src/offramp/gateway").glob("*.py") if path.stem != "__init__"
    )


def test_the_phases_are_those_of_the_pipeline_in_its_order() -> None:
    """The pipeline's first line names them; a page with another order would teach another gateway."""
    first_line = (inspect.getdoc(pipeline) or "").splitlines()[0]
    named = re.findall(r"\w+", first_line.partition(":")[2])

    assert [row[0] for row in _rows("Phases")] == named


def test_the_events_are_the_functions_of_the_pipeline() -> None:
    """One function per event is the pipeline's shape, and the page is its index."""
    listed = [word for row in _rows("Events") for word in _words(row[0])]

    assert sorted(listed) == sorted(name for name in vars(Pipeline) if name.startswith("on_"))
    assert {name for name in vars(Listener) if name.startswith("on_")} <= set(listed)


def test_the_contract_is_the_one_in_the_code() -> None:
    """The table stands where the states are defined; here it is only shown again."""
    table = [line for line in (inspect.getdoc(exchange) or "").splitlines() if line.count("|") == 2]
    in_code = [[cell.strip() for cell in line.split("|")] for line in table[2:]]

    assert _rows("The contract of a stream") == in_code
    assert {word for row in in_code for word in re.findall(r"[A-Z]{4,}", f"{row[0]} {row[2]}")} == set(
        Stage.__members__
    )


def test_the_ways_to_travel_are_those_of_the_code() -> None:
    """A new way needs its line."""
    assert [_words(row[0]) for row in _rows("How an answer travels")] == [[name] for name in Mode.__members__]


def test_the_timeouts_are_those_of_an_upstream() -> None:
    """Four of them, and what each is measured from."""
    assert [_words(row[0]) for row in _rows("Time")] == [[part.name] for part in fields(Timeouts)]


@pytest.mark.parametrize("row", _rows("Back-pressure"), ids=lambda row: str(row[0]))
def test_bounds_have_the_size_that_the_page_says(row: list[str]) -> None:
    """A bound is changed in one place, and the page must not go on promising the old one."""
    module, _, name = _words(row[0])[0].rpartition(".")
    number, _, unit = row[1].partition(" ")

    assert getattr(import_module(f"offramp.{module}"), name) == int(number) * UNITS[unit]
