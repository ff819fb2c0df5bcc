"""Calls: functions of the project are looked into, a few of the language are known, all others stay as they are."""

import re

from ast_grep_py import SgNode

from offramp.migrate.scan.web.functions import returned
from offramp.migrate.scan.web.syntax import arguments, named
from offramp.migrate.scan.web.values import (
    UNKNOWN,
    Callable,
    Called,
    ClassOf,
    Environment,
    Evaluates,
    External,
    Global,
    Instance,
    Literal,
    Made,
    Member,
    Place,
    Record,
    Row,
    Unknown,
    Value,
    filled_in,
    joined,
    one_of,
    options_of,
)

_KEEPS_TEXT = frozenset(
    {"toString", "trim", "valueOf", "toLowerCase", "replace", "asString", "required", "withOptions"}
)
_HANDS_BACK = frozenset(
    {"freeze", "stringify", "structuredClone", "String", "reactive", "ref", "shallowRef", "encodeURI"}
)
"""Functions that give back what they are given."""
_GIVES_RESULT = frozenset({"useMemo", "computed", "useState", "singleton", "runInAction", "untracked"})
"""Functions that call the function that they are given, and give its result."""
_GIVES_FUNCTION = frozenset(
    {"useCallback", "cache", "once", "memoize", "memo", "lazy", "debounce", "throttle", "traceable"}
)
_READS_SETTING = frozenset({"get", "getOrThrow", "getenv", "requireEnv", "getEnv", "env", "getEnvironmentVariable"})
_SETTING = re.compile(r"[A-Z][A-Z0-9_]{2,80}")


def call(ev: Evaluates, place: Place) -> Value:
    """What a call gives."""
    function = place.node.field("function")
    if function is None:
        return UNKNOWN
    given = tuple(Place(place.module, node, place.frame) for node in arguments(place.node))
    if function.kind() == "import":
        return _loaded(ev, place, given)
    callee = ev.value(Place(place.module, function, place.frame))
    return one_of(_called(ev, each, given, place) for each in options_of(callee))


def _called(ev: Evaluates, callee: Value, given: tuple[Place, ...], place: Place) -> Value:
    match callee:
        case Callable():
            setting = _setting(ev, callee.function.plain, given)
            return setting or returned(ev, callee, given, place.frame)
        case Global(name="require"):
            return _loaded(ev, place, given)
        case Global(name=name) | External(name=name):
            known = _known(ev, name, given) or _setting(ev, name, given)
            return known or Called(callee, place)
        case Member(of=of, name=name):
            known = _method(ev, of, name, given) or _setting(ev, name, given)
            return known or Called(callee, place)
        case Unknown():
            return UNKNOWN
        case _:
            return Called(callee, place)


def new(ev: Evaluates, place: Place) -> Value:
    """What `new` gives."""
    constructor = place.node.field("constructor")
    if constructor is None:
        return UNKNOWN
    callee = ev.value(Place(place.module, constructor, place.frame))
    given = tuple(Place(place.module, node, place.frame) for node in arguments(place.node))
    if callee == Global("URL") and given:
        base = ev.value(given[1]) if len(given) > 1 else Literal("")
        return joined((base, ev.value(given[0])))
    return one_of(_new(each, given, place) for each in options_of(callee))


def _new(callee: Value, given: tuple[Place, ...], place: Place) -> Value:
    if isinstance(callee, ClassOf):
        return Instance(callee.module, callee.of, given)
    return UNKNOWN if isinstance(callee, (Unknown, Callable)) else Made(callee, place)


def _loaded(ev: Evaluates, place: Place, given: tuple[Place, ...]) -> Value:
    """`require(…)` and `import(…)`."""
    named_module = ev.value(given[0]) if given else UNKNOWN
    if not isinstance(named_module, Literal) or not isinstance(named_module.value, str):
        return UNKNOWN
    return ev.imported(place.module, named_module.value, "*")


def _setting(ev: Evaluates, name: str, given: tuple[Place, ...]) -> Value | None:
    """`config.get("OPENAI_API_KEY")` and the like read the environment, whoever wrote them."""
    if name not in _READS_SETTING or not given:
        return None
    said = ev.value(given[0])
    if not isinstance(said, Literal) or not isinstance(said.value, str) or not _SETTING.fullmatch(said.value):
        return None
    default = ev.value(given[1]) if len(given) > 1 else None
    return Environment(said.value, default if isinstance(default, Literal) else None)


def _known(ev: Evaluates, name: str, given: tuple[Place, ...]) -> Value | None:
    if not given:
        return None
    if name in _HANDS_BACK:
        return ev.value(given[0])
    if name in _GIVES_FUNCTION | _GIVES_RESULT:
        function = ev.value(given[0])
        if isinstance(function, Callable):
            return function if name in _GIVES_FUNCTION else returned(ev, function, (), given[0].frame)
    return None


def _method(ev: Evaluates, of: Value, name: str, given: tuple[Place, ...]) -> Value | None:
    if name in _KEEPS_TEXT and not isinstance(of, Global):
        return of
    if name == "concat":
        return joined((of, *(ev.value(each) for each in given)))
    if name == "bind":
        return of
    if name == "join" and isinstance(of, Row):
        return _joined_row(ev, of, given)
    if name == "assign" and of == Global("Object"):
        return _merged(ev, given)
    return _known(ev, name, given) if isinstance(of, (Global, External)) else None


def _joined_row(ev: Evaluates, row: Row, given: tuple[Place, ...]) -> Value:
    between = ev.value(given[0]) if given else Literal(",")
    parts: list[str | Value] = []
    for index, item in enumerate(list(named(row.place.node))[:16]):
        if index:
            parts.append(between)
        parts.append(ev.value(Place(row.place.module, item, row.place.frame)))
    return joined(parts)


def _merged(ev: Evaluates, given: tuple[Place, ...]) -> Value:
    return filled_in(Record(()), [ev.value(place) for place in given], ())


def text_of(node: SgNode) -> str | None:
    """The name that a callee ends with: `create` of `a.b.create`; `None` if it has none."""
    kind = node.kind()
    if kind == "identifier":
        return node.text()
    name = node.field("property") if kind == "member_expression" else None
    return name.text() if name is not None else None
