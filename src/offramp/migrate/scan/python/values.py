"""What an expression can be, as far as reading the code tells."""

import ast
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from offramp.migrate.scan.python.files import PythonFiles
from offramp.migrate.scan.python.scopes import CallAt, Scope

UNKNOWN_PART = "\ue000"
"""What stands in a text where a part of it is not known; a character that no text has."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, number, boolean or `None`."""

    value: str | int | float | complex | bool | bytes | None
    origin: str = "literal"
    """How it got here: `literal`, `constant`, `default`, `argument`, `environment NAME`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of which only parts are known."""

    text: str


@dataclass(frozen=True, slots=True)
class Environment:
    """A variable of the environment."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """Something of a library, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the project."""

    path: str


@dataclass(frozen=True, slots=True)
class Own:
    """A function or class of the project."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a class of the project; `call` is where it is made, if that is known."""

    cls: Scope
    call: ast.Call | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a library's class or function gives; without a call it is only known by an annotation."""

    of: str
    call: ast.Call | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Something reached through attributes of something that is not the project's."""

    base: "Value | None"
    """`None` if that is not known."""
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a function, before anybody looked at who calls it."""

    function: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A variable of the environment whose name or default a parameter says: `def env(name): return os.getenv(name)`."""

    name: str | Argument
    default: str | Argument | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A list, dictionary or another expression that stays as it is written."""

    expr: ast.expr
    scope: Scope


Value: TypeAlias = (
    Text | Pattern | Environment | Outside | Module | Own | Object | Made | Member | Argument | Asked | Node
)
Values: TypeAlias = tuple[Value, ...]
"""All that an expression can be; empty if nothing is known."""


def unique(values: list[Value], most: int) -> Values:
    """Each once, in their order, not more than `most`."""
    return tuple(dict.fromkeys(values))[:most]


def dotted_name(expr: ast.expr) -> tuple[str, ...]:
    """The names of `self.config.model`; empty if it does not begin with a name."""
    base, path = dotted(expr)
    return (base.id, *path) if isinstance(base, ast.Name) else ()


def dotted(expr: ast.expr) -> tuple[ast.expr, tuple[str, ...]]:
    """The expression before the attributes, and the attributes.

    >>> base, path = dotted(ast.parse("get().chat.completions", mode="eval").body)
    >>> type(base).__name__, path
    ('Call', ('chat', 'completions'))
    """
    path: list[str] = []
    while isinstance(expr, ast.Attribute):
        path.append(expr.attr)
        expr = expr.value
    return expr, tuple(reversed(path))


class Reading(Protocol):
    """Whoever reads expressions, for the parts that it is made of."""

    files: PythonFiles
    importing: set[tuple[str, str]]
    """Files and names in them that are being followed."""
    names: dict[tuple[str, str], Values]
    """What was found there before."""

    def values(self, expr: ast.expr | None, scope: Scope) -> Values:
        """All that an expression can be."""

    def settled(self, values: Values) -> Values:
        """The same, with parameters replaced by what callers, defaults and annotations say."""

    def parsed(self, text: str) -> ast.expr | None:
        """An annotation that is written in quotes; `None` if it does not parse."""

    def given_in(self, call: ast.Call, scope: Scope, argument: Argument) -> Values | None:
        """What one call gives for a parameter; `None` if it leaves it out."""

    def callers(self, function: Scope) -> list[CallAt]:
        """Who calls a function of the project."""
