"""The JSON schema that the SDK sends for a class of pydantic: `parse(response_format=Answer)`.

Plain classes only: fields of texts, numbers, truths, dates, lists, sets, dictionaries, unions, `Literal`, enumerations
and other such classes, with descriptions, defaults and bounds. What would need the class to be run, and what releases
of pydantic write differently (a `Literal` of one value), is not guessed.

Source: JSON Schema of pydantic 2 and the strict form that openai 1.40 to 3.x makes of it; a test compares both with
what is installed.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.python.literal import literal
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Outside, Own, Reading, Value

Schema: TypeAlias = dict[str, object]

MOST_CLASSES = 64
_MOST_DEPTH = 12
_BASE = "pydantic.BaseModel"
_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum", "str", "int"})
_PLAIN: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime.datetime": {"type": "string", "format": "date-time"},
    "datetime.date": {"type": "string", "format": "date"},
    "list": {"type": "array", "items": {}},
    "typing.List": {"type": "array", "items": {}},
}
_LISTS = frozenset({"list", "typing.List"})
_SETS = frozenset({"set", "typing.Set"})
_DICTIONARIES = frozenset({"dict", "typing.Dict"})
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}
_NUMBERS = frozenset({"integer", "number"})
_HARMLESS = frozenset({"field_validator", "model_validator", "property", "classmethod", "staticmethod"})
"""Decorators of methods that leave the schema as it is, unless a validator says `mode="plain"`."""
_WRITES_SCHEMA = ("__get_pydantic", "model_json_schema")


def named_schema(reading: Reading, cls: Scope) -> tuple[str, Schema]:
    """The name and the strict schema that the SDK sends for a class.

    Raises:
        UnclearError: If that cannot be told from the code.
    """
    classes = _Classes(reading, root=cls)
    schema = classes.model(cls)
    return cls.short, {**schema, "$defs": classes.defined} if classes.defined else schema


@dataclass(slots=True)
class _Classes:
    """Classes that a schema is made of."""

    reading: Reading
    root: Scope
    defined: dict[str, object] = field(default_factory=dict)
    """Schemas by the name of their class; `None` for one that is being made."""
    scopes: dict[str, Scope] = field(default_factory=dict)

    def model(self, cls: Scope) -> Schema:
        """An object of a class's fields."""
        fields = {name: given for each in _line(self.reading, cls) for name, given in _fields(each)}
        found: Schema = {"type": "object", "title": cls.short, "additionalProperties": False, "required": list(fields)}
        found["properties"] = {name: self._field(name, *given) for name, given in fields.items()}
        return found | _described(cls)

    def _field(self, name: str, note: ast.expr, default: ast.expr | None, scope: Scope) -> Schema:
        types = _Types(self, scope)
        given = [default] if default is not None else []
        if isinstance(note, ast.Subscript) and types.named(note.value) == "typing.Annotated":
            note, *more = _parts(note)
            given = [*more, *given]
        schema = types.of(note)
        own: Schema = {} if types.is_reference(note) else {"title": name.replace("_", " ").title().strip()}
        for each in given:
            if isinstance(each, ast.Call) and types.named(each.func) == "pydantic.Field":
                own |= self._said(each, schema, scope)
            elif each is default:
                own |= self._default(each, scope)
            else:
                raise UnclearError
        return self._strict({**schema, **own})

    def _said(self, call: ast.Call, schema: Schema, scope: Scope) -> Schema:
        """What `Field(…)` says."""
        said: Schema = {}
        for each in call.args[:1]:
            said |= self._default(each, scope)
        for keyword in call.keywords:
            if keyword.arg == "default_factory":
                continue
            if keyword.arg == "default":
                said |= self._default(keyword.value, scope)
            else:
                name = _keyword(keyword.arg or "", schema.get("type"))
                said[name] = literal(self.reading, keyword.value, scope)
        return said

    def _default(self, expr: ast.expr, scope: Scope) -> Schema:
        if isinstance(expr, ast.Constant) and expr.value in {None, ...}:
            return {}
        return {"default": literal(self.reading, expr, scope)}

    def _strict(self, schema: Schema) -> Schema:
        """A reference that says more than where it leads is written out."""
        name = schema.get("$ref")
        if not isinstance(name, str) or len(schema) == 1:
            return schema
        meant = self.defined[name.rpartition("/")[2]]
        if not isinstance(meant, dict):
            raise UnclearError
        return {**meant, **{key: value for key, value in schema.items() if key != "$ref"}}

    def reference(self, cls: Scope) -> Schema:
        """Where another class, or an enumeration, is described."""
        name = cls.short
        if cls is self.root or name == self.root.short or not name.isascii() or len(self.defined) >= MOST_CLASSES:
            raise UnclearError
        if name not in self.defined:
            self.scopes[name], self.defined[name] = cls, None
            self.defined[name] = _enumeration(self.reading, cls) or self.model(cls)
        if self.scopes[name] is not cls:
            raise UnclearError
        return {"$ref": f"#/$defs/{name}"}


