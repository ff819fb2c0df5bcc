"""The request that a call sends, as far as it is literal: what the fingerprint of its site is made from."""

import ast

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.python.arguments import Arguments, Given
from offramp.migrate.scan.python.features import is_nothing
from offramp.migrate.scan.python.literal import MOST_DEPTH, literal, only
from offramp.migrate.scan.python.schemas import named_schema
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Made, Node, Own, Reading
from offramp.wire.operation import Operation

_PROMPTING = ("system", "developer")
_SCHEMAS = ("structured_outputs", "guided_json")


def body_of(
    reading: Reading, arguments: Arguments, operation: str, *, has_classes: bool = True
) -> dict[str, object] | None:
    """System prompt, tools and schema of the request; `None` if one of them is not literal.

    Args:
        reading: Reads what arguments are.
        arguments: What the call is given, or the JSON that it sends.
        operation: A value of `wire.operation`.
        has_classes: Whether schemas may be classes of pydantic 2; of pydantic 1 they look otherwise.
    """
    if not arguments.is_whole:
        return None
    try:
        body = _prompt(reading, arguments, operation)
        for name in ("tools", "functions"):
            tools = _one(arguments, name)
            if tools is not None:
                body[name] = _tools(reading, tools)
        if "response_model" in arguments.named:
            return None
        return body | _form(reading, arguments, has_classes=has_classes) | _extra(reading, arguments)
    except (UnclearError, RecursionError):
        return None


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


def _first_of(reading: Reading, expr: ast.expr, scope: Scope, depth: int = MOST_DEPTH) -> tuple[ast.expr, Scope]:
    """The first message of a list that may go on with others."""
    node = only(reading, expr, scope)
    if depth == 0 or not isinstance(node, Node):
        raise UnclearError
    if isinstance(node.expr, ast.BinOp):
        return _first_of(reading, node.expr.left, node.scope, depth - 1)
    if isinstance(node.expr, (ast.List, ast.Tuple)) and node.expr.elts:
        first = node.expr.elts[0]
        if isinstance(first, ast.Starred):
            return _first_of(reading, first.value, node.scope, depth - 1)
        return first, node.scope
    raise UnclearError


def _member(reading: Reading, expr: ast.expr, scope: Scope, name: str) -> object:
    found = only(reading, expr, scope)
    if not isinstance(found, Node) or not isinstance(found.expr, ast.Dict):
        raise UnclearError
    for key, value in zip(found.expr.keys, found.expr.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == name:
            return literal(reading, value, found.scope)
    raise UnclearError


def _tools(reading: Reading, given: Given) -> list[dict[str, object]]:
    """Tools by what the fingerprint takes of them: kind and names."""
    values = reading.settled(reading.values(given.expr, given.scope))
    if values and all(is_nothing(value) for value in values):
        return []
    found = only(reading, given.expr, given.scope)
    if not isinstance(found, Node) or not isinstance(found.expr, (ast.List, ast.Tuple)):
        raise UnclearError
    return [_tool(reading, each, found.scope) for each in found.expr.elts]


def _tool(reading: Reading, expr: ast.expr, scope: Scope) -> dict[str, object]:
    value, found = only(reading, expr, scope), dict[str, object]()
    if isinstance(value, Made) and value.of == "openai.pydantic_function_tool" and value.call and value.scope:
        return {"type": "function", "function": {"name": _name_of(reading, value.call, value.scope)}}
    if not isinstance(value, Node) or not isinstance(value.expr, ast.Dict):
        raise UnclearError
    for key, each in zip(value.expr.keys, value.expr.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if name in {"type", "name"}:
            found[str(name)] = literal(reading, each, value.scope)
        elif name in {"function", "custom"}:
            found[str(name)] = {"name": _member(reading, each, value.scope, "name")}
        elif name is None:
            raise UnclearError
    return found


def _name_of(reading: Reading, call: ast.Call, scope: Scope) -> object:
    """What `pydantic_function_tool` calls a tool: what it is told to, else as the class is called."""
    for keyword in call.keywords:
        if keyword.arg == "name":
            return literal(reading, keyword.value, scope)
    cls = only(reading, call.args[0], scope) if call.args else None
    if not isinstance(cls, Own) or any(keyword.arg is None for keyword in call.keywords):
        raise UnclearError
    return cls.scope.short


def _form(reading: Reading, arguments: Arguments, *, has_classes: bool) -> dict[str, object]:
    """The form that the answer must have: written out, or as a class."""
    found: dict[str, object] = {}
    for name in ("response_format", "text"):
        given = _one(arguments, name)
        if given is not None:
            schema = _of_class(reading, given, has_classes=has_classes)
            found[name] = (
                literal(reading, given.expr, given.scope)
                if schema is None
                else {"type": "json_schema", "json_schema": schema}
            )
    given = _one(arguments, "text_format")
    if given is not None:
        schema = _of_class(reading, given, has_classes=has_classes)
        if schema is None or "text" in found:
            raise UnclearError
        found["text"] = {"format": {"type": "json_schema", **schema}}
    return found


def _of_class(reading: Reading, given: Given, *, has_classes: bool) -> dict[str, object] | None:
    value = only(reading, given.expr, given.scope)
    if not isinstance(value, Own):
        return None
    if not has_classes:
        raise UnclearError
    name, schema = named_schema(reading, value.scope)
    return {"name": name, "strict": True, "schema": schema}


def _extra(reading: Reading, arguments: Arguments) -> dict[str, object]:
    given = _one(arguments, "extra_body")
    if given is None:
        return {}
    body = literal(reading, given.expr, given.scope)
    if not isinstance(body, dict):
        raise UnclearError
    return {name: body[name] for name in _SCHEMAS if name in body}
