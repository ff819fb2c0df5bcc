"""Names of a Python file: what is bound where, which calls there are, what functions give back.

One pass over the tree, without recursion of our own: a file may be nested as deeply as Python's parser lets it.
"""

import ast
from dataclasses import dataclass, field
from typing import Literal as OneOf

from offramp.migrate.scan.python.blocks import Blocks

ScopeKind = OneOf["module", "class", "function"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """One way in which a name gets its value."""

    line: int
    scope: "Scope"
    """Where `expr` is to be read."""
    expr: ast.expr | None = None
    element: bool = False
    """Whether it is an element of what `expr` gives (a loop)."""
    index: int | None = None
    """Which element of what `expr` gives (`a, b = …`)."""
    annotation: ast.expr | None = None
    defined: "Scope | None" = None
    """The function or class of that name."""
    imported: str = ""
    """Dotted name of what is imported, with leading dots where it is relative."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter:
    """A parameter of a function."""

    position: int | None
    """`None` where it can be given by name only."""
    annotation: ast.expr | None = None
    default: ast.expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Store:
    """`name[key] = value`, or an argument of `name.update(…)`."""

    line: int
    key: str
    """Empty for a whole dictionary that is merged in."""
    expr: ast.expr


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """A file, a class or a function."""

    kind: ScopeKind
    node: ast.AST
    name: str
    """Qualified; empty for a file."""
    file: str
    parent: "Scope | None" = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    """Of a class: `self.x = …` in its methods."""
    stores: dict[str, list[Store]] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=Blocks)
    stars: list[str] = field(default_factory=list)
    """Modules of which all names are imported."""
    parts: set[str] = field(default_factory=set)
    """Types of content parts, and roles, that dictionaries in it name: `image_url`, `role tool` …"""
    decorators: list[ast.expr] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    """Names that are declared `global` or `nonlocal`."""

    @property
    def short(self) -> str:
        """The name without what it stands in."""
        return self.name.rpartition(".")[2]

    @property
    def owner(self) -> "Scope | None":
        """The class of a method; `None` for all else."""
        return self.parent if self.kind == "function" and self.parent and self.parent.kind == "class" else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallAt:
    """A call and where it stands."""

    node: ast.Call
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mention:
    """A method that is handed to somebody else, with the call that it is handed to: `partial(client….create, …)`."""

    node: ast.Attribute
    call: ast.Call
    scope: Scope


@dataclass(slots=True, kw_only=True)
class Names:
    """What one pass over a file finds."""

    top: Scope
    calls: list[CallAt] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    sets: list[tuple[ast.Attribute, ast.expr, Scope]] = field(default_factory=list)
    """`x.y = value` where `x` is not `self`."""
    scopes: dict[int, Scope] = field(default_factory=dict)
    """By the id of the node of a function or class."""


_LEAVES = frozenset(
    {ast.Constant, ast.Name, ast.Load, ast.Store, ast.Del, ast.Pass, ast.Break, ast.Continue, ast.alias, ast.arg}
)


def names_of(tree: ast.Module, file: str) -> Names:
    """Read a file's tree."""
    builder = _Builder(tree, file)
    builder.run()
    builder.names.calls.sort(key=lambda call: (call.node.lineno, call.node.col_offset))
    for scope in [builder.names.top, *builder.names.scopes.values()]:
        for bindings in (*scope.bindings.values(), *scope.attributes.values()):
            bindings.sort(key=lambda binding: binding.line)
    return builder.names


class _Builder:
    """The pass itself: a stack of nodes, and what to do with each kind."""

    def __init__(self, tree: ast.Module, file: str) -> None:
        self.names = Names(top=Scope(kind="module", node=tree, name="", file=file))
        self.stack: list[tuple[ast.AST, Scope]] = [(node, self.names.top) for node in tree.body]
        self.decorating: set[int] = set()
        self.by_class = {
            ast.FunctionDef: self.function,
            ast.AsyncFunctionDef: self.function,
            ast.Lambda: self.function,
            ast.ClassDef: self.class_,
            ast.Assign: self.assign,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.NamedExpr: self.named,
            ast.For: self.loop,
            ast.AsyncFor: self.loop,
            ast.While: self.while_,
            ast.comprehension: self.comprehension,
            ast.With: self.with_,
            ast.AsyncWith: self.with_,
            ast.If: self.if_,
            ast.Try: self.try_,
            ast.Import: self.import_,
            ast.ImportFrom: self.import_from,
            ast.Return: self.give_back,
            ast.Yield: self.give_back,
            ast.Call: self.call,
            ast.Dict: self.dict_,
            ast.Global: self.declare,
            ast.Nonlocal: self.declare,
        }

    def run(self) -> None:
        stack, by_class = self.stack, self.by_class
        while stack:
            node, scope = stack.pop()
            visit = by_class.get(type(node))
            if visit is not None:
                visit(node, scope)  # type: ignore[operator]
            else:
                self.children(node, scope)
        for scope in self.names.scopes.values():
            for name in scope.outer & scope.bindings.keys():
                self.names.top.bindings.setdefault(name, []).extend(scope.bindings.pop(name))

    def children(self, node: ast.AST, scope: Scope) -> None:
        push = self.stack.append
        for name in node._fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                for each in value:
                    if each.__class__ not in _LEAVES and isinstance(each, ast.AST):
                        push((each, scope))
            elif value.__class__ not in _LEAVES and isinstance(value, ast.AST):
                push((value, scope))

    def push(self, scope: Scope, *nodes: ast.AST | None) -> None:
        self.stack.extend((node, scope) for node in nodes if node is not None and type(node) not in _LEAVES)

    def bind(self, scope: Scope, name: str, binding: Binding) -> None:
        scope.bindings.setdefault(name, []).append(binding)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> None:
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        inner = Scope(
            kind="function",
            node=node,
            name=f"{scope.name}.{name}" if scope.name else name,
            file=scope.file,
            parent=scope,
        )
        inner.parameters = _parameters(node.args)
        self.names.scopes[id(node)] = inner
        self.push(scope, *node.args.defaults, *node.args.kw_defaults)
        if isinstance(node, ast.Lambda):
            inner.returns.append(node.body)
            self.push(inner, node.body)
            return
        self.bind(scope, name, Binding(line=node.lineno, scope=scope, defined=inner))
        inner.decorators = node.decorator_list
        self.push(scope, *node.decorator_list)
        self.decorating.update(id(each) for each in node.decorator_list)
        self.push(inner, *node.body)

    def class_(self, node: ast.ClassDef, scope: Scope) -> None:
        name = f"{scope.name}.{node.name}" if scope.name else node.name
        inner = Scope(kind="class", node=node, name=name, file=scope.file, parent=scope)
        self.names.scopes[id(node)] = inner
        self.bind(scope, node.name, Binding(line=node.lineno, scope=scope, defined=inner))
        inner.decorators = node.decorator_list
        self.push(scope, *node.decorator_list, *node.bases)
        self.push(inner, *node.body)

    def assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self.target(target, Binding(line=node.lineno, scope=scope, expr=node.value), scope)
        self.push(scope, node.value)

    def annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        binding = Binding(line=node.lineno, scope=scope, expr=node.value, annotation=node.annotation)
        self.target(node.target, binding, scope)
        self.push(scope, node.value)

    def augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if isinstance(node.target, ast.Name) and isinstance(node.op, ast.BitOr):
            store = Store(line=node.lineno, key="", expr=node.value)
            scope.stores.setdefault(node.target.id, []).append(store)
        self.push(scope, node.value)

    def named(self, node: ast.NamedExpr, scope: Scope) -> None:
        self.target(node.target, Binding(line=node.lineno, scope=scope, expr=node.value), scope)
        self.push(scope, node.value)

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self.target(node.target, Binding(line=node.lineno, scope=scope, expr=node.iter, element=True), scope)
        self.block(scope, node.body, id(node.body))
        self.push(scope, node.iter, *node.body, *node.orelse)

    def while_(self, node: ast.While, scope: Scope) -> None:
        self.block(scope, node.body, id(node.body))
        self.children(node, scope)

    def comprehension(self, node: ast.comprehension, scope: Scope) -> None:
        line = getattr(node.target, "lineno", 0)
        self.target(node.target, Binding(line=line, scope=scope, expr=node.iter, element=True), scope)
        self.push(scope, node.iter, *node.ifs)

    def with_(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                binding = Binding(line=node.lineno, scope=scope, expr=item.context_expr)
                self.target(item.optional_vars, binding, scope)
            self.push(scope, item.context_expr)
        self.push(scope, *node.body)

    def if_(self, node: ast.If, scope: Scope) -> None:
        self.block(scope, node.body, id(node))
        self.block(scope, node.orelse, id(node))
        self.push(scope, node.test, *node.body, *node.orelse)

    def try_(self, node: ast.Try, scope: Scope) -> None:
        for clause in node.handlers:
            self.block(scope, clause.body, id(clause))
        self.children(node, scope)

    def block(self, scope: Scope, body: list[ast.stmt], choice: int) -> None:
        if body:
            end = body[-1].end_lineno or body[-1].lineno
            scope.blocks.add(body[0].lineno, end, choice)

    def import_(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            imported = alias.name if alias.asname else name
            self.bind(scope, name, Binding(line=node.lineno, scope=scope, imported=imported))

    def import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                scope.stars.append(module)
                continue
            dot = "" if module.endswith(".") or not module else "."
            imported = f"{module}{dot}{alias.name}"
            self.bind(scope, alias.asname or alias.name, Binding(line=node.lineno, scope=scope, imported=imported))

    def declare(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.outer.update(node.names)

    def give_back(self, node: ast.Return | ast.Yield, scope: Scope) -> None:
        if node.value is not None:
            scope.returns.append(node.value)
            self.push(scope, node.value)

    def call(self, node: ast.Call, scope: Scope) -> None:
        if id(node) not in self.decorating:
            self.names.calls.append(CallAt(node=node, scope=scope))
        func = node.func
        if isinstance(func, ast.Attribute):
            if func.attr == "update" and isinstance(func.value, ast.Name):
                self.update(func.value.id, node, scope)
            self.push(scope, func.value)
        else:
            self.push(scope, func)
        for given in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(given, ast.Attribute):
                self.names.mentions.append(Mention(node=given, call=node, scope=scope))
            self.push(scope, given)

    def update(self, name: str, node: ast.Call, scope: Scope) -> None:
        stores = scope.stores.setdefault(name, [])
        stores += [Store(line=node.lineno, key="", expr=given) for given in node.args[:1]]
        stores += [Store(line=node.lineno, key=keyword.arg or "", expr=keyword.value) for keyword in node.keywords]

    def dict_(self, node: ast.Dict, scope: Scope) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                if key.value == "type":
                    scope.parts.add(value.value)
                elif key.value == "role":
                    scope.parts.add(f"role {value.value}")
        self.children(node, scope)

    def target(self, target: ast.expr, binding: Binding, scope: Scope) -> None:
        """Bind what stands left of an assignment."""
        if isinstance(target, ast.Name):
            self.bind(scope, target.id, binding)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target, binding, scope)
        elif isinstance(target, ast.Attribute):
            self.attribute(target, binding, scope)
        elif isinstance(target, ast.Subscript):
            if isinstance(target.value, ast.Name) and isinstance(target.slice, ast.Constant) and binding.expr:
                store = Store(line=binding.line, key=str(target.slice.value), expr=binding.expr)
                scope.stores.setdefault(target.value.id, []).append(store)
            self.push(scope, target.value)

    def unpack(self, target: ast.Tuple | ast.List, binding: Binding, scope: Scope) -> None:
        given = binding.expr
        pairs = isinstance(given, (ast.Tuple, ast.List)) and len(given.elts) == len(target.elts) and not binding.element
        for index, each in enumerate(target.elts):
            if pairs and isinstance(given, (ast.Tuple, ast.List)):
                part = Binding(line=binding.line, scope=scope, expr=given.elts[index])
            else:
                part = Binding(line=binding.line, scope=scope, expr=given, element=binding.element, index=index)
            self.target(each, part, scope)

    def attribute(self, target: ast.Attribute, binding: Binding, scope: Scope) -> None:
        owner = scope
        while owner.parent and not owner.owner:
            owner = owner.parent
        is_self = isinstance(target.value, ast.Name) and target.value.id in {"self", "cls"}
        if is_self and owner.owner is not None:
            owner.owner.attributes.setdefault(target.attr, []).append(binding)
        elif binding.expr is not None:
            self.names.sets.append((target, binding.expr, scope))


def _parameters(given: ast.arguments) -> dict[str, Parameter]:
    ordered = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(ordered) - len(given.defaults)) + list(given.defaults)
    found = {
        each.arg: Parameter(position=position, annotation=each.annotation, default=default)
        for position, (each, default) in enumerate(zip(ordered, defaults, strict=True))
    }
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found[each.arg] = Parameter(position=None, annotation=each.annotation, default=default)
    return found
