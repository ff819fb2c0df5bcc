"""Reads expressions: what a name, an attribute or a call can be, through files, classes and functions.

It reads as a person does: what is assigned before, what a function returns, what an import names. It runs nothing. What
has several possible values keeps them all, up to a bound; what leads in a circle leads nowhere.
"""

import ast
from dataclasses import replace

from offramp.migrate.scan.python import fold
from offramp.migrate.scan.python.callers import Callers, argument_of
from offramp.migrate.scan.python.files import PythonFiles
from offramp.migrate.scan.python.members import attribute, element
from offramp.migrate.scan.python.names import MOST_VALUES, annotated, imported, look_up
from offramp.migrate.scan.python.scopes import CallAt, Scope
from offramp.migrate.scan.python.values import (
    Argument,
    Asked,
    Environment,
    Made,
    Member,
    Node,
    Object,
    Outside,
    Own,
    Text,
    Value,
    Values,
    dotted_name,
    unique,
)

MOST_STEPS = 50
"""How many expressions may be open at a time; a person would have given up long before."""

_PASSES = frozenset(
    {"str", "cast", "typing.cast", "copy.copy", "copy.deepcopy", "asyncio.run", "next", "anext", "deepcopy"}
)
_GETENV = frozenset(
    {"os.getenv", "os.environ.get", "getenv", "environ.get", "decouple.config", "os.environ.setdefault"}
)
_BY_NAME = frozenset({"env", "env.str", "config", "getenv_str"})
_UNFOLDED = {
    "textwrap.dedent": fold.dedented,
    "dedent": fold.dedented,
    "inspect.cleandoc": fold.cleaned,
    "cleandoc": fold.cleaned,
}
_LITERALS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.SetComp)


