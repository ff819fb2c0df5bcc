"""Which calls of a Python file call the API: through the SDK, through another library, or over plain HTTP."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from offramp.migrate.scan.python import http
from offramp.migrate.scan.python.arguments import Arguments, arguments_of, configured
from offramp.migrate.scan.python.clients import Found, client_of
from offramp.migrate.scan.python.files import PythonFile
from offramp.migrate.scan.python.libraries import (
    CLIENTS,
    FOREIGN,
    INSTRUCTOR,
    LATER_FEATURES,
    MAKER_NAMES,
    MAKERS,
    Maker,
)
from offramp.migrate.scan.python.members import outside_bases
from offramp.migrate.scan.python.models import Model, is_foreign, is_made_elsewhere, model_of, routed
from offramp.migrate.scan.python.operations import FOLLOWED, METHODS, OLD_METHODS, Called, called, called_old
from offramp.migrate.scan.python.partials import Partials, is_partial, join
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.scopes import Binding, CallAt, Scope
from offramp.migrate.scan.python.sites import Candidate
from offramp.migrate.scan.python.values import Made, Member, Outside, Own, Text, Value, Values, dotted

_WATCHED = METHODS | OLD_METHODS
_LOOKED_AT = frozenset({"patch", "object", "isinstance", "hasattr", "setattr", "getattr", "spy", "print", "id", "type"})
"""Functions that are handed a method and do not call it."""
_CLIENT_NAMES = CLIENTS | INSTRUCTOR
_INSTRUCTOR_METHODS = frozenset({"create", "create_with_completion", "create_partial", "create_iterable"})


class Recogniser:
    """Goes through the calls of a file."""

    def __init__(self, file: PythonFile, reader: Reader, heirs: frozenset[str]) -> None:
        """Look at this file; `heirs` are classes of the project that are made from a library's."""
        self.file = file
        self.reader = reader
        self.clients: list[Found] = []
        self._aliases = _aliases(file, heirs) | heirs
        self._foreign = _is_foreign(file)
        self._made: dict[int, set[str]] = {}
        self._partials = Partials(file, reader)
        self._sends = http.TRACE.search(file.source.text) is not None

    def candidates(self) -> list[Candidate]:
        """The calls that call the API, in their order."""
        found: list[Candidate] = []
        for call in self.file.names.calls:
            candidate = self._look(call)
            if candidate is not None:
                found.append(candidate)
        found += self._mentioned({id(each.node) for each in found})
        found.sort(key=lambda each: (each.node.lineno, each.node.col_offset))
        return [replace(each, features=self._made.get(id(each.node), set())) for each in found]

    def _look(self, call: CallAt) -> Candidate | None:
        func = call.node.func
        if isinstance(func, ast.Attribute):
            return self._attribute(call, func)
        if isinstance(func, ast.Name) and (
            func.id in MAKER_NAMES or func.id in self._aliases or func.id in http.METHODS
        ):
            return self._value(call)
        if isinstance(func, ast.Call):
            return self._called_twice(call, func)
        return None

    def _attribute(self, call: CallAt, func: ast.Attribute) -> Candidate | None:
        name = func.attr
        if name in _WATCHED:
            candidate = self._chain(call.node, func, call.scope)
            if candidate is not None:
                return candidate
        if name in LATER_FEATURES:
            self._later(func, call.scope)
        if name in MAKER_NAMES or name in _CLIENT_NAMES or name in self._aliases:
            candidate = self._value(call)
            if candidate is not None:
                return candidate
        return self._sent(call) if name in http.METHODS else None

    def _chain(self, node: ast.Call, func: ast.Attribute, scope: Scope) -> Candidate | None:
        """`client.chat.completions.create(…)`, however the client is reached."""
        base, path = dotted(func)
        known = (*((base.id,) if isinstance(base, ast.Name) else ()), *path)
        what = called(known) or called_old(known)
        if what is not None and what.length <= len(path):
            return self._on_client(node, func, scope, what)
        if func.attr not in FOLLOWED:
            return None
        for value in self.reader.settled(self.reader.values(func.value, scope)):
            inner = (*_path(value), func.attr)
            what = called(inner) or called_old(inner)
            if what is not None:
                found = client_of(self.reader, (_root(value),)) or (Found(module=True) if what.old else None)
                return self._candidate(node, scope, what, found) if found and not found.foreign else None
            if (
                func.attr in _INSTRUCTOR_METHODS
                and (found := client_of(self.reader, (value,)))
                and found.library == "instructor"
            ):
                return self._candidate(node, scope, Called("chat.completions", func.attr, 1), found)
        return None

    def _on_client(self, node: ast.Call, func: ast.Attribute, scope: Scope, what: Called) -> Candidate | None:
        before: ast.expr = func
        for _ in range(what.length):
            assert isinstance(before, ast.Attribute)
            before = before.value
        found = client_of(self.reader, self.reader.settled(self.reader.values(before, scope)))
        if found is None and what.old and not self._is_library(before, scope):
            return None
        if found is None and (self._foreign or not what.is_sure):
            return None
        return None if found is not None and found.foreign else self._candidate(node, scope, what, found)

    def _is_library(self, expr: ast.expr, scope: Scope) -> bool:
        values = self.reader.values(expr, scope)
        return any(isinstance(value, Outside) and "openai" in value.name for value in values)

    def _candidate(self, node: ast.Call, scope: Scope, what: Called, found: Found | None) -> Candidate:
        arguments = arguments_of(self.reader, node, scope)
        return Candidate(
            node=node,
            scope=scope,
            operation=what.operation,
            library=found.library if found else "openai",
            method=what.method,
            arguments=arguments,
            client=found,
            old=what.old,
            model=self._provider_model(found, arguments),
        )

    def _provider_model(self, found: Found | None, arguments: Arguments) -> Model | None:
        """`instructor.from_provider("openai/gpt-4o")` says the model for all calls."""
        if (
            found is None
            or found.library != "instructor"
            or found.call is None
            or found.scope is None
            or "model" in arguments.named
        ):
            return None
        given = found.call.args[:1]
        return routed(model_of(self.reader.settled(self.reader.values(given[0], found.scope)))) if given else None

    def _value(self, call: CallAt) -> Candidate | None:
        """A class or function of a library, under whatever name."""
        for value in self.reader.settled(self.reader.values(call.node.func, call.scope)):
            if isinstance(value, Outside):
                candidate = self._library(call, value)
                if candidate is not None:
                    return candidate
            elif isinstance(value, Own) and value.scope.kind == "class":
                candidate = self._heir(call, value.scope)
                if candidate is not None:
                    return candidate
            elif isinstance(value, Member) and isinstance(call.node.func, ast.Name):
                what = called(value.path)
                found = client_of(self.reader, (value,))
                if what is not None and found is not None and not found.foreign:
                    return self._candidate(call.node, call.scope, what, found)
        if isinstance(call.node.func, ast.Name) and call.node.func.id in http.METHODS:
            return self._sent(call)
        return None

    def _library(self, call: CallAt, value: Outside) -> Candidate | None:
        root, last = value.name.partition(".")[0], value.name.rpartition(".")[2]
        if (root == "openai" and last in CLIENTS) or (root == "instructor" and last == "from_provider"):
            found = client_of(self.reader, (Made(value.name, call.node, call.scope),))
            if found is not None and found.call is call.node and not found.foreign:
                self.clients.append(found)
            return None
        old = called_old(tuple(value.name.split(".")))
        if root == "openai" and old is not None:
            return self._candidate(call.node, call.scope, old, Found(module=True))
        maker = MAKERS.get((root, last))
        return self._by_maker(call, maker) if maker is not None else None

    def _heir(self, call: CallAt, cls: Scope) -> Candidate | None:
        """A class of the project that is made from a library's: `class Chat(ChatOpenAI)`."""
        for name in outside_bases(self.reader, cls):
            maker = MAKERS.get((name.partition(".")[0], name.rpartition(".")[2]))
            if maker is not None:
                candidate = self._by_maker(call, maker)
                other = candidate is not None and candidate.model is not None and is_foreign(candidate.model.name or "")
                return None if other else candidate
        return None

    def _by_maker(self, call: CallAt, maker: Maker) -> Candidate | None:
        arguments = arguments_of(self.reader, call.node, call.scope)
        if maker.inside:
            inner = configured(self.reader, arguments, maker.inside)
            if inner is None:
                return None
            arguments = inner
        values = self._model_values(arguments, maker)
        if is_made_elsewhere(values):
            self._more(call, arguments, values)
            return None
        provider = arguments.values(self.reader, "model_provider", "provider")
        named = [value.value for value in provider if isinstance(value, Text) and isinstance(value.value, str)]
        if maker.routed and named and not any(name.startswith(("openai", "azure")) for name in named):
            return None
        model: Model | None = model_of(values)
        if maker.routed and model is not None:
            model = routed(model)
        if model is None:
            return None
        if model.name is None and model.origin == "unknown" and maker.default and not self._is_given(arguments, maker):
            model = Model(name=maker.default, origin="default")
        operation = "responses" if model.provider == "openai-responses" else maker.operation
        client = client_of(
            self.reader, arguments.values(self.reader, "client", "openai_client", "async_client", "provider")
        )
        return Candidate(
            node=call.node,
            scope=call.scope,
            operation=operation,
            library=maker.library,
            arguments=arguments,
            maker=maker,
            model=model,
            client=client if client is not None and not client.foreign else None,
        )

    def _is_given(self, arguments: Arguments, maker: Maker) -> bool:
        """Whether a model is, or may be, among the arguments."""
        positional = maker.position is not None and len(arguments.positional) > maker.position
        return positional or not arguments.is_whole or any(name in arguments.named for name in maker.model)

    def _model_values(self, arguments: Arguments, maker: Maker) -> Values:
        values = arguments.values(self.reader, *maker.model)
        if not values and maker.position is not None and len(arguments.positional) > maker.position:
            given = arguments.positional[maker.position]
            values = self.reader.settled(self.reader.values(given.expr, given.scope))
        return values

    def _more(self, call: CallAt, arguments: Arguments, values: Values) -> None:
        """An agent around a model that is made elsewhere says what that model is used for."""
        words = {"tools" for name in ("tools", "functions", "toolsets") if name in arguments.named}
        words |= {
            "structured_output" for name in ("output_type", "result_type", "response_format") if name in arguments.named
        }
        for value in values:
            if isinstance(value, Made) and value.call is not None:
                self._made.setdefault(id(value.call), set()).update(words)

    def _later(self, func: ast.Attribute, scope: Scope) -> None:
        for value in self.reader.settled(self.reader.values(func.value, scope)):
            root = _root(value)
            if isinstance(root, Made) and root.call is not None:
                self._made.setdefault(id(root.call), set()).add(LATER_FEATURES[func.attr])

    def _sent(self, call: CallAt) -> Candidate | None:
        sent = http.sent_by(self.reader, call.node, call.scope) if self._sends else None
        if sent is None:
            return None
        return Candidate(
            node=call.node,
            scope=call.scope,
            operation=sent.operation,
            library="http",
            arguments=sent.body,
            base_url=sent.base_url,
            headers=sent.headers,
        )

    def _called_twice(self, call: CallAt, func: ast.Call) -> Candidate | None:
        """`retry(client.chat.completions.create)(…)` and `partial(…)(…)`."""
        for given in func.args[:1]:
            if isinstance(given, ast.Attribute) and given.attr in METHODS:
                candidate = self._chain(call.node, given, call.scope)
                if candidate is not None and is_partial(func):
                    join(candidate.arguments, arguments_of(self.reader, func, call.scope))
                return candidate
        return None

    def _mentioned(self, seen: set[int]) -> Iterator[Candidate]:
        """Methods that are handed to somebody who calls them: `to_thread(client….create, model=…)`."""
        for mention in self.file.names.mentions:
            if mention.node.attr not in METHODS or id(mention.call) in seen:
                continue
            func = mention.call.func
            name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
            if name in _LOOKED_AT or name.startswith("assert") or self._is_called_twice(mention.call):
                continue
            candidate = self._chain(mention.call, mention.node, mention.scope)
            if candidate is not None:
                seen.add(id(mention.call))
                self._partials.complete(mention.call, candidate.arguments)
                yield candidate

    def _is_called_twice(self, call: ast.Call) -> bool:
        return any(each.node.func is call for each in self.file.names.calls)


