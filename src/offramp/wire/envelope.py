"""The error body: OpenAI's shape written, every server's shape read, and what an error means for routing. Pure.

Shapes read: OpenAI's `{"error": {…}}`; the same with the HTTP status as integer `code` (vLLM); the flat
`{"object": "error", …}` of older vLLM; `{"detail": …}` (FastAPI); `{"message": …}` (cloud load balancers); plain text.
"""

import re
from typing import Any

import msgspec

from offramp.wire.operation import Operation

MAX_MESSAGE_CHARACTERS = 2000
"""Longest message taken from an upstream. vLLM lists every validation error, OpenAI stays below 500."""
_MAX_PLAIN_CHARACTERS = 200
_MAX_NAME_CHARACTERS = 128
_MAX_LISTED = 8

CONTEXT_OVERFLOW = "context_length_exceeded"
UNKNOWN_MODEL = "model_not_found"
UNKNOWN_OPERATION = "unknown_url"

_CODE_OF_STATUS = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_TYPE_OF_STATUS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_OVERFLOW_TEXT = re.compile(
    r"maximum context length|context length exceeded|context window|context size|maximum model length", re.IGNORECASE
)
_UNKNOWN_MODEL_TEXT = re.compile(
    r"\bmodel\b.{0,300}?\b(?:does not exist|not found|not exist)\b", re.IGNORECASE | re.DOTALL
)
_UNKNOWN_OPERATION_TEXT = re.compile(
    r"(?:not found|resource not found|method not allowed|invalid url\b.*)\Z", re.IGNORECASE | re.DOTALL
)


class ErrorFacts(msgspec.Struct, frozen=True, gc=False):
    """What an error body says."""

    message: str
    type: str = ""
    """Empty where the body names none."""
    param: str | None = None
    code: str | None = None
    """Never a number: an integer code is an HTTP status and is read as none."""


def encode(
    *,
    message: str,
    type: str,  # noqa: A002 -- OpenAI's name
    param: str | None = None,
    code: str | None = None,
) -> bytes:
    """OpenAI's error body."""
    return msgspec.json.encode({"error": {"message": _clean(message), "type": type, "param": param, "code": code}})


def error_event(
    operation: Operation,
    *,
    message: str,
    type: str,  # noqa: A002 -- OpenAI's name
    code: str | None,
    sequence_number: int = 0,
) -> bytes:
    """The event that ends a broken stream, in the form that the operation's clients raise on.

    Source:
        OpenAI API specification 2.3.0, ResponseErrorEvent; on chat the OpenAI SDK raises on a data object with `error`.
    """
    if operation is Operation.RESPONSES:
        body = {
            "type": "error",
            "code": code,
            "message": _clean(message),
            "param": None,
            "sequence_number": sequence_number,
        }
        return b"event: error\ndata: " + msgspec.json.encode(body) + b"\n\n"
    return b"data: " + encode(message=message, type=type, code=code) + b"\n\n"


def read(body: bytes) -> ErrorFacts | None:
    """The facts of a JSON error body; `None` if it is none of the known shapes."""
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return facts_of(decoded)


def facts_of(decoded: object) -> ErrorFacts | None:
    """The facts of an error body, or of the value of its `error`, that is already decoded."""
    error = decoded.get("error") or decoded if isinstance(decoded, dict) else decoded
    detail = error.get("detail") if isinstance(error, dict) else None
    if isinstance(detail, list):
        return _facts_of_list(detail)
    told = detail or error
    if isinstance(told, str):
        return ErrorFacts(_shortened(told))
    if not isinstance(told, dict) or not isinstance(told.get("message"), str):
        return None
    return ErrorFacts(
        _shortened(told["message"]),
        _word(told.get("type")) or "",
        _word(told.get("param")),
        _word(told.get("code")),
    )


