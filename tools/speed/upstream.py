"""The upstream of the measurement: answers at once with ready bytes, so that what is left is the proxy's own cost.

python -m tools.speed.upstream PORT
"""

import asyncio
import json
import sys
from typing import cast

import httptools
import uvloop

CHUNKS = 100
CHUNK_EVERY_S = 0.02
WORDS = " ".join(f"word{number}" for number in range(120))
USAGE = {"prompt_tokens": 200, "completion_tokens": 120, "total_tokens": 320}
COMMON = {"id": "chatcmpl-speed", "created": 1_700_000_000, "model": "gpt-4o-mini"}


def _answer() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}
    body = json.dumps({**COMMON, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _event(delta: dict[str, str], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _sse({**COMMON, "object": "chat.completion.chunk", "choices": [choice]})


def _sse(value: dict[str, object]) -> bytes:
    return _chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


ANSWER = _answer()
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FIRST = _event({"role": "assistant", "content": ""}, None)
TOKEN = _event({"content": " word"}, None)
LAST = (
    _event({}, "stop")
    + _sse({**COMMON, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    + _chunk(b"data: [DONE]\n\n")
    + b"0\r\n\r\n"
)


class Upstream(asyncio.Protocol):
    """One connection: an answer per request, a paced stream where one is asked for."""

    def __init__(self) -> None:
        """Nothing is known before the first byte."""
        self._body = bytearray()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect the request."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer it."""
        streaming = b'"stream": true' in self._body
        self._body.clear()
        if streaming:
            self._transport.write(STREAM_HEAD + FIRST)
            self._send(CHUNKS)
        else:
            self._transport.write(ANSWER)

    def _send(self, left: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(TOKEN if left else LAST)
        if left:
            asyncio.get_running_loop().call_later(CHUNK_EVERY_S, self._send, left - 1)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
