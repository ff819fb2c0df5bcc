"""Functions of the project: what they give back."""

from offramp.migrate.scan.web.module import Function
from offramp.migrate.scan.web.values import UNKNOWN, Callable, Evaluates, Frame, Place, Value, one_of

DEEPEST_CALL = 5


def returned(
    ev: Evaluates,
    callee: Callable,
    given: tuple[Place, ...],
    outer: Frame | None = None,
    values: tuple[Value, ...] = (),
) -> Value:
    """What a function of the project gives back."""
    function: Function = callee.function
    depth = outer.depth + 1 if outer is not None else 1
    if depth > DEEPEST_CALL:
        return UNKNOWN
    frame = Frame(function, given, callee.this, outer, depth, values)
    return one_of(ev.value(Place(callee.module, node, frame)) for node in function.returns[:8])
