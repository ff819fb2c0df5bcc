"""Values in the words of an inventory: models and where they come from, addresses, source text without secrets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ast_grep_py import SgNode

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.web.callers import Callers, Given
from offramp.migrate.scan.web.records import properties
from offramp.migrate.scan.web.syntax import bare, named, slice_of
from offramp.migrate.scan.web.values import (
    Environment,
    Literal,
    Parameter,
    Place,
    Record,
    Row,
    Template,
    Value,
    options_of,
)
from offramp.telemetry.redact import mask_key, redact

MOST_SHOWN = 200
"""Longest source text of an argument, in characters."""
_LONG_TEXT = 60
"""Longer literals are prompts, or parts of one, and are left out."""
_MOST_READ = 4000
_SECRET = re.compile(r"key|token|secret|password|authorization|credential", re.IGNORECASE)
_NO_SECRET = re.compile(r"^max|tokens$|^presence|keyword", re.IGNORECASE)
_TEXTS = ("string", "template_string")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Model:
    """Which model a site asks for."""

    name: str | None = None
    origin: str = "unknown"
    all: tuple[str, ...] = ()
    """If there are several."""
    callers: tuple[str, ...] = ()


def model_of(who: Callers, places: Sequence[Place]) -> Model:
    """The model that an expression names, and where the name comes from."""
    found: list[tuple[str | None, str]] = []
    called: list[str] = []
    for place in places:
        if bare(place.node).kind() == "string" and place.frame is None:
            value = who.ev.value(place)
            found.append((_literal(value), "literal"))
            continue
        for given in who.expand(who.ev.value(place)):
            found += _said(given)
            called += [given.caller] if given.caller else []
    return _one_model(found, tuple(dict.fromkeys(called)))


def _literal(value: Value) -> str | None:
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) and value.value else None


def _said(given: Given) -> list[tuple[str | None, str]]:
    value = given.value
    if isinstance(value, Environment):
        defaults = [_literal(each) for each in options_of(value.default)] if value.default is not None else [None]
        return [(default, f"environment {value.name}") for default in defaults]
    if isinstance(value, Parameter):
        return [(None, "argument")]
    text = _literal(value)
    return [(text, given.origin or "constant" if text is not None else given.origin or "unknown")]


def _one_model(found: Sequence[tuple[str | None, str]], called: tuple[str, ...]) -> Model:
    names = tuple(dict.fromkeys(name for name, _ in found if name is not None))
    origins = [origin for _, origin in found]
    environment = next((origin for origin in origins if origin.startswith("environment ")), None)
    if not names:
        origin = environment or ("argument" if "argument" in origins else "unknown")
        return Model(None, origin, callers=called)
    unsettled = any(name is None and not origin.startswith("environment ") for name, origin in found)
    origin = environment or next(origin for name, origin in found if name is not None)
    if unsettled and origin == "constant":
        origin = "default"
    if origin == "argument" and (None, "argument") in found:
        # Some callers say it, others do not: none of the names stands for all.
        return Model(None, origin, names, called)
    return Model(names[0], origin, names if len(names) > 1 else (), called)


def address_of(who: Callers, place: Place | None) -> str | None:
    """A base URL in words: the literal, `environment NAME`, or source text; `None` for none."""
    if place is None:
        return None
    options = [given.value for given in who.expand(who.ev.value(place))]
    for option in options:
        if isinstance(option, Environment):
            return f"environment {option.name}"
    texts = [text for text in (_address(option) for option in options) if text]
    return redact(texts[0]) if texts else shown(place)


def _address(value: Value) -> str | None:
    if isinstance(value, Template):
        for part in value.parts:
            if isinstance(part, Environment) and not str(value.parts[0]).startswith("http"):
                return f"environment {part.name}"
        shown_parts = (part if isinstance(part, str) else _hole(part) for part in value.parts)
        return "".join(shown_parts) if any(isinstance(part, str) for part in value.parts) else None
    return _literal(value)


def _hole(part: Value) -> str:
    return f"${{{part.name}}}" if isinstance(part, Environment) else "${…}"


def key_of(who: Callers, place: Place | None) -> str:
    """Where a key comes from: `environment NAME`, `literal` or `unknown`."""
    if place is None:
        return "unknown"
    origin = "unknown"
    for given in who.expand(who.ev.value(place)):
        if isinstance(given.value, Environment):
            return f"environment {given.value.name}"
        if _literal(given.value) is not None:
            origin = "literal"
    return origin


def shown(place: Place, name: str = "") -> str:
    """An argument's source text: secrets masked, long texts left out, cut off."""
    node = bare(place.node)
    text = slice_of(place.module.parsed, node, _MOST_READ)
    if name and node.kind() == "string" and _SECRET.search(name) and not _NO_SECRET.search(name):
        return f"{text[0]}{mask_key(text[1:-1])}{text[-1]}"
    text = redact(_SPACE.sub(" ", _without_texts(node, text)).strip())
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _without_texts(node: SgNode, text: str) -> str:
    """The source of a node with its long literals left out."""
    begin = node.range().start.index
    kept: list[str] = []
    done = 0
    for each in (
        [node] if node.kind() in _TEXTS else node.find_all({"rule": {"any": [{"kind": kind} for kind in _TEXTS]}})
    ):
        span = each.range()
        start, end = span.start.index - begin, span.end.index - begin
        if start >= done and end - start > _LONG_TEXT:
            kept += [text[done:start], "`…`" if each.kind() == "template_string" else "'…'"]
            done = end
        if done >= len(text):
            break
    return "".join([*kept, text[done:]])


def plain(who: Callers, place: Place, depth: int = 12) -> object:
    """A literal as the value that it stands for in JSON.

    Raises:
        UnclearError: If a part of it is not literal.
    """
    value = who.ev.value(place)
    if isinstance(value, Literal):
        return value.value
    if depth > 0 and isinstance(value, Row):
        row = value.place
        return [plain(who, Place(row.module, item, row.frame), depth - 1) for item in named(row.node)]
    if depth > 0 and isinstance(value, Record) and not _has_spread(value):
        return {name: plain(who, each, depth - 1) for name, each in properties(who.ev, value).items()}
    raise UnclearError


def _has_spread(record: Record) -> bool:
    return any(child.kind() == "spread_element" for part in record.parts for child in named(part.node))
