"""What goes over the wire in a measurement: requests, a whole answer and a stream, as bytes that are made once."""

import json

KEY = "sk-speed-0000000000"
MODEL = "gpt-4o-mini"
SMALL_BYTES = 1_200
LARGE_BYTES = 20_000
"""Bodies of a short question and of one with a long context."""

CHUNKS = 100
"""Pieces of text in a stream."""
CHUNK_EVERY_S = 0.02
"""Between two of them: 50 tokens a second, as a model of middling size gives a reader."""

_COMMON = {"id": "chatcmpl-speed", "created": 1_700_000_000, "model": MODEL}
_USAGE = {"prompt_tokens": 200, "completion_tokens": 120, "total_tokens": 320}
_WORDS = " ".join(f"word{number}" for number in range(70))
LAST_CHUNK = b"0\r\n\r\n"


def request(size_bytes: int, *, streaming: bool) -> bytes:
    """A chat completion whose body has about this size; a stream does not ask for usage, as most clients do not."""
    start = b'{"model": "%b", "stream": %b, "messages": [{"role": "user", "content": "' % (
        MODEL.encode(),
        b"true" if streaming else b"false",
    )
    body = start + b"x" * max(0, size_bytes - len(start) - 4) + b'"}]}'
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %b\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
    )


def _answer_body() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": _WORDS}, "finish_reason": "stop"}
    return json.dumps({**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _sse({**_COMMON, "object": "chat.completion.chunk", "choices": [choice]})


def _sse(value: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(content: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


ANSWER_BODY = _answer_body()
ANSWER = (
    b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: speed\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(ANSWER_BODY), ANSWER_BODY)
)

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: speed\r\n"
    b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_ROLE = _event({"role": "assistant", "content": ""})
_TEXTS = [_event({"content": f" word{number:03}"}) for number in range(CHUNKS)]
_FINISH = _event({}, "stop")
_USAGE_EVENT = _sse({**_COMMON, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
_DONE = b"data: [DONE]\n\n"

STREAM_START = STREAM_HEAD + chunk(_ROLE)
STREAM_CHUNKS = [chunk(text) for text in _TEXTS]
"""Each says its number, so that a lost or a reordered one is seen."""
STREAM_END = chunk(_FINISH) + chunk(_USAGE_EVENT) + chunk(_DONE) + LAST_CHUNK

WHOLE_STREAMS = frozenset(
    {
        _ROLE + b"".join(_TEXTS) + _FINISH + _USAGE_EVENT + _DONE,
        _ROLE + b"".join(_TEXTS) + _FINISH + _DONE,
    }
)
"""A stream's body as it must arrive: as it was sent, or without the usage that the client did not ask for."""


def unchunked(body: bytes) -> bytes:
    """A chunked body without its framing; what is not properly framed ends it."""
    pieces = []
    at = 0
    while True:
        line_end = body.find(b"\r\n", at)
        try:
            size_bytes = int(body[at:line_end], 16)
        except ValueError:
            break
        if not size_bytes:
            break
        pieces.append(body[line_end + 2 : line_end + 2 + size_bytes])
        at = line_end + 4 + size_bytes
    return b"".join(pieces)
