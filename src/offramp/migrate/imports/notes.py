"""What an import could not use, by row: the rest is still counted, and totals say what is missing. No I/O here."""

from dataclasses import dataclass, field

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
