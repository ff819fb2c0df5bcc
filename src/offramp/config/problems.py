"""What can be wrong with a configuration: one line each, with file, line, column and path, and all of them at once."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offramp.errors import ConfigError

KeyPath = tuple[str | int, ...]

MAX_SHOWN = 50
"""Problems that a message lists; a file with more has one cause."""
MAX_KEPT = 200
"""Problems that are looked for; then it is enough."""

LONGEST_SHOWN = 60
"""Characters of a name or a value that a message shows."""
_FEW = 8
"""So many names are listed beside the one that was probably meant."""

_MANY = 20
"""More names are not listed at all."""
_COMPARED = 200
"""So many names are compared with a wrong one: each comparison takes some 20 microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in a text, both counted from one."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: where, and what was expected."""

    source: str
    """File, or `environment`, or `command line`."""
    text: str
    """What was expected, what is there, what to do."""
    place: Place | None = None
    path: KeyPath = ()
    """Keys that lead to it."""

    def __str__(self) -> str:
        """`offramp.yaml:12:7: routes.chat.tiers[0].upstream: …`."""
        where = self.source if self.place is None else f"{self.source}:{self.place.line}:{self.place.column}"
        return ": ".join(part for part in (where, dotted(self.path), self.text) if part)


class SettingsError(ConfigError):
    """A configuration that cannot be used, with every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Say them all, in the order of the file."""
        self.problems = tuple(sorted(problems, key=_order))
        shown = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            shown.append(f"… and {len(self.problems) - MAX_SHOWN} more")
        if len(shown) > 1:
            many = f"{len(self.problems)} things" if len(self.problems) < MAX_KEPT else f"{MAX_KEPT} things or more"
            shown.insert(0, f"{many} are wrong in the configuration:")
        super().__init__("\n".join(shown))


def _order(problem: Problem) -> tuple[int, int]:
    return (0, 0) if problem.place is None else (problem.place.line, problem.place.column)


def dotted(path: KeyPath) -> str:
    """`routes.chat.tiers[0].upstream`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = shortened(step)
            text += f".{name}" if text else name
    return text


def shortened(text: str) -> str:
    """A text from a file as a message may show it: one line, not too long, nothing that a terminal acts on."""
    plain = "".join(character if character.isprintable() else "?" for character in text[:LONGEST_SHOWN])
    return plain if len(text) <= LONGEST_SHOWN else f"{plain[:-1]}…"


def did_you_mean(wrong: str, known: Iterable[str], *, label: str = "known") -> str:
    """`did you mean 'local'?`, else the list of what is known."""
    choices = [shortened(choice) for choice in known]
    more = ", …" if len(choices) > _MANY else ""
    listed = f"{label}: {', '.join(choices[:_MANY]) or 'none'}{more}"
    close = difflib.get_close_matches(shortened(wrong), choices[:_COMPARED], n=1, cutoff=0.6)
    if not close:
        return listed
    return f"did you mean '{close[0]}'?" + (f" ({listed})" if len(choices) <= _FEW else "")
