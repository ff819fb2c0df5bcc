"""BAML files: clients and what bounds their waiting."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.rule import finding, line_span
from offramp.migrate.scan.rules.words.models import BAML_WAITS

_CLIENT = re.compile(r"^[ \t]*client\s*<\s*llm\s*>\s*(?P<name>\w+)\s*\{", re.MULTILINE)
_PROVIDER = re.compile(r"^\s*provider\s+[\"']?(?P<provider>[\w-]+)", re.MULTILINE)
_STRATEGIES = frozenset({"fallback", "round-robin"})
_TIMEOUT = re.compile(r"\b(connect|time_to_first_token|idle|request|total)_timeout_ms\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A client's block."""

    name: str
    provider: str
    start: int
    """Where it begins in the text."""
    end: int
    """Where its last brace ends."""


def clients(text: str) -> Iterator[Block]:
    """The clients of a file, strategies left out."""
    for match in _CLIENT.finditer(text):
        end = closing(text, match.end())
        provider = _PROVIDER.search(text, match.end(), end)
        name = provider["provider"] if provider else ""
        if name and name not in _STRATEGIES:
            yield Block(name=match["name"], provider=name, start=match.start(), end=end)


def closing(text: str, position: int) -> int:
    """Behind the brace that closes the block whose inside begins at `position`; the text's end without one."""
    depth, quoted = 1, ""
    for index in range(position, len(text)):
        character = text[index]
        if quoted:
            quoted = "" if character in {quoted, "\n"} else quoted
        elif character == '"':
            quoted = character
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return index + 1
    return len(text)


def check(source: Source) -> Iterator[Finding]:
    """Clients without any timeout."""
    if not source.path.endswith(".baml"):
        return
    waiting = [block for block in clients(source.text) if not _TIMEOUT.search(source.text, block.start, block.end)]
    if waiting:
        number = source.text.count("\n", 0, waiting[0].start) + 1
        names = ", ".join(f"`{block.name}`" for block in waiting[:3])
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        message = f"{names}{more}: BAML's timeouts are infinite unless the options' `http` sets them"
        yield finding(BAML_WAITS, source, line_span(source.text, number), message)
