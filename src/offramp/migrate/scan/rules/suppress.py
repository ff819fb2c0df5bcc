"""Comments that silence a rule on a line: `# offramp: ignore[OFF012]`, or `//` where the language has that."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from offramp.migrate.scan.model import Finding, Source

_COMMENT = re.compile(r"(?:#|//|/\*|<!--)\s*offramp:\s*ignore\[(?P<rules>[A-Z0-9,\s]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """Findings that stand, and those that a comment silences."""

    kept: list[Finding]
    silenced: list[Finding]


def sift(findings: Iterable[Finding], sources: Mapping[str, Source]) -> Sifted:
    """Part the findings by the comments in their files.

    A comment speaks for its own line, or, if it has a line for itself, for the next line with code. A finding over
    several lines is silenced by a comment on its first line, on the line above, or on its last line.

    Args:
        findings: Of any number of files.
        sources: The files by path; a finding of a file that is not there is kept.
    """
    known: dict[str, dict[int, frozenset[str]]] = {}
    kept: list[Finding] = []
    silenced: list[Finding] = []
    for each in findings:
        if each.file not in known:
            source = sources.get(each.file)
            known[each.file] = _comments(source.text) if source else {}
        lines = known[each.file]
        rules = lines.get(each.line, frozenset()) | lines.get(each.end_line, frozenset())
        (silenced if each.rule in rules else kept).append(each)
    return Sifted(kept=kept, silenced=silenced)


def _comments(text: str) -> dict[int, frozenset[str]]:
    """For each line the rules that are silenced on it."""
    if "offramp:" not in text:
        return {}
    found: dict[int, frozenset[str]] = {}
    waiting: frozenset[str] = frozenset()
    for number, line in enumerate(text.split("\n"), 1):
        rules, alone = _rules(line)
        if alone:
            waiting |= rules
        elif line.strip():
            if rules or waiting:
                found[number] = rules | waiting
            waiting = frozenset()
    return found


def _rules(line: str) -> tuple[frozenset[str], bool]:
    """The rules that a line's comment names, and whether the line holds nothing else."""
    match = _COMMENT.search(line)
    if match is None:
        return frozenset(), False
    return frozenset(re.findall(r"OFF\d{3}", match["rules"])), not line[: match.start()].strip()
