"""The page: one file, no address elsewhere, no script, nothing of a client's that becomes markup."""

import re
from html.parser import HTMLParser

from markupsafe import Markup

from offramp.migrate.report.charts import Series, lines
from offramp.migrate.report.page import Section, Tile, bullets, figure, paragraph, render, stack, tiles
from offramp.migrate.report.tables import table

HOSTILE = "</title><script src=//evil.example></script><img src=x onerror=alert(1)>\x00"
VOID = {"meta", "br", "img", "link", "input", "hr", "circle", "line", "rect", "polyline"}


class Tags(HTMLParser):
    """Every tag with its attributes; complains where they do not nest."""

    def __init__(self) -> None:
        """Nothing is seen yet."""
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As the parser calls it."""
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As the parser calls it."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """As the parser calls it."""
        if tag in VOID:
            return
        assert self.open.pop() == tag


def page(word: str) -> str:
    body = stack(
        tiles([Tile(label=word, value=word, note=word)]),
        figure(word, lines([Series(name=word, points=[(1, 1), (2, 3)])], x_label=word, y_label=word), word),
        paragraph(word),
        bullets([word]),
        table([word], [[word]], caption=word),
    )
    return render(title=word, lead=word, sections=[Section(word, body, lead=word)] * 4, made=word)


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def test_it_asks_nobody_for_anything() -> None:
    """A report is opened from a mail, in a train, years later."""
    html = page("traffic")
    tags = parsed(html).found
    asking = [tag for tag, attributes in tags if {"src", "srcset", "data", "action"} & set(attributes)]
    links = {attributes["href"] for _, attributes in tags if "href" in attributes}

    assert not re.search(r"https?:|//\w|url\(|@import", html)
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "img", "object", "base", "form"}
    assert asking == []
    assert links == {"#part-1", "#part-2", "#part-3", "#part-4"}


def test_a_hostile_name_stays_a_name() -> None:
    """Whoever can send a request can choose a model's name, and a finance team opens the report."""
    harmless, hostile = parsed(page("traffic")), parsed(page(HOSTILE))

    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in harmless.found]
    assert [sorted(attributes) for _, attributes in hostile.found] == [
        sorted(attributes) for _, attributes in harmless.found
    ]
    assert "\x00" not in page(HOSTILE)


def test_markup_of_our_own_is_not_escaped_twice() -> None:
    """Sections are put together from pieces that are escaped already."""
    html = render(title="a & b", lead="", sections=[Section("c & d", Markup("<p>e &amp; f</p>"))], made="now")

    assert "<title>a &amp; b</title>" in html
    assert "<p>e &amp; f</p>" in html


def test_it_reads_in_light_in_dark_and_on_paper() -> None:
    """And every text is well above the contrast that WCAG 2.1 asks for (4.5 : 1)."""
    html = page("traffic")

    assert "@media print" in html
    assert 'content="light dark"' in html
    schemes = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for name in ("ink", "soft", *(f"s{index}" for index in range(6))):
            assert _contrast(colours[name], colours["paper"]) >= 4.5, name
        assert _contrast(colours["soft"], colours["panel"]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Source: WCAG 2.1, "contrast ratio" and "relative luminance"."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
