"""The client of the measurement: as fast as it goes, at a given rate, or many streams at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools

KEY = "sk-speed-0000000000"
ANSWER_TIMEOUT_S = 30.0
"""An answer that takes longer counts as bad: a measurement must end."""


@dataclass(slots=True)
class Seen:
    """What came back."""

    answers: int = 0
    bad: int = 0
    """Answers with a wrong status, broken or unfinished."""
    chunks: int = 0
    latencies_s: list[float] = field(default_factory=list)

    def latency_ms(self, quantile: float) -> float:
        """The latency that this part of the answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] * 1000 if ordered else 0.0


def request(size_bytes: int, *, streaming: bool) -> bytes:
    """A chat completion whose body has about this size."""
    head = b'{"model": "gpt-4o-mini", "stream": %b, "messages": [{"role": "user", "content": "' % (
        b"true" if streaming else b"false"
    )
    body = head + b"x" * max(0, size_bytes - len(head) - 4) + b'"}]}'
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %b\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
    )


class Client(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, seen: Seen) -> None:
        """Count into `seen`."""
        self._seen = seen
        self._done: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._ended = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._seen.chunks += data.count(b"data: ")
        self._ended = self._ended or b"data: [DONE]" in data
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that is under way will not come any more."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionResetError())

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._parser.get_status_code() == HTTPStatus.OK:
            self._seen.answers += 1
        else:
            self._seen.bad += 1
        self._parser = httptools.HttpResponseParser(self)
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def ask(self, payload: bytes, *, streaming: bool = False) -> None:
        """Send and wait for the whole answer."""
        self._done = asyncio.get_running_loop().create_future()
        self._ended = not streaming
        self.transport.write(payload)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await self._done
        self._seen.bad += not self._ended


async def _connect(port: int, seen: Seen) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(seen), "127.0.0.1", port)
    return client


async def _together(port: int, seen: Seen, count: int, work: Callable[[Client], Awaitable[None]]) -> None:
    """Do the same on so many connections at once."""
    clients = [await _connect(port, seen) for _ in range(count)]
    try:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(_run(work, client, seen))
    finally:
        for client in clients:
            client.transport.close()


async def _run(work: Callable[[Client], Awaitable[None]], client: Client, seen: Seen) -> None:
    try:
        await work(client)
    except OSError:
        seen.bad += 1


async def as_fast_as_it_goes(port: int, *, connections: int, seconds: float, size_bytes: int) -> Seen:
    """Each connection asks again as soon as it was answered."""
    seen = Seen()
    payload = request(size_bytes, streaming=False)
    until = time.monotonic() + seconds

    async def work(client: Client) -> None:
        while time.monotonic() < until:
            await client.ask(payload)

    await _together(port, seen, connections, work)
    return seen


async def at_a_rate(port: int, *, per_second: float, seconds: float, size_bytes: int) -> Seen:
    """An open loop: a request is sent when it is due, and its latency counts from then."""
    seen = Seen()
    payload = request(size_bytes, streaming=False)
    idle = [await _connect(port, seen) for _ in range(64)]
    everyone = list(idle)
    start = time.monotonic()

    async def one(due_s: float) -> None:
        client = idle.pop()
        try:
            await client.ask(payload)
            seen.latencies_s.append(time.monotonic() - due_s)
            idle.append(client)
        except OSError:
            seen.bad += 1

    async with asyncio.TaskGroup() as group:
        for number in range(int(per_second * seconds)):
            due_s = start + number / per_second
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if idle:
                group.create_task(one(due_s))
            else:
                seen.bad += 1
    for client in everyone:
        client.transport.close()
    return seen


async def streams(port: int, *, count: int) -> Seen:
    """So many streams at once, each read to its end."""
    seen = Seen()
    payload = request(1200, streaming=True)

    async def work(client: Client) -> None:
        await client.ask(payload, streaming=True)

    await _together(port, seen, count, work)
    return seen
