"""Notebooks: the code of their cells as one text, and where each of its lines stands in the file."""

import re
from functools import lru_cache

import msgspec

from offramp.migrate.scan.model import Source

_MAGIC = re.compile(r"^(?P<indent>\s*)(?:[%!?]|[\w.]+\?\??\s*$|\w+\s*=\s*[!%])")
_OTHER_LANGUAGE = re.compile(r"^\s*%%(?!time|timeit|capture|prun|python3?\b)")


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""


class _Sheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Notebook(msgspec.Struct):
    cells: list[_Cell] = []
    worksheets: list[_Sheet] = []
    """Of version 3 and before."""
    metadata: dict[str, object] = {}


class Cells(msgspec.Struct, frozen=True):
    """The code of a notebook."""

    text: str
    is_python: bool
    lines: tuple[int, ...] = ()
    """For each line of the text the line of the file in which it stands."""
    cell_of: tuple[int, ...] = ()
    """For each line of the text the number of its cell, from 1."""
    problem: str = ""


@lru_cache(maxsize=256)
def cells_of(source: Source) -> Cells:
    """The code cells of a notebook; magics and shell lines become empty statements."""
    try:
        notebook = msgspec.json.decode(source.text, type=_Notebook)
    except (ValueError, RecursionError) as error:
        return Cells("", is_python=True, problem=f"no notebook: {error}")
    text: list[str] = []
    lines: list[int] = []
    cell_of: list[int] = []
    at, line = 0, 1
    cells = notebook.cells or [cell for sheet in notebook.worksheets for cell in sheet.cells]
    for number, cell in enumerate(cells, 1):
        whole = cell.source if isinstance(cell.source, str) else "".join(cell.source)
        written = [cell.source] if isinstance(cell.source, str) else cell.source
        places: list[int] = []
        for part in written:
            found = _find(source.text, part, at)
            if found >= 0:
                line += source.text.count("\n", at, found)
                at = found
            places += [line] * max(1, part.count("\n") + (not part.endswith("\n")))
        if cell.cell_type != "code" or _OTHER_LANGUAGE.match(whole):
            continue
        for index, each in enumerate(whole.split("\n")):
            text.append(_plain(each))
            lines.append(places[min(index, len(places) - 1)] if places else line)
            cell_of.append(number)
    return Cells("\n".join(text), is_python=_is_python(notebook), lines=tuple(lines), cell_of=tuple(cell_of))


def _find(text: str, part: str, start: int) -> int:
    """Where a text stands in the file as JSON, whichever way it was written."""
    if not part:
        return -1
    encoded = msgspec.json.encode(part).decode()
    found = text.find(encoded, start)
    if found < 0 and not part.isascii():
        found = text.find(_ascii(encoded), start)
    return found


def _ascii(encoded: str) -> str:
    """With escapes for all that is not ASCII, as Python's own writer does it."""
    units = encoded.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def _plain(line: str) -> str:
    magic = _MAGIC.match(line)
    return f"{magic['indent']}pass" if magic else line


def _is_python(notebook: _Notebook) -> bool:
    for key in ("kernelspec", "language_info"):
        about = notebook.metadata.get(key)
        if isinstance(about, dict):
            language = about.get("language") or (about.get("name") if key == "language_info" else None)
            if isinstance(language, str):
                return language.lower().startswith(("python", "ipython"))
    return True
