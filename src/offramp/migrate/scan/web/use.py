"""A use of the API as a recogniser found it, before it is put into words."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.web.callers import Callers, settled
from offramp.migrate.scan.web.records import is_whole, properties
from offramp.migrate.scan.web.syntax import arguments, named
from offramp.migrate.scan.web.values import Called, External, Made, Parameter, Place, Record, Value


@dataclass(slots=True, kw_only=True)
class Use:
    """A call of a model, or of another part of the API."""

    place: Place
    library: str
    operation: str
    options: list[dict[str, Place]] = field(default_factory=list)
    """The options by name; several where callers or branches differ."""
    is_whole: bool = True
    """Whether nothing came out of an object that could not be followed."""
    models: list[Place] = field(default_factory=list)
    """Expressions that name the model."""
    named: tuple[tuple[str, str], ...] = ()
    """Models that are known by name, with where the name comes from."""
    default_model: str = ""
    from_argument: bool = False
    """Whether the options are what the function around it is given, and nobody is seen to give them."""
    callers: tuple[str, ...] = ()
    """`FILE:LINE` of those who give the options."""
    features: set[str] = field(default_factory=set)
    made: Place | None = None
    """Where its client is made."""
    base_url: str | None = None
    azure: bool = False
    packages: tuple[str, ...] = ()
    """Whose version counts, the first that the project asks for."""
    note: str = ""
    """What more must change, in words."""


def argument(call: Place, index: int) -> Place | None:
    """An argument of a call; `None` if there are fewer."""
    given = arguments(call.node)
    return Place(call.module, given[index], call.frame) if index < len(given) else None


def records(who: Callers, place: Place | None) -> list[dict[str, Place]]:
    """The objects that an expression can be, each by its properties."""
    if place is None:
        return []
    found: list[dict[str, Place]] = []
    for value in settled(who, who.ev.value(place)):
        if isinstance(value, Record):
            found += [properties(who.ev, value), *_handed_on(who, value)]
    return found


def all_whole(who: Callers, place: Place | None) -> bool:
    """Whether all that an expression can be is an object of which everything is known."""
    values = settled(who, who.ev.value(place)) if place is not None else []
    return all(isinstance(value, Record) and is_whole(who.ev, value) for value in values)


def _handed_on(who: Callers, record: Record) -> Iterator[dict[str, Place]]:
    """What callers of the function around an object put into it: `{ model, ...options }`."""
    for part in record.parts:
        for child in named(part.node):
            inner = next(named(child), None) if child.kind() == "spread_element" else None
            value = who.ev.value(Place(part.module, inner, part.frame)) if inner is not None else None
            if isinstance(value, Parameter):
                given = settled(who, value)
                yield from (properties(who.ev, each) for each in given if isinstance(each, Record))


def ask(use: Use, who: Callers, options: Place | None) -> None:
    """Note who gives the options of a call."""
    given = who.expand(who.ev.value(options)) if options is not None else []
    use.from_argument = bool(given) and all(isinstance(each.value, Parameter) for each in given)
    use.callers = tuple(dict.fromkeys(each.caller for each in given if each.caller))


def first(options: list[dict[str, Place]], *names: str) -> Place | None:
    """The first of these options that is given."""
    return next((each[name] for name in names for each in options if name in each), None)


def each_of(options: list[dict[str, Place]], *names: str) -> list[Place]:
    """The first of these names that is given, in each of the options."""
    found = []
    for given in options:
        name = next((name for name in names if name in given), None)
        if name is not None and given[name] not in found:
            found.append(given[name])
    return found


def constructed(value: Value) -> tuple[External, Place | None] | None:
    """The class or function of a library that something was made with, and where; `None` if it was not."""
    if isinstance(value, Made) and isinstance(value.callee, External):
        return value.callee, value.place
    if isinstance(value, Called) and isinstance(value.callee, External):
        return value.callee, value.place
    return None
