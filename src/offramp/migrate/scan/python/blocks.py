"""Lines that run only sometimes: branches, bodies of loops, `except` clauses; and which of them stand around a line."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Lines that run only sometimes."""

    start: int
    end: int
    choice: int
    """Which statement chooses between this block and others; two blocks of one choice never run both."""


class Blocks:
    """The blocks of one scope. They lie inside or behind each other, never across."""

    def __init__(self) -> None:
        """None yet."""
        self._found: list[Block] = []
        self._starts: list[int] = []
        self._parents: list[int] = []

    def add(self, start: int, end: int, choice: int) -> None:
        """One more."""
        self._found.append(Block(start=start, end=end, choice=choice))
        self._starts = []

    def around(self, line: int) -> list[Block]:
        """Those that hold a line, the innermost first."""
        if len(self._starts) != len(self._found):
            self._sort()
        at = bisect_right(self._starts, line) - 1
        found = []
        while at >= 0:
            block = self._found[at]
            if block.end >= line:
                found.append(block)
            at = self._parents[at]
        return found

    def _sort(self) -> None:
        self._found.sort(key=lambda block: (block.start, -block.end))
        self._starts = [block.start for block in self._found]
        self._parents = []
        open_: list[int] = []
        for at, block in enumerate(self._found):
            while open_ and self._found[open_[-1]].end < block.start:
                open_.pop()
            self._parents.append(open_[-1] if open_ else -1)
            open_.append(at)
