"""Reads a file's tree into its names.

One pass over the tree, without recursion of our own: a file may be nested as deeply as Python's parser lets it.
"""

import ast
from collections.abc import Callable
from typing import Any

from offramp.migrate.scan.python.scopes import Binding, CallAt, Mention, Names, Parameter, Scope, Store

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
        self.by_class: dict[type[ast.AST], Callable[[Any, Scope], None]] = {
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
                visit(node, scope)
            else:
                self.children(node, scope)
        for scope in self.names.scopes.values():
            for name in scope.outer & scope.bindings.keys():
                self.names.top.bindings.setdefault(name, []).extend(scope.bindings.pop(name))
        for scope in self.names.scopes.values():
            if scope.kind == "function":
                _hand_up(scope)

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
        inner.rest = node.args.kwarg.arg if node.args.kwarg is not None else ""
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
        if isinstance(node.op, ast.BitOr):
            self.store(node.target, None, node.value, scope)
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
            if func.attr == "update":
                self.store(func.value, None, node, scope)
            elif func.attr == "setdefault" and len(node.args) > 1:
                self.store(func.value, node.args[0], node.args[1], scope)
            self.push(scope, func.value)
        else:
            self.push(scope, func)
        for given in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(given, ast.Attribute):
                self.names.mentions.append(Mention(node=given, call=node, scope=scope))
            elif isinstance(given, ast.Name):
                scope.handed.setdefault(given.id, []).append(node)
            self.push(scope, given)

    def store(self, into: ast.expr, key: ast.expr | None, value: ast.expr, scope: Scope) -> None:
        """Remember what is put into a name, or into `self.name`."""
        store = Store(key=key, expr=value, scope=scope)
        if isinstance(into, ast.Name):
            scope.stores.setdefault(into.id, []).append(store)
        elif isinstance(into, ast.Attribute) and (cls := _class_of_self(into, scope)) is not None:
            cls.stores.setdefault(into.attr, []).append(store)

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
            if binding.expr is not None:
                self.store(target.value, target.slice, binding.expr, scope)
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
        cls = _class_of_self(target, scope)
        if cls is not None:
            cls.attributes.setdefault(target.attr, []).append(binding)
        elif binding.expr is not None:
            self.names.sets.append((target, binding.expr, scope))


def _hand_up(scope: Scope) -> None:
    """Give what a function puts into a name of the code around it to where that name is bound."""
    for name in list(scope.stores):
        owner: Scope | None = scope
        while owner is not None and (owner.kind == "class" or not owner.binds(name)):
            owner = owner.parent
        if owner is not None and owner is not scope:
            owner.stores.setdefault(name, []).extend(scope.stores.pop(name))


def _class_of_self(expr: ast.Attribute, scope: Scope) -> Scope | None:
    """The class whose method says `self.name`; `None` for another's attribute."""
    if not isinstance(expr.value, ast.Name) or expr.value.id not in {"self", "cls"}:
        return None
    method = scope
    while method.parent and not method.owner:
        method = method.parent
    return method.owner


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
