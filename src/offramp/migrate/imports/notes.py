"""What an import could not use, by row: the rest is still counted, and totals say what is missing. No I/O here."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

Entry = TypeVar("Entry")
Row = TypeVar("Row")

SHOWN = 20
"""Problems of one file that are told one by one; the others are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one row of a file."""

    file: str
    row: int
    """Line of the file, or number of the entry, from 1; 0 for the file as a whole."""
    message: str


class UnusableError(ValueError):
    """A row that cannot be counted; the message says why."""


@dataclass(slots=True, kw_only=True)
class Notes:
    """What was said of one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    """Rows that are missing in the totals."""
    passed_over: int = 0
    """Entries that are no model traffic, such as other requests of a HAR file."""

    def leave_out(self, row: int, message: str) -> None:
        """A row could not be counted."""
        self.left_out += 1
        self.remark(row, message)

    def remark(self, row: int, message: str) -> None:
        """A row was counted, but something of it could not be used."""
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(file=self.file, row=row, message=message[:300]))


def usable(
    found: Iterable[tuple[int, Entry]], row_of: Callable[[Entry, int], Row | None], notes: Notes
) -> Iterator[Row]:
    """The rows of what was found; what cannot be used is noted, what is no model traffic is passed over.

    Args:
        found: Entries with their numbers.
        row_of: Makes a row of an entry and its number; raises `UnusableError`, and gives `None` for other traffic.
        notes: Hears of what gives no row.
    """
    for number, entry in found:
        try:
            row = row_of(entry, number)
        except UnusableError as error:
            notes.leave_out(number, str(error))
            continue
        if row is None:
            notes.passed_over += 1
        else:
            yield row
