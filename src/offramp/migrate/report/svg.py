"""Pieces of inline SVG: elements whose every text and attribute is escaped, and a frame that can be read aloud."""

from markupsafe import Markup, escape

from offramp.migrate.report.words import shown

WIDTH = 720
"""Of every picture, in its own units; the page scales it."""

EMPTY = Markup('<p class="empty">Nothing to draw.</p>')

_LONGEST = 4_000
"""Of a text in an element; whatever may be longer is cut."""

_LONGEST_ATTRIBUTE = 1_000_000
"""Points of a line are an attribute."""

_CHARACTER, _BOLD = 7.0, 7.8
"""About how wide a character of a label is at the most, in the same units (12 px sans-serif)."""


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """One element; an attribute's underscores are hyphens, and `class_` is `class`.

    >>> print(element("text", "a < b", x=1.25, class_="label"))
    <text x="1.25" class="label">a &lt; b</text>
    """
    written = "".join(f' {_name(key)}="{escape(_value(value))}"' for key, value in attributes.items())
    inside = "".join(child if isinstance(child, Markup) else escape(shown(child, _LONGEST)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S704 -- escaped


def text(words: str, x: float, y: float, *, class_: str = "label", anchor: str = "start") -> Markup:
    """A label; what cannot be printed in it is spelt out."""
    return element("text", words, x=x, y=y, class_=class_, text_anchor=anchor)


def picture(parts: list[Markup], *, height: float, title: str, description: str) -> Markup:
    """A whole picture with the title and description that are read out instead of it."""
    head = [element("title", title), element("desc", description)]
    frame = element(
        "svg",
        *head,
        *parts,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=f"{title}. {description[:_LONGEST]}",
        class_="chart",
    )
    return element("div", frame, class_="scroll")


def width_of(words: str, *, is_bold: bool = False) -> float:
    """About how wide a label is."""
    return len(words) * (_BOLD if is_bold else _CHARACTER) + 2


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return shown(value, _LONGEST_ATTRIBUTE)
    return f"{value:.2f}".rstrip("0").rstrip(".")
