"""Python: servers of one's own that speak OpenAI's protocol. Tests and fixtures are left alone."""

import ast
import re
from collections.abc import Iterator, Sequence

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import (
    Code,
    Function,
    dotted,
    entry,
    inside,
    is_api_call,
    keyword,
    last_name,
    number_of,
    text_of,
)
from offramp.migrate.scan.rules.python_calls import decorated
from offramp.migrate.scan.rules.words.answers import (
    ALWAYS_STREAMS,
    INVENTED_FIELDS,
    NO_ERROR_EVENT,
    NO_ROLE,
    PRINTED_CHUNKS,
)
from offramp.migrate.scan.rules.words.server import LOST_FIELDS, OTHER_DEFAULTS, TEXT_ONLY_CONTENT

_OBJECT = re.compile(r"""["']chat\.completion(\.chunk)?["']|/chat/completions""")
_SSE = "data:"
_DEFAULTS = {"temperature": 1.0, "top_p": 1.0}
"""Source: https://github.com/openai/openai-openapi, `CreateChatCompletionRequest`."""


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with a server in a file."""
    text = code.source.text
    if code.is_test or not (("data:" in text and "yield" in text) or "/chat/completions" in text):
        return
    functions = code.functions
    streams = [function for function in functions if _streams(function)]
    for function in streams:
        yield from _of_stream(code, function)
    answering = [function for function in functions if function in streams or _is_route(function)]
    for function in answering:
        if _has(function, "messages") and not _asks_model(function):
            yield from _of_request(code, function)
    if answering and _OBJECT.search(code.source.text):
        yield from _of_answer(code, streams)
    if any(_is_route(function) for function in functions) or ("vllm" in code.modules and streams):
        yield from _messages(code)


def _streams(function: Function) -> bool:
    """Whether it yields server-sent events."""
    return any(isinstance(node, ast.Yield) and _is_event(node.value) for node in inside(function))


def _is_event(value: ast.expr | None) -> bool:
    """Whether a text begins with `data:`: a literal, an f-string, or a sum of texts; bytes as well."""
    if isinstance(value, ast.BinOp):
        return _is_event(value.left)
    if isinstance(value, ast.JoinedStr):
        return bool(value.values) and _is_event(value.values[0])
    if isinstance(value, ast.Call) and last_name(value.func) in {"encode", "format"}:
        return isinstance(value.func, ast.Attribute) and _is_event(value.func.value)
    content = value.value if isinstance(value, ast.Constant) else None
    return isinstance(content, str | bytes) and content[:5] in {_SSE, _SSE.encode()}


def _is_route(function: Function) -> bool:
    return any(text.endswith("/chat/completions") for text in decorated(function))


def _arguments(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _asks_model(function: ast.AST) -> bool:
    """Whether the API is called inside."""
    return any(isinstance(node, ast.Call) and is_api_call(node) for node in ast.walk(function))


def _has(function: Function, name: str) -> bool:
    return any(argument.arg == name for argument in _arguments(function))


def _reads(function: Function, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for body in function.body for node in ast.walk(body))


# ---------------------------------------------------------------------------------------------------------- streams


def _of_stream(code: Code, function: Function) -> Iterator[Finding]:
    if _has(function, "stream") and not _reads(function, "stream"):
        argument = next(each for each in _arguments(function) if each.arg == "stream")
        message = "`stream` is never looked at: with `stream: false` a client expects one object, not events"
        yield code.report(ALWAYS_STREAMS, argument, message)
    for loop in inside(function):
        if not isinstance(loop, ast.For | ast.AsyncFor) or not _yields(loop):
            continue
        yield from _printed(code, loop)
        if isinstance(loop, ast.AsyncFor) and not any(isinstance(node, ast.Try) for node in inside(function)):
            message = "when the engine fails here, the stream just ends: catch it and send an error event"
            yield code.report(NO_ERROR_EVENT, loop, message)


def _yields(loop: ast.AST) -> bool:
    return any(isinstance(node, ast.Yield) and _is_event(node.value) for node in inside(loop))


def _printed(code: Code, loop: ast.For | ast.AsyncFor) -> Iterator[Finding]:
    """Calls of `print` inside the loop that show what was generated."""
    for node in inside(loop):
        if isinstance(node, ast.Call) and dotted(node.func) == "print" and node.args:
            message = "what users ask and are told stands in the log, and one write per token in the hottest loop"
            yield code.report(PRINTED_CHUNKS, node, message)
            return


# --------------------------------------------------------------------------------------------------------- requests


def _of_request(code: Code, function: Function) -> Iterator[Finding]:
    rest = function.args.kwarg
    if rest is not None and not _reads(function, rest.arg):
        message = f"`tools`, `seed`, `stop` and others vanish in `**{rest.arg}`: serve them or refuse them by name"
        yield code.report(LOST_FIELDS, rest, message)
    arguments = [*function.args.posonlyargs, *function.args.args]
    given = [*zip(arguments[len(arguments) - len(function.args.defaults) :], function.args.defaults, strict=True)]
    given += [
        (name, value) for name, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if value
    ]
    for argument, default in given:
        yield from _default(code, argument.arg, default)


def _default(code: Code, name: str, default: ast.expr) -> Iterator[Finding]:
    if isinstance(default, ast.Call) and last_name(default.func) in {"Field", "Query", "Body"} and default.args:
        default = default.args[0]
    value = number_of(default)
    if name in _DEFAULTS and value is not None and value != _DEFAULTS[name]:
        message = f"the API's default for `{name}` is {_DEFAULTS[name]:g}, not {value:g}: leave it to the request"
        yield code.report(OTHER_DEFAULTS, default, message)


def _messages(code: Code) -> Iterator[Finding]:
    """Models of pydantic for messages and requests."""
    for owner in code.all(ast.ClassDef):
        if not any(last_name(base) == "BaseModel" for base in owner.bases):
            continue
        fields = {
            each.target.id: each
            for each in owner.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        }
        content = fields.get("content")
        if "role" in fields and content is not None and dotted(content.annotation) == "str":
            message = "`content` may be a list of parts, and null beside tool calls: `str | list[dict] | None`"
            yield code.report(TEXT_ONLY_CONTENT, content, message)
        if "messages" in fields:
            for name, each in fields.items():
                if each.value is not None:
                    yield from _default(code, name, each.value)


# ---------------------------------------------------------------------------------------------------------- answers


def _of_answer(code: Code, streams: Sequence[Function]) -> Iterator[Finding]:
    yield from _invented(code)
    deltas = [delta for node in code.all(ast.Dict) if (delta := entry(node, "delta")) is not None]
    literal = [delta for delta in deltas if isinstance(delta, ast.Dict) and delta.keys]
    if not streams or not literal or len(literal) < len([each for each in deltas if not _is_empty(each)]):
        return
    if not any(entry(delta, "role") is not None for delta in literal):
        first = min(literal, key=lambda delta: delta.lineno)
        yield code.report(NO_ROLE, first, 'no delta carries a role: send `{"role": "assistant"}` with the first one')


def _is_empty(node: ast.AST) -> bool:
    return isinstance(node, ast.Dict) and not node.keys


def _invented(code: Code) -> Iterator[Finding]:
    for name in ("system_fingerprint", "service_tier"):
        values = [entry(node, name) for node in code.all(ast.Dict) if entry(node, "choices") is not None]
        values += [keyword(call, name) for call in code.all(ast.Call) if keyword(call, "choices") is not None]
        for value in values:
            if value is not None and text_of(value):
                yield code.report(INVENTED_FIELDS, value, f"`{name}` is made up: leave it out")
