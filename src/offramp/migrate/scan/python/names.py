"""What a name stands for at a line: the assignments that can have run before it, imports, parameters."""

import ast
from collections.abc import Sequence
from dataclasses import replace

from offramp.migrate.scan.python.libraries import STAND_INS
from offramp.migrate.scan.python.scopes import Binding, Block, Scope
from offramp.migrate.scan.python.values import (
    Argument,
    Made,
    Module,
    Node,
    Object,
    Outside,
    Own,
    Reading,
    Text,
    Value,
    Values,
    unique,
)

MOST_VALUES = 12
END = 1 << 30
"""A line after all others: how a file's names stand once it has been run."""


def look_up(reading: Reading, name: str, scope: Scope, line: int) -> Values:
    """All that a name can be at a line of a scope."""
    here: Scope | None = scope
    while here is not None:
        if here.kind != "class" or here is scope:
            at = line if here is scope else END
            if name in here.bindings:
                found = in_force(here.bindings[name], here, at)
                values = [value for binding in found for value in bound(reading, binding)]
                if name in here.parameters and not any(_surely(binding, here, at) for binding in found):
                    values.append(Argument(here, name))
                return unique([passed_on(value) for value in values], MOST_VALUES)
            if name in here.parameters:
                return (_receiver(here, name) or Argument(here, name),)
            starred = _starred(reading, name, here)
            if starred:
                return starred
        here = here.parent
    return (Outside(name),)


def in_force(bindings: Sequence[Binding], scope: Scope, line: int) -> list[Binding]:
    """Those assignments that can be the last one to have run before a line: the last certain one and all after it."""
    before = [binding for binding in bindings if binding.line < line] or list(bindings)
    found: list[Binding] = []
    for binding in reversed(before):
        if _excluded(binding, scope, line):
            continue
        found.append(binding)
        if _surely(binding, scope, line):
            break
    return list(reversed(found)) or before[-1:]


def _surely(binding: Binding, scope: Scope, line: int) -> bool:
    """Whether the assignment has run for sure when the line is reached."""
    if binding.scope is not scope or binding.line >= line:
        return False
    return all(_holds(block, line) for block in scope.blocks if _holds(block, binding.line))


def _excluded(binding: Binding, scope: Scope, line: int) -> bool:
    """Whether assignment and line stand in two branches of which only one runs."""
    if binding.scope is not scope:
        return False
    mine = {block.choice: block for block in scope.blocks if _holds(block, line)}
    return any(
        block.choice in mine and mine[block.choice] is not block
        for block in scope.blocks
        if _holds(block, binding.line)
    )


def _holds(block: Block, line: int) -> bool:
    return block.start <= line <= block.end


def bound(reading: Reading, binding: Binding) -> Values:
    """What one assignment, definition or import gives."""
    if binding.defined is not None:
        return (Own(binding.defined),)
    if binding.imported:
        return imported(reading, binding.imported, binding.scope.file)
    values = reading.values(binding.expr, binding.scope)
    if binding.index is not None or binding.element:
        values = _elements(reading, reading.settled(values), binding)
    if binding.annotation is not None and not any(isinstance(value, (Made, Object)) for value in values):
        values = (*values, *annotated(reading, binding.annotation, binding.scope))
    return values


def _elements(reading: Reading, values: Values, binding: Binding) -> Values:
    found: list[Value] = []
    for value in values:
        if not isinstance(value, Node):
            continue
        given = value.expr
        if binding.element and isinstance(given, (ast.List, ast.Tuple, ast.Set)):
            for each in given.elts[:MOST_VALUES]:
                part = each
                if (
                    binding.index is not None
                    and isinstance(each, (ast.Tuple, ast.List))
                    and binding.index < len(each.elts)
                ):
                    part = each.elts[binding.index]
                found += reading.values(part, value.scope)
        elif isinstance(given, (ast.List, ast.Tuple)) and binding.index is not None and binding.index < len(given.elts):
            found += reading.values(given.elts[binding.index], value.scope)
        elif isinstance(given, ast.Dict) and binding.element:
            for key in given.keys[:MOST_VALUES]:
                found += reading.values(key, value.scope)
    return unique(found, MOST_VALUES)


def imported(reading: Reading, name: str, importer: str) -> Values:
    """What an `import` of a dotted name gives."""
    path = reading.files.find(name, importer)
    if path:
        return (Module(path),)
    parent, _, last = name.rpartition(".")
    if name.startswith(".") and not parent.strip("."):
        parent = name[: len(name) - len(last)]
    path = reading.files.find(parent, importer) if parent else ""
    file = reading.files.file(path) if path and path != importer else None
    if file is not None:
        found = look_up(reading, last, file.top, END)
        if found != (Outside(last),):
            return found
    return (Outside(library_name(name.lstrip("."))),)


def library_name(name: str) -> str:
    """The name in the library itself, where it is imported through another that measures it."""
    parts = name.split(".")
    if parts[0] in STAND_INS:
        if "openai" in parts:
            return ".".join(parts[len(parts) - parts[::-1].index("openai") - 1 :])
        if parts[-1] in {"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI"}:
            return f"openai.{parts[-1]}"
    return name


def _starred(reading: Reading, name: str, scope: Scope) -> Values:
    for star in scope.stars:
        path = reading.files.find(star, scope.file)
        file = reading.files.file(path) if path else None
        if file is not None and name in file.top.bindings:
            return look_up(reading, name, file.top, END)
        if file is None and star == "openai" and name[:1].isupper():
            return (Outside(f"{star}.{name}"),)
    return ()


def _receiver(function: Scope, name: str) -> Value | None:
    """What `self` and `cls` are."""
    owner = function.owner
    if owner is None or function.parameters[name].position != 0:
        return None
    decorators = {getattr(each, "id", "") for each in function.decorators}
    if "staticmethod" in decorators:
        return None
    return Own(owner) if "classmethod" in decorators else Object(owner)


def annotated(reading: Reading, annotation: ast.expr, scope: Scope) -> Values:
    """Instances of the classes that an annotation names: `OpenAI`, `OpenAI | None`, `Annotated[OpenAI, …]`."""
    waiting, found = [annotation], list[Value | None]()
    while waiting and len(found) < MOST_VALUES:
        each = waiting.pop(0)
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            try:
                waiting.append(ast.parse(each.value, mode="eval").body)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
        elif isinstance(each, ast.BinOp):
            waiting += [each.left, each.right]
        elif isinstance(each, ast.Subscript):
            waiting += each.slice.elts if isinstance(each.slice, ast.Tuple) else [each.slice]
        elif isinstance(each, (ast.Name, ast.Attribute)):
            found += [_instance(value) for value in reading.values(each, scope)]
        elif isinstance(each, ast.Call):
            # `Annotated[OpenAI, Depends(get_client)]`
            found += [got for given in each.args[:1] for got in _given_back(reading, reading.values(given, scope))]
    return unique([value for value in found if value is not None], MOST_VALUES)


def _given_back(reading: Reading, values: Values) -> list[Value]:
    functions = [value.scope for value in values if isinstance(value, Own) and value.scope.kind == "function"]
    return [value for function in functions for expr in function.returns for value in reading.values(expr, function)]


def _instance(value: Value) -> Value | None:
    if isinstance(value, Own) and value.scope.kind == "class":
        return Object(value.scope)
    if isinstance(value, Outside) and "." in value.name:
        return Made(value.name)
    return None


def passed_on(value: Value) -> Value:
    """A literal that goes by a name is a constant."""
    return replace(value, origin="constant") if isinstance(value, Text) and value.origin == "literal" else value
