"""A request's body: what routing, limits and the ledger need of it, and its two allowed changes. Pure.

The bytes are never written anew: `decode` looks at a few fields, `patch` replaces the model's name and asks for usage
in place, so that fields nobody has heard of reach the upstream as they came.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from offramp.errors import BadRequestError
from offramp.wire import shapes, uses
from offramp.wire.operation import Operation
from offramp.wire.spans import end_of_text, members, start_of

MAX_VALUES: Final = 1_000_000
"""Most values in a body, by its commas. A request of this many values is longer than any model's context, but 30 MB of
`{},` would become a gigabyte of objects and hold the loop for two seconds."""
_COUNTED_FROM_BYTES: Final = 2 << 20

_PROMPTING: Final = ("system", "developer")
_NO_PARTS: Final = (b"", b"", b"")
_ABSENT: Final = msgspec.UNSET
# Looking up a member of an enumeration costs as much as a search through the body.
_CHAT: Final = Operation.CHAT
_EMBEDDINGS: Final = Operation.EMBEDDINGS
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
    """JSON of the system or developer prompt that comes first, or of `instructions`; empty without one."""
    site_parts: tuple[bytes, bytes, bytes] = _NO_PARTS
    """JSON of system prompt, tool names and response schema, each empty without one; see `canonical`."""
    sticky_id: str = ""
    """The earlier response or the conversation that it continues."""
    sent_once: bool = False
    """Whether the upstream keeps state for it, so that a second try elsewhere would not be the same request."""
    model_at: int = -1
    """Where in the body the value of `model` begins; -1 if `patch` must look."""
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
    reader = _read_chat if operation is _CHAT else _READERS.get(operation)
    if reader is None:
        return Request(operation, "")
    try:
        if len(body) > _COUNTED_FROM_BYTES and operation is not _EMBEDDINGS and body.count(b",") > MAX_VALUES:
            raise BadRequestError(f"The body has more than {MAX_VALUES} values; no model takes as many.")
        # The decoder does not look into text that it skips.
        if not body.isascii():
            body.decode()
        request = reader(body)
    except (ValueError, RecursionError) as error:
        raise _refusal(operation, error) from error
    if not request.model or not request.model.isprintable():
        raise BadRequestError("The field `model` must name a model in printable characters.", param="model")
    if request.options_given and not request.include_usage:
        # `patch` may have to change them, and must not be the first to see that a name occurs twice.
        _wish_for_usage(body, request)
    return request


def patch(body: bytes, request: Request, *, model: str | None, ask_usage: bool) -> bytes:
    """The body with another model's name and a wish for usage; every other byte stays.

    Args:
        body: The body that `request` was decoded from.
        request: What `decode` gave for it.
        model: The upstream's name of the model; `None` leaves it.
        ask_usage: Whether `stream_options.include_usage` must be true.
    """
    wish = _wish_for_usage(body, request) if ask_usage and not request.include_usage else None
    if model is None or model == request.model:
        return body if wish is None else b"".join((body[: wish.start], wish.text, body[wish.end :]))
    start = request.model_at if request.model_at >= 0 else start_of(body, "model")
    old, new = request.model.encode(), msgspec.json.encode(model)
    end = start + len(old) + 2 if body.startswith(old + b'"', start + 1) else end_of_text(body, start)
    if wish is None:
        return b"".join((body[:start], new, body[end:]))
    if wish.end <= start:
        return b"".join((body[: wish.start], wish.text, body[wish.end : start], new, body[end:]))
    return b"".join((body[:start], new, body[end : wish.start], wish.text, body[wish.end :]))


def canonical(part: bytes) -> bytes:
    """A part of a call site's fingerprint, without what white space, escapes and the order of names add.

    What cannot be read again, such as a number with thousands of digits, is given back as it is. Parts repeat, so the
    caller keeps results.
    """
    if not part:
        return part
    try:
        return _encode(msgspec.json.decode(part))
    except (ValueError, RecursionError):
        return part


class _Edit(msgspec.Struct, gc=False):
    """Bytes that take the place of those from `start` up to but without `end`."""

    start: int
    end: int
    text: bytes


def _wish_for_usage(body: bytes, request: Request) -> _Edit:
    """What makes the body ask for usage."""
    span = members(body).get("stream_options") if request.options_given else None
    if span is None:
        start = body.index(b"{") + 1
        return _Edit(start, start, b'"stream_options":{"include_usage":true},')
    options = body[span.start : span.end]
    if options == b"null":
        return _Edit(span.start, span.end, b'{"include_usage":true}')
    inner = members(options)
    given = inner.get("include_usage")
    if given is not None:
        return _Edit(span.start + given.start, span.start + given.end, b"true")
    start = span.start + 1
    return _Edit(start, start, b'"include_usage":true' + (b"," if inner else b""))


def _read_chat(body: bytes) -> Request:
    """Most chats have no list but their messages, so no parts, tools or calls: these are read in half the time.

    (`function_call`, deprecated since 2023, needs no list; without `functions` beside it, it is not noted.)
    """
    opened, closed = body.find(b"["), body.rfind(b"]")
    if body.find(b"[", opened + 1) >= 0 or body.find(b"]", opened, closed) >= 0:
        return _nested_chat(body)
    system = b""
    try:
        chat = shapes.decode_flat_chat(body)
        items = chat.messages
        if items:
            first = shapes.decode_head(items[0])
            if first.role in _PROMPTING:
                system = bytes(first.content)
                if system == b"null":
                    system = b""
    except msgspec.ValidationError:
        return _nested_chat(body)
    options = chat.stream_options
    include_usage = bool(options and options.include_usage)
    plain = include_usage or options is _ABSENT
    return Request(
        _CHAT,
        chat.model,
        chat.stream is True,
        include_usage,
        uses.flat_chat(chat),
        1 if chat.n is None else chat.n,
        chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens,
        chat.service_tier or "",
        len(items),
        0,
        system,
        (system, b"", b""),
        model_at=_start_of_model(body, opened, closed) if plain else start_of(body, "model"),
        options_given=options is not _ABSENT,
    )


def _nested_chat(body: bytes) -> Request:
    chat = shapes.decode_chat(body)
    said = chat.messages
    options = chat.stream_options
    system = b""
    if said and said[0].role in _PROMPTING:
        system = _json(said[0].content)
    tools = [tool.word() for tool in chat.tools or ()] + [function.name or "" for function in chat.functions or ()]
    return Request(
        _CHAT,
        chat.model,
        chat.stream is True,
        bool(options and options.include_usage),
        uses.nested_chat(chat) | uses.messages(said),
        1 if chat.n is None else chat.n,
        chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens,
        chat.service_tier or "",
        len(said),
        len(tools),
        system,
        (system, _json(tools or None), _schema(chat)),
        model_at=start_of(body, "model"),
        options_given=options is not _ABSENT,
    )


def _completion(body: bytes) -> Request:
    completion = shapes.decode_completion(body)
    options = completion.stream_options
    return Request(
        Operation.COMPLETIONS,
        completion.model,
        streaming=completion.stream is True,
        include_usage=bool(options and options.include_usage),
        features=uses.completion(completion),
        n=1 if completion.n is None else completion.n,
        max_tokens=completion.max_tokens,
        service_tier=completion.service_tier or "",
        site_parts=(b"", b"", _schema(completion)),
        model_at=start_of(body, "model"),
        options_given=options is not _ABSENT,
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
        model_at=start_of(body, "model"),
        options_given=embedding.stream_options is not _ABSENT,
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
        features=uses.response(response) | uses.items(items) | uses.format_type(kind),
        max_tokens=response.max_output_tokens,
        service_tier=response.service_tier or "",
        messages=len(items) if items or response.input is None else 1,
        tools=len(tools),
        system=system,
        site_parts=(system, _json(tools or None), _json(form) if kind == "json_schema" else b""),
        sticky_id=sticky_id,
        sent_once=bool(response.store or response.background or sticky_id),
        model_at=start_of(body, "model"),
        options_given=options is not _ABSENT,
    )


_READERS: Final[dict[Operation, Callable[[bytes], Request]]] = {
    Operation.CHAT: _read_chat,
    Operation.COMPLETIONS: _completion,
    Operation.EMBEDDINGS: _embedding,
    Operation.RESPONSES: _response,
}


def _start_of_model(body: bytes, opened: int, closed: int) -> int:
    """Where the value of `model` begins in a body whose only list, from `opened` to `closed`, is a value at its top.

    Outside that list the only `"model"` is the field that the decoder found, if no name there can be written with
    escapes. Else the top level is looked at, which also finds names that occur twice.
    """
    at = body.find(b'"model"', closed)
    if at < 0:
        at = body.find(b'"model"', 0, opened)
        alone = body.find(b'"model"', at + 7, opened) < 0
    else:
        alone = body.find(b'"model"', at + 7) < 0 and body.find(b'"model"', 0, opened) < 0
    if alone and body.find(b"\\", closed) < 0 and body.find(b"\\", 0, opened) < 0:
        if body.startswith(b':"', at + 7):
            return at + 8
        if body.startswith(b': "', at + 7):
            return at + 9
    return start_of(body, "model")


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