@dataclass(frozen=True, slots=True)
class _Types:
    """Annotations of one place."""

    classes: _Classes
    scope: Scope

    def of(self, note: ast.expr, depth: int = _MOST_DEPTH) -> Schema:
        """The schema of an annotation."""
        if depth == 0:
            raise UnclearError
        options = list(self._options(note))
        if len(options) > 1:
            known = [self.of(each, depth - 1) for each in options if not _is_none(each)]
            nothing: list[Schema] = [{"type": "null"}] if any(map(_is_none, options)) else []
            return {"anyOf": [schema for at, schema in enumerate(known) if schema not in known[:at]] + nothing}
        (note,) = options
        if isinstance(note, ast.Subscript):
            return self._generic(note, depth)
        value = self._one(note)
        if isinstance(value, Outside) and value.name in _PLAIN:
            return dict(_PLAIN[value.name])
        if isinstance(value, Own) and value.scope.kind == "class":
            return self.classes.reference(value.scope)
        raise UnclearError

    def _generic(self, note: ast.Subscript, depth: int) -> Schema:
        name, parts = self.named(note.value), _parts(note)
        if name == "typing.Literal":
            return _choice([literal(self.classes.reading, each, self.scope) for each in parts])
        if name in _LISTS | _SETS and len(parts) == 1:
            unique: Schema = {"uniqueItems": True} if name in _SETS else {}
            return {"type": "array", "items": self.of(parts[0], depth - 1), **unique}
        if name in _DICTIONARIES and len(parts) == 2 and self.named(parts[0]) == "str":
            return {"type": "object", "additionalProperties": self.of(parts[1], depth - 1)}
        raise UnclearError

    def _options(self, note: ast.expr) -> Iterator[ast.expr]:
        """What a union unites, in its order; anything else by itself."""
        if isinstance(note, ast.Constant) and isinstance(note.value, str):
            note = self.classes.reading.parsed(note.value) or note
        if isinstance(note, ast.BinOp) and isinstance(note.op, ast.BitOr):
            yield from self._options(note.left)
            yield from self._options(note.right)
            return
        name = self.named(note.value) if isinstance(note, ast.Subscript) else ""
        if isinstance(note, ast.Subscript) and name in {"typing.Optional", "typing.Union"}:
            for each in _parts(note):
                yield from self._options(each)
            if name == "typing.Optional":
                yield ast.Constant(None)
            return
        yield note

    def is_reference(self, note: ast.expr) -> bool:
        """Whether it is a class, or a class or nothing: such fields have no title."""
        known = [each for each in self._options(note) if not _is_none(each)]
        return len(known) == 1 and not isinstance(known[0], ast.Subscript) and isinstance(self._one(known[0]), Own)

    def named(self, expr: ast.expr) -> str:
        """The dotted name of what is a library's; empty for anything else."""
        values = self.classes.reading.values(expr, self.scope)
        return values[0].name if len(values) == 1 and isinstance(values[0], Outside) else ""

    def _one(self, expr: ast.expr) -> Value:
        values = self.classes.reading.values(expr, self.scope)
        if len(values) != 1:
            raise UnclearError
        return values[0]


