"""Which libraries of the field a project asks for, in which version: from the files in which projects say so."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from offramp.migrate.scan.model import Package, Source
from offramp.migrate.scan.text.installs import LOCKS, installed, locked
from offramp.migrate.scan.text.parses import toml

_OF_INTEREST = re.compile(
    r"openai|langchain|llama-?index|^instructor$|pydantic-ai|litellm|^dspy|^ai$|^@ai-sdk/|^@langchain/|crewai|autogen|ag2$|"
    r"semantic-kernel|haystack|^agno$|phidata|mirascope|magentic|^httpx2?$|^vllm$|tiktoken|smolagents|baml|^mem0ai$|portkey"
)
_REQUIREMENT = re.compile(
    r"^\s*[\"']?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?P<version>(?:[=<>!~]=?=?\s*[^=<>!~;#\s\"',]+\s*,?\s*)*)"
)
_INSTALLING = ("dockerfile", "containerfile", "makefile", "justfile")
_WORD = re.compile(r"[\"'](?P<text>[A-Za-z0-9@][^\"'\n]{0,200})[\"']")


def packages_of(source: Source) -> list[Package]:
    """What one file asks for; empty for files that ask for nothing."""
    name = source.path.rpartition("/")[2].lower()
    reader = _READERS.get(name)
    if reader is None and name.endswith((".txt", ".in")):
        reader = _lines
    if name in LOCKS:
        reader = partial(locked, name)
    elif (reader is None and name.startswith(_INSTALLING)) or (
        reader is None and name.endswith((".sh", ".bash", ".dockerfile"))
    ):
        reader = installed
    if reader is None:
        return []
    try:
        asked = list(reader(source.text))
    except (ValueError, RecursionError, AttributeError, TypeError):
        # A description that is not what its name says is no source of versions; its own tools will complain.
        return []
    found = {(wanted, version): None for wanted, version in asked if _OF_INTEREST.search(wanted)}
    return [
        Package(name=wanted, version=version, file=source.path, line=_line(source.text, wanted))
        for wanted, version in found
    ]


def _line(text: str, name: str) -> int:
    at = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)
    return text.count("\n", 0, at.start()) + 1 if at else 1


def _requirement(text: str) -> Iterator[tuple[str, str]]:
    found = _REQUIREMENT.match(text)
    if found:
        yield found["name"].lower().replace("_", "-"), found["version"].strip().rstrip(",")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        yield from _requirement(line.removeprefix("  - ").removeprefix("- "))


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Of Python code: every text that reads as a requirement."""
    for word in _WORD.finditer(text):
        yield from _requirement(word["text"])


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    document: dict[str, Any] = toml(text)
    project = document.get("project", {})
    lists = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    lists += document.get("dependency-groups", {}).values()
    for each in lists:
        for wanted in each:
            if isinstance(wanted, str):
                yield from _requirement(wanted)
    poetry = document.get("tool", {}).get("poetry", {})
    groups = [poetry, *poetry.get("group", {}).values()]
    for group in groups:
        yield from _table(group.get("dependencies", {}))


def _pipfile(text: str) -> Iterator[tuple[str, str]]:
    document: dict[str, Any] = toml(text)
    for section in ("packages", "dev-packages"):
        yield from _table(document.get(section, {}))


def _table(wanted: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, version in wanted.items():
        written = version.get("version", "") if isinstance(version, dict) else version
        yield name.lower(), written if isinstance(written, str) and written != "*" else ""


def _package_json(text: str) -> Iterator[tuple[str, str]]:
    document = msgspec.json.decode(text)
    for section in ("dependencies", "devDependencies", "peerDependencies"):
        yield from _table(document.get(section) or {})


_READERS: dict[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "pyproject.toml": _pyproject,
    "pipfile": _pipfile,
    "package.json": _package_json,
    "environment.yml": _lines,
    "environment.yaml": _lines,
    "setup.py": _words,
    "setup.cfg": _lines,
}
