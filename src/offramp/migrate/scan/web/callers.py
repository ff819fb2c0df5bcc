"""Who calls a function of the project, and what they give for its parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ast_grep_py import SgNode

from offramp.migrate.scan.kinds import is_test
from offramp.migrate.scan.web.evaluate import SCRIPTS, Evaluator
from offramp.migrate.scan.web.module import Call, Function, Module
from offramp.migrate.scan.web.records import is_whole, properties
from offramp.migrate.scan.web.syntax import arguments, line, suffix
from offramp.migrate.scan.web.values import (
    NOTHING,
    UNKNOWN,
    Callable,
    Called,
    ClassOf,
    Made,
    Parameter,
    Place,
    Record,
    Value,
    options_of,
)

MOST_CALLERS = 24
MOST_CANDIDATES = 400
"""Calls by the right name that are looked at."""
MOST_FILES = 200
DEEPEST_WRAPPER = 4
"""Functions that hand a parameter on to the next."""


@dataclass(frozen=True, slots=True)
class Given:
    """One thing that a value can be."""

    value: Value
    origin: str = ""
    """`argument` or `default` where it came through a parameter."""
    caller: str = ""
    """`FILE:LINE` of who gave it."""


@dataclass(slots=True)
class Callers:
    """Calls of the project by the name that they call."""

    ev: Evaluator
    _named: dict[str, dict[str, list[Call]]] = field(default_factory=dict)
    _known: dict[Function, list[Place]] = field(default_factory=dict)
    _aliases: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def expand(self, value: Value, depth: int = DEEPEST_WRAPPER) -> list[Given]:
        """A value with parameters replaced by what callers give for them."""
        found: list[Given] = []
        for option in options_of(value):
            if isinstance(option, Parameter):
                found += self._given(option, depth)
            else:
                found.append(Given(option))
        return found

    def _given(self, parameter: Parameter, depth: int) -> list[Given]:
        found: list[Given] = []
        left_out = False
        for call in self.of(parameter.module, parameter.function) if depth > 0 else ():
            given = arguments(call.node)
            said: Value = NOTHING
            if parameter.index < len(given):
                said = self.ev.value(Place(call.module, given[parameter.index], call.frame))
            for name in parameter.path:
                said = NOTHING if self._lacks(said, name) else self.ev.member(said, name)
            if said == NOTHING:
                left_out = True
                continue
            caller = f"{call.module.path}:{line(call.node)}"
            handed = self.expand(said, depth - 1)
            found += [Given(each.value, each.origin or "argument", each.caller or caller) for each in handed]
        if parameter.default is not None and (left_out or not found):
            found += [Given(each.value, "default") for each in self.expand(parameter.default, depth - 1)]
        if parameter.typed is not None and not any(isinstance(each.value, (Made, Called)) for each in found):
            typed: Value = parameter.typed
            for name in parameter.path:
                typed = self.ev.member(typed, name)
            found.append(Given(typed, "argument"))
        return found or [Given(parameter, "argument")]

    def _lacks(self, said: Value, name: str) -> bool:
        """Whether an object is known not to have a member."""
        return isinstance(said, Record) and name not in properties(self.ev, said) and is_whole(self.ev, said)

    def of(self, module: Module, function: Function) -> list[Place]:
        """Calls of a function, as far as they can be told."""
        if function not in self._known:
            self._known[function] = []
            found = list(self._search(module, function))
            if not is_test(module.path):
                # What tests hand over is made up.
                found = [place for place in found if not is_test(place.module.path)]
            self._known[function] = found
        return self._known[function]

    def _search(self, module: Module, function: Function) -> Iterator[Place]:
        constructed = function.owner if function.plain == "constructor" else None
        name = constructed.name if constructed is not None else function.plain
        name = name.rpartition(".")[2]
        looked = found = 0
        for other, called in self._files(module, name) if name else ():
            for call in self._calls(other, called):
                looked += 1
                if looked > MOST_CANDIDATES or found >= MOST_CALLERS:
                    return
                if self._calls_it(other, call.node, function):
                    found += 1
                    yield Place(other, call.node)

    def _files(self, module: Module, name: str) -> Iterator[tuple[Module, str]]:
        """Files that may call a function, and under which name."""
        if module.path not in self._aliases:
            self._aliases[module.path] = _aliases(module)
        for each in dict.fromkeys([name, *self._aliases[module.path].get(name, ())]):
            yield from ((other, each) for other in self._naming(module, each))

    def _naming(self, module: Module, name: str) -> Iterator[Module]:
        yield module
        left = MOST_FILES
        for path, source in self.ev.project.sources.items():
            if path == module.path or name not in source.text or suffix(path) not in SCRIPTS:
                continue
            other = self.ev.module(path)
            if other is not None:
                yield other
            left -= 1
            if left == 0:
                return

    def _calls(self, module: Module, name: str) -> list[Call]:
        if module.path not in self._named:
            named: dict[str, list[Call]] = {}
            aliases = {
                own: binding.imported
                for own, bindings in module.bindings.items()
                for binding in bindings
                if binding.kind == "import" and binding.imported not in {"default", "*", own}
            }
            for call in module.calls:
                word = _last(call.node)
                named.setdefault(aliases.get(word, word), []).append(call)
            self._named[module.path] = named
        return self._named[module.path].get(name, [])

    def _calls_it(self, module: Module, call: SgNode, function: Function) -> bool:
        callee = call.field("function") or call.field("constructor")
        if callee is None or callee == function.node:
            return False
        for value in options_of(self.ev.value(Place(module, callee))):
            if isinstance(value, Callable) and value.function is function:
                return True
            if isinstance(value, ClassOf) and function.plain == "constructor" and value.of is function.owner:
                return True
        return False


def _aliases(module: Module) -> dict[str, list[str]]:
    """Names that a file gives to what has another: `const go = ask`, `export { ask as go }`."""
    found: dict[str, list[str]] = {}
    variables = ((name, each) for name, many in module.bindings.items() for each in many if each.kind == "variable")
    named = [(name, each.node) for name, each in variables if not each.path]
    named += [(name, export.node) for name, export in module.exports.items() if name not in {"default", "="}]
    for name, node in named:
        if node is not None and node.kind() == "identifier" and node.text() != name:
            found.setdefault(node.text(), []).append(name)
    return found


def callers(ev: Evaluator) -> Callers:
    """What knows who calls whom."""
    return Callers(ev)


def _last(call: SgNode) -> str:
    callee = call.field("function") or call.field("constructor")
    if callee is None:
        return ""
    if callee.kind() == "member_expression":
        name = callee.field("property")
        return name.text() if name is not None else ""
    return callee.text() if callee.kind() == "identifier" else ""


def settled(who: Callers, value: Value) -> list[Value]:
    """What a value can be, parameters replaced by what callers give."""
    return [each.value for each in who.expand(value)] or [UNKNOWN]
