"""Findings as SARIF 2.1.0, the form that code scanning reads.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub needs of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from offramp.migrate.scan.model import Finding, Problem, Source
from offramp.migrate.scan.rules.pages import markdown_help
from offramp.migrate.scan.rules.rule import Rule
from offramp.migrate.scan.rules.table import TABLE

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
"""What addresses are relative to: the root of the checkout, by the name that code scanning gives it."""

_SEVERITY = {"error": "8.0", "warning": "5.0", "note": "2.0"}
_OPEN_TO_OTHERS = frozenset({"OFF040", "OFF046", "OFF049", "OFF056", "OFF060", "OFF070", "OFF073"})
"""Rules about what others can read, use or take; code scanning lists these as security."""
_FINGERPRINT = "primaryLocationLineHash"
"""The one fingerprint that GitHub compares between two scans."""

Json = dict[str, Any]


def sarif(
    findings: Sequence[Finding],
    *,
    sources: Mapping[str, Source],
    version: str,
    silenced: Sequence[Finding] = (),
    problems: Sequence[Problem] = (),
    prefix: str = "",
) -> Json:
    """A SARIF log with one run.

    Args:
        findings: What stands.
        sources: The files by path, for fingerprints that survive a shift of lines.
        version: Of offramp.
        silenced: Findings that a comment in the code silences; the log carries them as suppressed.
        problems: What could not be read.
        prefix: Of the scanned folder below the root of the checkout, such as `services/chat`.
    """
    rules = list(TABLE.values())
    results = _Results(sources=sources, places={rule.id: index for index, rule in enumerate(rules)}, prefix=prefix)
    driver = {"name": "offramp", "semanticVersion": version, "rules": [_rule(rule) for rule in rules]}
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the checkout."}}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(each, prefix) for each in problems],
            }
        ],
        "results": list(results.of(findings, silenced=silenced)),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> Json:
    tags = ["llm", "security"] if rule.id in _OPEN_TO_OTHERS else ["llm"]
    properties: Json = {"tags": tags, "precision": "high", "problem.severity": _problem_severity(rule)}
    if rule.id in _OPEN_TO_OTHERS:
        properties["security-severity"] = _SEVERITY[rule.level]
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nWhat to do: {rule.mend}", "markdown": markdown_help(rule)},
        "defaultConfiguration": {"level": rule.level},
        "properties": properties,
    }


def _problem_severity(rule: Rule) -> str:
    return "recommendation" if rule.level == "note" else rule.level


def _notification(problem: Problem, prefix: str) -> Json:
    location: Json = {"artifactLocation": _artifact(problem.file, prefix)}
    if problem.line:
        location["region"] = {"startLine": problem.line}
    return {
        "level": "warning",
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": location}],
    }


def _artifact(path: str, prefix: str) -> Json:
    whole = f"{prefix.strip('/')}/{path}" if prefix.strip("/") else path
    return {"uri": quote(whole, safe="/", errors="surrogateescape"), "uriBaseId": ROOT}


class _Results:
    """Makes results, counting lines that say the same."""

    def __init__(self, *, sources: Mapping[str, Source], places: Mapping[str, int], prefix: str) -> None:
        self._sources = sources
        self._places = places
        self._prefix = prefix
        self._lines: dict[str, list[str]] = {}

    def of(self, findings: Sequence[Finding], *, silenced: Sequence[Finding]) -> Iterator[Json]:
        """All results in the order of files and lines; those in `silenced` are marked."""
        quiet = set(map(id, silenced))
        seen: Counter[str] = Counter()
        for each in sorted([*findings, *silenced], key=lambda one: (one.file, one.line, one.column, one.rule)):
            result = self._result(each)
            text = self._line_hash(each)
            seen[each.file + text] += 1
            result["partialFingerprints"] = {_FINGERPRINT: f"{text}:{seen[each.file + text]}"}
            if id(each) in quiet:
                result["suppressions"] = [{"kind": "inSource"}]
            yield result

    def _result(self, each: Finding) -> Json:
        region = {
            "startLine": each.line,
            "startColumn": each.column,
            "endLine": each.end_line,
            "endColumn": each.end_column,
        }
        location = {"artifactLocation": _artifact(each.file, self._prefix), "region": region}
        result: Json = {
            "ruleId": each.rule,
            "level": each.level,
            "message": {"text": each.message},
            "locations": [{"physicalLocation": location}],
        }
        if each.rule in self._places:
            result["ruleIndex"] = self._places[each.rule]
        if each.site:
            result["properties"] = {"site": each.site}
        return result

    def _line_hash(self, each: Finding) -> str:
        """A hash of the rule and the line's words: the same after lines were added above it or it was indented."""
        if each.file not in self._lines:
            source = self._sources.get(each.file)
            self._lines[each.file] = source.text.split("\n") if source else []
        lines = self._lines[each.file]
        line = lines[each.line - 1] if 0 < each.line <= len(lines) else ""
        text = "\0".join((each.rule, " ".join(line.split())))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
