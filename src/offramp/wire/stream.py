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

_MARKS = (
    rb'"(?:usage"\s*:\s*\{|finish_reason"\s*:\s*"|error"\s*(?::\s*[^n\s]|[,}])'
    rb'|response\.(?:completed|failed|incomplete)")'
)
NOTABLE = re.compile(_MARKS + rb"|\[DONE\]")
"""What a usage object, a finish reason, an error or an end looks like; see `is_notable`."""
_QUOTED_MARK = re.compile(_MARKS)

_MAX_NAME_CHARACTERS = 256


def is_notable(block: bytes) -> bool:
    """Whether a block of events may say more than text; after the commit others need no decoding.

    It may hold of a block that says nothing; the other way round only if a server writes a name of ASCII letters with
    escapes or breaks a line of JSON between a name and its value, which none does. The same as a search for `NOTABLE`
    in less than half its time: a pattern whose every branch begins with a quote is searched from quote to quote.
    """
    return _QUOTED_MARK.search(block) is not None or b"[DONE]" in block


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
    """The first choice's that has one; of responses why it is incomplete, else its status."""
    model: str = ""
    service_tier: str = ""
    error: ErrorFacts | None = None
    response_id: str = ""
    finishes: int = 0
    """How many choices end with it."""


# Looking up a member of an enumeration costs as much as building a small struct.
_ROLE, _CONTENT, _FINISH, _USAGE, _OTHER = Kind.ROLE, Kind.CONTENT, Kind.FINISH, Kind.USAGE, Kind.OTHER
_NOTHING = StreamEvent(Kind.OTHER)
_DONE = StreamEvent(Kind.DONE)
_RESPONSES = Operation.RESPONSES


def read_event(operation: Operation, event: bytes) -> StreamEvent:
    """Classify one event of a stream.

    Args:
        operation: Chat, completions or responses; others have no streams and are read as chat.
        event: One event with the empty line that ends it, as `sse.split` gives it.
    """
    if event == DONE_EVENT:
        return _DONE
    payload = sse.data_of(event)
    if payload is None:
        return _NOTHING
    try:
        if operation is _RESPONSES:
            return _read_response(_decode_response(payload))
        return _read_chunk(_decode_chunk(payload))
    except (ValueError, RecursionError):
        return _DONE if payload.strip() == b"[DONE]" else _NOTHING


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

    def is_content(self) -> bool:
        """Whether any of them is more than null and empty."""
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning
            or self.reasoning_content
            or self.refusal
            or self.function_call
            or self.audio
            or self.reasoning_details
            or self.images
        )


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    text: Any = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    """A chunk of chat or completions, or the error that a server sends in its place."""

    id: Any = None
    object: Any = None
    model: Any = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: Any = None
    error: Any = None
    message: Any = None
    type: Any = None
    param: Any = None
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

    def end(self) -> str:
        """Why it is incomplete, else its status."""
        details = self.incomplete_details
        return (_text(details.get("reason")) if isinstance(details, dict) else "") or _text(self.status)


class _ResponseEvent(msgspec.Struct, gc=False):
    type: str = ""
    response: _Response | None = None
    error: Any = None
    message: Any = None
    param: Any = None
    code: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_response = msgspec.json.Decoder(_ResponseEvent).decode

_CONTENT_ENDINGS = (".delta", ".partial_image", ".output_item.done")
"""Events of responses with content. A whole item is among them: some servers send tool calls without deltas."""
_ENDS = frozenset({"response.completed", "response.incomplete"})
_FAILURES = frozenset({"error", "response.failed"})


def _read_chunk(chunk: _Chunk) -> StreamEvent:
    if chunk.error or chunk.object == "error":
        return StreamEvent(Kind.ERROR, error=_facts(chunk.error, chunk))
    usage = usage_of.decode(chunk.usage) if chunk.usage else None
    choices = chunk.choices
    finish_reason = ""
    finishes = 0
    if choices:
        kind = _ROLE
        for choice in choices:
            if choice.text or (choice.delta is not None and choice.delta.is_content()):
                kind = _CONTENT
            if choice.finish_reason.__class__ is str and choice.finish_reason:
                finishes += 1
                finish_reason = finish_reason or _text(choice.finish_reason)
        if finishes and kind is _ROLE:
            kind = _FINISH
    elif usage is not None or bytes(chunk.usage).startswith(b"{"):  # Counts that cannot be right are usage, too.
        kind = _USAGE
    else:
        kind = _OTHER if choices is None else _ROLE
    model, tier, chunk_id = _text(chunk.model), _text(chunk.service_tier), _text(chunk.id)
    return StreamEvent(kind, usage, finish_reason, model, tier, None, chunk_id, finishes)


def _read_response(event: _ResponseEvent) -> StreamEvent:
    name = event.type
    response = event.response
    if name in _FAILURES or event.error:
        return _failed_response(event, response or _Response())
    if name.endswith(_CONTENT_ENDINGS):
        return StreamEvent(_CONTENT)
    if response is None:
        return StreamEvent(_ROLE) if name.startswith("response.") else _NOTHING
    model, tier, response_id = _text(response.model), _text(response.service_tier), _text(response.id)
    if name in _ENDS:
        usage = usage_of.decode(response.usage)
        return StreamEvent(Kind.DONE, usage, response.end(), model, tier, None, response_id, 1)
    return StreamEvent(_ROLE, None, "", model, tier, None, response_id)


def _failed_response(event: _ResponseEvent, response: _Response) -> StreamEvent:
    return StreamEvent(
        Kind.ERROR,
        usage_of.decode(response.usage),
        response.end(),
        _text(response.model),
        _text(response.service_tier),
        _facts(event.error or response.error, event),
        _text(response.id),
    )


def _facts(error: object, beside: _Chunk | _ResponseEvent) -> ErrorFacts:
    """What an error says, or what stands beside it in the flat shape."""
    flat = {"message": beside.message, "param": beside.param, "code": beside.code}
    if isinstance(beside, _Chunk):
        flat["type"] = beside.type
    return envelope.facts_of(error or flat) or ErrorFacts("The upstream sent an error without a message.")


def _text(value: object) -> str:
    return value[:_MAX_NAME_CHARACTERS] if isinstance(value, str) else ""
