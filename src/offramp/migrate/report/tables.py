"""Tables of a report: headed, scrolled sideways where they are wide, numbers below each other."""

from collections.abc import Collection, Sequence

from markupsafe import Markup

from offramp.migrate.report.svg import element
from offramp.migrate.report.words import shown


def table(
    header: Sequence[str], rows: Sequence[Sequence[str | Markup]], *, right: Collection[int] = (), caption: str = ""
) -> Markup:
    """A table; text in it is escaped unless it is `Markup`.

    Args:
        header: Names of the columns.
        rows: Cells, as many as the header has.
        right: Columns whose cells are numbers and stand at the right.
        caption: What the table shows.
    """
    if not rows:
        return element("p", "None.", class_="empty")
    head = element("tr", *(element("th", shown(name), scope="col", **_side(i, right)) for i, name in enumerate(header)))
    body = (
        element("tr", *(element("td", _cell(cell), **_side(i, right)) for i, cell in enumerate(row))) for row in rows
    )
    title = (element("caption", shown(caption)),) if caption else ()
    whole = element("table", *title, element("thead", head), element("tbody", *body))
    # A table that scrolls must be reachable without a mouse.
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=shown(caption or header[0]))


def _cell(cell: str | Markup) -> str:
    return cell if isinstance(cell, Markup) else shown(cell)


def _side(index: int, right: Collection[int]) -> dict[str, str]:
    return {"class_": "right"} if index in right else {}
