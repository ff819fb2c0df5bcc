"""Follows expressions to what they stand for: through names, files, classes, and functions that only hand on.

Nothing is run. Depth and number of steps are bounded, so that no file can hold the scan up; what is cut off is unknown.
"""

from collections.abc import Callable as Function_
from collections.abc import Sequence
from dataclasses import dataclass, field

from ast_grep_py import SgNode

from offramp.migrate.scan.model import Project, Source
from offramp.migrate.scan.web import calls, members
from offramp.migrate.scan.web.declare import read
from offramp.migrate.scan.web.module import Binding, Export, Module
from offramp.migrate.scan.web.paths import Roads, roads
from offramp.migrate.scan.web.syntax import Parsed, bare, is_made_by_a_tool, named, parse, string, suffix, unescaped
from offramp.migrate.scan.web.values import (
    MOST_MERGED,
    NOTHING,
    PROCESS_ENVIRONMENT,
    UNKNOWN,
    Callable,
    Choice,
    ClassOf,
    Environment,
    External,
    Global,
    Instance,
    Literal,
    Made,
    Parameter,
    Place,
    Record,
    Row,
    Space,
    Value,
    filled_in,
    joined,
    one_of,
)

DEEPEST = 40
"""Expressions within expressions that are followed; each costs a few frames of Python's stack."""
MOST_STEPS = 100_000
"""Expressions that are looked at for one file."""
_LONGEST_JSON = 1 << 18
SCRIPTS = frozenset({".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte"})


