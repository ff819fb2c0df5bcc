"""A whole report: one HTML file that asks nobody for anything, runs no script, reads in light, in dark and on paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from offramp.migrate.report.svg import element
from offramp.migrate.report.words import shown

_LONGEST_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report."""

    title: str
    body: Markup
    lead: str = ""
    """What the part says, in a sentence or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One of the few figures that a reader should take away."""

    label: str
    value: str
    note: str = ""


def render(*, title: str, lead: str, sections: Sequence[Section], made: str) -> str:
    """The HTML of a report.

    Args:
        title: What it is about.
        lead: What it says, in a few sentences.
        sections: Its parts, in order; from four on there is a list of contents.
        made: When, by what and from what it was made.
    """
    return _ENVIRONMENT.get_template("page.html").render(title=title, lead=lead, sections=sections, made=made)


def tiles(items: Sequence[Tile]) -> Markup:
    """Figures side by side."""
    return element("div", *(_tile(item) for item in items), class_="tiles")


def figure(caption: str, chart: Markup, note: str = "") -> Markup:
    """A chart with its title above it, and what one has to know to read it below it."""
    below = (element("p", _text(note), class_="note"),) if note else ()
    return element("figure", element("figcaption", _text(caption)), chart, *below)


def paragraph(text: str) -> Markup:
    """A paragraph."""
    return element("p", _text(text))


def bullets(items: Sequence[str]) -> Markup:
    """A list of sentences."""
    return element("ul", *(element("li", _text(item)) for item in items)) if items else Markup("")


def stack(*parts: Markup) -> Markup:
    """Parts below each other."""
    return Markup("\n").join(parts)


def _tile(item: Tile) -> Markup:
    note = (element("span", _text(item.note), class_="note"),) if item.note else ()
    words = element("span", shown(item.label), class_="tile-label")
    return element("div", words, element("span", shown(item.value), class_="tile-value"), *note, class_="tile")


def _text(value: str) -> Markup:
    """Escaped, and what stands in backticks as code."""
    if isinstance(value, Markup):
        return value
    parts = shown(value, _LONGEST_TEXT).split("`")
    closed = len(parts) % 2
    return Markup("").join(
        element("code", part) if index % 2 and (closed or index < len(parts) - 1) else escape(part)
        for index, part in enumerate(parts)
    )


def _printable(value: object) -> object:
    """Whatever a template inserts: names of unknown origin lose what cannot be printed; autoescape does the rest."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else shown(value, _LONGEST_TEXT)


_ENVIRONMENT = Environment(
    loader=PackageLoader("offramp.migrate.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_printable,
)
