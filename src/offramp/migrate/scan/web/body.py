"""The request of a call site as far as it is literal, for its fingerprint."""

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.web.callers import Callers
from offramp.migrate.scan.web.records import is_whole, properties
from offramp.migrate.scan.web.said import plain
from offramp.migrate.scan.web.syntax import named
from offramp.migrate.scan.web.use import argument
from offramp.migrate.scan.web.values import (
    NOTHING,
    UNKNOWN,
    Called,
    External,
    Literal,
    Place,
    Record,
    Row,
    Value,
)
from offramp.wire.operation import Operation

_MATTERS = ("response_format", "text", "instructions")
_TOOLS = ("tools", "functions")
_NAMED = ("function", "custom")
"""Where in a tool its name may stand."""
_MAKES_TOOL = ("zodFunction", "zodResponsesFunction")
_PROMPTING = frozenset({"system", "developer"})


def body_of(who: Callers, operation: str, options: dict[str, Place]) -> dict[str, object] | None:
    """The parts of a request that its fingerprint is made of; `None` if one of them is not literal.

    What the user says is left empty.
    """
    body: dict[str, object] = {}
    try:
        for name in _MATTERS:
            if name in options:
                body[name] = plain(who, options[name])
        for name in _TOOLS:
            if name in options:
                body[name] = _tools(who, options[name])
        if operation == Operation.CHAT and "messages" in options:
            body["messages"] = _messages(who, options["messages"])
        elif operation == Operation.RESPONSES and "input" in options:
            body["input"] = _input(who, options["input"])
    except UnclearError:
        return None
    return body


def _tools(who: Callers, place: Place) -> list[dict[str, object]] | None:
    """Tools by what the fingerprint takes of them, kind and names; `None` if it says that there are none."""
    value = who.ev.value(place)
    if value == NOTHING:
        return None
    if not isinstance(value, Row):
        raise UnclearError
    row = value.place
    return [_tool(who, who.ev.value(Place(row.module, item, row.frame))) for item in named(row.node)]


def _tool(who: Callers, value: Value) -> dict[str, object]:
    if isinstance(value, Called) and isinstance(value.callee, External) and value.callee.name in _MAKES_TOOL:
        made = argument(value.place, 0)
        return {"type": "function", "function": {"name": _name(who, who.ev.value(made) if made else UNKNOWN)}}
    if not isinstance(value, Record) or not is_whole(who.ev, value):
        raise UnclearError
    inside = properties(who.ev, value)
    found = {name: plain(who, inside[name]) for name in ("type", "name") if name in inside}
    return found | {name: {"name": _name(who, who.ev.value(inside[name]))} for name in _NAMED if name in inside}


def _name(who: Callers, value: Value) -> object:
    inside = properties(who.ev, value) if isinstance(value, Record) and is_whole(who.ev, value) else {}
    if "name" not in inside:
        raise UnclearError
    return plain(who, inside["name"])


def _input(who: Callers, place: Place) -> object:
    value = who.ev.value(place)
    return _messages(who, place) if isinstance(value, Row) else ""


def _messages(who: Callers, place: Place) -> list[object]:
    value = who.ev.value(place)
    if not isinstance(value, Row):
        raise UnclearError
    items = list(named(value.place.node))
    found: list[object] = []
    for item in items:
        message = _message(who, who.ev.value(Place(value.place.module, item, value.place.frame)))
        found.append(message)
        if message["role"] not in _PROMPTING:
            break
    return found or [{"role": "user", "content": ""}]


def _message(who: Callers, value: Value) -> dict[str, object]:
    if not isinstance(value, Record):
        raise UnclearError
    inside = properties(who.ev, value)
    role = who.ev.value(inside["role"]) if "role" in inside else None
    if not isinstance(role, Literal) or not isinstance(role.value, str):
        raise UnclearError
    if role.value not in _PROMPTING:
        return {"role": role.value, "content": ""}
    return {"role": role.value, "content": plain(who, inside["content"]) if "content" in inside else ""}
