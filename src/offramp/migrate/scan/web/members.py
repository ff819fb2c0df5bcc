"""Members of values: properties of objects, exports of files, fields and methods of classes, the environment."""

from collections.abc import Sequence

from offramp.migrate.scan.web.environment import checked
from offramp.migrate.scan.web.functions import returned
from offramp.migrate.scan.web.module import Class, Module
from offramp.migrate.scan.web.module import Member as Declared
from offramp.migrate.scan.web.records import properties
from offramp.migrate.scan.web.syntax import named
from offramp.migrate.scan.web.values import (
    MOST_MERGED,
    NOTHING,
    PROCESS_ENVIRONMENT,
    UNKNOWN,
    Callable,
    Called,
    Choice,
    ClassOf,
    Environment,
    Evaluates,
    External,
    Frame,
    Global,
    Instance,
    Made,
    Member,
    Parameter,
    Place,
    Record,
    Row,
    Space,
    Unknown,
    Value,
    filled_in,
    one_of,
)

DEEPEST_PATH = 6
MOST_BASES = 8
_BY_METHODS = ("assigned", "filled")
_ENVIRONMENTS = ("$env/", "astro:env", "node:process", "process")


def member(ev: Evaluates, of: Value, name: str) -> Value:
    """What a member of a value stands for."""
    match of:
        case Choice(options=options):
            return one_of(ev.member(each, name) for each in options)
        case Record():
            place = properties(ev, of).get(name)
            return ev.value(place) if place is not None else Member(UNKNOWN, name)
        case Row():
            return _item(ev, of, name)
        case Space(path=path):
            return ev.exported(path, name)
        case Instance():
            return _of_instance(ev, of, name)
        case ClassOf(module=module, of=declared):
            return _declared(ev, Instance(module, declared), declared, name, static=True) or Member(of, name)
        case Parameter() if len(of.path) < DEEPEST_PATH:
            return Parameter(of.module, of.function, of.index, (*of.path, name), typed=of.typed)
        case _:
            return _elsewhere(ev, of, name)


def _elsewhere(ev: Evaluates, of: Value, name: str) -> Value:
    """A member of what is not the project's own."""
    if isinstance(of, External):
        if of.package.startswith(_ENVIRONMENTS) and (of.name == "env" or of.package.startswith("$env/static")):
            return Environment(name)
        if of.name == "*":
            return External(of.package, name)
        if of.name == name == "default":
            return of
    elif of == PROCESS_ENVIRONMENT:
        return Environment(name)
    elif isinstance(of, Called):
        return checked(ev, of, name) or Member(of, name)
    elif isinstance(of, Member) and of.name == "env" and isinstance(of.of, (Global, External)):
        # Bun.env, Deno.env, `import process from "node:process"`.
        return Environment(name) if name.isupper() else Member(of, name)
    elif isinstance(of, Unknown) and name.isupper() and name.endswith(("_KEY", "_URL", "_MODEL")):
        return Environment(name)
    return Member(of, name)


def _item(ev: Evaluates, of: Row, name: str) -> Value:
    items = list(named(of.place.node))
    if not name.isdecimal() or int(name) >= len(items):
        return Member(of, name)
    return ev.value(Place(of.place.module, items[int(name)], of.place.frame))


def any_member(ev: Evaluates, of: Value) -> Value:
    """What a member stands for whose name is not known: any of them."""
    if isinstance(of, Choice):
        return one_of(any_member(ev, each) for each in of.options)
    if isinstance(of, Record):
        return one_of(ev.value(place) for place in list(properties(ev, of).values())[:16])
    if isinstance(of, Row):
        return one_of(
            ev.value(Place(of.place.module, item, of.place.frame)) for item in list(named(of.place.node))[:16]
        )
    return Member(of, "?") if isinstance(of, (Made, External)) else UNKNOWN


def _of_instance(ev: Evaluates, of: Instance, name: str) -> Value:
    declared, module = of.of, of.module
    for _ in range(MOST_BASES):
        found = _declared(ev, Instance(module, declared, of.given), declared, name, static=False, this=of)
        if found is not None:
            return found
        if declared.base is None:
            break
        base = ev.value(Place(module, declared.base))
        if not isinstance(base, ClassOf):
            # What it extends is a library's: an object of it, as far as its members go.
            return Member(Made(base, _handed_up(module, declared)), name) if isinstance(base, External) else UNKNOWN
        module, declared = base.module, base.of
    return Member(UNKNOWN, name)


def _handed_up(module: Module, declared: Class) -> Place | None:
    """The call of `super`, whose arguments are those of `new`."""
    for call in module.calls:
        callee = call.node.field("function")
        if callee is not None and callee.kind() == "super" and module.owners.get(callee) is declared:
            return Place(module, call.node)
    return None


def _declared(
    ev: Evaluates, of: Instance, declared: Class, name: str, *, static: bool, this: Value | None = None
) -> Value | None:
    """What a class says of a member; `None` if nothing."""
    listed = [each for each in declared.members.get(name, ()) if each.static == static or each.kind in _BY_METHODS]
    given = [each for each in listed if each.kind != "filled"]
    if not given:
        return None
    found = one_of(_said(ev, of, each, this or of) for each in given)
    found = _filled(ev, of, found, (declared, name), [each for each in listed if each.kind == "filled"])
    if found in (UNKNOWN, NOTHING):
        typed = one_of(ev.typed(of.module, each.type) for each in given)
        return typed if typed != UNKNOWN else Member(UNKNOWN, name)
    return found


def _filled(ev: Evaluates, of: Instance, found: Value, into: object, listed: Sequence[Declared]) -> Value:
    """An object that a field holds, with what methods put into it."""
    if not listed or not isinstance(found, Record):
        return found
    frame = _construction(of)
    put = {each.key: Place(of.module, each.node, frame) for each in listed if each.node is not None and each.key}
    whole = [Place(of.module, each.node, frame) for each in listed if each.node is not None and not each.key]
    return filled_in(found, ev.merged(into, whole[:MOST_MERGED]), list(put.items()))


def _said(ev: Evaluates, of: Instance, declared: Declared, this: Value) -> Value:
    if declared.node is None:
        return UNKNOWN
    if declared.kind in {"method", "getter"}:
        function = of.module.functions.get(declared.node)
        if function is None:
            return UNKNOWN
        method = Callable(of.module, function, this)
        return returned(ev, method, ()) if declared.kind == "getter" else method
    return ev.value(Place(of.module, declared.node, _construction(of)))


def _construction(of: Instance) -> Frame | None:
    """What the parameters of the constructor are."""
    if of.given is None:
        return None
    for each in of.of.members.get("constructor", ()):
        function = of.module.functions.get(each.node) if each.node is not None else None
        if function is not None:
            return Frame(function, of.given, of)
    return None
