"""One event of an answer's stream: what kind it is, and what settling needs of it. Pure."""

import re
from enum import Enum, auto
from typing import Any

import msgspec

from offramp.wire import envelope, sse
from offramp.wire import usage as usage_of
from offramp.wire.envelope import ErrorFacts
from offramp.wire.operation import Operation
from offramp.wire.usage import Usage

DONE_EVENT = b"data: [DONE]\n\n"
"""Ends a stream of chat or completions; the Responses API has none."""

NOTABLE = re.compile(
    rb'"(?:usage"\s*:\s*\{|finish_reason"\s*:\s*"|error"\s*(?::\s*[^n\s]|[,}])|response\.(?:completed|failed|incomplete)")'
    rb"|\[DONE\]"
)
"""After commit, events that this does not match anywhere need no decoding: they carry no usage object, no finish reason,
no error, no end. It may match an event that carries none of these, never the other way round."""

_MAX_NAME_CHARACTERS = 256


class Kind(Enum):
    """What an event means for the relay."""

    ROLE = auto()
    """No content yet: the role, an empty delta, a response that was created."""
    CONTENT = auto()
    """Text, reasoning, refusal, tool call or audio; a finish reason or usage may come with it."""
    FINISH = auto()
    """No content, but a finish reason."""
    USAGE = auto()
    """No choices, but usage: the event that only clients which asked for usage expect."""
    ERROR = auto()
    DONE = auto()
    """The protocol's own end: `[DONE]`, or `response.completed` and `response.incomplete`, which carry the usage."""
    OTHER = auto()
    """A comment, an event without data, or data that is not the operation's."""


class StreamEvent(msgspec.Struct, frozen=True, gc=False):
    """What one event says. Texts are empty where it says nothing."""

    kind: Kind
    usage: Usage | None = None
    finish_reason: str = ""
    model: str = ""
    service_tier: str = ""
    error: ErrorFacts | None = None
    response_id: str = ""


_COMMENT = StreamEvent(Kind.OTHER)
_DONE = StreamEvent(Kind.DONE)


def read_event(operation: Operation, event: bytes) -> StreamEvent:
    """Classify one event of a stream.

    Args:
        operation: Chat, completions or responses; others have no streams and are read as chat.
        event: One event with the empty line that ends it, as `sse.split` gives it.
    """
    data = sse.data_of(event)
    if data is None:
        return _COMMENT
    if data.strip() == b"[DONE]":
        return _DONE
    try:
        if operation is Operation.RESPONSES:
            return _read_response(_decode_response(data))
        return _read_chunk(_decode_chunk(data))
    except (ValueError, RecursionError):
        return _COMMENT


class _Delta(msgspec.Struct, gc=False):
    """Every place where servers put content. Values are read as they come: some send lists where others send text."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None
    images: Any = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    text: Any = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    """A chunk of chat or completions, or the error that a server sends in its place."""

    id: Any = None
    model: Any = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: Any = None
    error: Any = None
    object: Any = None
    message: Any = None
    type: Any = None
    code: Any = None


class _Response(msgspec.Struct, gc=False):
    """The response inside an event of the Responses API."""

    id: Any = None
    model: Any = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: Any = None
    status: Any = None
    error: Any = None
    incomplete_details: Any = None


class _ResponseEvent(msgspec.Struct, gc=False):
    type: str = ""
    response: _Response | None = None
    error: Any = None
    message: Any = None
    code: Any = None
    param: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_response = msgspec.json.Decoder(_ResponseEvent).decode


def _read_chunk(chunk: _Chunk) -> StreamEvent:
    if chunk.error or chunk.object == "error":
        facts = envelope.facts_of(
            chunk.error or {"message": chunk.message, "type": chunk.type, "code": chunk.code}
        ) or ErrorFacts("The upstream sent an error without a message.")
        return StreamEvent(Kind.ERROR, error=facts)
    usage = usage_of.decode(chunk.usage)
    choices = chunk.choices
    finish_reason = ""
    if choices:
        kind = Kind.ROLE
        for choice in choices:
            if choice.text or (choice.delta is not None and _has_content(choice.delta)):
                kind = Kind.CONTENT
            finish_reason = finish_reason or _text(choice.finish_reason)
        if finish_reason and kind is Kind.ROLE:
            kind = Kind.FINISH
    elif usage is not None:
        kind = Kind.USAGE
    else:
        kind = Kind.OTHER if choices is None else Kind.ROLE
    return StreamEvent(
        kind, usage, finish_reason, _text(chunk.model), _text(chunk.service_tier), None, _text(chunk.id)
    )


def _has_content(delta: _Delta) -> bool:
    return bool(
        delta.content
        or delta.tool_calls
        or delta.reasoning
        or delta.reasoning_content
        or delta.refusal
        or delta.function_call
        or delta.audio
        or delta.reasoning_details
        or delta.images
    )


_CONTENT_ENDINGS = (".delta", ".partial_image", ".output_item.done")
# The end of every tool call or message is content too: some servers send items whole, without deltas.
_ENDS = {"response.completed", "response.incomplete"}


def _read_response(event: _ResponseEvent) -> StreamEvent:
    kind_name = event.type
    response = event.response
    if kind_name == "error" or kind_name == "response.failed" or event.error:
        return _response_error(event, response)
    if not kind_name.startswith("response."):
        return _COMMENT
    if kind_name.endswith(_CONTENT_ENDINGS):
        return StreamEvent(Kind.CONTENT)
    if response is None:
        return StreamEvent(Kind.ROLE)
    kind = Kind.DONE if kind_name in _ENDS else Kind.ROLE
    return StreamEvent(
        kind,
        usage_of.decode(response.usage),
        _end_of(response) if kind is Kind.DONE else "",
        _text(response.model),
        _text(response.service_tier),
        None,
        _text(response.id),
    )


def _response_error(event: _ResponseEvent, response: _Response | None) -> StreamEvent:
    error = event.error or (response and response.error)
    facts = envelope.facts_of(
        error or {"message": event.message, "code": event.code, "param": event.param}
    ) or ErrorFacts("The upstream sent an error without a message.")
    if response is None:
        return StreamEvent(Kind.ERROR, error=facts)
    return StreamEvent(
        Kind.ERROR,
        usage_of.decode(response.usage),
        _end_of(response),
        _text(response.model),
        _text(response.service_tier),
        facts,
        _text(response.id),
    )


def _end_of(response: _Response) -> str:
    """Why it is incomplete, else its status."""
    details = response.incomplete_details
    reason = details.get("reason") if isinstance(details, dict) else None
    return _text(reason) or _text(response.status)


def _text(value: object) -> str:
    return value[:_MAX_NAME_CHARACTERS] if isinstance(value, str) else ""
