"""What is given to a method once it is called, where `functools.partial` holds the first part of its arguments."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from offramp.migrate.scan.python.arguments import Arguments, arguments_of
from offramp.migrate.scan.python.callers import MOST_CALLERS, MOST_CANDIDATES
from offramp.migrate.scan.python.files import PythonFile
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.scopes import CallAt, Scope
from offramp.migrate.scan.python.values import Node, Own

MOST_PARTIALS = 8
"""Through so many partials of partials arguments are followed."""


@dataclass(slots=True)
class _Index:
    """Where the results of a file's calls go."""

    named: dict[int, list[str]] = field(default_factory=dict)
    """Names that a call's result is given, by the id of the call."""
    handed: dict[str, list[tuple[CallAt, ast.expr]]] = field(default_factory=dict)
    """Calls that are given a name or an attribute, by the last part of it."""
    inside: set[int] = field(default_factory=set)
    """Ids of what is handed to a call as it stands."""


class Partials:
    """The partials of a file, and where they are called."""

    def __init__(self, file: PythonFile, reader: Reader) -> None:
        """Look for nothing yet: few files have any."""
        self._file = file
        self._reader = reader
        self._index: _Index | None = None

    def complete(self, made: ast.Call, arguments: Arguments) -> None:
        """Put to the arguments of a partial what its calls give; of several calls the whole is known of none."""
        waiting, seen = [made], set[int]()
        while waiting:
            partial = waiting.pop()
            if id(partial) in seen or not is_partial(partial):
                continue
            seen.add(id(partial))
            index = self._indexed()
            uses = list(islice(self._uses(partial, index), MOST_CALLERS)) if len(seen) <= MOST_PARTIALS else []
            if len(uses) != 1 and (uses or id(partial) not in index.inside):
                arguments.is_whole = False
            for use, is_call in uses:
                join(arguments, arguments_of(self._reader, use.node, use.scope))
                if not is_call:
                    waiting.append(use.node)
                    arguments.is_whole = arguments.is_whole and not self._is_own(use)

    def _uses(self, made: ast.Call, index: _Index) -> Iterator[tuple[CallAt, bool]]:
        """Calls of what it made, and calls that are handed it: `ask(…)`, `to_thread(ask, …)`."""
        seen: set[int] = set()
        for name in index.named.get(id(made), ()):
            called = ((call, call.node.func) for call in self._reader.who_calls.by_name(name, self._file.top))
            for call, expr in islice(chain(index.handed.get(name, ()), called), MOST_CANDIDATES):
                if id(expr) not in seen and self._is_made(expr, call.scope, made):
                    seen.add(id(expr))
                    yield call, expr is call.node.func

    def _is_made(self, expr: ast.expr, scope: Scope, made: ast.Call) -> bool:
        values = self._reader.settled(self._reader.values(expr, scope))
        return any(isinstance(value, Node) and value.expr is made for value in values)

    def _is_own(self, call: CallAt) -> bool:
        """Whether it is a function of the project that is handed it, and may give it more."""
        return any(isinstance(value, Own) for value in self._reader.values(call.node.func, call.scope))

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = index = _Index()
            for scope in (self._file.top, *self._file.names.scopes.values()):
                for name, bindings in chain(scope.bindings.items(), scope.attributes.items()):
                    for binding in bindings:
                        index.named.setdefault(id(binding.expr), []).append(name)
            for call in self._file.names.calls:
                for given in (*call.node.args, *(keyword.value for keyword in call.node.keywords)):
                    index.inside.add(id(given))
                    name = getattr(given, "id", "") or getattr(given, "attr", "")
                    if name:
                        index.handed.setdefault(name, []).append((call, given))
        return self._index


def is_partial(call: ast.Call) -> bool:
    """Whether it is `partial(…)`, by the name under which everybody imports it."""
    return (getattr(call.func, "attr", "") or getattr(call.func, "id", "")) == "partial"


def join(arguments: Arguments, later: Arguments) -> None:
    """Put the named arguments of a later call to those of the first."""
    for name, values in later.named.items():
        for value in values:
            arguments.add(name, value)
    arguments.is_whole = arguments.is_whole and later.is_whole
