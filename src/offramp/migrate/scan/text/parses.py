"""Whether configuration is what its name says: YAML, TOML, JSON."""

import re
import tomllib
from collections.abc import Callable

import msgspec
import yaml

from offramp.migrate.scan.model import Problem, Source

_AT_LINE = re.compile(r"at line (?P<line>\d+)")
_AT_BYTE = re.compile(r"byte (?P<byte>\d+)")
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{\{")
"""Marks of templates, which become YAML or JSON only once they are filled in."""
_COMMENTED_JSON = ("tsconfig", "jsconfig", ".jsonc", ".json5", ".vscode/", "devcontainer", ".eslintrc", "settings.json")
_LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


DEEPEST = 100
"""Deepest nesting of a YAML file that is read: the library's C code ends the process on very deep ones."""
MOST_PARTS = 64
"""Most parts of a name in a TOML file: the standard library's reader takes time in their square."""


def documents(source: Source) -> list[yaml.Node]:
    """The documents of a YAML file.

    Raises:
        yaml.YAMLError: If it is none, or is nested deeper than `DEEPEST`.
    """
    depth = 0
    for event in yaml.parse(source.text, Loader=_LOADER):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {DEEPEST}")
    return list(yaml.compose_all(source.text, Loader=_LOADER))


def toml(text: str) -> dict[str, object]:
    """A TOML file's content.

    Raises:
        ValueError: If it is none, or has a name of more than `MOST_PARTS` parts.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MOST_PARTS and line.partition("=")[0].count(".") > MOST_PARTS:
            raise ValueError(f"a name of more than {MOST_PARTS} parts (at line {number})")
    return tomllib.loads(text)


def problem_of(source: Source) -> Problem | None:
    """Why a file is not what its name says; `None` if it is, or is a template."""
    ending = source.path.rpartition(".")[2].lower()
    check = _CHECKS.get(ending)
    if check is None or _TEMPLATE.search(source.text):
        return None
    try:
        line = check(source)
    except RecursionError:
        return Problem(file=source.path, line=0, message="nested too deeply; its settings are read line by line")
    if line is None:
        return None
    message = f"is not {ending.upper()} from this line on; its settings are read line by line"
    return Problem(file=source.path, line=line, message=message)


def _yaml(source: Source) -> int | None:
    try:
        documents(source)
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark is not None else 1
    except (yaml.YAMLError, ValueError):
        return 1
    return None


def _toml(source: Source) -> int | None:
    try:
        toml(source.text)
    except ValueError as error:
        at = _AT_LINE.search(str(error))
        return int(at["line"]) if at else 1
    return None


def _json(source: Source) -> int | None:
    if any(mark in source.path for mark in _COMMENTED_JSON):
        return None
    content = source.text.encode("utf-8", "replace")
    try:
        msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        at = _AT_BYTE.search(str(error))
        return content.count(b"\n", 0, int(at["byte"])) + 1 if at else 1
    return None


_CHECKS: dict[str, Callable[[Source], int | None]] = {"yaml": _yaml, "yml": _yaml, "toml": _toml, "json": _json}
