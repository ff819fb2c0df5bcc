"""YAML text -> plain values that remember line and column. No object is ever built from a tag.

Events of the parser are read one by one, so that depth and number of values are bounded before memory is used, doubled
keys are found, and aliases cannot blow up. Plain scalars follow YAML 1.2's core schema:
`on`, `no` and `12:30` are text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import yaml

from offramp.config.problems import MAX_KEPT, KeyPath, Place, Problem, SettingsError, shortened

MAX_BYTES = 1 << 20
"""Longest file, in bytes. A configuration with a thousand routes stays below 200 KB."""
MAX_VALUES = 100_000
"""Values in a file at most, aliases followed."""
MAX_DEPTH = 40
"""Deepest nesting, aliases followed. The schema needs eight."""

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?\d{1,60}|0o[0-7]{1,60}|0x[0-9a-fA-F]{1,60}")
_FLOAT = re.compile(r"[-+]?(\.\d{1,60}|\d{1,60}(\.\d{0,60})?)([eE][-+]?\d{1,5})?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_STRING_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


@dataclass(slots=True)
class Document:
    """The values of a file and where each of them stands."""

    source: str
    tree: Value = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    """Where a value stands."""
    key_places: dict[KeyPath, Place] = field(default_factory=dict)
    """Where its key stands."""
    written: dict[KeyPath, str] = field(default_factory=dict)
    """What is written there, for the texts in which a reference was resolved: messages never show the resolved text."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong and did not end the reading."""

    def place(self, path: KeyPath, *, key: bool = False) -> Place | None:
        """Where `path` stands, or the nearest mapping or list around it."""
        for length in range(len(path), -1, -1):
            known = self.key_places if key and length == len(path) else self.places
            if path[:length] in known:
                return known[path[:length]]
        return None

    def report(self, path: KeyPath, text: str, *, key: bool = False, at: Place | None = None) -> None:
        """Note a problem at `path`: at its value, at its key if `key`, or `at` a place.

        Raises:
            SettingsError: If it is one too many to go on.
        """
        if len(self.problems) >= MAX_KEPT:
            raise SettingsError(self.problems)
        place = at or self.place(path, key=key)
        self.problems.append(Problem(source=self.source, place=place, path=path, text=text))


Resolve = Callable[[str, KeyPath], str]
"""Replaces the references in a text; raises ValueError with what is wrong."""


@dataclass(frozen=True, slots=True)
class _Scalar:
    text: str
    plain: bool
    place: Place


@dataclass(frozen=True, slots=True)
class _List:
    items: list["_Node"]
    place: Place


@dataclass(frozen=True, slots=True)
class _Mapping:
    pairs: list[tuple[_Scalar, "_Node"]]
    place: Place


_Node = _Scalar | _List | _Mapping


def read(content: bytes, source: str, resolve: Resolve) -> Document:
    """The values of a YAML text.

    Raises:
        SettingsError: If it is too long, not UTF-8 or not YAML; lesser problems are noted in the document.
    """
    text = _decode(content, source)
    node = _Parser(text, source).document()
    document = Document(source=source)
    if node is not None:
        _Reader(document, resolve).read(node)
    return document