def normalise(body: bytes, status: int) -> bytes:
    """The body in OpenAI's shape: itself where it already is, else the same facts in that shape.

    Fields beside the four survive. `code` becomes OpenAI's word where status and text tell it, else null.

    Args:
        body: What the upstream sent with a status of 400 or above.
        status: That HTTP status.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _of_text(body, status)
    facts = facts_of(decoded)
    if facts is None:
        return _of_text(b"", status)
    kind, code = facts.type or _type_of(status), _code_of(facts, status)
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        if _is_right(error):
            return body
        error.update(type=kind, param=facts.param, code=code)
        return msgspec.json.encode(decoded)
    return encode(message=facts.message, type=kind, param=facts.param, code=code)


def is_context_overflow(facts: ErrorFacts | None) -> bool:
    """Whether the prompt was too long for this model, so that a model with a longer context may answer."""
    if facts is None:
        return False
    return facts.code == CONTEXT_OVERFLOW or _OVERFLOW_TEXT.search(facts.message) is not None


def is_unknown_model(facts: ErrorFacts | None, status: int) -> bool:
    """Whether the upstream does not have the model."""
    if facts is None:
        return False
    if facts.code in {UNKNOWN_MODEL, "DeploymentNotFound"}:
        return True
    return status == 404 and _UNKNOWN_MODEL_TEXT.search(facts.message) is not None


def is_unsupported(facts: ErrorFacts | None, status: int) -> bool:
    """Whether the upstream does not have the operation at all; a 404 without a readable error counts."""
    if status in {405, 501}:
        return True
    if status != 404:
        return False
    return (
        facts is None
        or facts.code in {UNKNOWN_OPERATION, "404"}
        or (_UNKNOWN_OPERATION_TEXT.match(facts.message) is not None and facts.code is None)
    )


def _is_right(error: dict[str, Any]) -> bool:
    """Whether an error object has OpenAI's types."""
    return (
        isinstance(error.get("type"), str)
        and isinstance(error.get("param", ""), str | None)
        and isinstance(error.get("code", ""), str | None)
    )


def _facts_of_list(errors: list[object]) -> ErrorFacts:
    """FastAPI's list of what is wrong with a request, each with its place."""
    messages = []
    param = None
    for error in errors[:_MAX_LISTED]:
        if isinstance(error, dict) and isinstance(error.get("msg"), str):
            steps = error.get("loc")
            place = ".".join(_steps(steps)) if isinstance(steps, list) else ""
            messages.append(f"{place}: {error['msg']}" if place else error["msg"])
            param = param or _word(place) or None
    return ErrorFacts(_shortened("; ".join(messages) or "The request is invalid."), "", param)


def _steps(steps: list[object]) -> list[str]:
    """A path of names and positions, without the word that it begins with."""
    return [str(step) for step in steps if isinstance(step, str | int) and step != "body"]


def _code_of(facts: ErrorFacts, status: int) -> str | None:
    """OpenAI's code: the one the body has, else what status and text tell."""
    if facts.code is not None:
        return facts.code
    if is_context_overflow(facts):
        return CONTEXT_OVERFLOW
    if is_unknown_model(facts, status):
        return UNKNOWN_MODEL
    if is_unsupported(facts, status):
        return UNKNOWN_OPERATION
    return _CODE_OF_STATUS.get(status)


def _type_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    return _TYPE_OF_STATUS.get(status, "invalid_request_error")


def _of_text(body: bytes, status: int) -> bytes:
    """OpenAI's shape for a body that is not JSON: its first line if that is plain text, never HTML."""
    start = body[: 4 * _MAX_PLAIN_CHARACTERS].decode("utf-8", "replace").strip()
    line = start.splitlines()[0][:_MAX_PLAIN_CHARACTERS].strip() if start else ""
    readable = line.isprintable() and not line.startswith(("<", "{", "[")) and "\ufffd" not in line
    message = f"The upstream answered {status}: {line}" if line and readable else f"The upstream answered {status}."
    facts = ErrorFacts(message)
    code = UNKNOWN_OPERATION if is_unsupported(None, status) else _code_of(facts, status)
    return encode(message=message, type=_type_of(status), code=code)


def _word(value: object) -> str | None:
    """A name of the envelope: a text of sensible length, else none."""
    return value[:_MAX_NAME_CHARACTERS] if isinstance(value, str) else None


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else text[: MAX_MESSAGE_CHARACTERS - 1] + "…"


def _clean(text: str) -> str:
    """Text that can be encoded: a lone surrogate cannot."""
    return text.encode("utf-8", "replace").decode()
