"""Files that say which libraries are installed: versions of openai that do not start."""

import re
from collections.abc import Iterator

from offramp.migrate.scan.model import Finding, Project, Source
from offramp.migrate.scan.rules.rule import finding, line_span
from offramp.migrate.scan.rules.words.calls import OLD_OPENAI

_FILES = re.compile(
    r"(^|/)([\w.-]*(requirements|constraints)[\w.-]*\.(txt|in)|requirements/[\w.-]+\.(txt|in)|pyproject\.toml|Pipfile|"
    r"setup\.(py|cfg)|environment\.ya?ml|cerebrium\.toml|[\w.-]*Dockerfile[\w.-]*|[\w.-]+\.sh)$"
)
_OPENAI = re.compile(
    r"""(?<![\w./@-])["']?openai(?:\[[\w,\s]*\])?["']?\s*(?:=\s*(?:\{\s*version\s*=\s*)?["'])?"""
    r"""(?P<spec>(?:[=<>~!^]=?=?\s*|(?<=["']))\d[\w.*]*(?:\s*,\s*[=<>~!]=?\s*\d[\w.*]*)*)"""
)
_HTTPX = re.compile(
    r"""(?<![\w./@-])["']?httpx(?:\[[\w,\s]*\])?["']?\s*(?:=\s*(?=["']))?["']?(?P<spec>[=<>~!^][^"'\n;#]*|(?<=["'])\d[\w.]*)"""
)
_PART = re.compile(r"(?P<sign>[=<>~!^]=?=?)?\s*(?P<version>\d[\w.*]*)")

_FIRST = (1, 0, 0)
"""Before it the library used requests."""
_MENDED = (1, 55, 3)
"""Source: https://github.com/openai/openai-python/blob/main/CHANGELOG.md, 1.55.3 (2024-11-28)."""
_HTTPX_BREAKS = (0, 28, 0)


def check(source: Source, *, project: Project) -> Iterator[Finding]:
    """Pins of openai below 1.55.3 beside which nothing holds httpx below 0.28."""
    if "openai" not in source.text or not _FILES.search(source.path):
        return
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _OPENAI.search(line.partition("#")[0])
        if match is None or not _only_old(match["spec"]):
            continue
        if _holds_httpx(source.text) or any(_holds_httpx(text) for text in _beside(source, project)):
            continue
        message = (
            f"openai {match['spec'].strip()} fails with httpx 0.28, which nothing here keeps out: ask for >=1.55.3"
        )
        yield finding(OLD_OPENAI, source, line_span(source.text, number, match.group()), message)


def _only_old(spec: str) -> bool:
    """Whether every version that a specification allows is one that fails."""
    parts = [(match["sign"] or "==", _version(match["version"]), match["version"]) for match in _PART.finditer(spec)]
    for sign, version, written in parts:
        if sign in {"==", "==="} and "*" not in written and _FIRST <= version < _MENDED:
            return True
        if sign == "==" and "*" in written and version >= _FIRST and version[:2] < _MENDED[:2]:
            return True
        if sign in {"<", "<="} and version > _FIRST and (version <= _MENDED if sign == "<" else version < _MENDED):
            return True
        if sign == "~=" and written.count(".") == 2 and version >= _FIRST and version[:2] < _MENDED[:2]:
            return True
    return False


def _holds_httpx(text: str) -> bool:
    """Whether a file keeps httpx below 0.28."""
    for match in _HTTPX.finditer(text):
        for part in _PART.finditer(match["spec"]):
            sign, version = part["sign"] or "==", _version(part["version"])
            if sign in {"==", "===", "~=", "^", "<="} and version < _HTTPX_BREAKS:
                return True
            if sign == "<" and version <= _HTTPX_BREAKS:
                return True
    return False


def _beside(source: Source, project: Project) -> Iterator[str]:
    """The other lists of libraries in the same folder."""
    folder = source.path.rpartition("/")[0]
    for path, other in project.sources.items():
        if path != source.path and path.rpartition("/")[0] == folder and _FILES.search(path):
            yield other.text


def _version(text: str) -> tuple[int, int, int]:
    numbers = [int(each) for each in re.findall(r"\d+", text)[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch
