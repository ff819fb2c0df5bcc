"""An upstream that does exactly what a test says, byte for byte, and remembers every byte that it was sent."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PATIENCE_S = 10.0
"""Longest wait of a test for anything."""

CHAT = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"forty-two"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
)
"""The body of a chat's answer."""


def answer(body: bytes = CHAT, *lines: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    """A whole answer with a length; `lines` are further header lines."""
    head = [b"HTTP/1.1 " + status, b"content-type: " + kind, b"content-length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@dataclass(slots=True, kw_only=True)
class Asked:
    """A request that arrived."""

    method: str
    target: str
    headers: dict[str, str]
    names: list[str]
    """Names of the header fields in their order, also where one came twice."""
    body: bytes


class Peer:
    """One connection of whoever asks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[Asked]) -> None:
        """Accepted."""
        self.reader = reader
        self.writer = writer
        self._asked = asked

    async def head(self) -> Asked:
        """The next request's head; its body is still to be read.

        Raises:
            EOFError: If the other side has left.
        """
        block = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = block.strip().split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        seen = Asked(method=method, target=target, headers=dict(pairs), names=[name for name, _ in pairs], body=b"")
        self._asked.append(seen)
        return seen

    async def request(self) -> Asked:
        """The next whole request.

        Raises:
            EOFError: If the other side has left.
        """
        seen = await self.head()
        if seen.headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                seen.body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        else:
            seen.body = await self.reader.readexactly(int(seen.headers.get("content-length", "0")))
        return seen

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(raw)

    def close(self) -> None:
        """End the connection after what was sent."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection by RST, at once."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> bytes:
        """Wait until the other side has left; gives what it sent before."""
        with suppress(ConnectionError):
            return await self.reader.read()
        return b""


Play = Callable[[Peer], Awaitable[None]]
"""What an upstream does with one connection; afterwards the connection is closed."""


def always(raw: bytes) -> Play:
    """Every request gets these bytes, on connections that stay open."""

    async def play(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.send(raw)

    return play


def once(raw: bytes) -> Play:
    """The first request gets these bytes, then the connection is closed."""

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(raw)

    return play


@dataclass(slots=True, kw_only=True)
class Scripted:
    """A scripted upstream that listens."""

    port: int
    scheme: str = "http"
    asked: list[Asked] = field(default_factory=list)
    """Every request of which at least the head arrived, in order."""
    opened: int = 0
    """Connections accepted."""

    @property
    def base_url(self) -> str:
        """What stands for `/v1`."""
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def scripted(*plays: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """An upstream whose n-th connection gets the n-th play; the last one is for all further ones."""
    playing: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        playing.add(task)
        play = plays[min(served.opened, len(plays) - 1)]
        served.opened += 1
        try:
            with suppress(EOFError, ConnectionError, asyncio.CancelledError):
                await play(Peer(reader, writer, served.asked))
        finally:
            playing.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, limit=1 << 24)
    served = Scripted(port=server.sockets[0].getsockname()[1], scheme="http" if tls is None else "https")
    try:
        yield served
    finally:
        server.close()
        for task in list(playing):
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
        await server.wait_closed()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as `condition` holds.

    Raises:
        TimeoutError: If it never does; says `what` was waited for.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - the condition is anything that a test can see
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise TimeoutError(f"{what}: not within {PATIENCE_S:g} s") from None