class Reader:
    """Reads the expressions of a project's files."""

    def __init__(self, files: PythonFiles) -> None:
        """Know the files; remember what was read."""
        self.files = files
        self.importing: set[tuple[str, str]] = set()
        self.names: dict[tuple[str, str], Values] = {}
        self.who_calls = Callers(self)
        self._known: dict[tuple[int, int], Values] = {}
        self._open: set[tuple[int, int]] = set()
        self._parsed: dict[str, ast.expr | None] = {}

    def forget(self) -> None:
        """Read everything anew, because more files are known now."""
        self._known.clear()
        self.names.clear()
        self.who_calls.forget()

    def values(self, expr: ast.expr | None, scope: Scope) -> Values:
        """All that an expression can be."""
        if expr is None:
            return ()
        if isinstance(expr, ast.Constant):
            return () if expr.value is Ellipsis else (Text(expr.value),)
        key = (id(expr), id(scope))
        known = self._known.get(key)
        if known is not None:
            return known
        if key in self._open or len(self._open) > MOST_STEPS:
            return ()
        self._open.add(key)
        try:
            found = self._read(expr, scope)
        finally:
            self._open.discard(key)
        self._known[key] = found
        return found

    def settled(self, values: Values) -> Values:
        """The same, with parameters replaced by what callers, defaults and annotations say."""
        if not any(isinstance(value, (Argument, Asked)) for value in values):
            return values
        found: list[Value] = []
        for value in values:
            if isinstance(value, Asked):
                found += self._variables(self._alone(value.name), self._alone(value.default))
            else:
                found += self.who_calls.given(value) if isinstance(value, Argument) else (value,)
        return unique(found, MOST_VALUES)

    def _alone(self, part: str | Argument | None) -> str | None:
        """What a parameter is wherever its function is called; `None` if callers differ."""
        return fold.text_of(self.who_calls.given(part)) if isinstance(part, Argument) else part

    def parsed(self, text: str) -> ast.expr | None:
        """An annotation that is written in quotes; `None` if it does not parse.

        It is kept: what was read is remembered by its node, so no other node may take its place in memory.
        """
        if text not in self._parsed:
            try:
                self._parsed[text] = ast.parse(text, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._parsed[text] = None
        return self._parsed[text]

    def given_in(self, call: ast.Call, scope: Scope, argument: Argument) -> Values | None:
        """What one call gives for a parameter; `None` if it leaves it out."""
        expr = argument_of(call, argument.function, argument.name)
        return None if expr is None else self.settled(self.values(expr, scope))

    def callers(self, function: Scope) -> list[CallAt]:
        """Who calls a function of the project."""
        return self.who_calls.of(function)

    def _read(self, expr: ast.expr, scope: Scope) -> Values:
        if isinstance(expr, ast.Name):
            return look_up(self, expr.id, scope, expr.lineno)
        if isinstance(expr, ast.Attribute):
            assigned = self._assigned(expr, scope)
            if assigned:
                return assigned
            base = self.settled(self.values(expr.value, scope))
            found = [got for value in base for got in attribute(self, value, expr.attr)]
            return unique(found, MOST_VALUES) if base else (Member(None, (expr.attr,)),)
        if isinstance(expr, ast.Call):
            return self._called(expr, scope)
        if isinstance(expr, _LITERALS):
            return (Node(expr, scope),)
        return self._combined(expr, scope)

    def _assigned(self, expr: ast.Attribute, scope: Scope) -> Values:
        """What the same file assigns to `self.config.model`: nearer than what others say of such objects."""
        if not isinstance(expr.value, ast.Attribute):
            return ()
        file = self.files.file(scope.file)
        written = file.sets.get(".".join(dotted_name(expr)), ()) if file else ()
        found = [value for each, inner in written for value in self.values(each, inner)]
        return tuple(replace(value, origin="default") if isinstance(value, Text) else value for value in found)

    def _combined(self, expr: ast.expr, scope: Scope) -> Values:
        if isinstance(expr, ast.JoinedStr):
            return fold.joined(self, expr, scope)
        if isinstance(expr, ast.BinOp):
            return fold.added(self, expr, scope)
        if isinstance(expr, ast.Subscript):
            base = self.settled(self.values(expr.value, scope))
            return unique([got for each in base for got in element(self, each, expr.slice, scope)], MOST_VALUES)
        if isinstance(expr, (ast.Await, ast.Starred, ast.NamedExpr)):
            return self.values(expr.value, scope)
        if isinstance(expr, ast.IfExp):
            return unique([*self.values(expr.body, scope), *self.values(expr.orelse, scope)], MOST_VALUES)
        if isinstance(expr, ast.BoolOp):
            return self._either(expr, scope)
        if isinstance(expr, ast.Lambda):
            file = self.files.file(scope.file)
            inner = file.names.scopes.get(id(expr)) if file else None
            return (Own(inner),) if inner else ()
        return ()

    def _either(self, expr: ast.BoolOp, scope: Scope) -> Values:
        found = [value for each in expr.values for value in self.values(each, scope)]
        if isinstance(expr.op, ast.Or):
            found = [value for value in found if not (isinstance(value, Text) and not value.value)] or found
            return unique(_with_default(found), MOST_VALUES)
        return self.values(expr.values[-1], scope)

    def _called(self, call: ast.Call, scope: Scope) -> Values:
        found: list[Value] = []
        for value in self.settled(self.values(call.func, scope)):
            found += self._result(value, call, scope)
        return unique(found, MOST_VALUES)

    def _result(self, value: Value, call: ast.Call, scope: Scope) -> Values:
        if isinstance(value, Own):
            return self._own(value.scope, call, scope)
        if isinstance(value, Outside):
            return self._outside(value.name, call, scope)
        if isinstance(value, Member):
            return self._method(value, call, scope)
        return ()

    def _own(self, inner: Scope, call: ast.Call, scope: Scope) -> Values:
        if inner.kind == "class":
            return (Object(inner, call, scope),)
        found = [value for expr in inner.returns for value in self.values(expr, inner)]
        if any(isinstance(value, (Argument, Asked)) for value in found):
            found = _with_default([got for value in found for got in self._in_call(value, inner, call, scope)])
        found = [value for value in found if not (isinstance(value, Text) and value.value is None)]
        annotation = getattr(inner.node, "returns", None)
        if annotation is not None and not any(isinstance(value, (Made, Object, Text)) for value in found):
            found += annotated(self, annotation, inner)
        return unique(found, MOST_VALUES)

    def _in_call(self, value: Value, inner: Scope, call: ast.Call, scope: Scope) -> Values:
        """What a function gives back, with its parameters replaced by what this call gives for them."""
        if isinstance(value, Asked):
            name, default = (self._text_in(part, inner, call, scope) for part in (value.name, value.default))
            if isinstance(name, Argument) or (name is not None and isinstance(default, Argument)):
                return (Asked(name, default),)
            return self._variables(name, None if isinstance(default, Argument) else default)
        if isinstance(value, Argument) and value.function is inner:
            expr, where = self._given_for(value, call, scope)
            return (value,) if expr is None else self.values(expr, where)
        return (value,)

    def _text_in(
        self, part: str | Argument | None, inner: Scope, call: ast.Call, scope: Scope
    ) -> str | Argument | None:
        if not isinstance(part, Argument) or part.function is not inner:
            return part
        expr, where = self._given_for(part, call, scope)
        values = self.values(expr, where)
        if len(values) == 1 and isinstance(values[0], Argument):
            return values[0]
        return fold.text_of(values)

    def _given_for(self, argument: Argument, call: ast.Call, scope: Scope) -> tuple[ast.expr | None, Scope]:
        """The expression that a call gives for a parameter, or its default, and where it is to be read."""
        function = argument.function
        given = argument_of(call, function, argument.name)
        if given is not None:
            return given, scope
        return function.parameters[argument.name].default, function.parent or function

    def _outside(self, name: str, call: ast.Call, scope: Scope) -> Values:
        first = call.args[0] if call.args else None
        if name in _GETENV or (name in _BY_NAME and isinstance(first, ast.Constant)):
            return self._variable(call, scope)
        if name in _PASSES and call.args:
            return self.values(call.args[-1 if name.endswith("cast") else 0], scope)
        if name in _UNFOLDED and first is not None:
            return _UNFOLDED[name](self.settled(self.values(first, scope)))
        if name in {"dict", "list", "functools.partial", "partial"}:
            return (Node(call, scope),)
        special = self._special(name, call, scope)
        return (Made(name, call, scope),) if special is None else special

    def _special(self, name: str, call: ast.Call, scope: Scope) -> Values | None:
        """Functions that lead to something else than what they make; `None` for all others."""
        first = call.args[0] if call.args else None
        last = name.rpartition(".")[2]
        if name == "getattr" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            base = self.settled(self.values(first, scope))
            return unique([got for each in base for got in attribute(self, each, str(call.args[1].value))], MOST_VALUES)
        if last in {"import_module", "__import__"}:
            return self._module(first, scope)
        if last in {"Depends", "Security", "lru_cache", "cache"} and first is not None:
            values = self.settled(self.values(first, scope))
            return unique(
                [got for each in values if isinstance(each, Own) for got in self._result(each, call, scope)],
                MOST_VALUES,
            )
        if last in {"Field", "field"} and name.partition(".")[0] in {"Field", "field", "pydantic", "dataclasses"}:
            return self._field(call, scope)
        return None

    def _module(self, expr: ast.expr | None, scope: Scope) -> Values:
        text = fold.text_of(self.settled(self.values(expr, scope)))
        return imported(self, text, scope.file) if text else ()

    def _variable(self, call: ast.Call, scope: Scope) -> Values:
        default = (
            call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "default"), None)
        )
        defaults = self.values(default, scope)
        handed_on = defaults[0] if len(defaults) == 1 and isinstance(defaults[0], Argument) else None
        text = fold.text_of(self.settled(defaults)) if handed_on is None else None
        found: list[Value] = []
        names = self.values(call.args[0], scope) if call.args else ()
        for value in names:
            if isinstance(value, Argument):
                found.append(Asked(value, handed_on or text))
            elif isinstance(value, Text) and isinstance(value.value, str):
                found.append(Asked(value.value, handed_on) if handed_on else Environment(value.value, text))
        if len(found) > 1 and any(isinstance(value, Text) and value.origin == "argument" for value in names):
            # Each caller means its own variable, and nobody knows here whose this is.
            return ()
        return tuple(found)

    def _variables(self, name: str | None, default: str | None) -> Values:
        return () if name is None else (Environment(name, default),)

    def _field(self, call: ast.Call, scope: Scope) -> Values:
        """The default of a field of a class of values."""
        for keyword in call.keywords:
            if keyword.arg == "default":
                return self.values(keyword.value, scope)
            if keyword.arg == "default_factory":
                made = ast.copy_location(ast.Call(func=keyword.value, args=[], keywords=[]), keyword.value)
                return tuple(
                    got for each in self.values(keyword.value, scope) for got in self._result(each, made, scope)
                )
        return self.values(call.args[0], scope) if call.args else ()

    def _method(self, value: Member, call: ast.Call, scope: Scope) -> Values:
        name, base = value.path[-1], value.base
        if len(value.path) == 1 and isinstance(base, Node) and name in {"get", "pop"} and call.args:
            return element(self, base, call.args[0], scope)
        if len(value.path) == 1 and base is not None and not isinstance(base, (Made, Object)):
            return fold.method(self, base, name, call, scope)
        if (
            len(value.path) == 1
            and name in {"with_options", "copy", "__enter__", "__aenter__"}
            and isinstance(base, (Made, Object))
        ):
            return (base,)
        return (Member(value, ("()",)),)


def _with_default(found: list[Value]) -> list[Value]:
    """`os.getenv("X") or "y"` is a variable with a default."""
    variable, otherwise = found if len(found) == len(("variable", "default")) else (None, None)
    if not isinstance(variable, (Environment, Asked)) or variable.default is not None:
        return found
    if isinstance(otherwise, Text) and otherwise.value is not None:
        return [replace(variable, default=str(otherwise.value))]
    return [Asked(variable.name, otherwise)] if isinstance(otherwise, Argument) else found