def _path(value: Value) -> tuple[str, ...]:
    if isinstance(value, Outside):
        return tuple(value.name.split("."))
    return value.path if isinstance(value, Member) else ()


def _root(value: Value) -> Value:
    while isinstance(value, Member) and value.base is not None:
        value = value.base
    return value


def heirs_of(files: Iterable[PythonFile]) -> frozenset[str]:
    """Names of the project's classes that are made from a class of a library that calls a model."""
    bases = [
        (scope.short, {getattr(base, "id", getattr(base, "attr", "")) for base in getattr(scope.node, "bases", ())})
        for file in files
        for scope in file.names.scopes.values()
        if scope.kind == "class"
    ]
    found: set[str] = set()
    size = -1
    while len(found) > size:
        size = len(found)
        found |= {name for name, of in bases if of & (MAKER_NAMES | found)}
    return frozenset(found)


def _aliases(file: PythonFile, heirs: frozenset[str]) -> set[str]:
    """Names in this file under which libraries' classes and methods may go."""
    found = set()
    for scope in [file.top, *file.names.scopes.values()]:
        for name, bindings in scope.bindings.items():
            for binding in bindings:
                if _may_be_library(binding, heirs):
                    found.add(name)
    return found


def _may_be_library(binding: Binding, heirs: frozenset[str]) -> bool:
    last, expr = binding.imported.rpartition(".")[2], binding.expr
    if last in MAKER_NAMES or last in _CLIENT_NAMES or last in http.METHODS:
        return True
    if isinstance(expr, ast.Attribute):
        return expr.attr in METHODS | MAKER_NAMES | _CLIENT_NAMES
    return isinstance(expr, ast.IfExp | ast.Name | ast.BoolOp) and _names_library(expr, heirs)


def _names_library(expr: ast.expr, heirs: frozenset[str]) -> bool:
    names = {getattr(each, "id", getattr(each, "attr", "")) for each in ast.walk(expr)}
    return bool(names & (MAKER_NAMES | _CLIENT_NAMES | heirs))


def _is_foreign(file: PythonFile) -> bool:
    """Whether the file works with another provider's library and does not name OpenAI."""
    roots = {
        binding.imported.lstrip(".").partition(".")[0]
        for scope in [file.top, *file.names.scopes.values()]
        for bindings in scope.bindings.values()
        for binding in bindings
    }
    return (
        bool(roots & (FOREIGN - {"unittest", "docker", "stripe", "google", "boto3"}))
        and "openai" not in file.source.text.lower()
    )
