"""What an attribute or an element of something is."""

import ast
from collections.abc import Collection, Iterator

from offramp.migrate.scan.python.names import MOST_VALUES, annotated, bound, imported, name_in, passed_on
from offramp.migrate.scan.python.scopes import Binding, Scope
from offramp.migrate.scan.python.values import (
    Argument,
    Environment,
    Member,
    Module,
    Node,
    Object,
    Outside,
    Own,
    Reading,
    Text,
    Value,
    Values,
    unique,
)

ENVIRONMENTS = frozenset({"os.environ", "environ"})
_SETTINGS = "BaseSettings"
_MOST_BASES = 24
_GETTERS = frozenset({"property", "cached_property", "computed_field", "classproperty"})


def attribute(reading: Reading, value: Value, name: str) -> Values:
    """What `value.name` is."""
    if isinstance(value, Outside):
        return _outside(reading, value, name)
    if isinstance(value, Module):
        return _of_module(reading, value, name)
    if isinstance(value, (Object, Own)):
        return _of_class(reading, value, name)
    if isinstance(value, Text) and name in {"value", "name"}:
        return (value,)
    if isinstance(value, Member):
        return (Member(value.base, (*value.path, name)),)
    return (Member(value, (name,)),)


def _outside(reading: Reading, value: Outside, name: str) -> Values:
    whole = f"{value.name}.{name}"
    if value.name in {"django.conf.settings", "conf.settings"}:
        for path in ("settings", "settings.base", "config.settings", "config.settings.base", "core.settings"):
            found = imported(reading, f"{path}.{name}", "")
            if not all(isinstance(each, Outside) for each in found):
                return found
    return (Outside(whole),)


def _of_module(reading: Reading, value: Module, name: str) -> Values:
    file = reading.files.file(value.path)
    if file is None:
        return ()
    if name in file.top.bindings or file.top.stars:
        found = name_in(reading, value.path, name)
        if found:
            return found
    if value.path.endswith("__init__.py"):
        folder = value.path.removesuffix("__init__.py")
        for path in (f"{folder}{name}.py", f"{folder}{name}/__init__.py"):
            if reading.files.file(path) is not None:
                return (Module(path),)
    return ()


def _of_class(reading: Reading, value: Object | Own, name: str) -> Values:
    cls = value.cls if isinstance(value, Object) else value.scope
    if cls.kind != "class":
        return (Member(value, (name,)),)
    found: list[Value] = list(_said_when_made(reading, value, name))
    for scope in () if found else line_of_descent(reading, cls):
        bindings = [*scope.attributes.get(name, ()), *scope.bindings.get(name, ())]
        for binding in bindings:
            found += _in_this(reading, value, _of_binding(reading, binding, name, scope))
        if any(not _is_none(each) for each in found):
            break
    known = [passed_on(each) for each in found if not _is_none(each)]
    return unique(known or found, MOST_VALUES) or _handed_on(reading, cls, name) or (Member(value, (name,)),)


def _said_when_made(reading: Reading, value: Object | Own, name: str) -> Values:
    """A field that the call which makes an object says, where the class writes no constructor of its own."""
    if not isinstance(value, Object) or value.call is None or value.scope is None or "__init__" in value.cls.bindings:
        return ()
    for keyword in value.call.keywords:
        if keyword.arg == name:
            return reading.settled(reading.values(keyword.value, value.scope))
    noted = [(bindings[0].line, each) for each, bindings in value.cls.bindings.items() if bindings[0].annotation]
    fields = [each for _, each in sorted(noted)]
    if name in fields and fields.index(name) < len(value.call.args):
        return reading.settled(reading.values(value.call.args[fields.index(name)], value.scope))
    return ()


def _in_this(reading: Reading, value: Object | Own, values: Values) -> Values:
    """Values of an attribute, with what this object's own constructor was given."""
    if not isinstance(value, Object) or value.call is None or value.scope is None:
        return values
    found: list[Value] = []
    for each in values:
        given = None
        if isinstance(each, Argument) and each.function.owner is value.cls and each.function.short == "__init__":
            given = reading.given_in(value.call, value.scope, each)
        found += [each] if given is None else given
    return tuple(found)


def _handed_on(reading: Reading, cls: Scope, name: str) -> Values:
    """What `__getattr__` gives where it asks another object: `return getattr(self._module, name)`."""
    found: list[Value] = []
    for binding in cls.bindings.get("__getattr__", ()):
        method = binding.defined
        for expr in method.returns if method is not None else ():
            if (
                isinstance(expr, ast.Call)
                and isinstance(expr.func, ast.Name)
                and expr.func.id == "getattr"
                and expr.args
            ):
                inner = reading.settled(reading.values(expr.args[0], method or cls))
                found += [
                    got
                    for each in inner
                    if isinstance(each, (Outside, Module))
                    for got in attribute(reading, each, name)
                ]
    return unique(found, MOST_VALUES)


