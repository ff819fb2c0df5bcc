"""What an expression stands for, as far as it can be known without running the program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ast_grep_py import SgNode

from offramp.migrate.scan.web.module import Class, Function, Module

MOST_MERGED = 8
"""Objects that are merged into one later."""
MOST_OPTIONS = 12
"""Most values that one expression is followed to."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or truth that stands in the code; `None` for null and undefined."""

    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Template:
    """A text of which parts are known."""

    parts: tuple["str | Value", ...]

    def end(self) -> str:
        """The literal text it ends with."""
        last = self.parts[-1] if self.parts else ""
        return last if isinstance(last, str) else ""


@dataclass(frozen=True, slots=True)
class Environment:
    """A variable of the environment, and what is taken without it."""

    name: str
    default: "Value | None" = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple["Value", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What the parameters of a function are, for the time it is looked into."""

    function: Function
    given: tuple["Place", ...]
    this: "Value | None" = None
    outer: "Frame | None" = None
    depth: int = 0
    values: tuple["Value", ...] = ()
    """What is given where no expression says it; goes before `given`."""


@dataclass(frozen=True, slots=True)
class Place:
    """An expression, the file it stands in, and what is known of the parameters around it."""

    module: Module
    node: SgNode
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An object literal, or several merged; what comes later counts."""

    parts: tuple[Place, ...]
    filled: tuple[tuple[str, Place], ...] = ()
    """What is assigned to its members later."""


@dataclass(frozen=True, slots=True)
class Row:
    """An array literal."""

    place: Place


@dataclass(frozen=True, slots=True)
class External:
    """What a library offers under a name; `*` for the library itself."""

    package: str
    name: str


@dataclass(frozen=True, slots=True)
class Global:
    """A name that nobody declares, such as `process` or `fetch`."""

    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """`new` of something that is not the project's own; without a place if only its type is known."""

    callee: "Value"
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """The result of a call of something that is not the project's own."""

    callee: "Value"
    place: Place


@dataclass(frozen=True, slots=True)
class Member:
    """A member of something that cannot be looked into."""

    of: "Value"
    name: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a function is given, or a member of it."""

    module: Module
    function: Function
    index: int
    path: tuple[str, ...] = ()
    default: "Value | None" = None
    typed: "Value | None" = None
    """Something of the declared type, where that is a library's class; of the parameter itself."""


@dataclass(frozen=True, slots=True)
class Callable:
    """A function of the project."""

    module: Module
    function: Function
    this: "Value | None" = None


@dataclass(frozen=True, slots=True)
class ClassOf:
    """A class of the project."""

    module: Module
    of: Class


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the project."""

    module: Module
    of: Class
    given: tuple[Place, ...] | None = field(default=None, compare=False)
    """What its constructor was given; `None` if that is not known."""


@dataclass(frozen=True, slots=True)
class Space:
    """All that a file of the project exports."""

    path: str


Value: TypeAlias = (
    Unknown
    | Literal
    | Template
    | Environment
    | Choice
    | Record
    | Row
    | External
    | Global
    | Made
    | Called
    | Member
    | Parameter
    | Callable
    | ClassOf
    | Instance
    | Space
)

UNKNOWN = Unknown()
NOTHING = Literal(None)


class Evaluates(Protocol):
    """What looks at expressions."""

    left: int
    """Steps that may still be taken."""

    def value(self, place: Place) -> Value:
        """What an expression stands for."""
        ...

    def member(self, of: Value, name: str) -> Value:
        """What a member of a value stands for."""
        ...

    def merged(self, into: object, places: Sequence[Place]) -> list[Value]:
        """What is merged into an object, unless this leads back to the object itself."""
        ...

    def exported(self, path: str, name: str) -> Value:
        """What a file exports under a name."""
        ...

    def imported(self, module: Module, source: str, name: str) -> Value:
        """What an import stands for."""
        ...

    def typed(self, module: Module, declared: SgNode | None) -> Value:
        """Something of a type, where the type is a class."""
        ...


def one_of(options: Iterable[Value]) -> Value:
    """One of several; what is not known, and null, counts only if there is nothing else."""
    flat: list[Value] = []
    for option in options:
        for each in option.options if isinstance(option, Choice) else (option,):
            if each not in flat and len(flat) < MOST_OPTIONS:
                flat.append(each)
    known = [each for each in flat if each not in (UNKNOWN, NOTHING)]
    if not known:
        return flat[0] if flat else UNKNOWN
    return known[0] if len(known) == 1 else Choice(tuple(known))


def options_of(value: Value) -> tuple[Value, ...]:
    """The values that it can be."""
    return value.options if isinstance(value, Choice) else (value,)


def filled_in(found: Value, merged: Sequence[Value], filled: Sequence[tuple[str, Place]]) -> Value:
    """An object with what is put into it later: objects as a whole, and members."""
    if not isinstance(found, Record) or not (merged or filled):
        return found
    objects = [each for value in merged for each in options_of(value) if isinstance(each, Record)]
    parts = dict.fromkeys([*found.parts, *(part for each in objects for part in each.parts)])
    return Record(tuple(parts), (*found.filled, *(pair for each in objects for pair in each.filled), *filled))


def joined(parts: Iterable["str | Value"]) -> Value:
    """Texts and values put together to one text."""
    flat: list[str | Value] = []
    for part in parts:
        for each in part.parts if isinstance(part, Template) else (part,):
            text = _text(each)
            if text is not None and flat and isinstance(flat[-1], str):
                flat[-1] += text
            else:
                flat.append(each if text is None else text)
    if not flat:
        return Literal("")
    return Literal(flat[0]) if len(flat) == 1 and isinstance(flat[0], str) else Template(tuple(flat))


PROCESS_ENVIRONMENT = Member(Global("process"), "env")


def _text(part: "str | Value") -> str | None:
    if isinstance(part, str):
        return part
    if isinstance(part, Literal) and isinstance(part.value, (str, int)) and not isinstance(part.value, bool):
        return str(part.value)
    return None


def spine(value: Value) -> tuple[Value, tuple[str, ...]]:
    """What a chain of members begins with, and their names."""
    names: list[str] = []
    while isinstance(value, Member):
        names.append(value.name)
        value = value.of
    return value, tuple(reversed(names))
