"""Values that are the same whenever the code is run."""

import ast

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.python.fold import CERTAIN
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Node, Reading, Text, Value

MOST_DEPTH = 24


def literal(reading: Reading, expr: ast.expr, scope: Scope, depth: int = MOST_DEPTH) -> object:
    """The value of an expression that is the same whenever it is run.

    Raises:
        UnclearError: If it is not.
    """
    if depth == 0:
        raise UnclearError
    return _literal(reading, only(reading, expr, scope), depth)


def only(reading: Reading, expr: ast.expr, scope: Scope) -> Value:
    """The one value that an expression can have, into which nothing is put later.

    Raises:
        UnclearError: If there is none, or there are several.
    """
    values = reading.settled(reading.values(expr, scope))
    if len(values) != 1 or (isinstance(expr, ast.Name) and _is_filled(expr.id, scope)):
        raise UnclearError
    return values[0]


def _is_filled(name: str, scope: Scope | None) -> bool:
    while scope is not None and not scope.binds(name):
        scope = scope.parent
    return scope is not None and bool(scope.stores.get(name))


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
