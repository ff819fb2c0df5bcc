"""What the application of the show has asked, and what it saw of each answer."""

from dataclasses import dataclass
from enum import StrEnum

NONE = "none"
"""What the gateway calls the tier of what nobody answered."""


class Ending(StrEnum):
    """How a request ended, as the application sees it."""

    OK = "ok"
    """The whole answer."""
    CUT = "cut"
    """A stream that ended in an explicit error after it had begun."""
    SILENT = "silent"
    """An answer that ended early without a word: what must never happen."""
    REFUSED = "refused"
    """An error status."""
    LOST = "lost"
    """No answer at all."""


FAILED = frozenset({Ending.SILENT, Ending.REFUSED, Ending.LOST})
"""Endings that the show promises not to happen."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request, and what became of it. Times are monotonic seconds."""

    team: str
    streaming: bool
    started_s: float
    first_s: float | None = None
    ended_s: float | None = None
    ending: Ending = Ending.LOST
    tier: str = NONE
    attempts: int = 0
    age_s: int | None = None
    """`age` of an answer from the cache."""
    pieces: int = 0
    """Pieces of text that arrived."""
    text: str = ""
    finished: bool = False
    """Whether the answer named a reason for its end."""
    input_tokens: int = 0
    output_tokens: int = 0
    why: str = ""
    """The error, where there was one."""
    code: str = ""

    @property
    def first_word_s(self) -> float | None:
        """Seconds from the request to its first text."""
        return None if self.first_s is None else self.first_s - self.started_s
