"""JSON written in every way that a client may write it, and a second implementation that finds its members."""

import json
import random

from hypothesis import strategies as st

_BLANKS = ("", "", "", " ", "  ", "\n", "\r\n\t")

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
names = st.sampled_from(["model", "messages", "stream_options", "include_usage", 'a"b', "\\", "é", "", "\U0001f600"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON, with names inside it that mean something at the top level."""


def write(value: object, chance: random.Random) -> str:
    """JSON of a value with white space and escapes by chance."""
    blank = chance.choice(_BLANKS)
    if isinstance(value, str):
        return blank + _text(value, chance) + chance.choice(_BLANKS)
    if isinstance(value, list):
        inside = ",".join(write(item, chance) for item in value)
        return f"{blank}[{inside or blank}]{blank}"
    if isinstance(value, dict):
        members = ",".join(f"{write(name, chance)}:{write(item, chance)}" for name, item in value.items())
        return f"{blank}{{{members or blank}}}{blank}"
    return blank + json.dumps(value) + chance.choice(_BLANKS)


def _text(value: str, chance: random.Random) -> str:
    if chance.random() < 0.3:
        units = value.encode("utf-16-be").hex()
        return '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


def spans(body: bytes) -> dict[str, tuple[int, int]]:
    """Where the values of a JSON object lie, by the standard library's decoder: one character for each byte."""
    text = body.decode("latin-1")
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    found: dict[str, tuple[int, int]] = {}
    position = text.index("{") + 1
    while True:
        position = _skip(text, position)
        if text[position] == "}":
            return found
        end = decoder.raw_decode(text, position)[1]
        name = json.loads(body[position:end])
        start = _skip(text, _skip(text, end) + 1)
        end = decoder.raw_decode(text, start)[1]
        found[name] = (start, end)
        position = _skip(text, end)
        position += text[position] == ","


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position
