"""What a rule is: its words, and the examples that show it at work."""

from dataclasses import dataclass

from offramp.migrate.scan.model import Finding, Level, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A file, or the part of it that matters, which a rule speaks about or stays quiet on."""

    path: str
    """Its name decides how it is read: `app.py`, `app.ts`, `cerebrium.toml` …"""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: what its page says, and what the tests run through it."""

    id: str
    """Such as `OFF012`; it never changes and is never given to another rule."""
    title: str
    """The defect in a few words, without a full stop."""
    level: Level
    """What a finding is unless the check knows better."""
    why: str
    """What it does to those who use the code."""
    mend: str
    """What to do instead."""
    bad: tuple[Example, ...]
    """At least one; each has a finding of this rule."""
    good: tuple[Example, ...]
    """At least one; none has a finding of this rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a file; lines and columns count from 1, the end is behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def finding(rule: Rule, source: Source, span: Span, message: str, *, level: Level | None = None) -> Finding:
    """What a rule says about a place in a file."""
    return Finding(
        rule=rule.id,
        level=level or rule.level,
        message=message,
        file=source.path,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
    )


def line_span(text: str, number: int, found: str = "") -> Span:
    r"""The stretch of `found` in line `number` of a text, or that of the whole line without its indentation.

    >>> line_span("a\n  b = 1\n", 2, "1")
    Span(line=2, column=7, end_line=2, end_column=8)
    """
    lines = text.split("\n")
    line = lines[number - 1].rstrip("\r") if number <= len(lines) else ""
    start = line.find(found) if found else len(line) - len(line.lstrip())
    start = max(start, 0)
    end = start + len(found) if found else len(line.rstrip())
    return Span(line=number, column=start + 1, end_line=number, end_column=max(end, start + 1) + (not line.strip()))
