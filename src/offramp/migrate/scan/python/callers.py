"""Who calls a function, and what they give for a parameter."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from offramp.migrate.scan.kinds import is_test
from offramp.migrate.scan.python.files import PythonFile
from offramp.migrate.scan.python.names import MOST_VALUES, annotated
from offramp.migrate.scan.python.scopes import CallAt, Scope
from offramp.migrate.scan.python.values import (
    Argument,
    Made,
    Module,
    Object,
    Own,
    Reading,
    Text,
    Value,
    Values,
    unique,
)

MOST_CALLERS = 32
MOST_CANDIDATES = 200
"""Calls of the same name that are looked at; a name that is called more often says nothing."""
MOST_STEPS = 8
"""Through how many functions an argument is followed."""
_CALLS_FOR_US = {"partial": 0, "to_thread": 0, "submit": 0, "run_in_executor": 1}
"""Functions that call what they are given, and where among their arguments that stands; what follows is handed on."""
_TOO_COMMON = frozenset(
    {"run", "get", "create", "call", "main", "execute", "process", "send", "build", "load", "start", "invoke"}
)
"""Names of methods that say nothing: only calls whose object is known count."""


class Callers:
    """All calls of the parsed files, by the last name of what is called."""

    def __init__(self, reading: Reading) -> None:
        """Look at no file yet."""
        self._reading = reading
        self._calls: dict[str, list[CallAt]] | None = None
        self._aliases: dict[str, set[str]] = {}
        self._named: Counter[str] | None = None
        self._by_base: dict[str, list[Scope]] | None = None
        self._of: dict[int, list[CallAt]] = {}
        self._open: set[int] = set()
        self._given: dict[Argument, Values] = {}
        self._being_given: set[Argument] = set()
        self.wanted: dict[str, Scope] = {}
        """Functions whose callers were asked for, by the name under which they are called."""

    def forget(self) -> None:
        """Look again, because more files are known now."""
        self._calls = None
        self._aliases.clear()
        self._named = None
        self._by_base = None
        self._of.clear()
        self._given.clear()

    def of(self, function: Scope) -> list[CallAt]:
        """Calls of this function, as far as they can be told."""
        known = self._of.get(id(function))
        if known is not None:
            return known
        if id(function) in self._open:
            return []
        self._open.add(id(function))
        try:
            candidates = self._candidates(function)
            known_calls = [] if len(candidates) > MOST_CANDIDATES else candidates
            if not is_test(function.file):
                known_calls = [call for call in known_calls if not is_test(call.scope.file)]
            found = [call for call in known_calls if self._is_call_of(call, function)][:MOST_CALLERS]
        finally:
            self._open.discard(id(function))
        self._of[id(function)] = found
        return found

    def given(self, argument: Argument) -> Values:
        """What a parameter can be: what callers give, its default, an instance of what its annotation names."""
        known = self._given.get(argument)
        if known is not None:
            return known
        if argument in self._being_given or len(self._being_given) > MOST_STEPS:
            return ()
        self._being_given.add(argument)
        try:
            found = self._gather(argument)
        finally:
            self._being_given.discard(argument)
        self._given[argument] = found
        return found

    def _gather(self, argument: Argument) -> Values:
        function = argument.function
        parameter = function.parameters[argument.name]
        found: list[Value] = []
        left_out = False
        for call in self.of(function):
            expr = argument_of(call.node, function, argument.name)
            if expr is None:
                left_out = True
                continue
            values = self._reading.settled(self._reading.values(expr, call.scope))
            found += [_as_given(value) for value in values]
        if parameter.default is not None and (left_out or not found):
            defaults = self._reading.values(parameter.default, function.parent or function)
            found += [replace(value, origin="default") if isinstance(value, Text) else value for value in defaults]
        if parameter.annotation is not None and not any(isinstance(value, (Made, Object)) for value in found):
            found += annotated(self._reading, parameter.annotation, function.parent or function)
        return unique(_without_none(found), MOST_VALUES)

    def by_name(self, name: str, wanted: Scope) -> list[CallAt]:
        """Calls of whatever has that name; `wanted` says where it is from, for files that nobody has looked at."""
        self.wanted.setdefault(name, wanted)
        return self._called(name)

    def _called(self, name: str) -> list[CallAt]:
        """Calls under a name, and under those that are given to what has it."""
        if self._calls is None:
            self._calls = {}
            for file in self._reading.files:
                for call in chain(file.names.calls, filter(None, map(_handed_on, file.names.calls))):
                    self._calls.setdefault(_last(call.node.func), []).append(call)
                for alias, meant in _aliases(file):
                    self._aliases.setdefault(meant, set()).add(alias)
        found = self._calls.get(name, [])
        others = [call for each in sorted(self._aliases.get(name, ())) for call in self._calls.get(each, ())]
        return [*found, *others] if len(found) + len(others) <= MOST_CANDIDATES else found

    def _candidates(self, function: Scope) -> list[CallAt]:
        owner = function.owner
        if isinstance(function.node, ast.Lambda):
            return [call for name in _names_of(function) for call in self.by_name(name, function)]
        if function.short != "__init__" or owner is None:
            return self.by_name(function.short, function)
        heirs = [scope for scope in self._with_base(owner.short) if scope is not owner and self._descends(scope, owner)]
        calls = [*self.by_name(owner.short, function), *(call for each in heirs for call in self._called(each.short))]
        return calls + [call for call in self._called("__init__") if _is_super_of(call, owner.short)]

    def _with_base(self, name: str) -> list[Scope]:
        """Classes that name a class of that name as their base."""
        if self._by_base is None:
            self._by_base = {}
            for file in self._reading.files:
                for scope in file.names.scopes.values():
                    for base in getattr(scope.node, "bases", ()):
                        self._by_base.setdefault(_last(base), []).append(scope)
        return self._by_base.get(name, [])

    def _descends(self, cls: Scope, ancestor: Scope) -> bool:
        if "__init__" in cls.bindings:
            return False
        bases = getattr(cls.node, "bases", ())
        values = (value for base in bases for value in self._reading.values(base, cls.parent or cls))
        return any(isinstance(value, Own) and value.scope is ancestor for value in values)

    def _is_call_of(self, call: CallAt, function: Scope) -> bool:
        func, owner = call.node.func, function.owner
        if owner is not None and function.short == "__init__":
            if _is_super(func):
                return True
            values = self._reading.values(func, call.scope)
            return any(isinstance(value, Own) and self._same(value.scope, owner) for value in values)
        values = self._reading.settled(self._reading.values(func, call.scope))
        if any(isinstance(value, Own) and value.scope is function for value in values):
            return True
        known = any(isinstance(value, (Own, Module)) or getattr(value, "base", None) is not None for value in values)
        is_named = isinstance(func, ast.Attribute) and func.attr == function.short
        return owner is not None and not known and is_named and self._is_alone(function)

    def _same(self, cls: Scope, owner: Scope) -> bool:
        return cls is owner or self._descends(cls, owner)

    def _is_alone(self, function: Scope) -> bool:
        if function.short in _TOO_COMMON or function.short.startswith("__"):
            return False
        if self._named is None:
            scopes = (scope for file in self._reading.files for scope in file.names.scopes.values())
            self._named = Counter(scope.short for scope in scopes if scope.kind == "function")
        return self._named[function.short] == 1


def _handed_on(call: CallAt) -> CallAt | None:
    """The call that somebody else makes: `ask(model, question)` of `to_thread(ask, model, question)`."""
    place = _CALLS_FOR_US.get(_last(call.node.func))
    if (
        place is None
        or len(call.node.args) <= place
        or not isinstance(call.node.args[place], (ast.Name, ast.Attribute))
    ):
        return None
    func, *given = call.node.args[place:]
    made = ast.Call(func=func, args=given, keywords=call.node.keywords)
    return CallAt(node=ast.copy_location(made, call.node), scope=call.scope)


def _aliases(file: PythonFile) -> Iterator[tuple[str, str]]:
    """Names in a file that stand for what has another name: `import ask as go`, `go = ask`."""
    for scope in (file.top, *file.names.scopes.values()):
        for name, bindings in chain(scope.bindings.items(), scope.attributes.items()):
            for binding in bindings:
                is_name = isinstance(binding.expr, (ast.Name, ast.Attribute)) and not binding.element
                meant = _last(binding.expr) if is_name and binding.expr else binding.imported.rpartition(".")[2]
                if meant not in {"", name}:
                    yield name, meant


def _names_of(function: Scope) -> list[str]:
    """What a lambda is called: the names that are bound to it where it stands."""
    around, owner = function.parent, function.parent.owner if function.parent else None
    named = [*(around.bindings if around else {}).items(), *(owner.attributes if owner else {}).items()]
    return [name for name, bindings in named if any(binding.expr is function.node for binding in bindings)]


def argument_of(call: ast.Call, function: Scope, name: str) -> ast.expr | None:
    """The expression that a call gives for a parameter; `None` if it leaves it out."""
    parameter = function.parameters[name]
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if parameter.position is None:
        return None
    position = parameter.position
    decorators = {getattr(each, "id", "") for each in function.decorators}
    if function.owner is not None and "staticmethod" not in decorators:
        position -= 1
    if not 0 <= position < len(call.args) or any(isinstance(each, ast.Starred) for each in call.args[: position + 1]):
        return None
    return call.args[position]


def _as_given(value: Value) -> Value:
    return (
        replace(value, origin="argument")
        if isinstance(value, Text) and value.origin in {"literal", "constant"}
        else value
    )


def _without_none(values: list[Value]) -> list[Value]:
    return [value for value in values if not (isinstance(value, Text) and value.value is None)] or values


def _last(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _is_super(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "super"
    )


def _is_super_of(call: CallAt, name: str) -> bool:
    """Whether it is `super().__init__(…)` in a class with that base."""
    cls = _class_around(call.scope) if _is_super(call.node.func) else None
    return cls is not None and any(_last(base) == name for base in getattr(cls.node, "bases", ()))


def _class_around(scope: Scope | None) -> Scope | None:
    while scope is not None and scope.kind != "class":
        scope = scope.parent
    return scope