def _decode(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise _fatal(source, f"the file is longer than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise _fatal(source, "the file is not UTF-8 text from here on", _place_after(before)) from None
    found = _CONTROL.search(text)
    if found:
        reason = f"control character U+{ord(found[0]):04X} is not allowed"
        raise _fatal(source, reason, _place_after(text[: found.start()]))
    return text


def _place_after(before: str) -> Place:
    line_start = before.rfind("\n") + 1
    return Place(line=before.count("\n") + 1, column=len(before) - line_start + 1)


def _fatal(source: str, text: str, place: Place | None = None) -> SettingsError:
    return SettingsError([Problem(source=source, text=text, place=place)])


class _Parser:
    """Events -> nodes, with the depth bounded and aliases put in."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._anchors: dict[str, _Node] = {}
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)

    def document(self) -> _Node | None:
        """The one document of the file; `None` if there is none."""
        try:
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                return None
            node = self._node(self._next(), 0)
            self._next()
            after = self._next()
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except yaml.YAMLError as error:
            raise _fatal(self._source, f"not YAML: {error}") from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "a second document begins here; a configuration is one document")
        return node

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._error(event, f"alias *{shortened(event.anchor or '')} has no complete anchor before it")
            return self._anchors[event.anchor]
        node = self._collection(event, depth) or self._scalar(event)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _scalar(self, event: yaml.Event) -> _Scalar:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "expected a value")
        tag = event.tag
        if tag is not None and tag not in _STRING_TAGS:
            raise self._error(event, f"tags such as {shortened(tag)} are not supported")
        return _Scalar(event.value, plain=not event.style and tag is None, place=_place(event))

    def _collection(self, event: yaml.Event, depth: int) -> _Node | None:
        if not isinstance(event, yaml.CollectionStartEvent):
            return None
        if event.tag is not None and event.tag != "!":
            raise self._error(event, f"tags such as {shortened(event.tag)} are not supported")
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return _List(items, _place(event))
        pairs = []
        while not isinstance(inner := self._next(), yaml.MappingEndEvent):
            key = self._node(inner, depth + 1)
            if not isinstance(key, _Scalar):
                text = 'a key must be a word; a text that begins with { or [ needs quotes ("${NAME}")'
                raise self._error(inner, text)
            pairs.append((key, self._node(self._next(), depth + 1)))
        return _Mapping(pairs, _place(event))

    def _error(self, event: yaml.Event, text: str) -> SettingsError:
        return _fatal(self._source, text, _place(event))

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> SettingsError:
        lines = self._text.splitlines()
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return _fatal(self._source, f"not YAML: {error.problem or error.context}")
        if mark.line >= len(lines) and error.context_mark:
            # The end of the file says nothing; what was never closed began here.
            mark = error.context_mark
        line = lines[mark.line] if mark.line < len(lines) else ""
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        place = Place(line=mark.line + 1, column=mark.column + 1)
        return _fatal(self._source, f"not YAML: {_printable(reason)}{_hint(reason, line)}", place)


def _printable(reason: str) -> str:
    return "".join(character for character in reason[:200] if character.isprintable())


def _hint(reason: str, line: str) -> str:
    """What most often causes such an error."""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in reason:
        return " (a tab: indent with spaces)"
    if "${" in line and "{" in line.replace("${", ""):
        return ' (between braces a reference needs quotes: "${NAME}")'
    if "mapping values are not allowed" in reason:
        return " (a text that holds `: ` needs quotes; else check the indentation)"
    if "cannot start any token" in reason:
        return " (a text that begins with %, @ or ` needs quotes)"
    if "block mapping" in reason or "expected ':'" in reason or "block collection" in reason:
        return " (check the indentation, and that the key ends in `:`)"
    return ""


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(line=mark.line + 1, column=mark.column + 1) if mark else Place(line=1, column=1)


class _Reader:
    """Nodes -> plain values, with places noted, doubled keys reported and references resolved."""

    def __init__(self, document: Document, resolve: Resolve) -> None:
        self._document = document
        self._resolve = resolve
        self._values = 0

    def read(self, node: _Node) -> None:
        """Fill the document."""
        self._document.tree = self._value(node, ())

    def _value(self, node: _Node, path: KeyPath) -> Value:
        self._count(node, depth=len(path))
        self._document.places[path] = node.place
        if isinstance(node, _Scalar):
            return self._scalar(node, path)
        if isinstance(node, _List):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._mapping(node, path)

    def _count(self, node: _Node, *, depth: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            reason = f"more than {MAX_VALUES} values or {MAX_DEPTH} levels, aliases followed"
            raise _fatal(self._document.source, reason, node.place)

    def _mapping(self, node: _Mapping, path: KeyPath, merged: int = 0) -> dict[str, Value]:
        self._count(node, depth=merged)
        found: dict[str, Value] = {}
        for key, value in node.pairs:
            if key.plain and key.text == "<<":
                continue
            inner = (*path, key.text)
            if key.text in found:
                first = self._document.key_places[inner]
                self._document.report(inner, f"the key stands twice (first in line {first.line})", at=key.place)
                continue
            self._document.key_places[inner] = key.place
            found[key.text] = self._value(value, inner)
        self._merge(node, path, found, merged)
        return found

    def _merge(self, node: _Mapping, path: KeyPath, found: dict[str, Value], merged: int) -> None:
        """Put in what `<<: *anchor` brings; keys that are written out win."""
        for key, value in node.pairs:
            if not (key.plain and key.text == "<<"):
                continue
            for source in value.items if isinstance(value, _List) else [value]:
                if not isinstance(source, _Mapping):
                    raise _fatal(self._document.source, "`<<` takes a mapping, such as *anchor", source.place)
                kept = [(k, v) for k, v in source.pairs if k.text not in found]
                found.update(self._mapping(_Mapping(kept, source.place), path, merged + 1))

    def _scalar(self, node: _Scalar, path: KeyPath) -> Value:
        value = _plain(node.text) if node.plain else node.text
        if not isinstance(value, str):
            return value
        try:
            text = self._resolve(node.text, path)
        except ValueError as error:
            self._document.report(path, str(error))
            self._document.written[path] = node.text
            return node.text
        if text != node.text:
            self._document.written[path] = node.text
        return text


def _plain(text: str) -> Value:
    """A scalar without quotes, by YAML 1.2's core schema.

    Source:
        YAML 1.2.2, section 10.3.2, https://yaml.org/spec/1.2.2/#1032-tag-resolution
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text
