"""An upstream that answers exactly the bytes it is told, in pieces, and waits in between when it is asked to."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.processes import free_port
from tests.upstream.simulated.serving import PATIENCE_S

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Heard:
    """One request as it arrived."""

    head: bytes
    body: bytes


class Talk:
    """One connection of an upstream's client, to be answered by a script."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        """Nothing is said yet."""
        self._writer = writer

    async def say(self, *blocks: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(b"".join(blocks))
        await self._writer.drain()

    async def chunks(self, *blocks: bytes) -> None:
        """Send each block as one chunk of a body."""
        await self.say(*(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks))

    async def end(self) -> None:
        """End a chunked body."""
        await self.say(b"0\r\n\r\n")

    async def stream(self, *events: bytes) -> None:
        """A whole stream of these events."""
        await self.say(STREAM_HEAD)
        await self.chunks(*events)
        await self.end()

    async def whole(self, body: object, status: int = 200) -> None:
        """A whole body: JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = b"HTTP/1.1 %d Whatever\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        await self.say(head % (status, len(content)), content)

    def hang_up(self) -> None:
        """Close the connection (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Break the connection (RST)."""
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        if sock is None:
            return  # The other side was faster.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Talk], Awaitable[None]]


@dataclass(slots=True)
class Scripted:
    """The upstream; `scripts` are used one after the other, the last one for ever."""

    port: int
    scripts: list[Script]
    heard: list[Heard] = field(default_factory=list)
    lost: int = 0
    """Connections that the other side ended while a script was running."""

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read requests and answer each by the next script."""
        try:
            while True:
                self.heard.append(await _read(reader))
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                if not await self._told(script(Talk(writer)), reader):
                    self.lost += 1
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _told(self, script: Awaitable[None], reader: asyncio.StreamReader) -> bool:
        """Whether the script came to its end before the other side left."""
        loop = asyncio.get_running_loop()
        telling = asyncio.ensure_future(script)
        leaving = loop.create_task(_until_left(reader))
        await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        left = leaving.done()
        for task in (telling, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await task
        return not left


async def _until_left(reader: asyncio.StreamReader) -> None:
    """Return when the other side has ended the connection; what it sends waits."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - a StreamReader has no such event
        await asyncio.sleep(0.005)


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return Heard(head, body)
    return Heard(head, await reader.readexactly(int(fields.get(b"content-length", b"0"))))


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[Scripted]:
    """An upstream on a free port."""
    told = Scripted(0, list(scripts))
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0, limit=1 << 24)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await server.wait_closed()


def event(**delta: object) -> bytes:
    """A chunk of a chat stream with this delta."""
    return chunk({"delta": delta, "finish_reason": None})


def finish(reason: str = "stop", index: int = 0) -> bytes:
    """The chunk that ends a choice."""
    return chunk({"delta": {}, "finish_reason": reason}, index)


def usage(prompt: object = 7, completion: object = 2) -> bytes:
    """The chunk with usage and without choices."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return _framed({**_CHUNK, "choices": [], "usage": counts})


def chunk(choice: dict[str, Any], index: int = 0) -> bytes:
    """A chunk of a chat stream with one choice."""
    return _framed({**_CHUNK, "choices": [{"index": index, **choice}]})


def _framed(content: object) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
ROLE = event(role="assistant", content="")
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "scripted",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}


def nobody() -> dict[str, object]:
    """An upstream where nothing listens."""
    return {"base_url": f"http://127.0.0.1:{free_port()}/v1"}


async def refusing(talk: Talk) -> None:
    """Break the connection off without a byte."""
    talk.hang_up()
    await asyncio.sleep(0)


async def fine(talk: Talk) -> None:
    """Answer as a healthy upstream does."""
    await talk.whole(ANSWER)


async def silent(_: Talk) -> None:
    """Answer nothing."""
    await asyncio.sleep(PATIENCE_S)


async def dripping(talk: Talk) -> None:
    """A stream that goes on and on, a token every 30 ms."""
    await talk.say(STREAM_HEAD)
    await talk.chunks(ROLE)
    for _ in range(200):
        await talk.chunks(event(content="y"))
        await asyncio.sleep(0.03)
    await talk.chunks(finish(), DONE)
    await talk.end()


@asynccontextmanager
async def deaf() -> AsyncIterator[str]:
    """An address that takes no connection and does not refuse one either: its queue is full."""
    listener = socket.socket()
    waiting = [socket.socket() for _ in range(4)]
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in waiting:
            one.setblocking(False)  # noqa: FBT003 - its only argument
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        for one in (*waiting, listener):
            one.close()
