"""Names of a Python file: what is bound where, which calls there are, what functions give back."""

import ast
from dataclasses import dataclass, field
from typing import Literal as OneOf

from offramp.migrate.scan.python.blocks import Blocks

ScopeKind = OneOf["module", "class", "function"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """One way in which a name gets its value."""

    line: int
    scope: "Scope"
    """Where `expr` is to be read."""
    expr: ast.expr | None = None
    element: bool = False
    """Whether it is an element of what `expr` gives (a loop)."""
    index: int | None = None
    """Which element of what `expr` gives (`a, b = …`)."""
    annotation: ast.expr | None = None
    defined: "Scope | None" = None
    """The function or class of that name."""
    imported: str = ""
    """Dotted name of what is imported, with leading dots where it is relative."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter:
    """A parameter of a function."""

    position: int | None
    """`None` where it can be given by name only."""
    annotation: ast.expr | None = None
    default: ast.expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Store:
    """Something that is put into a dictionary: `name[key] = value`, `name.setdefault(…)`, `name.update(…)`."""

    key: ast.expr | None
    """`None` for a whole dictionary that is merged in."""
    expr: ast.expr
    scope: "Scope"
    """Where both are to be read."""


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """A file, a class or a function."""

    kind: ScopeKind
    node: ast.AST
    name: str
    """Qualified; empty for a file."""
    file: str
    parent: "Scope | None" = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    """Of a class: `self.x = …` in its methods."""
    stores: dict[str, list[Store]] = field(default_factory=dict)
    """By the name of the dictionary; of a class also what its methods put into `self.name`."""
    handed: dict[str, list[ast.Call]] = field(default_factory=dict)
    """Calls that are given a name."""
    returns: list[ast.expr] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    rest: str = ""
    """The name of `**rest` of a function."""
    blocks: Blocks = field(default_factory=Blocks)
    stars: list[str] = field(default_factory=list)
    """Modules of which all names are imported."""
    parts: set[str] = field(default_factory=set)
    """Types of content parts, and roles, that dictionaries in it name: `image_url`, `role tool` …"""
    decorators: list[ast.expr] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    """Names that are declared `global` or `nonlocal`."""

    @property
    def short(self) -> str:
        """The name without what it stands in."""
        return self.name.rpartition(".")[2]

    def binds(self, name: str) -> bool:
        """Whether a name is its own."""
        return name in self.bindings or name in self.parameters or name == self.rest

    @property
    def owner(self) -> "Scope | None":
        """The class of a method; `None` for all else."""
        return self.parent if self.kind == "function" and self.parent and self.parent.kind == "class" else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CallAt:
    """A call and where it stands."""

    node: ast.Call
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mention:
    """A method that is handed to somebody else, with the call that it is handed to: `partial(client….create, …)`."""

    node: ast.Attribute
    call: ast.Call
    scope: Scope


@dataclass(slots=True, kw_only=True)
class Names:
    """What one pass over a file finds."""

    top: Scope
    calls: list[CallAt] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    sets: list[tuple[ast.Attribute, ast.expr, Scope]] = field(default_factory=list)
    """`x.y = value` where `x` is not `self`."""
    scopes: dict[int, Scope] = field(default_factory=dict)
    """By the id of the node of a function or class."""
