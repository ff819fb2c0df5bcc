"""A request's body: what routing, limits and the ledger need of it, and its two allowed changes. Pure.

The bytes are never written anew: `decode` looks at a few fields, `patch` replaces the model's name and asks for usage in
place, so that fields nobody has heard of reach the upstream as they came.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from offramp.errors import BadRequestError
from offramp.wire import shapes, uses
from offramp.wire.operation import Operation
from offramp.wire.spans import members

_NO_PARTS: Final = (b"", b"", b"")
_TO_BE_FOUND: Final = -1

_WALK_FROM_BYTES: Final = 6000
"""From this size on the walk over the top level is faster than searching the text for names. Measured."""

_MODEL = re.compile(rb'(?:"model"[ \t\r\n]*+:[ \t\r\n]*+)?("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_INCLUDE_USAGE: Final = b'"include_usage":true'
_STREAM_OPTIONS: Final = b'"stream_options":{"include_usage":true}'
_encode = msgspec.json.Encoder(order="sorted").encode


class Request(msgspec.Struct, frozen=True, gc=False):
    """What is known of a request once its body has been looked at."""

    operation: Operation
    model: str
    streaming: bool = False
    include_usage: bool = False
    """Whether the client asked for usage in the stream."""
    features: int = 0
    """Bits of `wire.features.Feature`."""
    n: int = 1
    max_tokens: int | None = None
    service_tier: str = ""
    messages: int = 0
    """Messages of a chat, input items of the Responses API; else 0."""
    tools: int = 0
    system: bytes = b""
    """JSON of the content of the system or developer prompt that comes first, or of `instructions`; empty without one."""
    site_parts: tuple[bytes, bytes, bytes] = _NO_PARTS
    """JSON of system prompt, tool names and response schema, each empty without one; see `canonical`."""
    sticky_id: str = ""
    """The earlier response or the conversation that it continues."""
    sent_once: bool = False
    """Whether the upstream keeps state for it, so that a second try elsewhere would not be the same request."""
    model_at: int = _TO_BE_FOUND
    """Where in the body `patch` finds the model: at its name or its value; -1 if it must look."""
    options_given: bool = True
    """Whether the body may have `stream_options`, of whatever value."""


def decode(operation: Operation, body: bytes) -> Request:
    """Look at a request's body.

    Args:
        operation: Operations other than chat, completions, embeddings and responses are not looked at.
        body: The whole body, unpacked.

    Raises:
        BadRequestError: If it is not JSON in UTF-8, nested too deeply, not an object, without `model`, `messages` or
            `input`, if a field that offramp acts on has a wrong type, or if a field that it would change occurs twice;
            `param` names the field.
    """
    reader = _READERS.get(operation)
    if reader is None:
        return Request(operation, "")
    try:
        # The decoder does not look into text that it skips.
        if not body.isascii():
            body.decode()
        request = reader(body)
    except (ValueError, RecursionError) as error:
        raise _refusal(operation, error) from error
    if not request.model or not request.model.isprintable():
        raise BadRequestError("The field `model` must name a model in printable characters.", param="model")
    return request


def patch(body: bytes, request: Request, *, model: str | None, ask_usage: bool) -> bytes:
    """The body with another model's name and a wish for usage; every other byte stays.

    Args:
        body: The body that `request` was decoded from.
        request: What `decode` gave for it.
        model: The upstream's name of the model; `None` leaves it.
        ask_usage: Whether `stream_options.include_usage` must be true.
    """
    edits: list[tuple[int, int, bytes]] = []
    if model is not None and model != request.model:
        at = request.model_at
        found = _MODEL.match(body, members(body)["model"].start if at < 0 else at)
        if found is not None:
            edits.append((*found.span(1), msgspec.json.encode(model)))
    if ask_usage and not request.include_usage:
        edits.append(_usage_edit(body, request))
    for start, end, text in sorted(edits, reverse=True):
        body = b"%b%b%b" % (body[:start], text, body[end:])
    return body


def canonical(part: bytes) -> bytes:
    """A part of a call site's fingerprint, without what white space, escapes and the order of names add.

    What cannot be read again (a number beyond 64 bits) is given back as it is. The caller keeps results: parts repeat.
    """
    if not part:
        return part
    try:
        return _encode(msgspec.json.decode(part))
    except (ValueError, OverflowError, RecursionError):
        return part


def _usage_edit(body: bytes, request: Request) -> tuple[int, int, bytes]:
    """Where and how to ask for usage."""
    spans = members(body) if request.options_given else {}
    options = spans.get("stream_options")
    if options is None:
        start = body.index(b"{") + 1
        return start, start, _STREAM_OPTIONS + (b"," if request.model else b"")
    inside = body[options.start : options.end]
    if not inside.startswith(b"{"):
        return options.start, options.end, b"{%b}" % _INCLUDE_USAGE
    inner = members(inside)
    asked = inner.get("include_usage")
    if asked is not None:
        return options.start + asked.start, options.start + asked.end, b"true"
    return options.start + 1, options.start + 1, _INCLUDE_USAGE + (b"," if inner else b"")


def _flat_chat(body: bytes) -> Request | None:
    """A chat that says everything in texts and numbers; `None` if it does not.

    One list and one object for each message, for the body and for `stream_options` leave no room for parts, tools, calls
    or schemas, nor for a `model` inside another object. Brackets and braces in the text of a message only make it slower.
    """
    chat = shapes.decode_flat_chat(body)
    items = chat.messages
    options = chat.stream_options
    if body.count(b"{") != len(items) + (2 if options else 1):
        return None
    system = b""
    if items:
        try:
            head = shapes.decode_head(items[0])
        except msgspec.ValidationError:
            return None
        if head.role == "system" or head.role == "developer":
            system = _raw(head.content)
    return Request(
        Operation.CHAT,
        chat.model,
        chat.stream is True,
        bool(options and options.include_usage),
        uses.generation(chat) | uses.chat(chat),
        1 if chat.n is None else chat.n,
        chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens,
        chat.service_tier or "",
        len(items),
        0,
        system,
        (system, b"", b"") if system else _NO_PARTS,
        "",
        False,
        _model_at(body, chat, body.index(b"["), body.index(b"]")),
        options is not msgspec.UNSET,
    )


def _chat(body: bytes) -> Request:
    if body.count(b"[") == 1 and body.count(b"]") == 1:
        flat = _flat_chat(body)
        if flat is not None:
            return flat
    chat = shapes.decode_chat(body)
    items = chat.messages
    options = chat.stream_options
    system = b""
    if items and (items[0].role == "system" or items[0].role == "developer"):
        system = _json(items[0].content)
    tools = [tool.word() for tool in chat.tools or ()] + [function.name or "" for function in chat.functions or ()]
    bits = uses.generation(chat) | uses.chat(chat) | uses.nested_chat(chat) | uses.constraints(chat)
    return Request(
        Operation.CHAT,
        chat.model,
        chat.stream is True,
        bool(options and options.include_usage),
        bits | uses.messages(items),
        1 if chat.n is None else chat.n,
        chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens,
        chat.service_tier or "",
        len(items),
        len(tools),
        system,
        (system, _json(tools or None), _schema(chat)),
        "",
        False,
        _model_at(body, chat),
        options is not msgspec.UNSET,
    )


def _completion(body: bytes) -> Request:
    completion = shapes.decode_completion(body)
    options = completion.stream_options
    bits = uses.generation(completion) | uses.constraints(completion)
    if completion.best_of is not None and completion.best_of > 1:
        bits |= uses.N
    return Request(
        Operation.COMPLETIONS,
        completion.model,
        streaming=completion.stream is True,
        include_usage=bool(options and options.include_usage),
        features=bits,
        n=1 if completion.n is None else completion.n,
        max_tokens=completion.max_tokens,
        service_tier=completion.service_tier or "",
        site_parts=(b"", b"", _schema(completion)),
        model_at=_model_at(body, completion),
        options_given=options is not msgspec.UNSET,
    )


def _embedding(body: bytes) -> Request:
    embedding = shapes.decode_embedding(body)
    if not _raw(embedding.input):
        raise BadRequestError("The field `input` is null; send a text or a list.", param="input")
    return Request(
        Operation.EMBEDDINGS,
        embedding.model,
        streaming=embedding.stream is True,
        service_tier=embedding.service_tier or "",
        model_at=_model_at(body, embedding),
    )


def _response(body: bytes) -> Request:
    response = shapes.decode_response(body)
    conversation = response.conversation
    sticky_id = response.previous_response_id or (
        conversation.id if isinstance(conversation, shapes.Reference) else conversation or ""
    )
    if response.input is None and response.prompt is None and not sticky_id:
        raise BadRequestError("The body has no `input`; it is required for responses.", param="input")
    items = response.input if isinstance(response.input, list) else []
    options = response.stream_options
    system = _json(response.instructions)
    form = response.text.format if response.text is not None else None
    kind = form.get("type") if isinstance(form, dict) else None
    tools = [tool.word() for tool in response.tools or ()]
    return Request(
        Operation.RESPONSES,
        response.model,
        streaming=response.stream is True,
        include_usage=bool(options and options.include_usage),
        features=uses.response(response) | uses.messages(items) | uses.format_type(kind),
        max_tokens=response.max_output_tokens,
        service_tier=response.service_tier or "",
        messages=len(items) if items or response.input is None else 1,
        tools=len(tools),
        system=system,
        site_parts=(system, _json(tools or None), _json(form) if kind == "json_schema" else b""),
        sticky_id=sticky_id,
        sent_once=bool(response.store or response.background or sticky_id),
        model_at=_model_at(body, response),
        options_given=options is not msgspec.UNSET,
    )


_READERS: Final[dict[Operation, Callable[[bytes], Request]]] = {
    Operation.CHAT: _chat,
    Operation.COMPLETIONS: _completion,
    Operation.EMBEDDINGS: _embedding,
    Operation.RESPONSES: _response,
}


def _model_at(body: bytes, shape: shapes.Body, hidden: int | None = None, seen: int | None = None) -> int:
    """Where `patch` finds the model, once it is sure that there is only one.

    The only `"model"` of the text must be the field that the decoder found, if no name is written with escapes. Else the
    top level is walked, which also finds names that occur twice.

    Args:
        body: The body, of which `shape` was decoded.
        shape: What was decoded.
        hidden: Where a list begins that cannot hold a name of the top level.
        seen: Where that list ends.
    """
    options = shape.stream_options
    changes_options = options is not msgspec.UNSET and not (options and options.include_usage)
    if not changes_options and (hidden is not None or len(body) < _WALK_FROM_BYTES):
        at = body.find(b'"model"', 0, hidden)
        if hidden is None:
            alone = body.find(b'"model"', at + 7) < 0 and b"\\u00" not in body
        elif at < 0:
            at = body.find(b'"model"', seen)
            alone = body.find(b'"model"', at + 7) < 0
        else:
            alone = body.find(b'"model"', at + 7, hidden) < 0 and body.find(b'"model"', seen) < 0
        if alone and (hidden is None or (body.find(b"\\", 0, hidden) < 0 and body.find(b"\\", seen) < 0)) and at >= 0:
            return at
    return members(body)["model"].start


def _schema(body: shapes.Constrained) -> bytes:
    """JSON of the schema that the answer must follow."""
    form = body.response_format
    if form is not None and form.json_schema is not None:
        return _json(form.json_schema)
    return _json(body.guided_json if body.structured_outputs is None else body.structured_outputs)


def _raw(value: msgspec.Raw) -> bytes:
    """The bytes of a value; empty for null."""
    text = bytes(value)
    return b"" if text == b"null" else text


def _json(value: object) -> bytes:
    """Canonical JSON of a value; empty for `None`."""
    return b"" if value is None else _encode(value)


_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>.*)`)?\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")


def _refusal(operation: Operation, error: Exception) -> BadRequestError:
    """What is wrong with a body, without a byte of its content."""
    if isinstance(error, RecursionError):
        return BadRequestError("The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return BadRequestError(f"The body is not valid UTF-8 ({error.reason}, byte {error.start}).")
    found = _PLACE.match(str(error))
    what, place = (found["what"], found["place"]) if found else ("", None)
    if not isinstance(error, msgspec.ValidationError):
        return BadRequestError(f"The body is not valid JSON: {what}.")
    missing = _MISSING.match(what)
    if missing and not place:
        name = missing["name"]
        return BadRequestError(f"The body has no `{name}`; it is required for {operation}.", param=name)
    if not place:
        return BadRequestError(f"The body must be a JSON object: {what}.")
    return BadRequestError(f"The field `{place}` is wrong: {what}.", param=place)
