"""Clients of the API: which value is one, where it is made, with which address and key."""

import ast
from dataclasses import dataclass

from offramp.migrate.scan.model import Client
from offramp.migrate.scan.python.arguments import Arguments, arguments_of
from offramp.migrate.scan.python.libraries import CLIENTS, FOREIGN, INSTRUCTOR
from offramp.migrate.scan.python.members import outside_bases
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.text import Lines, shown
from offramp.migrate.scan.python.values import (
    UNKNOWN_PART,
    Environment,
    Made,
    Member,
    Object,
    Outside,
    Pattern,
    Reading,
    Text,
    Value,
    Values,
)

BASE_URLS = ("base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "_base_url", "url")
API_KEYS = ("api_key", "openai_api_key", "azure_api_key", "key")
_WRAPS = ("openai", "wrap", "patch", "instrument", "trace", "from_")
_MOST_WRAPPERS = 4
_LEFT_OUT = frozenset({*BASE_URLS, *API_KEYS, "default_headers", "messages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A client that a value is."""

    library: str = "openai"
    call: ast.Call | None = None
    """Where it is made, if that is known."""
    scope: Scope | None = None
    azure: bool = False
    foreign: bool = False
    """Whether it calls somebody else than OpenAI."""
    module: bool = False
    """Whether it is `openai` itself."""


def client_of(reading: Reading, values: Values, wrappers: int = _MOST_WRAPPERS) -> Found | None:
    """The client among the values; Azure's, or one that calls somebody else, if there is no other."""
    known = [found for value in values if (found := _client(reading, value, wrappers)) is not None]
    return min(known, key=lambda found: (found.foreign, found.azure), default=None)


def _client(reading: Reading, value: Value, wrappers: int) -> Found | None:
    if isinstance(value, Member) and value.base is not None:
        return _client(reading, value.base, wrappers) if isinstance(value.base, (Made, Outside)) else None
    if isinstance(value, Outside):
        root = value.name.partition(".")[0]
        return Found(module=True) if root == "openai" else Found(foreign=True) if root in FOREIGN else None
    if isinstance(value, Object):
        return _of_heir(reading, value)
    return _made(reading, value, wrappers) if isinstance(value, Made) else None


def _made(reading: Reading, made: Made, wrappers: int) -> Found | None:
    root = made.of.partition(".")[0]
    last = made.of.rpartition(".")[2]
    if root == "openai" and last in CLIENTS:
        return Found(call=made.call, scope=made.scope, azure="Azure" in last)
    if root == "instructor" and last in INSTRUCTOR:
        return _instructor(reading, made, wrappers)
    if root in FOREIGN:
        return Found(foreign=True)
    if wrappers and made.call is not None and made.scope is not None and last.lower().startswith(_WRAPS):
        for given in (*made.call.args, *(keyword.value for keyword in made.call.keywords)):
            inner = client_of(reading, reading.settled(reading.values(given, made.scope)), wrappers - 1)
            if inner is not None:
                return inner
    return None


def _instructor(reading: Reading, made: Made, wrappers: int) -> Found:
    if made.call is not None and made.scope is not None and made.call.args:
        values = reading.settled(reading.values(made.call.args[0], made.scope))
        inner = client_of(reading, values, wrappers - 1) if wrappers else None
        if inner is not None:
            return Found(
                library="instructor", call=inner.call, scope=inner.scope, azure=inner.azure, foreign=inner.foreign
            )
        text = next((value.value for value in values if isinstance(value, Text)), None)
        if isinstance(text, str):
            return Found(
                library="instructor", call=made.call, scope=made.scope, foreign=not text.startswith(("openai", "azure"))
            )
    return Found(library="instructor", call=made.call, scope=made.scope)


def _of_heir(reading: Reading, value: Object) -> Found | None:
    """A class of the project that is made from a client."""
    for name in outside_bases(reading, value.cls):
        root, last = name.partition(".")[0], name.rpartition(".")[2]
        if root == "openai" and last in CLIENTS:
            return Found(call=value.call, scope=value.scope, azure="Azure" in last)
    return None


def described(reading: Reading, found: Found, lines: Lines) -> Client | None:
    """The client as the inventory lists it; `None` if nobody knows where it is made."""
    if found.call is None or found.scope is None:
        return None
    arguments = arguments_of(reading, found.call, found.scope)
    start = lines.start(found.call)
    return Client(
        file=found.scope.file,
        line=start.line,
        column=start.column,
        library=found.library,
        base_url=address(reading, arguments, lines),
        api_key=key_of(reading, arguments, azure=found.azure),
        options={
            name: shown(lines.text(given[0].expr), name)
            for name, given in arguments.named.items()
            if name not in _LEFT_OUT
        },
    )


def address(reading: Reading, arguments: Arguments, lines: Lines) -> str | None:
    """The base URL: literal, `environment NAME`, source text; `None` for the default."""
    name = next((name for name in BASE_URLS if name in arguments.named), None)
    if name is None:
        return None
    values = [value for value in arguments.values(reading, name) if not _is_nothing(value)]
    for value in values:
        if isinstance(value, Text) and isinstance(value.value, str):
            return shown(value.value, "base_url")
        if isinstance(value, Environment):
            return f"environment {value.name}"
        if isinstance(value, Pattern):
            return shown(value.text.replace(UNKNOWN_PART, "…"), "base_url")
    if not values and arguments.values(reading, name):
        return None
    return shown(lines.text(arguments.named[name][0].expr), name)


def key_of(reading: Reading, arguments: Arguments, *, azure: bool = False) -> str:
    """Where the key comes from, never the key."""
    name = next((name for name in API_KEYS if name in arguments.named), None)
    if name is None:
        return (
            "environment AZURE_OPENAI_API_KEY"
            if azure
            else "environment OPENAI_API_KEY"
            if arguments.is_whole
            else "unknown"
        )
    for value in arguments.values(reading, name):
        if isinstance(value, Environment):
            return f"environment {value.name}"
        if isinstance(value, Text) and isinstance(value.value, str):
            return value.origin if value.origin.startswith("environment ") else "literal"
    return "unknown"


def _is_nothing(value: Value) -> bool:
    return isinstance(value, Text) and value.value is None
