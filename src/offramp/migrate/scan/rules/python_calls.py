"""Python: how the API is called, and what becomes of its errors and of time."""

import ast
import re
from collections.abc import Iterator

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import (
    CLIENTS,
    Code,
    Function,
    dotted,
    inside,
    is_api_call,
    keyword,
    last_name,
    number_of,
    spreads,
    text_of,
)
from offramp.migrate.scan.rules.words.calls import (
    NO_TIMEOUT,
    RAW_NO_TIMEOUT,
    REMOVED_INTERFACE,
    RETRIES_MULTIPLY,
    SHORT_TIMEOUT,
    SWALLOWED,
    WRONG_NAME,
)
from offramp.migrate.scan.rules.words.models import GUIDED

SHORT_S = 10.0
"""A total timeout up to here fires under load: a hundred tokens at batch 32 on an A10G take about 4.5 s, and an answer
has often several hundred."""

_WEB = frozenset({"aiohttp", "django", "fastapi", "flask", "quart", "sanic", "starlette", "tornado"})
_BLANKET = frozenset({"Exception", "BaseException"})
_RETRIES = frozenset({"retry", "retrying", "on_exception", "on_predicate"})
_PATHS = re.compile(r"/(chat/)?completions(?![\w-])|/v1/(responses|embeddings)\b|api\.openai\.com")
_REMOVED = re.compile(
    r"openai\.(ChatCompletion|Completion|Edit|Embedding|Image|Audio|Moderation|FineTune)"
    r"\.(a?create|a?transcribe|a?translate|create_edit|create_variation)"
)
_GUIDED = frozenset({"guided_json", "guided_regex", "guided_choice", "guided_grammar"})


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with the calls of a file."""
    yield from _raw(code)
    yield from _removed(code)
    if not code.mentions("openai"):
        return
    yield from _swallowed(code)
    yield from _timeouts(code)
    yield from _retries(code)
    yield from _wrong_name(code)
    yield from _guided(code)


def _swallowed(code: Code) -> Iterator[Finding]:
    if not code.may_call:
        return
    for attempt in code.all(ast.Try):
        calls = any(isinstance(node, ast.Call) and is_api_call(node) for each in attempt.body for node in _with(each))
        first = attempt.handlers[0] if attempt.handlers else None
        if calls and first is not None and _is_blanket(first) and not _answers(first):
            message = "rate limits, timeouts, wrong keys and bugs all end here: catch the errors that you can answer"
            yield code.report(SWALLOWED, first, message)


def _with(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    yield from inside(node)


def _is_blanket(caught: ast.ExceptHandler) -> bool:
    return caught.type is None or last_name(caught.type) in _BLANKET


def _answers(caught: ast.ExceptHandler) -> bool:
    """Whether it raises again, or looks at what it caught."""
    for node in ast.walk(caught):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call) and last_name(node.func) in {"isinstance", "type", "exit", "_exit"}:
            return True
    return False


def _timeouts(code: Code) -> Iterator[Finding]:
    told = any(keyword(call, "timeout") is not None for call in code.api_calls) or "with_options" in code.source.text
    for client in code.clients:
        timeout = keyword(client, "timeout")
        if isinstance(timeout, ast.Constant) and timeout.value is None:
            yield code.report(NO_TIMEOUT, client, f"`{last_name(client.func)}(timeout=None)` waits for ever")
        elif timeout is None and _WEB & code.modules and not told and not _may_be_told(client):
            message = f"`{last_name(client.func)}` waits 600 s and tries three times: say how long a request may take"
            yield code.report(NO_TIMEOUT, client, message)
    for call in [*code.clients, *code.api_calls] if not code.is_test else ():
        seconds = number_of(keyword(call, "timeout"))
        if seconds is not None and 0 < seconds <= SHORT_S and "embeddings" not in dotted(call.func):
            message = (
                f"{seconds:g} s over a whole answer fire when the model is busy: bound first token and silence instead"
            )
            yield code.report(SHORT_TIMEOUT, keyword(call, "timeout") or call, message)


def _may_be_told(client: ast.Call) -> bool:
    return spreads(client) or keyword(client, "http_client") is not None


def _raw(code: Code) -> Iterator[Finding]:
    if "requests." not in code.source.text or not _PATHS.search(code.source.text):
        return
    for call in code.all(ast.Call):
        if dotted(call.func) not in {"requests.post", "requests.request"} or spreads(call):
            continue
        timeout = keyword(call, "timeout")
        if timeout is not None and not (isinstance(timeout, ast.Constant) and timeout.value is None):
            continue
        if _PATHS.search(_address(code, call)):
            yield code.report(RAW_NO_TIMEOUT, call, "`requests` waits for ever: give `timeout=(connect, read)`")


def _address(code: Code, call: ast.Call) -> str:
    """The literal text of the address that is called, names followed once."""
    url = keyword(call, "url") or (call.args[-1] if call.args else None)
    if url is None:
        return ""
    found = [text_of(node) or "" for node in ast.walk(url)]
    for node in ast.walk(url):
        value = code.assigned(node.id, call) if isinstance(node, ast.Name) else None
        found += [text_of(inner) or "" for inner in ast.walk(value)] if value else []
    return " ".join(found)


def _retries(code: Code) -> Iterator[Finding]:
    own = [client for client in code.clients if not spreads(client)]
    if not own or any(number_of(keyword(call, "max_retries")) == 0 for call in code.all(ast.Call)):
        return
    for call in code.api_calls:
        function = code.function(call)
        decorator = next((each for each in function.decorator_list if _retries_by(each)), None) if function else None
        if decorator is not None:
            message = "the client tries three times by itself, so that these tries multiply: give it `max_retries=0`"
            yield code.report(RETRIES_MULTIPLY, decorator, message)


def _retries_by(decorator: ast.expr) -> bool:
    return last_name(decorator.func if isinstance(decorator, ast.Call) else decorator) in _RETRIES


def _wrong_name(code: Code) -> Iterator[Finding]:
    imports = [alias for node in code.all(ast.Import) for alias in node.names]
    if not any(alias.name == "openai" and alias.asname is None for alias in imports):
        return
    bound = _bound(code)
    if "*" in bound:
        return
    for call in code.all(ast.Call):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in CLIENTS and name not in bound:
            message = f"`{name}` is not defined: write `openai.{name}` or `from openai import {name}`"
            yield code.report(WRONG_NAME, call.func, message)


def _bound(code: Code) -> set[str]:
    """Every name that the file gives a meaning; `*` if it takes all of another module."""
    imports: list[ast.Import | ast.ImportFrom] = [*code.all(ast.Import), *code.all(ast.ImportFrom)]
    bound = {alias.asname or alias.name for node in imports for alias in node.names}
    bound |= {node.name for node in code.functions} | {node.name for node in code.all(ast.ClassDef)}
    bound |= {node.id for node in code.all(ast.Name) if isinstance(node.ctx, ast.Store)}
    return bound | {node.arg for node in code.all(ast.arg)}


def _removed(code: Code) -> Iterator[Finding]:
    if "openai." not in code.source.text or code.asks_for_old_openai:
        return
    elsewhere = any(
        (alias.asname or alias.name) == "openai" for node in code.all(ast.ImportFrom) for alias in node.names
    )
    imported = any(alias.name == "openai" and not alias.asname for node in code.all(ast.Import) for alias in node.names)
    if elsewhere or not imported:
        return
    for call in code.all(ast.Call):
        if _REMOVED.fullmatch(dotted(call.func)):
            yield code.report(REMOVED_INTERFACE, call, f"`{dotted(call.func)}` went with openai 1.0: make a client")


def _guided(code: Code) -> Iterator[Finding]:
    if "guided_" not in code.source.text:
        return
    for call in code.all(ast.Call):
        extra = keyword(call, "extra_body")
        keys = [key for key in extra.keys if key is not None] if isinstance(extra, ast.Dict) else []
        for key in keys:
            if text_of(key) in _GUIDED:
                message = f"`{text_of(key)}` was replaced by `structured_outputs`; newer servers ignore it"
                yield code.report(GUIDED, key, message)


def decorated(function: Function) -> Iterator[str]:
    """The string literals in a function's decorators, such as the path of a route."""
    for decorator in function.decorator_list:
        yield from (text for node in ast.walk(decorator) if (text := text_of(node)))
