"""Reads a file's tree into a `Module`: one walk in the order of the source, without recursion."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ast_grep_py import SgNode

from offramp.migrate.scan.web.module import (
    CLASSES,
    FIELDS,
    FUNCTIONS,
    Binding,
    Call,
    Class,
    Export,
    Function,
    Member,
    Module,
    Scope,
    export_names,
    import_names,
    pattern_names,
    scope_of,
    source_of,
)
from offramp.migrate.scan.web.syntax import Parsed, arguments, named, property_name

_SEES_NO_OUTER_THIS = FUNCTIONS - {"arrow_function"}
_BLOCKS = frozenset({"statement_block", "for_statement", "for_in_statement", "switch_body", "catch_clause"})
_PASSES_HINT = frozenset(
    {"call_expression", "arguments", "parenthesized_expression", "as_expression", "satisfies_expression", "object"}
)
_MARKS = "( ) { } [ ] , ; : . => = ? < > / ` ${ </ /> ?. ... + - ! && || ?? === !== == >= <= *"
_KEYWORDS = "const let var return if else async await export from new function default break case as in of try typeof"
_PASSED_OVER = frozenset(
    {
        "identifier", "property_identifier", "shorthand_property_identifier", "type_identifier", "string", "number",
        "type_annotation", "type_arguments", "type_parameters", "interface_declaration", "object_type", "union_type",
        "generic_type", "function_type", "intersection_type", "conditional_type", "literal_type", "array_type",
        "regex", "import_clause", "string_fragment", "escape_sequence", "predefined_type", "accessibility_modifier",
        "jsx_text", "comment", *_MARKS.split(), *_KEYWORDS.split(),
    }
)  # fmt: skip
"""What declares and calls nothing: most of a file's nodes."""
_KEEPING = frozenset({"accessibility_modifier", "readonly", "override_modifier"})
_PARAMETERS = frozenset({"required_parameter", "optional_parameter"})


class _Here(NamedTuple):
    """Where in the file the walk is."""

    block: Scope
    body: Scope
    """Of the function, where `var` is known."""
    function: Function | None = None
    owner: Class | None = None
    """The class of `this`."""
    within: Class | None = None
    """The class in whose body methods stand; `None` inside an object."""
    hint: str = ""
    """What a function without a name would be called."""


@dataclass(slots=True)
class _Walk:
    module: Module
    later: list[tuple[str, int, str, SgNode]] = field(default_factory=list)
    """Assignments: name, place, member (or nothing), value. What they assign to may be declared further down."""

    def put(self, here: "_Here", into: SgNode, member: str, value: SgNode) -> None:
        """Remember what is put into a name, or into what a member of `this` holds; a whole object without a member."""
        if into.kind() == "identifier":
            self.later.append((into.text(), into.range().start.index, member or _MERGES, value))
            return
        inner, name = into.field("object"), into.field("property")
        if inner is not None and inner.kind() == "this" and name is not None and here.owner is not None:
            members = here.owner.members.setdefault(name.text(), [])
            members += [Member("filled", value, key=member)] if len(members) < _MOST_FILLED else []


def read(path: str, parsed: Parsed) -> Module:
    """All that a file declares."""
    walk = _Walk(Module(path, parsed))
    whole = Scope(0, len(parsed.text) + 1)
    waiting = [(parsed.root, parsed.root.kind(), _Here(whole, whole))]
    while waiting:
        node, kind, here = waiting.pop()
        if here.hint and kind not in _TAKES_HINT:
            here = here._replace(hint="")
        step = _STEPS.get(kind)
        if step is not None:
            here = step(walk, node, here)
        children = node.children()
        children.reverse()
        for child in children:
            kind = child.kind()
            if kind not in _PASSED_OVER:
                waiting.append((child, kind, here))
    for name, at, member, value in walk.later:
        binding = walk.module.lookup(name, at)
        if binding is not None:
            _later(binding, member).append(value)
    return walk.module


def _later(binding: Binding, member: str) -> list[SgNode]:
    if member in {_EXTENDS, _MERGES}:
        return binding.extended if member == _EXTENDS else binding.merged
    return binding.filled.setdefault(member, []) if member else binding.assigned


