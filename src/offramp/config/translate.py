"""pydantic's errors -> problems in the words of this project, with line and column and a hint where a name is close."""

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from offramp.config.document import Document
from offramp.config.model import CacheTier, Settings, UpstreamTier
from offramp.config.parts import FORMS
from offramp.config.problems import MAX_KEPT, KeyPath, Problem, did_you_mean, shortened
from offramp.config.references import is_secret
from offramp.pricing.money import ONLY_DOLLARS, foreign_currency

_TAGS: dict[str | int, type[BaseModel]] = {"<cache>": CacheTier, "<upstream>": UpstreamTier}
"""What pydantic puts into a path where it chose a tier's form; angle brackets stand in no name."""


def translate(errors: list[ErrorDetails], document: Document) -> list[Problem]:
    """The problems that the errors stand for; none twice, and none where a reference is the problem already."""
    known = {problem.path for problem in document.problems}
    errors = errors[:MAX_KEPT]
    problems = [_problem(error, document) for error in errors if not _is_echo(error, errors)]
    return [problem for problem in problems if problem.path not in known]


def _is_echo(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because its entries are wrong themselves."""
    here = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"][: len(here)] == here for other in errors if other is not error
    )


def _problem(error: ErrorDetails, document: Document) -> Problem:
    path = _path(error)
    if error["type"] == "missing":
        place = document.place(path)
    elif error["type"] == "extra_forbidden":
        place = document.place(path, key=True)
    else:
        path = _existing(path, document)
        place = document.place(path)
    return Problem(source=document.source, path=path, place=place, text=_text(error, path, document))


def _path(error: ErrorDetails) -> KeyPath:
    """The keys to the value, without what pydantic puts between them (tags of unions, marks of keys)."""
    return tuple(step for step in error["loc"] if step not in _TAGS and step != "[key]")


def _existing(path: KeyPath, document: Document) -> KeyPath:
    while path and path not in document.places:
        path = path[:-1]
    return path


def _text(error: ErrorDetails, path: KeyPath, document: Document) -> str:
    kind = error["type"]
    if kind == "missing":
        return f"is missing; {_expected_field(path)}".rstrip("; ")
    if kind == "extra_forbidden" and "prices" in path and (other := _currency(error, path)):
        return f"is in {other}; {ONLY_DOLLARS}"
    if kind == "extra_forbidden":
        return f"unknown key; {did_you_mean(str(path[-1]), _keys_beside(error))}"
    if kind == "value_error":
        text = str(error.get("ctx", {}).get("error", error["msg"]))
    elif kind == "decimal_parsing" and (other := foreign_currency(document.written.get(path, str(error["input"])))):
        text = f"is in {other}; {ONLY_DOLLARS}"
    else:
        wording = _WORDINGS.get(kind)
        text = wording(error.get("ctx", {})) if wording else error["msg"]
    return text + _got(error, path, document)


def _currency(error: ErrorDetails, path: KeyPath) -> str | None:
    """The currency that a key names, or the key `currency` says."""
    key = str(path[-1])
    return foreign_currency(str(error["input"]) if key == "currency" else key)


def _got(error: ErrorDetails, path: KeyPath, document: Document) -> str:
    """What is there instead, unless it could be a secret."""
    value = error["input"]
    if isinstance(value, dict):
        return "" if error["type"] == "value_error" else " (got a mapping)"
    if isinstance(value, list | tuple):
        return " (got a list)"
    if value is None:
        return " (got nothing)"
    if is_secret(path):
        return "" if isinstance(value, str) else " (got a number)"
    shown = document.written.get(path, str(value))
    if "sk-" in shown or "@" in shown:  # a key, or an address with a password
        return ""
    shown = shortened(shown)
    hint = _close(shown, error)
    return f" (got {shown!r}{hint})" if isinstance(value, str) else f" (got {shown})"


def _close(shown: str, error: ErrorDetails) -> str:
    expected = error.get("ctx", {}).get("expected")
    if not isinstance(expected, str):
        return ""
    hint = did_you_mean(shown, [word.strip(" '") for word in expected.replace(" or ", ",").split(",")])
    return f"; {hint.split('?')[0]}?" if hint.startswith("did you mean") else ""


def _number(ctx: Mapping[str, Any], sign: str, key: str) -> str:
    limit = ctx[key]
    return f"expected {sign} {int(limit) if float(limit).is_integer() else limit}"


def _some(ctx: Mapping[str, Any]) -> str:
    return f"expected at least {ctx['min_length']} entry" if ctx.get("min_length") == 1 else "too short"


_WORDINGS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "bool_parsing": lambda _: "expected true or false",
    "bool_type": lambda _: "expected true or false",
    "decimal_max_digits": lambda _: "expected a number with fewer digits",
    "decimal_parsing": lambda _: "expected a number",
    "decimal_type": lambda _: "expected a number",
    "dict_type": lambda _: "expected a mapping of names",
    "enum": lambda ctx: f"expected one of {ctx['expected']}",
    "finite_number": lambda _: "expected a finite number",
    "float_parsing": lambda _: "expected a number",
    "float_type": lambda _: "expected a number",
    "greater_than": lambda ctx: _number(ctx, "more than", "gt"),
    "greater_than_equal": lambda ctx: _number(ctx, "at least", "ge"),
    "int_from_float": lambda _: "expected a whole number",
    "int_parsing": lambda _: "expected a whole number",
    "int_parsing_size": lambda _: "expected a smaller number",
    "int_type": lambda _: "expected a whole number",
    "less_than_equal": lambda ctx: _number(ctx, "at most", "le"),
    "list_type": lambda _: "expected a list",
    "literal_error": lambda ctx: f"expected {ctx['expected']}",
    "model_type": lambda _: "expected a mapping",
    "string_pattern_mismatch": lambda ctx: f"expected {FORMS[ctx['pattern']]}",
    "string_too_long": lambda ctx: f"expected at most {ctx['max_length']} characters",
    "string_too_short": lambda _: "expected a text that is not empty",
    "string_type": lambda _: "expected text; put numbers in quotes",
    "too_short": _some,
    "tuple_type": lambda _: "expected a list",
}


def _expected_field(path: KeyPath) -> str:
    """A word on what a missing key is for."""
    return {
        "base_url": "the address, such as http://127.0.0.1:8000/v1",
        "models": "the list of models it answers for, such as [gpt-4o-mini]",
        "tiers": "the list of upstreams to ask, such as [{upstream: local}]",
        "team": "the team that requests with this key are booked on",
        "upstream": "name of an upstream, or `cache: stale`",
        "upstreams": "at least one model server, such as upstreams: {local: {base_url: http://127.0.0.1:8000/v1}}",
    }.get(str(path[-1]) if path else "", "")


def _keys_beside(error: ErrorDetails) -> list[str]:
    """The keys that may stand where the wrong one stands."""
    found: Any = Settings
    for step in error["loc"][:-1]:
        found = _inner(found, step)
    fields = (item for model in _models(found) for item in model.model_fields.items())
    return list(dict.fromkeys(field.alias or name for name, field in fields))


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type, of whatever form
    """The models that an annotation can be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []


def _inner(annotation: Any, step: str | int) -> Any:  # noqa: ANN401 - types in and out
    """The annotation of what stands at `step` inside; a tag chooses between the models of a union."""
    if step in _TAGS:
        return _TAGS[step]
    for model in _models(annotation):
        for name, field in model.model_fields.items():
            if step in {name, field.alias}:
                return field.annotation
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) is dict else arguments[0] if arguments else None
