"""What a call is given: its arguments by name, also those that come out of dictionaries (`**params`)."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.python.callers import argument_of
from offramp.migrate.scan.python.members import line_of_descent
from offramp.migrate.scan.python.names import END, in_force, may_have_run
from offramp.migrate.scan.python.scopes import Scope, Store
from offramp.migrate.scan.python.values import Node, Object, Own, Reading, Text, Values, unique

MOST_STEPS = 8
"""How many names and calls a dictionary is followed through."""
MOST_PARTS = 2000
"""So many dictionaries, entries and calls are looked at for one call; those that lead back to themselves end there."""
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
        self.left = MOST_PARTS
        self.seen: set[int] = set()
        """Ids of what is put in and was looked at: once is enough."""

    def goes_on(self) -> bool:
        """Whether one more part may be looked at."""
        self.left -= 1
        self.found.is_whole = self.found.is_whole and self.left >= 0
        return self.left >= 0

    def take(self, expr: ast.expr, scope: Scope, steps: int) -> None:
        if steps == 0 or not self.goes_on():
            self.found.is_whole = False
        elif isinstance(expr, ast.Dict):
            self._dict(expr, scope, steps)
        elif isinstance(expr, ast.Call):
            self._call(expr, scope, steps)
        elif isinstance(expr, ast.Name):
            self._name(expr, scope, steps)
        elif isinstance(expr, ast.Attribute):
            self._values(expr, scope, steps)
            self._of_object(expr, scope, steps)
        elif isinstance(expr, ast.DictComp):
            self._entry(expr.key, expr.value, scope, steps, expr.end_lineno)
        elif isinstance(expr, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.Await, ast.NamedExpr)):
            for part in _parts(expr):
                self.take(part, scope, steps - 1)
        else:
            self._values(expr, scope, steps)

    def _dict(self, expr: ast.Dict, scope: Scope, steps: int) -> None:
        for key, value in zip(expr.keys, expr.values, strict=True):
            self._entry(key, value, scope, steps)

    def _entry(self, key: ast.expr | None, value: ast.expr, scope: Scope, steps: int, end: int | None = None) -> None:
        """One entry; without a key a whole dictionary that is merged in. `end` is the last line of a comprehension."""
        merged = value if key is None else _copied(key, value, scope, end or key.lineno)
        if merged is not None or key is None:
            self.take(merged or value, scope, steps - 1)
            return
        names = [name for name in self.reading.settled(self.reading.values(key, scope)) if isinstance(name, Text)]
        if not names:
            self.found.is_whole = False
        for name in names:
            self.found.add(str(name.value), Given(value, scope))

    def _call(self, call: ast.Call, scope: Scope, steps: int) -> None:
        func = call.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        if name in {"dict", "partial", "update"}:
            for keyword in call.keywords:
                if keyword.arg is None:
                    self.take(keyword.value, scope, steps - 1)
                else:
                    self.found.add(keyword.arg, Given(keyword.value, scope))
            if name != "partial" and call.args:
                self.take(call.args[0], scope, steps - 1)
            return
        if isinstance(func, ast.Attribute) and name in {"copy", "deepcopy"} and not call.args:
            self.take(func.value, scope, steps - 1)
            return
        given = call.args[0] if call.args else func.value if isinstance(func, ast.Attribute) else None
        if name in {"dumps", "deepcopy", "encode"} and given is not None:
            self.take(given, scope, steps - 1)
            return
        functions = self._functions(func, scope)
        if not any(function.returns for function in functions):
            self.found.is_whole = False
        for function in functions:
            for given in function.returns:
                self.take(given, function, steps - 1)

    def _functions(self, func: ast.expr, scope: Scope) -> list[Scope]:
        return [value.scope for value in self.reading.values(func, scope) if isinstance(value, Own)]

    def _name(self, expr: ast.Name, scope: Scope, steps: int) -> None:
        owner: Scope | None = scope
        while owner is not None:
            if expr.id in owner.bindings:
                self._bound(expr, owner, scope, steps)
                break
            if expr.id in owner.parameters:
                self._parameter(owner, expr.id, steps)
                break
            if owner.rest == expr.id:
                self._rest(owner, expr.id)
                break
            owner = owner.parent
        if owner is None:
            self.found.is_whole = False
            return
        self._stored(owner, expr.id, steps, expr.lineno if scope is owner else END)

    def _stored(self, owner: Scope, name: str, steps: int, at: int = END) -> None:
        """What is put into a dictionary before a line of its scope, also by functions that it is handed to."""
        for store in owner.stores.get(name, ())[:MOST_STORES]:
            if not self.goes_on():
                return
            inside = store.scope is not owner and (owner.kind != "module" or at == END)
            if inside or (store.scope is owner and may_have_run(owner, store.expr.lineno, at)):
                self._put(store, steps)
        for call in owner.handed.get(name, ())[:MOST_STORES] if steps > 1 else ():
            if not self.goes_on():
                return
            if may_have_run(owner, call.lineno, at):
                self._filled_by(call, owner, name, steps)

    def _put(self, store: Store, steps: int) -> None:
        if id(store) not in self.seen:
            self.seen.add(id(store))
            self._entry(store.key, store.expr, store.scope, steps)

    def _filled_by(self, call: ast.Call, scope: Scope, name: str, steps: int) -> None:
        """What a function puts into a dictionary that it is handed."""
        for function in self._functions(call.func, scope):
            for parameter in function.stores.keys() & function.parameters.keys():
                given = argument_of(call, function, parameter)
                if isinstance(given, ast.Name) and given.id == name:
                    self._stored(function, parameter, steps - 1)

    def _of_object(self, expr: ast.Attribute, scope: Scope, steps: int) -> None:
        """What methods put into a dictionary that their object keeps."""
        for value in self.reading.settled(self.reading.values(expr.value, scope)):
            for cls in line_of_descent(self.reading, value.cls) if isinstance(value, Object) else ():
                for store in cls.stores.get(expr.attr, ())[:MOST_STORES]:
                    self._put(store, steps)

    def _bound(self, expr: ast.Name, owner: Scope, scope: Scope, steps: int) -> None:
        line = expr.lineno if owner is scope else END
        for binding in in_force(owner.bindings[expr.id], owner, line):
            if binding.expr is not None and not binding.element:
                self.take(binding.expr, binding.scope, steps - 1)
            elif binding.imported:
                self._values(expr, scope, steps)

    def _parameter(self, function: Scope, name: str, steps: int) -> None:
        calls = self.reading.callers(function)
        if not calls:
            self.found.is_whole = False
        for call in calls:
            given = argument_of(call.node, function, name)
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


def _copied(key: ast.expr, value: ast.expr, scope: Scope, line: int) -> ast.expr | None:
    """The dictionary whose entries are gone through, where `key` and `value` are what a loop takes from it."""
    if not isinstance(key, ast.Name) or not isinstance(value, ast.Name):
        return None
    keys, values = (in_force(scope.bindings.get(each.id, ()), scope, line + 1) for each in (key, value))
    sources = {id(each.expr): each.expr for each in keys if each.element and each.index == 0}
    for each in values:
        items = sources.get(id(each.expr)) if each.element and each.index == 1 else None
        if isinstance(items, ast.Call) and isinstance(items.func, ast.Attribute) and items.func.attr == "items":
            return items.func.value
    return None
