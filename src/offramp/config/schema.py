"""The JSON Schema of `offramp.yaml` for editors, with every key's docstring as its description. Not for serving."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from offramp.config import model, parts, upstreams
from offramp.config.model import Settings

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a whole file. References such as `${NAME}` are allowed wherever a number or a word stands."""
    schema = Settings.model_json_schema()
    texts = field_docs()
    for name, definition in {**schema.get("$defs", {}), "Settings": schema}.items():
        for key, entry in definition.get("properties", {}).items():
            text = texts.get((name, key))
            if text:
                entry["description"] = text
    schema["patternProperties"] = {"^x-": {"description": "Notes and YAML anchors of your own; offramp ignores them."}}
    return {"$schema": SCHEMA_ID, "title": "offramp.yaml", **{k: v for k, v in schema.items() if k != "title"}}


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
            for field, text in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(text, ast.Expr)
                ):
                    yield (node.name, field.target.id), inspect.cleandoc(ast.literal_eval(text.value))
