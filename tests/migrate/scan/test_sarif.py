"""SARIF as code scanning reads it: the shape of the standard, places, fingerprints, suppressions."""

import re
from collections.abc import Sequence
from typing import Any

import jsonschema
import msgspec
import pytest

from offramp.migrate.scan.model import Finding, Problem, Source
from offramp.migrate.scan.rules.rule import Rule
from offramp.migrate.scan.rules.table import TABLE
from offramp.migrate.scan.sarif import ROOT, sarif

CODE = "a = 1\ntokens = len(text) // 4\ntokens = len(text) // 4\n"

LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri", "uriBaseId"],
                    "properties": {"uri": {"type": "string", "pattern": r"^(?!/)[\w./~%-]+$"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": {
                        name: {"type": "integer", "minimum": 1}
                        for name in ("startLine", "startColumn", "endLine", "endColumn")
                    },
                    "additionalProperties": False,
                },
            },
        }
    },
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration"],
    "properties": {
        "shortDescription": TEXT,
        "fullDescription": TEXT,
        "help": {**TEXT, "required": ["text", "markdown"]},
        "defaultConfiguration": {"properties": {"level": LEVEL}, "additionalProperties": False, "type": "object"},
        "properties": {"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": True}}},
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION, "minItems": 1},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "suppressions": {"type": "array", "items": {"required": ["kind"], "type": "object"}},
    },
    "additionalProperties": True,
}
ESSENTIAL = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": {"type": "string", "pattern": r"sarif-schema-2\.1\.0\.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "semanticVersion", "rules"],
                                "properties": {"rules": {"type": "array", "items": RULE, "uniqueItems": True}},
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "originalUriBaseIds": {"type": "object", "minProperties": 1},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
    "additionalProperties": False,
}
"""What the published schema says of the parts that are used here, written down from the standard; the schema itself is
not shipped with the project."""


def _finding(line: int, *, file: str = "src/app.py", rule: str = "OFF012", site: str = "") -> Finding:
    return Finding(
        rule=rule,
        level="warning",
        message="characters divided by 4 are no tokens",
        file=file,
        line=line,
        column=10,
        end_line=line,
        end_column=24,
        site=site,
    )


def _log(
    *findings: Finding,
    code: str = CODE,
    silenced: Sequence[Finding] = (),
    problems: Sequence[Problem] = (),
    prefix: str = "",
) -> dict[str, Any]:
    sources = {"src/app.py": Source(path="src/app.py", text=code)}
    log = sarif(findings, sources=sources, version="1.2.3", silenced=silenced, problems=problems, prefix=prefix)
    return msgspec.json.decode(msgspec.json.encode(log), type=dict[str, Any])


def _results(log: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = log["runs"][0]["results"]
    return results


def _prints(log: dict[str, Any]) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in _results(log)]


def test_the_log_has_the_shape_that_the_standard_asks_for() -> None:
    """A log that is refused shows nothing at all."""
    log = _log(_finding(2), problems=[Problem(file="b.py", line=0, message="not UTF-8")])

    jsonschema.Draft202012Validator(ESSENTIAL).validate(log)


def test_a_log_without_findings_is_still_a_log() -> None:
    """It is what closes the alerts of the scan before."""
    log = _log()

    jsonschema.Draft202012Validator(ESSENTIAL).validate(log)
    assert _results(log) == []


def test_every_rule_is_described_and_found_by_its_index() -> None:
    """Code scanning takes title and help of a result from the place that the index names."""
    log = _log(_finding(2), _finding(3, rule="OFF070"))
    rules = log["runs"][0]["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == list(TABLE)
    assert [rules[result["ruleIndex"]]["id"] for result in _results(log)] == ["OFF012", "OFF070"]
    assert not any("helpUri" in rule for rule in rules)


def test_places_are_relative_to_the_checkout_and_escaped() -> None:
    """An address with a blank or from one machine's root leads nowhere."""
    log = _log(_finding(1, file="my app/größe.py"), prefix="services/chat/")
    place = _results(log)[0]["locations"][0]["physicalLocation"]

    assert place["artifactLocation"] == {"uri": "services/chat/my%20app/gr%C3%B6%C3%9Fe.py", "uriBaseId": ROOT}
    assert place["region"] == {"startLine": 1, "startColumn": 10, "endLine": 1, "endColumn": 24}
    assert ROOT in log["runs"][0]["originalUriBaseIds"]


def test_fingerprints_stay_when_lines_are_added_above_or_the_line_is_indented() -> None:
    """Otherwise each edit closes all alerts of a file and opens them anew."""
    before = _prints(_log(_finding(2), _finding(3)))
    shifted = "import os\n\n" + CODE.replace("tokens", "    tokens")

    assert _prints(_log(_finding(4), _finding(5), code=shifted)) == before


def test_fingerprints_tell_lines_apart_that_say_the_same() -> None:
    """Two findings with one fingerprint would be one alert."""
    prints = _prints(_log(_finding(2), _finding(3), _finding(3, rule="OFF011")))

    assert len(set(prints)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}:\d+", each) for each in prints)


def test_a_silenced_finding_is_carried_as_suppressed() -> None:
    """Then its alert is closed as dismissed in the source, and nobody asks where it went."""
    log = _log(_finding(2), silenced=[_finding(3)])

    assert [result.get("suppressions") for result in _results(log)] == [None, [{"kind": "inSource"}]]


def test_what_could_not_be_read_is_told() -> None:
    """A scan that skipped a file in silence looks like a clean one."""
    log = _log(problems=[Problem(file="b.py", line=7, message="does not parse")])
    told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]

    assert [each["message"]["text"] for each in told] == ["does not parse"]
    assert told[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.id)
def test_help_carries_the_page(rule: Rule) -> None:
    """Who sees an alert has no installed package at hand."""
    described = next(each for each in _log()["runs"][0]["tool"]["driver"]["rules"] if each["id"] == rule.id)

    assert rule.mend in described["help"]["text"]
    assert rule.bad[0].text in described["help"]["markdown"]