def _of_binding(reading: Reading, binding: Binding, name: str, cls: Scope) -> Values:
    method = binding.defined
    if method is not None and method.kind == "function" and _is_getter(method):
        given = [value for expr in method.returns for value in reading.values(expr, method)]
        annotation = getattr(method.node, "returns", None)
        return unique(given, MOST_VALUES) or (annotated(reading, annotation, method) if annotation else ())
    if binding.annotation is not None and binding.scope is cls and is_settings(reading, cls):
        return _setting(reading, binding, name, cls)
    values = bound(reading, binding)
    if binding.scope is cls and binding.annotation is not None:
        return tuple(Text(each.value, "default") if isinstance(each, Text) else each for each in values)
    return values


def _setting(reading: Reading, binding: Binding, name: str, cls: Scope) -> Values:
    """A field of pydantic's settings: a variable of the environment with a default."""
    default, variable = binding.expr, _prefix(reading, cls) + name.upper()
    if isinstance(default, ast.Call):
        named = {keyword.arg: keyword.value for keyword in default.keywords}
        for key in ("validation_alias", "env", "alias"):
            given = named.get(key)
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                variable = given.value
                break
        default = named.get("default", default.args[0] if default.args else None)
    values = reading.values(default, binding.scope)
    text = next((value.value for value in values if isinstance(value, Text)), None)
    return (Environment(variable, text if isinstance(text, str) else None),)


def _prefix(reading: Reading, cls: Scope) -> str:
    for scope in line_of_descent(reading, cls):
        for binding in scope.bindings.get("model_config", ()):
            pairs = binding.expr.keywords if isinstance(binding.expr, ast.Call) else []
            for keyword in pairs:
                if keyword.arg == "env_prefix" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value).upper()
        for binding in scope.bindings.get("Config", ()):
            inner = binding.defined.bindings.get("env_prefix", ()) if binding.defined else ()
            for each in inner:
                if isinstance(each.expr, ast.Constant):
                    return str(each.expr.value).upper()
    return ""


def is_settings(reading: Reading, cls: Scope) -> bool:
    """Whether its fields come from the environment."""
    return any(name.rpartition(".")[2] == _SETTINGS for name in outside_bases(reading, cls))


def line_of_descent(reading: Reading, cls: Scope) -> Iterator[Scope]:
    """The class and the classes of the project that it is made from, nearest first."""
    waiting, seen = [cls], set[int]()
    while waiting and len(seen) < _MOST_BASES:
        scope = waiting.pop(0)
        if id(scope) in seen:
            continue
        seen.add(id(scope))
        yield scope
        for base in getattr(scope.node, "bases", ()):
            waiting += [each.scope for each in reading.values(base, scope.parent or scope) if isinstance(each, Own)]


def outside_bases(reading: Reading, cls: Scope) -> list[str]:
    """Classes of libraries that it is made from, by their dotted names."""
    return [
        value.name
        for scope in line_of_descent(reading, cls)
        for base in getattr(scope.node, "bases", ())
        for value in reading.values(base, scope.parent or scope)
        if isinstance(value, Outside)
    ]


def _is_getter(method: Scope) -> bool:
    return any((getattr(each, "attr", "") or getattr(each, "id", "")) in _GETTERS for each in method.decorators)


def _is_none(value: Value) -> bool:
    return isinstance(value, Text) and value.value is None


def element(reading: Reading, value: Value, key: ast.expr, scope: Scope) -> Values:
    """What `value[key]` is."""
    keys = {each.value for each in reading.settled(reading.values(key, scope)) if isinstance(each, Text)}
    if isinstance(value, Outside) and value.name in ENVIRONMENTS:
        return tuple(Environment(str(each)) for each in keys)
    if isinstance(value, Own) and value.scope.kind == "class":
        return unique([got for each in keys for got in attribute(reading, value, str(each))], MOST_VALUES)
    if not isinstance(value, Node):
        return ()
    if isinstance(value.expr, ast.Dict):
        return _of_dict(reading, value.expr, value.scope, keys)
    if isinstance(value.expr, (ast.List, ast.Tuple)):
        wanted = [
            value.expr.elts[each]
            for each in keys
            if isinstance(each, int) and -len(value.expr.elts) <= each < len(value.expr.elts)
        ]
        return unique([got for each in wanted for got in reading.values(each, value.scope)], MOST_VALUES)
    return ()


def _is_one_of(reading: Reading, name: ast.expr, scope: Scope, keys: Collection[object]) -> bool:
    if isinstance(name, ast.Constant):
        return name.value in keys
    return any(each.value in keys for each in reading.values(name, scope) if isinstance(each, Text))


def _of_dict(reading: Reading, given: ast.Dict, scope: Scope, keys: Collection[object]) -> Values:
    """The value under one of the keys; without a known key all values."""
    found: list[Value] = []
    for name, expr in zip(given.keys, given.values, strict=True):
        if not keys or (name is not None and _is_one_of(reading, name, scope, keys)):
            found += reading.values(expr, scope)
        if len(found) >= MOST_VALUES:
            break
    return unique([Text(each.value, "constant") if isinstance(each, Text) else each for each in found], MOST_VALUES)