def _line(reading: Reading, cls: Scope) -> list[Scope]:
    """A class of pydantic's and those that it is made from, the first of them first."""
    line: list[Scope] = []
    while len(line) < MOST_CLASSES:
        node = cls.node
        if not isinstance(node, ast.ClassDef) or node.keywords or node.decorator_list or len(node.bases) != 1:
            break
        line.insert(0, cls)
        values = reading.values(node.bases[0], cls.parent or cls)
        if values == (Outside(_BASE),):
            return line
        if len(values) != 1 or not isinstance(values[0], Own):
            break
        cls = values[0].scope
    raise UnclearError


def _fields(cls: Scope) -> Iterator[tuple[str, tuple[ast.expr, ast.expr | None, Scope]]]:
    """The fields that a class writes: name, annotation, default, and where they are to be read."""
    for statement in getattr(cls.node, "body", ()):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            if not name.startswith(("_", "model_")):
                yield name, (statement.annotation, statement.value, cls)
            elif not name.startswith("_"):
                raise UnclearError
        elif not _leaves_schema(statement):
            raise UnclearError


def _leaves_schema(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        calls = [each for each in statement.decorator_list if isinstance(each, ast.Call)]
        plain = any(keyword.arg == "mode" and _is_plain(keyword.value) for each in calls for keyword in each.keywords)
        names = {_last(each.func if isinstance(each, ast.Call) else each) for each in statement.decorator_list}
        return not plain and names <= _HARMLESS and not statement.name.startswith(_WRITES_SCHEMA)
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass)


def _is_plain(mode: ast.expr) -> bool:
    return not isinstance(mode, ast.Constant) or mode.value not in {"before", "after"}


def _last(expr: ast.expr) -> str:
    return expr.attr if isinstance(expr, ast.Attribute) else getattr(expr, "id", "")


def _described(cls: Scope) -> Schema:
    node = cls.node
    text = ast.get_docstring(node, clean=False) if isinstance(node, ast.ClassDef) else None
    return {"description": inspect.cleandoc(text)} if text else {}


def _enumeration(reading: Reading, cls: Scope) -> Schema | None:
    """The values of an enumeration; `None` for another class."""
    node = cls.node
    bases = [value for base in getattr(node, "bases", ()) for value in reading.values(base, cls.parent or cls)]
    if not any(isinstance(base, Outside) and base.name.startswith("enum.") for base in bases):
        return None
    values = []
    for statement in getattr(node, "body", ()):
        if isinstance(statement, ast.Assign):
            values.append(literal(reading, statement.value, cls))
        elif not _leaves_schema(statement):
            raise UnclearError
    if not all(isinstance(base, Outside) and base.name in _ENUMS for base in bases):
        raise UnclearError
    return {**_choice(values), "title": cls.short, **_described(cls)}


def _choice(values: list[object]) -> Schema:
    kinds = {type(value) for value in values}
    names = {str: "string", int: "integer"}
    if len(values) < 2 or len(kinds) != 1 or not kinds <= names.keys():
        raise UnclearError
    return {"type": names[kinds.pop()], "enum": values}


def _keyword(name: str, kind: object) -> str:
    """What an argument of `Field` is called in a schema."""
    if name in {"description", "title"}:
        return name
    if name in _BOUNDS and kind in _NUMBERS:
        return _BOUNDS[name]
    if name in {"min_length", "max_length"} and kind in _LENGTHS:
        return _LENGTHS[str(kind)][name == "max_length"]
    if name == "pattern" and kind == "string":
        return name
    raise UnclearError


def _parts(note: ast.Subscript) -> list[ast.expr]:
    return list(note.slice.elts) if isinstance(note.slice, ast.Tuple) else [note.slice]


def _is_none(note: ast.expr) -> bool:
    return isinstance(note, ast.Constant) and note.value is None