@dataclass(slots=True)
class Evaluator:
    """Knows a whole project's scripts; reads each when it is first needed."""

    project: Project
    roads: Roads
    modules: dict[str, Module | None] = field(default_factory=dict)
    known: dict[tuple[str, SgNode], Value] = field(default_factory=dict)
    following: set[tuple[str, SgNode, int]] = field(default_factory=set)
    """Expressions that are being looked at, so that a circle ends."""
    merging: set[object] = field(default_factory=set)
    """Names and fields into whose objects others are being merged."""
    depth: int = 0
    left: int = MOST_STEPS
    cut: bool = False
    """Whether something was cut off since this was last set to false."""

    def module(self, path: str) -> Module | None:
        """A file of the project; `None` if it is not a script."""
        if path not in self.modules:
            source = self.project.sources.get(path)
            self.modules[path] = _module(source) if source is not None else None
        return self.modules[path]

    def value(self, place: Place) -> Value:
        """What an expression stands for."""
        node = bare(place.node)
        key = (place.module.path, node)
        if place.frame is None and key in self.known:
            return self.known[key]
        circle = (*key, id(place.frame))
        if self.depth >= DEEPEST or self.left <= 0 or circle in self.following:
            self.cut = True
            return UNKNOWN
        self.left -= 1
        before, self.cut = self.cut, False
        self.depth += 1
        self.following.add(circle)
        try:
            step = _STEPS.get(node.kind())
            found = step(self, Place(place.module, node, place.frame)) if step else UNKNOWN
        finally:
            self.depth -= 1
            self.following.discard(circle)
        if place.frame is None and not self.cut:
            self.known[key] = found
        self.cut = self.cut or before
        return found

    def member(self, of: Value, name: str) -> Value:
        """What a member of a value stands for."""
        return members.member(self, of, name)

    def merged(self, into: object, places: Sequence[Place]) -> list[Value]:
        """What is merged into an object, unless this leads back to the object itself."""
        if into in self.merging:
            self.cut = True
            return []
        self.merging.add(into)
        try:
            return [self.value(place) for place in places]
        finally:
            self.merging.discard(into)

    def imported(self, module: Module, source: str, name: str, seen: frozenset[str] = frozenset()) -> Value:
        """What an import stands for."""
        target = self.roads.resolve(module.path, source)
        if target is not None:
            return self.exported(target, name, seen)
        return UNKNOWN if source.startswith(".") else External(source, name)

    def exported(self, path: str, name: str, seen: frozenset[str] = frozenset()) -> Value:
        """What a file exports under a name."""
        module = self.module(path)
        if module is None or path in seen:
            return UNKNOWN
        if name == "*":
            return Space(path)
        whole = module.exports.get("=")
        export = module.exports.get(name) or (whole if name == "default" else None)
        if export is not None:
            return self._export(module, export, seen | {path})
        if whole is not None:
            return self.member(self._export(module, whole, seen | {path}), name)
        found = [self.imported(module, star, name, seen | {path}) for star in module.stars if name != "default"]
        within = [each for each in found if not isinstance(each, External)]
        known = one_of(within)
        return known if known != UNKNOWN or len(found) == len(within) else found[-1]

    def _export(self, module: Module, export: Export, seen: frozenset[str]) -> Value:
        if export.source:
            return self.imported(module, export.source, export.imported, seen)
        return self.value(Place(module, export.node)) if export.node is not None else UNKNOWN

    def typed(self, module: Module, declared: SgNode | None) -> Value:
        """Something of a type, where the type is a class."""
        waiting = [declared] if declared is not None else []
        while waiting:
            node = waiting.pop(0)
            kind = node.kind()
            if kind in {"type_annotation", "union_type", "parenthesized_type", "readonly_type"}:
                waiting += list(named(node))
            elif kind == "type_identifier":
                found = self._of_type(module, node)
                if found != UNKNOWN:
                    return found
        return UNKNOWN

    def _of_type(self, module: Module, node: SgNode) -> Value:
        binding = module.lookup(node.text(), node.range().start.index)
        if binding is None or self.depth >= DEEPEST:
            return UNKNOWN
        if binding.kind == "type":
            self.depth += 1
            try:
                return self.typed(module, binding.node)
            finally:
                self.depth -= 1
        made = self.bound(Place(module, node), binding)
        if isinstance(made, ClassOf):
            return Instance(made.module, made.of)
        return Made(made) if isinstance(made, External) else UNKNOWN

    def bound(self, place: Place, binding: Binding) -> Value:
        """What a declared name stands for."""
        module = place.module
        if binding.kind == "import":
            return self.imported(module, binding.source, binding.imported)
        if binding.kind == "function" and binding.function is not None:
            return Callable(module, binding.function)
        if binding.kind == "class" and binding.node is not None:
            return ClassOf(module, module.classes[binding.node])
        if binding.kind == "enum" and binding.node is not None:
            return Record((Place(module, binding.node),))
        if binding.kind == "parameter":
            return self._parameter(place, binding)
        return self._variable(place, binding) if binding.kind == "variable" else UNKNOWN

    def _variable(self, place: Place, binding: Binding) -> Value:
        module, frame = place.module, place.frame
        found = self.value(Place(module, binding.node, frame)) if binding.node is not None else NOTHING
        for name in binding.path:
            found = found if name == "*" else self.member(found, name)
        if binding.default is not None:
            found = one_of((found, self.value(Place(module, binding.default, frame))))
        found = self._later(found, binding, place)
        if found in (UNKNOWN, NOTHING) and binding.type is not None:
            return self.typed(module, binding.type)
        return found

    def _later(self, found: Value, binding: Binding, place: Place) -> Value:
        """A variable's value with what is assigned to it, put behind it or put into it further down."""
        module, frame = place.module, place.frame
        if binding.assigned:
            found = one_of((found, *(self.value(Place(module, node, frame)) for node in binding.assigned[:8])))
        ends = binding.extended + (binding.filled.get("pathname", []) if not isinstance(found, Record) else [])
        if ends:
            added = [joined((UNKNOWN, self.value(Place(module, node, frame)))) for node in ends[:8]]
            found = one_of((found, *added))
        given = binding.merged[:MOST_MERGED] if isinstance(found, Record) else []
        merged = self.merged(binding, [Place(module, node, frame) for node in given])
        filled = [(name, Place(module, nodes[-1], frame)) for name, nodes in binding.filled.items()]
        return filled_in(found, merged, filled)

    def _parameter(self, place: Place, binding: Binding) -> Value:
        function, frame = binding.function, place.frame
        while frame is not None and frame.function is not function:
            frame = frame.outer
        default = self.value(Place(place.module, binding.default, place.frame)) if binding.default is not None else None
        if frame is not None:
            found: Value = NOTHING
            if binding.index < len(frame.values):
                found = frame.values[binding.index]
            elif binding.index < len(frame.given):
                found = self.value(frame.given[binding.index])
            for name in binding.path:
                found = found if name == "*" else self.member(found, name)
            return default if default is not None and found in (UNKNOWN, NOTHING) else found
        typed = self.typed(place.module, binding.type) if not binding.path else UNKNOWN
        if isinstance(typed, Instance) or function is None:
            return typed
        path = tuple(name for name in binding.path if name != "*")
        made = typed if isinstance(typed, Made) else None
        return Parameter(place.module, function, binding.index, path, default, made)


def evaluator(project: Project) -> Evaluator:
    """What knows the project's scripts; one per project, see `Project.index`."""
    return Evaluator(project, project.index(roads))


def _module(source: Source) -> Module | None:
    ending = suffix(source.path)
    if ending in SCRIPTS and not is_made_by_a_tool(source.text):
        return read(source.path, parse(source))
    if ending != ".json" or len(source.text) > _LONGEST_JSON:
        return None
    parsed = parse(Source(path="data.js", text=f"module.exports = {source.text}"))
    return read(source.path, Parsed(parsed.root, "json", parsed.text))


def _identifier(ev: Evaluator, place: Place) -> Value:
    name = place.node.text()
    binding = place.module.lookup(name, place.node.range().start.index)
    if binding is None:
        return NOTHING if name == "undefined" else Global(name)
    return ev.bound(place, binding)


