"""What a line of the chat means: a question, or a command that begins with a slash. No I/O here."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from offramp.errors import UsageError

COMMANDS = {
    "model": ("[NAME]", "ask another model; without a name: which there are"),
    "upstream": ("[NAME|URL]", "ask somebody else; without a name: who there is"),
    "compare": ("NAME [NAME]", "ask two upstreams the same, side by side; `/compare off` ends it"),
    "system": ("[TEXT]", "set the instruction that goes before everything; without a text: none"),
    "retry": ("", "ask the question that failed once more"),
    "clear": ("", "begin a new conversation"),
    "save": ("[FILE]", "write the conversation to a file (.md or .json)"),
    "help": ("", "this list"),
    "quit": ("", "leave; so do exit, bye and Ctrl-D"),
}
"""Every command: what follows it, and what it does."""

_LEAVING = frozenset({"quit", "exit", "bye", "/quit", "/exit", "/bye", "/q"})


@dataclass(frozen=True, slots=True)
class Question:
    """To be asked."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """To be done."""

    name: str
    """One of `COMMANDS`."""
    words: tuple[str, ...] = ()
    rest: str = ""
    """Everything after the name, as it was written."""


def read_line(line: str) -> Question | Command | None:
    """What a line means; `None` if it is empty.

    Two slashes at the beginning make a question that begins with one.

    Raises:
        UsageError: If there is no such command.
    """
    text = line.strip()
    if not text:
        return None
    if text.lower() in _LEAVING:
        return Command("quit")
    if not text.startswith("/"):
        return Question(text)
    if text.startswith("//"):
        return Question(text[1:])
    name, _, rest = text[1:].partition(" ")
    rest = rest.strip()
    if name.lower() not in COMMANDS:
        close = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
        hint = f"did you mean /{close[0]}?" if close else "/help lists them"
        raise UsageError(f"there is no command /{name}; {hint}")
    return Command(name.lower(), tuple(rest.split()), rest)


def overview() -> list[tuple[str, str]]:
    """The rows of `/help`."""
    return [(f"/{name} {what}".strip(), meaning) for name, (what, meaning) in COMMANDS.items()]


def nobody(name: str, known: Iterable[str]) -> str:
    """What to say of somebody who cannot be asked."""
    return f"nobody is called {name!r}; there are: {', '.join(known)}"
