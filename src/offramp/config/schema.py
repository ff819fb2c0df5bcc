"""The JSON Schema of `offramp.yaml` for editors, with every key's docstring as its description. Not for serving."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from offramp.config import model, parts, upstreams
from offramp.config.model import Settings

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


REFERENCE = {"type": "string", "pattern": r"\$\{.+\}"}
"""What may stand instead of a number: `${PORT}`."""


def json_schema(*, with_references: bool = False) -> dict[str, Any]:
    """The schema of a whole file.

    Args:
        with_references: Allow `${NAME}` where a number or a boolean stands, as the loader does. Editors want it; pages
            are easier to read without.
    """
    schema = Settings.model_json_schema()
    parts_of_it = {**schema["$defs"], "Settings": schema}
    texts = field_docs()
    for name, part in parts_of_it.items():
        for key, entry in part.get("properties", {}).items():
            entry["description"] = texts[name, key]
            entry.pop("title", None)
            if with_references:
                part["properties"][key] = _with_reference(entry)
    schema["patternProperties"] = {"^x-": {"description": "Notes and YAML anchors of your own; offramp ignores them."}}
    upstream = schema["$defs"]["Upstream"]["properties"]
    upstream["price"]["anyOf"].append({"type": "string", "description": "Name of a card."})
    upstream["health"]["anyOf"].append({"type": "boolean"})
    return {"$schema": SCHEMA_ID, **schema, "title": "offramp.yaml"}


def _with_reference(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry, or it and a reference, where only numbers or booleans may stand."""
    kinds = {choice.get("type") for choice in entry.get("anyOf", [entry])} - {"null"}
    if not kinds or not kinds <= {"integer", "number", "boolean"}:
        return entry
    outer: dict[str, Any] = {key: entry.pop(key) for key in ("description", "default") if key in entry}
    return {**outer, "anyOf": [*entry.get("anyOf", [entry]), REFERENCE]}


def field_docs() -> dict[tuple[str, str], str]:
    """The docstring under every field, by class and key as written in the file."""
    found: dict[tuple[str, str], str] = {}
    for module in (parts, upstreams, model):
        own = dict(_docstrings(module))
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for base in reversed(kind.__mro__):
                    for (owner, field), text in own.items():
                        if owner == base.__name__ and field in kind.model_fields:
                            found[name, kind.model_fields[field].alias or field] = text
    return found


def _docstrings(module: ModuleType) -> Iterator[tuple[tuple[str, str], str]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for field, text in pairwise(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    yield (node.name, ast.unparse(field.target)), inspect.cleandoc(ast.literal_eval(text.value))
