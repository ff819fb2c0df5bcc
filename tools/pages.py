"""Writes the pages that are made from the code: commands, configuration, the guides' figures worked out again.

python -m tools.pages [--check]
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from offramp.cli.table import COMMANDS
from offramp.config.schema import json_schema
from tools.guides.page import page as guides_rechecked

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made by `make docs`; what it says is changed in the code. -->"
WIDTH = 100
LARGEST_BOUND = 100_000
"""Bounds above it only keep absurd numbers out and are not worth a reader's time."""

INTRODUCTION = """\
Every key of `offramp.yaml`. Only `upstreams` is needed. `offramp config check` says what is wrong, all of it, with line
and column; `offramp config schema` prints the JSON Schema for an editor. `${NAME}` and `env:NAME` stand for an
environment variable (also from a `.env` beside the file), `file:PATH` for the content of a file. Sizes may be written
`32MiB`.
"""

Schema = Mapping[str, Any]


def commands() -> str:
    """`docs/commands.md`: what `--help` says of each command that exists."""
    names = [name for name, command in COMMANDS.items() if importlib.util.find_spec(command.module)]
    sections = [f"# Commands\n\n{MADE}\n", _help_block()]
    for name in names:
        sections.append(f"## {name}\n")
        sections.append(_help_block(name))
        for sub in _subcommands(_help(name)):
            sections.append(f"### {name} {sub}\n")
            sections.append(_help_block(name, sub))
    return "\n".join(sections)


def _help_block(*words: str) -> str:
    return f"```text\n{_help(*words)}```\n"


def _help(*words: str) -> str:
    """The help text at a fixed width, without colours."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "offramp", *words, "--help"]
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def _subcommands(text: str) -> list[str]:
    _, _, listed = text.partition("\nCommands:\n")
    return re.findall(r"^  (\w[\w-]*)", listed, re.MULTILINE)


def configuration() -> str:
    """`docs/configuration.md`: every key with its kind, its default and its meaning, part by part."""
    schema: Schema = json_schema()
    sections = [f"# Configuration\n\n{MADE}\n\n{INTRODUCTION}"]
    for path, part in _parts(schema):
        sections.append(f"## `{path}`\n" if path else "## The file\n")
        sections.append(f"{part['description']}\n")
        sections.append(_table(part, _places(schema)))
    return "\n".join(sections)


def _parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every mapping of the file with the place it has there, outer ones first."""
    yield "", schema
    for name, path in _places(schema).items():
        yield path, schema["$defs"][name]


def _places(schema: Schema) -> dict[str, str]:
    """For each named part that is a mapping the first place it stands at."""
    places: dict[str, str] = {}
    waiting: list[tuple[str, Schema]] = [("", schema)]
    while waiting:
        path, part = waiting.pop(0)
        for key, value in part.get("properties", {}).items():
            for name, suffix in _references(value):
                inner = schema["$defs"][name]
                if name not in places and "properties" in inner:
                    place = f"{path}.{key}{suffix}".lstrip(".")
                    waiting.append((place, inner))
                    places[name] = place if place not in places.values() else f"{place} {_words(name)}"
    return places


def _words(name: str) -> str:
    """`CacheTier` tells itself from another kind of tier as `(cache tier)`."""
    return f"({re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()})"


def _references(value: Schema, suffix: str = "") -> Iterator[tuple[str, str]]:
    """The named parts a key may hold, with what stands between: nothing, `.NAME` of a mapping or `[]` of a list."""
    if "$ref" in value:
        yield value["$ref"].rpartition("/")[2], suffix
    for choice in (*value.get("anyOf", ()), *value.get("oneOf", ())):
        yield from _references(choice, suffix)
    if isinstance(value.get("items"), Mapping):
        yield from _references(value["items"], f"{suffix}[]")
    if isinstance(value.get("additionalProperties"), Mapping):
        yield from _references(value["additionalProperties"], f"{suffix}.NAME")


def _table(part: Schema, places: Mapping[str, str]) -> str:
    required = part.get("required", ())
    lines = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    for key, value in part.get("properties", {}).items():
        default = "needed" if key in required else _default(value)
        meaning = value.get("description", "").replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{key}` | {_kind(value, places)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(value: Schema) -> str:
    default = value.get("default")
    if default is None or isinstance(default, dict):
        return ""
    if default == []:
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _kind(value: Schema, places: Mapping[str, str]) -> str:
    """What may stand there, in words."""
    if "$ref" in value:
        return _kind_of_part(value["$ref"].rpartition("/")[2], places)
    choices = [choice for choice in (*value.get("anyOf", ()), *value.get("oneOf", ())) if choice.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(_kind(choice, places) for choice in choices))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{choice}`" for choice in value.get("enum", [value.get("const")]))
    if isinstance(value.get("items"), Mapping):
        return f"list of {_kind(value['items'], places)}"
    if isinstance(value.get("additionalProperties"), Mapping):
        return f"by name: {_kind(value['additionalProperties'], places)}"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}
    secret = "secret" if value.get("format") == "password" else words.get(value.get("type", ""), "anything")
    return secret + _bounds(value)


def _kind_of_part(name: str, places: Mapping[str, str]) -> str:
    if name not in places:
        choices = json_schema()["$defs"][name].get("enum", ())
        return ", ".join(f"`{choice}`" for choice in choices) or "text"
    anchor = re.sub(r"[^\w\- ]", "", places[name].lower()).replace(" ", "-")
    return f"[`{places[name]}`](#{anchor})"


def _bounds(value: Schema) -> str:
    least, most = value.get("minimum", value.get("exclusiveMinimum")), value.get("maximum")
    words = []
    if least is not None:
        words.append(f"{'above' if 'exclusiveMinimum' in value else 'from'} {least:g}")
    if most is not None and most <= LARGEST_BOUND:
        words.append(f"to {most:g}")
    return f" {' '.join(words)}" if words else ""


PAGES = {"commands.md": commands, "configuration.md": configuration, "the-guides-rechecked.md": guides_rechecked}


def main() -> None:
    """Write the pages, or say which ones are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; leave with 1 if a page is stale")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'nothing'}")
    sys.exit(1 if stale and check else 0)


if __name__ == "__main__":
    main()
