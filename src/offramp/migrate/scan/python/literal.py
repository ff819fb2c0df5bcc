"""The request that a call sends, as far as it is literal: what the fingerprint of its site is made from."""

import ast

from offramp.migrate.scan.python.arguments import Arguments, Given
from offramp.migrate.scan.python.features import is_nothing
from offramp.migrate.scan.python.fold import CERTAIN
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Node, Reading, Text, Value
from offramp.wire.operation import Operation

_MOST_DEPTH = 24
_PROMPTING = ("system", "developer")
_SCHEMAS = ("structured_outputs", "guided_json")


class UnclearError(Exception):
    """Something is not literal."""


def body_of(reading: Reading, arguments: Arguments, operation: str) -> dict[str, object] | None:
    """System prompt, tools and schema of the request; `None` if one of them is not literal."""
    if not arguments.is_whole:
        return None
    try:
        body = _prompt(reading, arguments, operation)
        for name in ("tools", "functions"):
            tools = _one(arguments, name)
            if tools is not None:
                body[name] = _tools(reading, tools)
        for name in ("response_format", "text"):
            form = _one(arguments, name)
            if form is not None:
                body[name] = literal(reading, form.expr, form.scope)
        if "response_model" in arguments.named or "text_format" in arguments.named:
            return None
        return body | _extra(reading, arguments)
    except (UnclearError, RecursionError):
        return None


def literal(reading: Reading, expr: ast.expr, scope: Scope, depth: int = _MOST_DEPTH) -> object:
    """The value of an expression that is the same whenever it is run.

    Raises:
        UnclearError: If it is not.
    """
    values = reading.settled(reading.values(expr, scope))
    if len(values) != 1 or depth == 0:
        raise UnclearError
    return _literal(reading, values[0], depth)


def _literal(reading: Reading, value: Value, depth: int) -> object:
    if isinstance(value, Text) and value.origin in CERTAIN:
        return value.value
    if isinstance(value, Node) and isinstance(value.expr, (ast.List, ast.Tuple)):
        return [literal(reading, each, value.scope, depth - 1) for each in value.expr.elts]
    if isinstance(value, Node) and isinstance(value.expr, ast.Dict):
        found = {}
        for key, each in zip(value.expr.keys, value.expr.values, strict=True):
            if key is None:
                raise UnclearError
            found[str(literal(reading, key, value.scope, depth - 1))] = literal(reading, each, value.scope, depth - 1)
        return found
    raise UnclearError


def _one(arguments: Arguments, name: str) -> Given | None:
    given = arguments.named.get(name, [])
    if len(given) > 1:
        raise UnclearError
    return given[0] if given else None


def _prompt(reading: Reading, arguments: Arguments, operation: str) -> dict[str, object]:
    if operation == Operation.RESPONSES:
        given = _one(arguments, "instructions")
        return {} if given is None else {"instructions": _text(reading, given)}
    if operation != Operation.CHAT:
        return {}
    given = _one(arguments, "messages")
    if given is None:
        raise UnclearError
    first, scope = _first_of(reading, given.expr, given.scope)
    role = _member(reading, first, scope, "role")
    if role not in _PROMPTING:
        return {"messages": [{"role": "user", "content": ""}]}
    content = _member(reading, first, scope, "content")
    return {"messages": [{"role": role, "content": content}, {"role": "user", "content": ""}]}


def _text(reading: Reading, given: Given) -> object:
    values = reading.settled(reading.values(given.expr, given.scope))
    if values and all(is_nothing(value) for value in values):
        return None
    return literal(reading, given.expr, given.scope)


def _first_of(reading: Reading, expr: ast.expr, scope: Scope, depth: int = _MOST_DEPTH) -> tuple[ast.expr, Scope]:
    """The first message of a list that may go on with others."""
    values = reading.settled(reading.values(expr, scope))
    if len(values) != 1 or depth == 0 or not isinstance(values[0], Node):
        raise UnclearError
    node = values[0]
    if isinstance(node.expr, ast.BinOp):
        return _first_of(reading, node.expr.left, node.scope, depth - 1)
    if isinstance(node.expr, (ast.List, ast.Tuple)) and node.expr.elts:
        first = node.expr.elts[0]
        if isinstance(first, ast.Starred):
            return _first_of(reading, first.value, node.scope, depth - 1)
        return first, node.scope
    raise UnclearError


def _member(reading: Reading, expr: ast.expr, scope: Scope, name: str) -> object:
    values = reading.settled(reading.values(expr, scope))
    if len(values) != 1 or not isinstance(values[0], Node) or not isinstance(values[0].expr, ast.Dict):
        raise UnclearError
    node = values[0].expr
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == name:
            return literal(reading, value, values[0].scope)
    raise UnclearError


def _tools(reading: Reading, given: Given) -> list[dict[str, object]]:
    """Tools by what the fingerprint takes of them: kind and names."""
    values = reading.settled(reading.values(given.expr, given.scope))
    if values and all(is_nothing(value) for value in values):
        return []
    if len(values) != 1 or not isinstance(values[0], Node) or not isinstance(values[0].expr, (ast.List, ast.Tuple)):
        raise UnclearError
    return [_tool(reading, each, values[0].scope) for each in values[0].expr.elts]


def _tool(reading: Reading, expr: ast.expr, scope: Scope) -> dict[str, object]:
    values = reading.settled(reading.values(expr, scope))
    if len(values) != 1 or not isinstance(values[0], Node) or not isinstance(values[0].expr, ast.Dict):
        raise UnclearError
    node, found = values[0].expr, dict[str, object]()
    for key, value in zip(node.keys, node.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if name in {"type", "name"}:
            found[str(name)] = literal(reading, value, values[0].scope)
        elif name in {"function", "custom"}:
            found[str(name)] = {"name": _member(reading, value, values[0].scope, "name")}
        elif name is None:
            raise UnclearError
    return found


def _extra(reading: Reading, arguments: Arguments) -> dict[str, object]:
    given = _one(arguments, "extra_body")
    if given is None:
        return {}
    body = literal(reading, given.expr, given.scope)
    if not isinstance(body, dict):
        raise UnclearError
    return {name: body[name] for name in _SCHEMAS if name in body}
