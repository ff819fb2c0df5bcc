"""The source text of expressions, and where they stand, in lines and characters."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from offramp.migrate.scan.rules.rule import Span
from offramp.telemetry.redact import mask_key, redact

MOST_CHARACTERS = 160
"""Longest source text that is shown."""
_SECRETS = ("key", "token", "secret", "password", "authorization", "credential")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, from 1; columns in characters."""

    line: int
    column: int


class Lines:
    """The lines of a file. Python's parser counts columns in bytes of UTF-8, people in characters."""

    def __init__(self, text: str, places: Sequence[int] = ()) -> None:
        """Cut the text into lines; `places` are the lines of a notebook's file in which they stand."""
        self._lines = text.split("\n")
        self._places = places

    def line(self, number: int) -> int:
        """The line of the file in which a line of the text stands."""
        return self._places[number - 1] if 0 < number <= len(self._places) else number

    def start(self, node: ast.expr) -> Place:
        """Where it begins."""
        return Place(self.line(node.lineno), self._character(node.lineno, node.col_offset) + 1)

    def span(self, node: ast.expr) -> Span:
        """From where to where it goes."""
        start, last = self.start(node), node.end_lineno or node.lineno
        return Span(
            line=start.line,
            column=start.column,
            end_line=self.line(last),
            end_column=self._character(last, node.end_col_offset or 0) + 1,
        )

    def text(self, node: ast.expr) -> str:
        """What is written there."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if last >= len(self._lines):
            return ""
        start = self._character(first + 1, node.col_offset)
        end = self._character(last + 1, node.end_col_offset or 0)
        if first == last:
            return self._lines[first][start:end]
        return "\n".join([self._lines[first][start:], *self._lines[first + 1 : last], self._lines[last][:end]])

    def _character(self, line: int, offset: int) -> int:
        if line > len(self._lines):
            return offset
        text = self._lines[line - 1]
        return (
            offset if text.isascii() else len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore"))
        )


def shown(text: str, name: str = "") -> str:
    """Source text for people: on one line, not too long, without a secret.

    >>> shown('"sk-abcdefgh12345678wxyz"', "api_key")
    '"sk-…wxyz"'
    """
    short = " ".join(text.split())
    if len(short) > MOST_CHARACTERS:
        short = f"{short[: MOST_CHARACTERS - 1]}…"
    if any(word in name.lower() for word in _SECRETS) and short[:1] in {'"', "'"}:
        return f"{short[0]}{mask_key(short[1:-1])}{short[0]}"
    return redact(short)
