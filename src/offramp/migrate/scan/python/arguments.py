"""What a call is given: its arguments by name, also those that come out of dictionaries (`**params`)."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.python.names import END, in_force
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Node, Own, Reading, Text, Values, unique

MOST_STEPS = 8
"""How many names and calls a dictionary is followed through."""
MOST_STORES = 256
"""So many entries that are put into one dictionary later are looked at."""
MOST_VALUES = 12


@dataclass(frozen=True, slots=True)
class Given:
    """An argument as it is written, and where its names are to be read."""

    expr: ast.expr
    scope: Scope


@dataclass(slots=True, kw_only=True)
class Arguments:
    """What a call is given."""

    named: dict[str, list[Given]] = field(default_factory=dict)
    """Several for one name where branches differ."""
    positional: list[Given] = field(default_factory=list)
    is_whole: bool = True
    """Whether nothing came out of a dictionary that could not be followed."""

    def add(self, name: str, given: Given) -> None:
        """One more for a name, unless it is there."""
        known = self.named.setdefault(name, [])
        if all(each.expr is not given.expr for each in known):
            known.append(given)

    def values(self, reading: Reading, *names: str) -> Values:
        """All that the first of these arguments that is given can be."""
        for name in names:
            if name in self.named:
                found = [
                    value
                    for given in self.named[name]
                    for value in reading.settled(reading.values(given.expr, given.scope))
                ]
                return unique(found, MOST_VALUES)
        return ()


def arguments_of(reading: Reading, call: ast.Call, scope: Scope) -> Arguments:
    """The arguments of a call."""
    found = Arguments()
    for keyword in call.keywords:
        if keyword.arg is not None:
            found.add(keyword.arg, Given(keyword.value, scope))
        else:
            _Unfolding(reading, found).take(keyword.value, scope, MOST_STEPS)
    for each in call.args:
        if isinstance(each, ast.Starred):
            found.is_whole = False
            break
        found.positional.append(Given(each, scope))
    return found


def members_of(reading: Reading, expr: ast.expr, scope: Scope) -> Arguments:
    """What a dictionary holds, by its keys."""
    found = Arguments()
    _Unfolding(reading, found).take(expr, scope, MOST_STEPS)
    return found


def configured(reading: Reading, arguments: Arguments, name: str) -> Arguments | None:
    """What a configuration says that stands in an argument, or in a list there; `None` without one.

    AutoGen takes `llm_config={"config_list": [{"model": …}]}`, and `False` for no model at all.
    """
    found: Arguments | None = None
    for given in arguments.named.get(name, ()):
        values = reading.settled(reading.values(given.expr, given.scope))
        if values and all(isinstance(value, Text) and not value.value for value in values):
            continue
        found = members_of(reading, given.expr, given.scope)
        lists = found.named.get("config_list", [given] if name == "config_list" else [])
        nodes = [value for each in lists for value in reading.settled(reading.values(each.expr, each.scope))]
        for node in nodes:
            if isinstance(node, Node) and isinstance(node.expr, (ast.List, ast.Tuple)) and node.expr.elts:
                first = members_of(reading, node.expr.elts[0], node.scope)
                found = Arguments(named={**found.named, **first.named}, is_whole=found.is_whole)
    return found


class _Unfolding:
    """Follows a dictionary to where it is written."""

    def __init__(self, reading: Reading, found: Arguments) -> None:
        self.reading = reading
        self.found = found

    def take(self, expr: ast.expr, scope: Scope, steps: int) -> None:
        if steps == 0:
            self.found.is_whole = False
        elif isinstance(expr, ast.Dict):
            self._dict(expr, scope, steps)
        elif isinstance(expr, ast.Call):
            self._call(expr, scope, steps)
        elif isinstance(expr, ast.Name):
            self._name(expr, scope, steps)
        elif isinstance(expr, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.Await, ast.NamedExpr)):
            for part in _parts(expr):
                self.take(part, scope, steps - 1)
        else:
            self._values(expr, scope, steps)

    def _dict(self, expr: ast.Dict, scope: Scope, steps: int) -> None:
        for key, value in zip(expr.keys, expr.values, strict=True):
            if key is None:
                self.take(value, scope, steps - 1)
                continue
            for name in self.reading.settled(self.reading.values(key, scope)):
                if isinstance(name, Text):
                    self.found.add(str(name.value), Given(value, scope))

    def _call(self, call: ast.Call, scope: Scope, steps: int) -> None:
        func = call.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        if name in {"dict", "partial"}:
            for keyword in call.keywords:
                if keyword.arg is None:
                    self.take(keyword.value, scope, steps - 1)
                else:
                    self.found.add(keyword.arg, Given(keyword.value, scope))
            if name == "dict" and call.args:
                self.take(call.args[0], scope, steps - 1)
            return
        if isinstance(func, ast.Attribute) and name in {"copy", "deepcopy"} and not call.args:
            self.take(func.value, scope, steps - 1)
            return
        if name in {"dumps", "deepcopy", "encode"} and (call.args or isinstance(func, ast.Attribute)):
            self.take(call.args[0] if call.args else func.value, scope, steps - 1)  # type: ignore[attr-defined]
            return
        functions = [value.scope for value in self.reading.values(func, scope) if isinstance(value, Own)]
        if not any(function.returns for function in functions):
            self.found.is_whole = False
        for function in functions:
            for given in function.returns:
                self.take(given, function, steps - 1)

    def _name(self, expr: ast.Name, scope: Scope, steps: int) -> None:
        owner: Scope | None = scope
        while owner is not None:
            if expr.id in owner.bindings:
                self._bound(expr, owner, scope, steps)
                break
            if expr.id in owner.parameters:
                self._parameter(owner, expr.id, steps)
                break
            if _rest(owner) == expr.id:
                self._rest(owner, expr.id)
                break
            owner = owner.parent
        if owner is None:
            self.found.is_whole = False
            return
        for store in owner.stores.get(expr.id, ())[:MOST_STORES]:
            if store.key:
                self.found.add(store.key, Given(store.expr, owner))
            else:
                self.take(store.expr, owner, steps - 1)

    def _bound(self, expr: ast.Name, owner: Scope, scope: Scope, steps: int) -> None:
        line = expr.lineno if owner is scope else END
        for binding in in_force(owner.bindings[expr.id], owner, line):
            if binding.expr is not None and not binding.element:
                self.take(binding.expr, binding.scope, steps - 1)
            elif binding.imported:
                self._values(expr, scope, steps)

    def _parameter(self, function: Scope, name: str, steps: int) -> None:
        position = function.parameters[name].position
        calls = self.reading.callers(function)
        if not calls:
            self.found.is_whole = False
        for call in calls:
            given = next((keyword.value for keyword in call.node.keywords if keyword.arg == name), None)
            index = -1 if position is None else position - (function.owner is not None)
            if given is None and 0 <= index < len(call.node.args):
                given = call.node.args[index]
            if given is not None:
                self.take(given, call.scope, steps - 1)

    def _rest(self, function: Scope, name: str) -> None:
        """Arguments that no parameter takes: what callers give beyond them."""
        calls = self.reading.callers(function)
        for call in calls:
            for keyword in call.node.keywords:
                if keyword.arg is not None and keyword.arg not in function.parameters:
                    self.found.add(keyword.arg, Given(keyword.value, call.scope))
        if not calls or any(keyword.arg is None for call in calls for keyword in call.node.keywords):
            self.found.is_whole = False

    def _values(self, expr: ast.expr, scope: Scope, steps: int) -> None:
        nodes = [each for each in self.reading.settled(self.reading.values(expr, scope)) if isinstance(each, Node)]
        if not nodes:
            self.found.is_whole = False
        for node in nodes:
            if node.expr is not expr:
                self.take(node.expr, node.scope, steps - 1)


def _parts(expr: ast.BinOp | ast.IfExp | ast.BoolOp | ast.Await | ast.NamedExpr) -> Iterator[ast.expr]:
    if isinstance(expr, ast.BinOp):
        yield from (expr.left, expr.right)
    elif isinstance(expr, ast.IfExp):
        yield from (expr.body, expr.orelse)
    elif isinstance(expr, ast.BoolOp):
        yield from expr.values
    else:
        yield expr.value


def _rest(scope: Scope) -> str:
    """The name of `**rest` of a function."""
    given = getattr(scope.node, "args", None)
    rest = getattr(given, "kwarg", None)
    return rest.arg if isinstance(rest, ast.arg) else ""
