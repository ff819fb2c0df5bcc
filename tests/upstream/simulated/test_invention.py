"""JSON for a schema, checked by a second reading of the schema."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.upstream.simulated.invention import invent_json


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value fits a schema, for the keywords that the tests use."""
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        assert isinstance(value, dict)
        known = schema["properties"]
        return set(schema["required"]) <= set(value) <= set(known) and all(fits(value[k], known[k]) for k in value)
    if kind == "array":
        assert isinstance(value, list)
        sized = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 99)
        return sized and all(fits(item, schema["items"]) for item in value)
    if kind == "string":
        return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 99)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | float):
        return False
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))


def ranges(least: str, most: str, low: int, high: int) -> st.SearchStrategy[dict[str, int]]:
    """A lower and an upper bound in the right order."""
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda pair: {least: min(pair), most: max(pair)}
    )


SCALARS = st.one_of(
    ranges("minimum", "maximum", -50, 50).map(lambda bounds: {"type": "integer", **bounds}),
    ranges("minimum", "maximum", -50, 50).map(lambda bounds: {"type": "number", **bounds}),
    ranges("minLength", "maxLength", 0, 40).map(lambda bounds: {"type": "string", **bounds}),
    st.just({"type": "boolean"}),
    st.lists(st.integers(), min_size=1, max_size=3).map(lambda values: {"enum": values}),
)


def objects(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose properties are all required."""
    names = st.dictionaries(st.text("abcd", min_size=1, max_size=4), children, max_size=4)
    return names.map(lambda known: {"type": "object", "properties": known, "required": list(known)})


def arrays(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Arrays of bounded length."""
    bounds = ranges("minItems", "maxItems", 0, 4)
    return st.tuples(children, bounds).map(lambda pair: {"type": "array", "items": pair[0], **pair[1]})


SCHEMAS = st.recursive(SCALARS, lambda children: objects(children) | arrays(children), max_leaves=8)


@given(schema=SCHEMAS)
def test_what_is_invented_fits_the_schema(schema: dict[str, Any]) -> None:
    """Structured output is only worth something if it is valid."""
    assert fits(json.loads(invent_json(schema)), schema)


@given(schema=SCHEMAS)
def test_the_same_schema_gives_the_same_value(schema: dict[str, Any]) -> None:
    """Tests compare answers."""
    assert invent_json(schema) == invent_json(schema)


def test_references_are_followed() -> None:
    """The OpenAI SDK writes nested models as `$ref` into `$defs`."""
    schema = {
        "type": "object",
        "properties": {"step": {"$ref": "#/$defs/Step"}},
        "$defs": {"Step": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }

    assert json.loads(invent_json(schema)) == {"step": {"n": 1}}


def test_a_schema_that_refers_to_itself_ends() -> None:
    """Trees are common in schemas."""
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "up": {"$ref": "#"}},
        "required": ["children"],
    }

    assert "children" in json.loads(invent_json(node))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7}, 7),
        ({"type": ["null", "string"]}, "simulated"),
        ({"anyOf": [{"type": "null"}, {"type": "integer", "exclusiveMinimum": 4}]}, 5),
        ({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
         {"b": 2, "a": 1}),
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "x"}]}, [1, "x"]),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({}, {}),
        (None, {}),
    ],
)  # fmt: skip
def test_each_keyword_has_its_effect(schema: object, value: object) -> None:
    """One example for each keyword that the property above leaves out."""
    assert json.loads(invent_json(schema)) == value


def test_it_is_compact() -> None:
    """As a model with constrained decoding mostly writes it."""
    assert not re.search(r"\s", invent_json({"properties": {"a": {"type": "integer"}, "b": {"type": "array"}}}))
