"""Values that fit a JSON schema, always the same for the same schema: for structured outputs and tool arguments."""

from collections.abc import Mapping

import msgspec

MAX_DEPTH = 12
"""Depth beyond which a recursive schema gets its emptiest value."""

_STRINGS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/simulated",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

Schema = Mapping[str, object]


def invent_json(schema: object) -> str:
    """Compact JSON that fits the schema.

    >>> invent_json({"properties": {"city": {"enum": ["Paris"]}, "n": {"type": "integer", "minimum": 3}}})
    '{"city":"Paris","n":3}'
    """
    root = schema if isinstance(schema, Mapping) else {}
    return msgspec.json.encode(_invent(root, root, 0)).decode()


def _invent(schema: Schema, root: Schema, depth: int) -> object:
    """A value for one schema; the first choice that is fixed by it wins."""
    if "const" in schema:
        return schema["const"]
    enum = schema.get("enum")
    if isinstance(enum, list) and enum:
        return enum[0]
    if "default" in schema:
        return schema["default"]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _invent(_resolve(reference, root), root, depth + 1) if depth < MAX_DEPTH else None
    for combination in ("anyOf", "oneOf"):
        choices = schema.get(combination)
        if isinstance(choices, list) and choices:
            return _invent(_simplest(choices, depth), root, depth + 1)
    parts = schema.get("allOf")
    if isinstance(parts, list) and parts:
        return _invent(_merged(schema, parts, root), root, depth + 1)
    return _invent_type(_type_of(schema), schema, root, depth)


def _invent_type(type_: str, schema: Schema, root: Schema, depth: int) -> object:
    if type_ == "object":
        return _object(schema, root, depth)
    if type_ == "array":
        return _array(schema, root, depth)
    if type_ == "string":
        return _string(schema)
    if type_ == "integer":
        return int(_number(schema, whole=True))
    if type_ == "number":
        return _number(schema, whole=False)
    return True if type_ == "boolean" else None


def _type_of(schema: Schema) -> str:
    """The schema's type; of several the first that is not null; guessed from its keywords where it has none."""
    type_ = schema.get("type")
    if isinstance(type_, list):
        type_ = next((one for one in type_ if one != "null"), "null")
    if isinstance(type_, str):
        return type_
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if "minimum" in schema or "maximum" in schema:
        return "number"
    return "object" if "properties" in schema or not schema else "string"


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, object]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required")
    names = list(properties)
    if depth >= MAX_DEPTH // 2 and isinstance(required, list):
        names = [name for name in names if name in required]
    if depth >= MAX_DEPTH:
        return {}
    return {name: _invent(_mapping(properties[name]), root, depth + 1) for name in names}


def _array(schema: Schema, root: Schema, depth: int) -> list[object]:
    prefix = schema.get("prefixItems")
    if isinstance(prefix, list):
        return [_invent(_mapping(item), root, depth + 1) for item in prefix]
    least = schema.get("minItems")
    most = schema.get("maxItems")
    wanted = least if isinstance(least, int) else 1
    if isinstance(most, int):
        wanted = min(wanted, most)
    if depth >= MAX_DEPTH // 2 and not isinstance(least, int):
        wanted = 0
    return [_invent(_mapping(schema.get("items")), root, depth + 1) for _ in range(wanted)]


def _string(schema: Schema) -> str:
    text = _STRINGS.get(str(schema.get("format")), "simulated")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and len(text) < least:
        text = (text * (least // len(text) + 1))[:least]
    return text[:most] if isinstance(most, int) else text


def _number(schema: Schema, *, whole: bool) -> float:
    """The least number that is allowed, 1 if anything is."""
    step: float = 1 if whole else 0.5
    value: float = 1 if whole else 1.5
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if isinstance(least, int | float):
        value = max(value, least)
    if isinstance(above, int | float):
        value = max(value, above + step)
    if isinstance(most, int | float):
        value = min(value, most)
    if isinstance(below, int | float):
        value = min(value, below - step)
    multiple = schema.get("multipleOf")
    if isinstance(multiple, int | float) and multiple > 0:
        value = -(-value // multiple) * multiple
    return value


def _mapping(schema: object) -> Schema:
    return schema if isinstance(schema, Mapping) else {}


def _simplest(choices: list[object], depth: int) -> Schema:
    """The first choice; deep inside a recursive schema the one that leads out of it."""
    mappings = [_mapping(choice) for choice in choices]
    if depth >= MAX_DEPTH // 2:
        return next((one for one in mappings if "$ref" not in one and one.get("type") != "object"), mappings[-1])
    return next((one for one in mappings if one.get("type") != "null"), mappings[0])


def _merged(schema: Schema, parts: list[object], root: Schema) -> Schema:
    """All parts of an `allOf` as one schema; properties and required names add up."""
    merged: dict[str, object] = {name: value for name, value in schema.items() if name != "allOf"}
    properties = dict(_mapping(merged.get("properties")))
    for part in parts:
        one = _mapping(part)
        reference = one.get("$ref")
        one = _resolve(reference, root) if isinstance(reference, str) else one
        properties.update(_mapping(one.get("properties")))
        merged.update({name: value for name, value in one.items() if name != "properties"})
    if properties:
        merged["properties"] = properties
    return merged


def _resolve(reference: str, root: Schema) -> Schema:
    """The schema that a local reference such as `#/$defs/Item` points at; an empty one if there is none."""
    found: object = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = _mapping(found).get(step.replace("~1", "/").replace("~0", "~"))
    return _mapping(found)
