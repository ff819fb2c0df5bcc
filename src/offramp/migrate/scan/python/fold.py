"""Texts that are put together of known parts: f-strings, `+`, `%`, `.format`, `.strip`, `.join`, `dedent`."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias

from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import (
    UNKNOWN_PART,
    Environment,
    Node,
    Pattern,
    Reading,
    Text,
    Value,
    Values,
    unique,
)

Alternatives: TypeAlias = tuple[Text | None, ...]
"""Texts of which one stands there; `None` for an unknown one."""
MOST_WAYS = 8
"""In how many ways parts are put together; addresses have few."""
MOST_CHARACTERS = 1 << 18
"""Longest text that is put together; prompts are shorter."""
_PLACEHOLDER = re.compile(r"%\([^)]*\)[sdrf]|%[sdrf]")
_FIELD = re.compile(r"(?<!\{)\{[^{}]*\}(?!\})")
CERTAIN = frozenset({"literal", "constant"})
"""Origins of a text that is the same whenever the code runs."""
_SAME = frozenset({"encode", "decode", "copy"})
_FOLDED: dict[str, Callable[..., str]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
    "replace": str.replace,
}


def joined(reading: Reading, expr: ast.JoinedStr, scope: Scope) -> Values:
    """An f-string."""
    parts: list[Alternatives] = []
    for part in expr.values:
        if isinstance(part, ast.Constant):
            parts.append((Text(str(part.value)),))
        elif isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1:
            parts.append(_alternatives(reading.settled(reading.values(part.value, scope))))
        else:
            parts.append((None,))
    return all_together(parts)


def all_together(parts: Sequence[Alternatives]) -> Values:
    """Every text that the parts can make, up to a bound; beyond it what varies is unknown."""
    ways = 1
    bounded: list[Alternatives] = []
    for part in parts:
        fits = ways * len(part) <= MOST_WAYS
        bounded.append(part if fits else (None,))
        ways *= len(part) if fits else 1
    return unique([put_together(texts) for texts in product(*bounded)], MOST_WAYS)


def _alternatives(values: Values) -> Alternatives:
    found = {text.value: text for value in values if (text := _as_text(value)) is not None}
    return tuple(found.values()) or (None,)


def put_together(texts: Sequence[Text | None]) -> Value:
    """One text of several, some of them unknown; its origin is the least certain one."""
    whole = "".join(UNKNOWN_PART if text is None else str(text.value) for text in texts)[:MOST_CHARACTERS]
    if UNKNOWN_PART in whole:
        return Pattern(whole)
    origins = (text.origin for text in texts if text is not None)
    return Text(whole, next((origin for origin in origins if origin not in CERTAIN), "constant"))


def added(reading: Reading, expr: ast.BinOp, scope: Scope) -> Values:
    """`a + b`, `a % b` and `a / b` of texts; of lists and dictionaries the expression itself."""
    left = reading.settled(reading.values(expr.left, scope))
    if isinstance(expr.op, ast.Mod):
        text = known(left)
        return (Pattern(_PLACEHOLDER.sub(UNKNOWN_PART, str(text.value)) if text else UNKNOWN_PART),)
    right = reading.settled(reading.values(expr.right, scope))
    parts = [_alternatives(left), _alternatives(right)]
    nodes = any(isinstance(value, Node) for value in (*left, *right))
    if nodes and parts[0] == (None,) == parts[1]:
        return (Node(expr, scope),)
    if not isinstance(expr.op, (ast.Add, ast.Div)):
        return ()
    if parts[0] == (None,) == parts[1] or _is_number(left) or _is_number(right):
        return ()
    if isinstance(expr.op, ast.Div):
        parts.insert(1, (Text("/"),))
    return all_together(parts)


def method(reading: Reading, value: Value, name: str, call: ast.Call, scope: Scope) -> Values:
    """What a method of a text gives."""
    if name in _SAME:
        return (value,)
    text = value.value if isinstance(value, Text) else value.text if isinstance(value, Pattern) else None
    if not isinstance(text, str):
        return (value,) if isinstance(value, Environment) and name in _FOLDED else ()
    if name == "format":
        return (_formatted(text),)
    if name == "join" and len(call.args) == 1:
        return _joined_list(reading, Text(text), call.args[0], scope)
    return _folded(reading, value, name, call, scope) if isinstance(value, Text) and name in _FOLDED else ()


def _folded(reading: Reading, value: Text, name: str, call: ast.Call, scope: Scope) -> Values:
    given = [text_of(reading.settled(reading.values(each, scope))) for each in call.args]
    if None in given:
        return (Pattern(UNKNOWN_PART),)
    try:
        return (Text(_FOLDED[name](value.value, *given), value.origin),)
    except (TypeError, ValueError):
        return ()


def dedented(values: Values) -> Values:
    """What `textwrap.dedent` gives."""
    text = known(values)
    return (Text(textwrap.dedent(str(text.value)), text.origin),) if text is not None else values


def cleaned(values: Values) -> Values:
    """What `inspect.cleandoc` gives."""
    text = known(values)
    return (Text(inspect.cleandoc(str(text.value)), text.origin),) if text is not None else values


def text_of(values: Values) -> str | None:
    """The one text that it can be, perhaps with unknown parts; `None` if there is none or there are several."""
    text = known(values)
    return None if text is None else str(text.value)


def known(values: Values) -> Text | None:
    """The one text that it can be, and how certain it is; `None` if there is none or there are several."""
    texts = {text.value: text for value in values if (text := _as_text(value)) is not None}
    return texts.popitem()[1] if len(texts) == 1 else None


def _as_text(value: Value) -> Text | None:
    if isinstance(value, Text):
        return value if isinstance(value.value, (str, int)) else None
    if isinstance(value, Pattern):
        return Text(value.text, "argument")
    if isinstance(value, Environment) and value.default is not None:
        return Text(value.default, f"environment {value.name}")
    return None


def _formatted(text: str) -> Value:
    filled = _FIELD.sub(UNKNOWN_PART, text)
    whole = filled.replace("{{", "{").replace("}}", "}")
    return Pattern(whole) if UNKNOWN_PART in whole else Text(whole, "constant")


def _joined_list(reading: Reading, text: Text, given: ast.expr, scope: Scope) -> Values:
    for value in reading.settled(reading.values(given, scope)):
        if isinstance(value, Node) and isinstance(value.expr, (ast.List, ast.Tuple)):
            parts = [known(reading.settled(reading.values(each, value.scope))) for each in value.expr.elts]
            between: list[Text | None] = []
            for part in parts:
                between += [text, part] if between else [part]
            return (put_together(between),)
    return (Pattern(UNKNOWN_PART),)


def _is_number(values: Values) -> bool:
    return bool(values) and all(isinstance(value, Text) and isinstance(value.value, (int, float)) for value in values)
