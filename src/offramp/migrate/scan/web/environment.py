"""Environments that are checked before they are used: `schema.parse(process.env)`, `createEnv({ … })`."""

from offramp.migrate.scan.web.functions import returned
from offramp.migrate.scan.web.records import properties
from offramp.migrate.scan.web.syntax import arguments
from offramp.migrate.scan.web.values import (
    PROCESS_ENVIRONMENT,
    UNKNOWN,
    Callable,
    Called,
    Environment,
    Evaluates,
    External,
    Literal,
    Member,
    Place,
    Record,
    Value,
    options_of,
)

_CHECKING = frozenset({"parse", "validate", "validateSync", "cast", "parseSync", "assert"})
_MAKERS = frozenset({"createEnv", "cleanEnv", "envsafe", "parseEnv"})
_LONGEST_CHAIN = 12


def checked(ev: Evaluates, of: Called, name: str) -> Value | None:
    """A member of a checked environment; `None` if it is none."""
    if isinstance(of.callee, External) and of.callee.name in _MAKERS:
        return Environment(name)
    if not isinstance(of.callee, Member) or of.callee.name not in _CHECKING:
        return None
    given = arguments(of.place.node)
    if not given or ev.value(Place(of.place.module, given[0], of.place.frame)) != PROCESS_ENVIRONMENT:
        return None
    schema: Value = of.callee.of
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(schema, Called) or not isinstance(schema.callee, Member):
            break
        if schema.callee.name == "transform":
            return _transformed(ev, of, schema, name)
        if schema.callee.name in {"object", "strictObject", "looseObject"}:
            return Environment(name, _default(ev, schema, name))
        schema = schema.callee.of
    return Environment(name)


def _transformed(ev: Evaluates, of: Called, schema: Called, name: str) -> Value:
    """What a function makes of the environment."""
    made = arguments(schema.place.node)
    function = ev.value(Place(schema.place.module, made[0], schema.place.frame)) if made else UNKNOWN
    if not isinstance(function, Callable) or not isinstance(schema.callee, Member):
        return UNKNOWN
    before = Called(Member(schema.callee.of, "parse"), of.place)
    return ev.member(returned(ev, function, (of.place,), of.place.frame, (before,)), name)


def _default(ev: Evaluates, schema: Called, name: str) -> Value | None:
    """What the schema takes where the variable is not set."""
    given = arguments(schema.place.node)
    fields = ev.value(Place(schema.place.module, given[0], schema.place.frame)) if given else UNKNOWN
    for each in options_of(fields):
        place = properties(ev, each).get(name) if isinstance(each, Record) else None
        value = ev.value(place) if place is not None else UNKNOWN
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(value, Called) or not isinstance(value.callee, Member):
                break
            said = arguments(value.place.node)
            if value.callee.name in {"default", "catch"} and said:
                found = ev.value(Place(value.place.module, said[0], value.place.frame))
                return found if isinstance(found, Literal) else None
            value = value.callee.of
    return None