def _string(_ev: Evaluator, place: Place) -> Value:
    return Literal(string(place.node))


def _number(_ev: Evaluator, place: Place) -> Value:
    text = place.node.text().replace("_", "")
    try:
        return Literal(int(text) if text.isdecimal() else float(text))
    except ValueError:
        return UNKNOWN


def _template(ev: Evaluator, place: Place) -> Value:
    parts: list[str | Value] = []
    for child in place.node.children():
        kind = child.kind()
        if kind in {"string_fragment", "escape_sequence"}:
            parts.append(unescaped(child.text()))
        elif kind == "template_substitution":
            inner = next(named(child), None)
            part = ev.value(Place(place.module, inner, place.frame)) if inner is not None else UNKNOWN
            # An empty default waits for somebody to fill it.
            parts.append(UNKNOWN if part in (NOTHING, Literal("")) else part)
    return joined(parts)


def _binary(ev: Evaluator, place: Place) -> Value:
    left, right, operator = (place.node.field(name) for name in ("left", "right", "operator"))
    if left is None or right is None or operator is None:
        return UNKNOWN
    second = ev.value(Place(place.module, right, place.frame))
    word = operator.text()
    if word == "&&":
        return second
    first = ev.value(Place(place.module, left, place.frame)) if word in {"||", "??", "+"} else UNKNOWN
    if word == "+":
        return joined((first, second))
    if word not in {"||", "??"}:
        return UNKNOWN
    if isinstance(first, Environment) and first.default is None:
        return Environment(first.name, second)
    if isinstance(first, Literal) and first.value:
        return first
    if first == UNKNOWN:
        # Something nobody knows, and else this: the second is what can be said.
        return Choice((UNKNOWN, second)) if second not in (UNKNOWN, NOTHING) else UNKNOWN
    return one_of((first, second))


def _ternary(ev: Evaluator, place: Place) -> Value:
    branches = (place.node.field("consequence"), place.node.field("alternative"))
    return one_of(ev.value(Place(place.module, each, place.frame)) for each in branches if each is not None)


def _member(ev: Evaluator, place: Place) -> Value:
    of, name = place.node.field("object"), place.node.field("property")
    if of is None or name is None:
        return UNKNOWN
    if of.kind() == "meta_property" or (of.kind() == "member_expression" and of.text() == "import.meta"):
        return PROCESS_ENVIRONMENT if name.text() == "env" else UNKNOWN
    return ev.member(ev.value(Place(place.module, of, place.frame)), name.text())


def _subscript(ev: Evaluator, place: Place) -> Value:
    of, index = place.node.field("object"), place.node.field("index")
    if of is None or index is None:
        return UNKNOWN
    at = ev.value(Place(place.module, index, place.frame))
    if not isinstance(at, Literal) or isinstance(at.value, bool) or not isinstance(at.value, (str, int)):
        return members.any_member(ev, ev.value(Place(place.module, of, place.frame)))
    return ev.member(ev.value(Place(place.module, of, place.frame)), str(at.value))


def _this(_ev: Evaluator, place: Place) -> Value:
    owner = place.module.owners.get(place.node)
    frame = place.frame
    while frame is not None and owner is not None:
        if frame.this is not None and frame.function.owner is owner:
            return frame.this
        frame = frame.outer
    return Instance(place.module, owner) if owner is not None else UNKNOWN


def _function(_ev: Evaluator, place: Place) -> Value:
    function = place.module.functions.get(place.node)
    return Callable(place.module, function) if function is not None else UNKNOWN


def _class(_ev: Evaluator, place: Place) -> Value:
    of = place.module.classes.get(place.node)
    return ClassOf(place.module, of) if of is not None else UNKNOWN


def _right(ev: Evaluator, place: Place) -> Value:
    right = place.node.field("right")
    return ev.value(Place(place.module, right, place.frame)) if right is not None else UNKNOWN


_WORDS = {"undefined": None, "null": None, "true": True, "false": False}


def _word(_ev: Evaluator, place: Place) -> Value:
    return Literal(_WORDS[place.node.kind()])


_STEPS: dict[str, Function_[[Evaluator, Place], Value]] = {
    "identifier": _identifier,
    "shorthand_property_identifier": _identifier,
    "type_identifier": _identifier,
    **dict.fromkeys(_WORDS, _word),
    "string": _string,
    "number": _number,
    "template_string": _template,
    "binary_expression": _binary,
    "ternary_expression": _ternary,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "this": _this,
    "super": _this,
    "object": lambda _ev, place: Record((place,)),
    "array": lambda _ev, place: Row(place),
    "call_expression": calls.call,
    "new_expression": calls.new,
    "assignment_expression": _right,
    "sequence_expression": _right,
    "arrow_function": _function,
    "function_expression": _function,
    "function_declaration": _function,
    "method_definition": _function,
    "class": _class,
    "class_declaration": _class,
    "abstract_class_declaration": _class,
}
