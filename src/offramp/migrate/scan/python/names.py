"""What a name stands for at a line: the assignments that can have run before it, imports, parameters."""

import ast
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from offramp.migrate.scan.python.blocks import Block
from offramp.migrate.scan.python.libraries import STAND_INS
from offramp.migrate.scan.python.scopes import Binding, Scope
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
MOST_FILES = 24
"""Through so many files a name is followed."""
MOST_BINDINGS = 64
"""So many assignments before a line are looked at."""
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
    """Those assignments that can be the last one to have run before a line: the last certain one and all after it.

    Of very many the nearest ones, since nobody would look through more.
    """
    nearest = bisect_left(bindings, line, key=lambda binding: binding.line) or len(bindings)
    here = {block.choice: block for block in scope.blocks.around(line)}
    found: list[Binding] = []
    for binding in reversed(bindings[max(0, nearest - MOST_BINDINGS) : nearest]):
        if _excluded(binding, scope, here):
            continue
        found.append(binding)
        if _surely(binding, scope, line) or len(found) == MOST_VALUES:
            break
    return list(reversed(found)) or list(bindings[nearest - 1 : nearest])


def _surely(binding: Binding, scope: Scope, line: int) -> bool:
    """Whether the assignment has run for sure when the line is reached."""
    if binding.scope is not scope or binding.line >= line:
        return False
    return all(block.end >= line for block in scope.blocks.around(binding.line))


def _excluded(binding: Binding, scope: Scope, here: Mapping[int, Block]) -> bool:
    """Whether assignment and line stand in two branches of which only one runs."""
    return binding.scope is scope and _apart(scope.blocks.around(binding.line), here)


def _apart(there: Sequence[Block], here: Mapping[int, Block]) -> bool:
    """Whether one of the blocks around a line is another branch of a choice that was made here."""
    return any(here.get(block.choice, block) is not block for block in there)


def may_have_run(scope: Scope, line: int, at: int) -> bool:
    """Whether a line of a scope can have run when another is reached: above it or in a loop, not in another branch."""
    if at == END:
        return True
    here, there = scope.blocks.around(at), scope.blocks.around(line)
    if _apart(there, {block.choice: block for block in here}):
        return False
    return line <= at or any(block in here for block in there)


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
    found = name_in(reading, path, last) if path and path != importer else ()
    return found or (Outside(library_name(name.lstrip("."))),)


def name_in(reading: Reading, path: str, name: str) -> Values:
    """What a name is in another file; empty if it is not there, or the way there goes in a circle."""
    way = (path, name)
    if way in reading.names:
        return reading.names[way]
    file = reading.files.file(path)
    if file is None or way in reading.importing or len(reading.importing) >= MOST_FILES:
        return ()
    reading.importing.add(way)
    try:
        found = look_up(reading, name, file.top, END)
    finally:
        reading.importing.discard(way)
    reading.names[way] = () if found == (Outside(name),) else found
    return reading.names[way]


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
        found = name_in(reading, path, name) if path else ()
        if found:
            return found
        if not path and star == "openai" and name[:1].isupper():
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
            parsed = reading.parsed(each.value)
            waiting += [] if parsed is None else [parsed]
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
