"""What one file declares: names and their scopes, imports, exports, functions, classes, calls; no meaning yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ast_grep_py import SgNode

from offramp.migrate.scan.web.syntax import Parsed, named, property_name, string

FUNCTIONS = frozenset(
    {
        "function_declaration",
        "generator_function_declaration",
        "function_expression",
        "generator_function",
        "arrow_function",
        "method_definition",
    }
)
CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class"})
FIELDS = frozenset({"public_field_definition", "field_definition"})


@dataclass(slots=True, eq=False)
class Class:
    """A class and what its instances carry."""

    node: SgNode
    name: str
    parent: "Class | None"
    base: SgNode | None = None
    """What it extends."""
    members: dict[str, list["Member"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the places that say what a member of a class is."""

    kind: str
    """`field`, `method`, `getter`, `assigned` (to `this` in a method), `filled` (into what it holds) or `parameter`
    (of the constructor)."""
    node: SgNode | None
    """The value, or the method; `None` where only a type is known."""
    type: SgNode | None = None
    static: bool = False
    key: str = ""
    """Of what it is filled with; empty for a whole object."""


@dataclass(slots=True, eq=False)
class Function:
    """A function, a method or an arrow function."""

    node: SgNode
    name: str
    """Qualified: with the functions and classes around it."""
    plain: str
    """Its own name; empty for none."""
    parent: "Function | None"
    owner: Class | None
    """The class whose `this` it sees."""
    static: bool = False
    returns: list[SgNode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name is known: from `start` to `end`, in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """What a name stands for within a scope."""

    scope: Scope
    kind: str
    """`variable`, `parameter`, `function`, `class`, `import`, `enum`, `type`."""
    node: SgNode | None = None
    """The value, the function, the class, the enumeration or the type."""
    path: tuple[str, ...] = ()
    """Members that a pattern picks out of the value; `*` for the rest of it, `0` … for the place in a list."""
    default: SgNode | None = None
    type: SgNode | None = None
    source: str = ""
    """Of an import: the module it names."""
    imported: str = ""
    """Of an import: the name there, `default` or `*`."""
    function: Function | None = None
    index: int = -1
    """Of a parameter: which one."""
    assigned: list[SgNode] = field(default_factory=list)
    """What is assigned to it later."""
    extended: list[SgNode] = field(default_factory=list)
    """What is put behind it later, with `+=`."""
    merged: list[SgNode] = field(default_factory=list)
    """What `Object.assign` puts into it later."""
    filled: dict[str, list[SgNode]] = field(default_factory=dict)
    """What is assigned to its members later."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call, or `new`, and the function it stands in."""

    node: SgNode
    function: Function | None


@dataclass(frozen=True, slots=True)
class Export:
    """What a file offers under a name."""

    node: SgNode | None = None
    """An expression, or an identifier of the file."""
    source: str = ""
    imported: str = ""


@dataclass(slots=True, eq=False)
class Module:
    """One file."""

    path: str
    parsed: Parsed
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Modules of which everything is offered again."""
    calls: list[Call] = field(default_factory=list)
    functions: dict[SgNode, Function] = field(default_factory=dict)
    classes: dict[SgNode, Class] = field(default_factory=dict)
    owners: dict[SgNode, Class] = field(default_factory=dict)
    """For each `this`: the class whose instance it is."""

    def lookup(self, name: str, at: int) -> Binding | None:
        """What a name stands for at a place: the innermost scope wins, then the last declaration."""
        best: Binding | None = None
        for binding in self.bindings.get(name, ()):
            scope = binding.scope
            if scope.start <= at < scope.end and (best is None or scope.start >= best.scope.start):
                best = binding
        return best

    def bind(self, name: str, binding: Binding) -> None:
        """Declare a name."""
        self.bindings.setdefault(name, []).append(binding)


def scope_of(node: SgNode) -> Scope:
    """The stretch of a node."""
    span = node.range()
    return Scope(span.start.index, span.end.index)


def pattern_names(pattern: SgNode) -> Iterator[tuple[str, tuple[str, ...], SgNode | None]]:
    """The names a pattern declares: name, which member of the value it is, its default."""
    waiting: list[tuple[SgNode, tuple[str, ...], SgNode | None]] = [(pattern, (), None)]
    while waiting:
        node, path, default = waiting.pop()
        kind = node.kind()
        if kind in {"identifier", "shorthand_property_identifier_pattern"}:
            yield node.text(), path, default
        elif len(path) < _DEEPEST_PATTERN:
            waiting += _inside_pattern(node, path, default)


_DEEPEST_PATTERN = 8


def _inside_pattern(
    node: SgNode, path: tuple[str, ...], default: SgNode | None
) -> Iterator[tuple[SgNode, tuple[str, ...], SgNode | None]]:
    kind = node.kind()
    left, right = node.field("left"), node.field("right")
    if kind == "assignment_pattern" and left is not None:
        yield left, path, right
    elif kind == "object_assignment_pattern" and left is not None:
        yield left, (*path, left.text()), right
    elif kind == "pair_pattern":
        key, value = node.field("key"), node.field("value")
        name = property_name(key) if key is not None else None
        if value is not None and name is not None:
            yield value, (*path, name), default
    elif kind == "object_pattern":
        yield from (_place_in_object(child, path) for child in named(node))
    elif kind in {"rest_pattern", "array_pattern"}:
        yield from _places_in_list(node, path)


def _place_in_object(child: SgNode, path: tuple[str, ...]) -> tuple[SgNode, tuple[str, ...], SgNode | None]:
    shorthand = child.kind() == "shorthand_property_identifier_pattern"
    return child, (*path, child.text()) if shorthand else path, None


def _places_in_list(node: SgNode, path: tuple[str, ...]) -> Iterator[tuple[SgNode, tuple[str, ...], SgNode | None]]:
    if node.kind() == "rest_pattern":
        yield from ((child, (*path, "*"), None) for child in node.children() if child.kind() == "identifier")
        return
    at = 0
    for child in node.children():
        if child.kind() == ",":
            at += 1
        elif child.is_named() and child.kind() != "comment":
            yield child, (*path, str(at)), None


def import_names(statement: SgNode) -> Iterator[tuple[str, str]]:
    """The names that an import statement declares, each with its name in the other module."""
    for child in statement.children():
        if child.kind() == "import_clause":
            yield from _clause_names(child)
        elif child.kind() == "import_require_clause":
            name = next((part for part in child.children() if part.kind() == "identifier"), None)
            if name is not None:
                yield name.text(), "*"


def _clause_names(clause: SgNode) -> Iterator[tuple[str, str]]:
    for part in clause.children():
        kind = part.kind()
        if kind == "identifier":
            yield part.text(), "default"
        elif kind == "namespace_import":
            for name in part.children():
                if name.kind() == "identifier":
                    yield name.text(), "*"
        elif kind == "named_imports":
            for each in part.children():
                if each.kind() == "import_specifier":
                    yield _specifier(each)


def _specifier(node: SgNode) -> tuple[str, str]:
    """Of `a as b`: b and a."""
    name, alias = node.field("name"), node.field("alias")
    first = _said(name) if name is not None else ""
    return (_said(alias) if alias is not None else first), first


def export_names(statement: SgNode) -> Iterator[tuple[str, SgNode]]:
    """The names in `export {…}`: under which name, and the node that says which."""
    for child in statement.children():
        if child.kind() == "export_clause":
            for each in child.children():
                name = each.field("name") if each.kind() == "export_specifier" else None
                if name is not None:
                    yield _specifier(each)[0], name


def _said(node: SgNode) -> str:
    return string(node) if node.kind() == "string" else node.text()


def source_of(statement: SgNode) -> str:
    """The module that an import or export statement names; empty for none."""
    source = statement.field("source")
    if source is None:
        for child in statement.children():
            if child.kind() == "import_require_clause":
                source = next((part for part in child.children() if part.kind() == "string"), None)
    return string(source) if source is not None and source.kind() == "string" else ""
