"""Objects: their properties, with spreads followed."""

from collections.abc import Iterator

from ast_grep_py import SgNode

from offramp.migrate.scan.web.syntax import named, property_name
from offramp.migrate.scan.web.values import UNKNOWN, Evaluates, Literal, Place, Record, options_of

DEEPEST_SPREAD = 8


def properties(ev: Evaluates, record: Record, depth: int = DEEPEST_SPREAD) -> dict[str, Place]:
    """All properties of an object with the places of their values, spreads included where they can be followed."""
    found: dict[str, Place] = {}
    for part in record.parts:
        for child in named(part.node):
            ev.left -= 1
            if child.kind() == "spread_element":
                for each in _spread(ev, part, child, depth):
                    found.update(each)
            else:
                name, value = _property(ev, part, child)
                if name is not None and value is not None:
                    found[name] = Place(part.module, value, part.frame)
    found.update(record.filled)
    return found


def is_whole(ev: Evaluates, record: Record, depth: int = DEEPEST_SPREAD) -> bool:
    """Whether all that an object holds is known: no spread leads to where nobody can follow."""
    return all(_is_followed(ev, part, child, depth) for part in record.parts for child in named(part.node))


def _is_followed(ev: Evaluates, part: Place, child: SgNode, depth: int) -> bool:
    inner = next(named(child), None) if child.kind() == "spread_element" else None
    if inner is None:
        return child.kind() != "spread_element"
    options = options_of(ev.value(Place(part.module, inner, part.frame))) if depth > 0 and ev.left > 0 else (UNKNOWN,)
    return all(
        is_whole(ev, option, depth - 1) if isinstance(option, Record) else isinstance(option, Literal)
        for option in options
    )


def _property(ev: Evaluates, part: Place, child: SgNode) -> tuple[str | None, SgNode | None]:
    kind = child.kind()
    if kind == "pair":
        key = child.field("key")
        return (_key(ev, part, key) if key is not None else None), child.field("value")
    if kind in {"shorthand_property_identifier", "property_identifier"}:
        return child.text(), child
    if kind in {"method_definition", "enum_assignment"}:
        name = child.field("name")
        return (property_name(name) if name is not None else None), child.field("value") or child
    return None, None


def _key(ev: Evaluates, part: Place, key: SgNode) -> str:
    """A property's name; a computed one whose value is not known stands under its own source text."""
    said = property_name(key)
    inner = next(named(key), None) if said is None else None
    value = ev.value(Place(part.module, inner, part.frame)) if inner is not None else UNKNOWN
    if isinstance(value, Literal) and isinstance(value.value, str):
        return value.value
    return said if said is not None else key.text()[:200]


def _spread(ev: Evaluates, part: Place, child: SgNode, depth: int) -> Iterator[dict[str, Place]]:
    inner = next(named(child), None)
    if inner is None or depth <= 0 or ev.left <= 0:
        return
    for option in options_of(ev.value(Place(part.module, inner, part.frame))):
        if isinstance(option, Record):
            yield properties(ev, option, depth - 1)
