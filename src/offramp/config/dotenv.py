"""Reads `.env` files: `NAME=value` lines, with `export`, comments, quotes and `${NAME}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from offramp.config.problems import Place, Problem, SettingsError

MAX_BYTES = 1 << 20
"""Longest file, in bytes."""

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\r\n]*")
_REST = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\r|\Z)")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DotEnv:
    """What a `.env` file says, and the lines that say nothing."""

    values: dict[str, str]
    ignored_lines: tuple[int, ...]
    """Lines, counted from one, that are neither blank, comment nor `NAME=value`."""


def read(content: bytes, source: str, env: Mapping[str, str]) -> DotEnv:
    """The assignments of a `.env` file; a name that stands twice has its last value.

    Args:
        content: The file.
        source: Its name, for messages.
        env: The environment; `${NAME}` in a value that is not in single quotes is looked up there first.

    Raises:
        SettingsError: If it is longer than `MAX_BYTES` or not UTF-8.
    """
    text = _decode(content, source)
    values: dict[str, str] = {}
    ignored: list[int] = []
    at = 0
    while at < len(text):
        if blank := _REST.match(text, at):
            at = blank.end()
            continue
        found = _assignment(text, at, {**values, **env})
        if found is None:
            ignored.append(text.count("\n", 0, at) + 1)
            at = _line_end(text, at)
        else:
            values[found.name] = found.value
            at = found.end
    return DotEnv(values=values, ignored_lines=tuple(ignored))


@dataclass(frozen=True, slots=True)
class _Assignment:
    name: str
    value: str
    end: int
    """Where the next line begins."""


def _assignment(text: str, at: int, known: Mapping[str, str]) -> _Assignment | None:
    name = _NAME.match(text, at)
    if name is None:
        return None
    if single := _SINGLE.match(text, name.end()):
        value, end = single[1], single.end()
    elif double := _DOUBLE.match(text, name.end()):
        value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), _expand(double[1], known))
        end = double.end()
    else:
        return _Assignment(name[1], _bare(text, name.end(), known), _line_end(text, name.end()))
    rest = _REST.match(text, end)
    return None if rest is None else _Assignment(name[1], value, rest.end())


def _bare(text: str, at: int, known: Mapping[str, str]) -> str:
    line = _BARE.match(text, at)
    return _expand(_COMMENT.sub("", line[0]).strip(), known) if line else ""


def _line_end(text: str, at: int) -> int:
    line = _BARE.match(text, at)
    end = line.end() if line else at
    return end + 2 if text.startswith("\r\n", end) else end + 1


def _decode(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise SettingsError([Problem(source=source, text=f"the file is longer than {MAX_BYTES} bytes")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = Place(line=line, column=error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1)
        raise SettingsError([Problem(source=source, text="the file is not UTF-8 text", place=place)]) from None


def _expand(text: str, known: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: known.get(found[1]) or found[2] or "", text)