def _function(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    scope, kind = scope_of(node), node.kind()
    name = node.field("name")
    plain = (property_name(name) or "" if name is not None else "") or here.hint
    method = kind == "method_definition"
    owner = here.within if method else None if kind in _SEES_NO_OUTER_THIS else here.owner
    if method and owner is None and here.hint:
        plain = f"{here.hint}.{plain}"
    around = here.function.name if here.function else here.within.name if here.within and not method else ""
    if method and owner is not None:
        around = owner.name
    static = method and any(child.kind() == "static" for child in node.children())
    function = Function(node, _qualified(around, plain), plain, here.function, owner, static)
    walk.module.functions[node] = function
    if name is not None and not method:
        place = here.block if kind.endswith("declaration") else scope
        walk.module.bind(name.text(), Binding(place, "function", node, function=function))
    if method and owner is not None:
        _method(node, plain, static=static, owner=owner)
    _parameters(walk.module, node, function, scope)
    body = node.field("body")
    if body is not None and body.kind() != "statement_block":
        function.returns.append(body)
    return _Here(scope, scope, function, owner)


def _qualified(around: str, plain: str) -> str:
    return f"{around}.{plain}" if around and plain else plain or around


def _method(node: SgNode, plain: str, *, static: bool, owner: Class) -> None:
    kind = "getter" if any(child.kind() == "get" for child in node.children()) else "method"
    owner.members.setdefault(plain, []).append(Member(kind, node, static=static))


def _parameters(module: Module, node: SgNode, function: Function, scope: Scope) -> None:
    single = node.field("parameter")
    listed = node.field("parameters")
    given = [single] if single is not None else list(named(listed)) if listed is not None else []
    index = 0
    for each in given:
        typed = each.kind() in _PARAMETERS
        pattern = each.field("pattern") if typed else each
        kind = pattern.kind() if pattern is not None else ""
        if pattern is None or kind in {"decorator", "this"}:
            continue
        default = each.field("value") if typed else each.field("right") if kind == "assignment_pattern" else None
        declared = each.field("type") if typed else None
        for name, path, inner in pattern_names(pattern):
            binding = Binding(
                scope, "parameter", path=path, default=inner or (default if not path else None), type=declared,
                function=function, index=index,
            )  # fmt: skip
            module.bind(name, binding)
        if typed and function.owner is not None and function.plain == "constructor" and _keeps(each):
            function.owner.members.setdefault(pattern.text(), []).append(Member("parameter", pattern, declared))
        index += 1


def _keeps(parameter: SgNode) -> bool:
    """Whether a constructor's parameter becomes a member."""
    return any(child.kind() in _KEEPING for child in parameter.children())


def _class(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    if node.is_leaf():
        return here
    name = node.field("name")
    plain = name.text() if name is not None else here.hint
    around = here.function.name if here.function else here.within.name if here.within else ""
    made = Class(node, _qualified(around, plain), here.within)
    for child in node.children():
        if child.kind() == "class_heritage":
            made.base = _base(child)
    walk.module.classes[node] = made
    if name is not None:
        walk.module.bind(name.text(), Binding(here.block, "class", node))
    scope = scope_of(node)
    return _Here(scope, scope, None, made, made)


def _base(heritage: SgNode) -> SgNode | None:
    for child in named(heritage):
        if child.kind() == "extends_clause":
            return child.field("value") or next(named(child), None)
        if child.kind() != "implements_clause":
            return child
    return None


def _field(_walk: _Walk, node: SgNode, here: _Here) -> _Here:
    name = node.field("name") or node.field("property")
    plain = property_name(name) if name is not None else None
    if plain is None or here.within is None:
        return here
    static = any(child.kind() == "static" for child in node.children())
    member = Member("field", node.field("value"), node.field("type"), static=static)
    here.within.members.setdefault(plain, []).append(member)
    return here._replace(hint=plain)


def _declarator(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    pattern, value = node.field("name"), node.field("value")
    if pattern is None:
        return here
    parent = node.parent()
    scope = here.body if parent is not None and parent.kind() == "variable_declaration" else here.block
    for name, path, default in pattern_names(pattern):
        binding = Binding(scope, "variable", value, path=path, default=default, type=node.field("type"))
        walk.module.bind(name, binding)
    return here._replace(hint=pattern.text()) if pattern.kind() == "identifier" else here


def _import(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    source = source_of(node)
    for name, imported in import_names(node):
        walk.module.bind(name, Binding(here.block, "import", source=source, imported=imported))
    return here


def _export(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    module, source = walk.module, source_of(node)
    declaration, value = node.field("declaration"), node.field("value")
    words = {child.kind() for child in node.children()}
    for name, local in export_names(node):
        module.exports[name] = Export(source=source, imported=local.text()) if source else Export(local)
    if source and "*" in words:
        module.stars.append(source)
    for child in node.children():
        if child.kind() == "namespace_export":
            module.exports[child.children()[-1].text()] = Export(source=source, imported="*")
        elif child.kind() == "identifier" and "=" in words:
            module.exports["="] = Export(child)
    if value is not None:
        module.exports["default"] = Export(value)
    elif declaration is not None and "default" in words:
        module.exports["default"] = Export(declaration)
    elif declaration is not None:
        for name_node in _declared(declaration):
            module.exports[name_node.text()] = Export(name_node)
    return here._replace(hint="default") if value is not None else here


def _declared(declaration: SgNode) -> list[SgNode]:
    """The names that a declaration declares."""
    name = declaration.field("name")
    if name is not None:
        return [name]
    found = []
    for child in named(declaration):
        pattern = child.field("name") if child.kind() == "variable_declarator" else None
        if pattern is not None:
            found += [pattern] if pattern.kind() == "identifier" else _shorthands(pattern)
    return found


def _shorthands(pattern: SgNode) -> list[SgNode]:
    return [
        child.field("value") or child
        for child in named(pattern)
        if child.kind() in {"shorthand_property_identifier_pattern", "pair_pattern"}
    ]


def _assignment(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return here
    at = node.range().start.index
    if left.kind() == "identifier":
        operator = node.field("operator")
        extends = operator is not None and operator.text() == "+="
        walk.later.append((left.text(), at, _EXTENDS if extends else "", right))
        return here._replace(hint=left.text())
    thing, name = left.field("object"), left.field("property") or left.field("index")
    if (
        thing is None
        or name is None
        or name.kind() not in {"property_identifier", "private_property_identifier", "string"}
    ):
        return here
    member = property_name(name) or ""
    if thing.kind() == "this" and here.owner is not None:
        here.owner.members.setdefault(member, []).append(Member("assigned", right))
    elif thing.kind() == "identifier" and thing.text() == "exports":
        walk.module.exports[member] = Export(right)
    elif thing.kind() == "identifier" and (thing.text(), member) == ("module", "exports"):
        walk.module.exports["="] = Export(right)
    elif thing.kind() == "member_expression" and thing.text() == "module.exports":
        walk.module.exports[member] = Export(right)
    else:
        walk.put(here, thing, member, right)
    return here._replace(hint=member)


def _call(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    walk.module.calls.append(Call(node, here.function))
    callee = node.field("function") or node.field("constructor")
    if callee is not None and _is_assign(callee):
        into, *given = arguments(node) or [callee]
        for each in given:
            walk.put(here, into, "", each)
    if here.hint and (callee is None or callee.kind() != "identifier"):
        return here._replace(hint="")
    return here


def _is_assign(callee: SgNode) -> bool:
    """Whether it is `Object.assign`."""
    parts = (callee.field("object"), callee.field("property"))
    return [part.text() for part in parts if part is not None and part.is_leaf()] == ["Object", "assign"]


def _pair(_walk: _Walk, node: SgNode, here: _Here) -> _Here:
    key = node.field("key")
    name = property_name(key) if key is not None else None
    return here._replace(hint=_qualified(here.hint, name or ""))


def _return(_walk: _Walk, node: SgNode, here: _Here) -> _Here:
    value = next(named(node), None)
    if here.function is not None and value is not None:
        here.function.returns.append(value)
    return here


def _block(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    scope = scope_of(node)
    # What a loop or a `catch` declares hides the same name outside, though nobody knows its value.
    for pattern in (node.field("left"), node.field("parameter")):
        if pattern is not None and node.kind() in {"for_in_statement", "catch_clause"}:
            for name, path, _ in pattern_names(pattern):
                walk.module.bind(name, Binding(scope, "variable", path=path))
    return here._replace(block=scope)


def _enumeration(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    name = node.field("name")
    if name is not None:
        walk.module.bind(name.text(), Binding(here.block, "enum", node.field("body")))
    return here


def _alias(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    name = node.field("name")
    if name is not None:
        walk.module.bind(name.text(), Binding(here.block, "type", node.field("value")))
    return here


def _object(_walk: _Walk, _node: SgNode, here: _Here) -> _Here:
    return here._replace(within=None) if here.within is not None else here


def _this(walk: _Walk, node: SgNode, here: _Here) -> _Here:
    if here.owner is not None:
        walk.module.owners[node] = here.owner
    return here


_STEPS: dict[str, Callable[[_Walk, SgNode, _Here], _Here]] = {
    **dict.fromkeys(FUNCTIONS, _function),
    **dict.fromkeys(CLASSES, _class),
    **dict.fromkeys(FIELDS, _field),
    **dict.fromkeys(_BLOCKS, _block),
    "variable_declarator": _declarator,
    "import_statement": _import,
    "export_statement": _export,
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    "call_expression": _call,
    "new_expression": _call,
    "pair": _pair,
    "return_statement": _return,
    "enum_declaration": _enumeration,
    "type_alias_declaration": _alias,
    "object": _object,
    "this": _this,
    "super": _this,
}
_EXTENDS = "+="
"""Stands where an assignment names no member and puts something behind what is there."""
_MOST_FILLED = 64
"""So many assignments to what a field holds are looked at."""
_MERGES = "..."
"""Stands where an assignment names no member and puts in all that an object holds."""
_TAKES_HINT = _PASSES_HINT | FUNCTIONS | CLASSES | {"pair"}
