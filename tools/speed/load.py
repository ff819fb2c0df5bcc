"""The client of a measurement: as fast as it goes, at a given rate, or many streams at once.

Callbacks on ready bytes and no task per request, so that the client costs less than what it measures. Every answer is
checked: its status, and its body byte by byte.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from tools.speed import traffic

HOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 20.0
"""An answer that takes longer counts as bad: a measurement must end."""
RAMP_S = 0.5
"""Over which many streams are begun."""
WATCH_EVERY_S = 0.25
_OK = b"HTTP/1.1 200 "
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What came back."""

    answers: int = 0
    """With status 200 and every byte that was expected."""
    bad: int = 0
    """With a wrong status, broken, changed or unfinished."""
    chunks: int = 0
    """Pieces of text in the streams among the answers."""
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """All requests that were sent."""
        return self.answers + self.bad

    def add(self, more: "Seen") -> None:
        """Count what another load has seen as well."""
        self.answers += more.answers
        self.bad += more.bad
        self.chunks += more.chunks
        self.seconds += more.seconds
        self.latencies_s += more.latencies_s


class Client(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, told: Callable[["Client", bool], None]) -> None:
        """Calls `told` after each answer, with whether it was right."""
        self.asked_s = 0.0
        self.is_open = False
        self._told = told
        self._received: list[bytes] = []
        self._waiting = self._streaming = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def ask(self, payload: bytes, *, streaming: bool = False) -> None:
        """Send a request."""
        self._waiting, self._streaming = True, streaming
        self.asked_s = time.perf_counter()
        self._transport.write(payload)

    def data_received(self, data: bytes) -> None:
        """See whether the answer is whole."""
        if self._streaming:
            self._received.append(data)
            if data.endswith(traffic.LAST_CHUNK) or (len(data) < 5 and self._tail() == traffic.LAST_CHUNK):
                self._end(self._stream_is_right())
            return
        if self._received:
            data = b"".join([*self._received, data])
        if data.endswith(traffic.ANSWER_BODY):
            self._end(data.startswith(_OK))
        elif _is_whole(data):
            self._end(False)  # noqa: FBT003 - a wrong answer
        else:
            self._received = [data]

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that is under way will not come any more."""
        self.is_open = False
        self._end(False)  # noqa: FBT003 - not a whole answer

    def close(self) -> None:
        """Leave; an answer under way is not waited for."""
        if self.is_open:
            self._transport.abort()

    def _tail(self) -> bytes:
        return b"".join(self._received[-5:])[-5:]

    def _stream_is_right(self) -> bool:
        head, _, body = b"".join(self._received).partition(b"\r\n\r\n")
        return head.startswith(_OK) and traffic.unchunked(body) in traffic.WHOLE_STREAMS

    def _end(self, right: bool) -> None:  # noqa: FBT001 - the one thing that is told
        if self._waiting:
            self._waiting = False
            self._received = []
            self._told(self, right)


def _is_whole(answer: bytes) -> bool:
    """Whether an answer that is not the expected one has ended."""
    head_end = answer.find(b"\r\n\r\n")
    length = _LENGTH.search(answer, 0, max(0, head_end))
    return head_end >= 0 and length is not None and len(answer) >= head_end + 4 + int(length[1])


async def _connect(port: int, told: Callable[[Client, bool], None]) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(told), HOST, port)
    return client


class _Run:
    """Counts one kind of load and knows when it is over."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.clients: list[Client] = []
        self._over = asyncio.Event()
        self._left = 0
        self._began_s = time.perf_counter()

    def expect(self, clients: int) -> None:
        """It is over when so many clients have said that they are done."""
        self._left = clients

    def begin(self) -> None:
        """Connecting is not part of the measurement."""
        self._began_s = time.perf_counter()

    def count(self, *, right: bool, chunks: int = 0) -> None:
        """An answer has come, or will not come."""
        if right:
            self.seen.answers += 1
            self.seen.chunks += chunks
        else:
            self.seen.bad += 1

    def done(self) -> None:
        """A client has asked its last."""
        self._left -= 1
        if self._left <= 0:
            self._over.set()

    async def end(self, within_s: float) -> Seen:
        """Wait until all are done, and leave; who is not done in time has a bad answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._over.wait()
        self.seen.seconds = time.perf_counter() - self._began_s
        for client in self.clients:
            client.close()
        await asyncio.sleep(0)
        return self.seen


async def as_fast_as_it_goes(port: int, *, connections: int, seconds: float, size_bytes: int, most: int = 0) -> Seen:
    """Each connection asks again as soon as it was answered, for so long, or until `most` were asked."""
    run = _Run()
    payload = traffic.request(size_bytes, streaming=False)
    until_s = time.perf_counter() + seconds
    left = most or -1

    def told(client: Client, right: bool) -> None:  # noqa: FBT001 - called by position
        nonlocal left
        run.count(right=right)
        if right and left and time.perf_counter() < until_s:
            left -= 1
            client.ask(payload)
        else:
            run.done()

    run.clients = [await _connect(port, told) for _ in range(connections)]
    run.expect(connections)
    run.begin()
    until_s = time.perf_counter() + seconds
    for client in run.clients:
        left -= 1
        client.ask(payload)
    return await run.end(seconds + ANSWER_TIMEOUT_S)


async def at_a_rate(port: int, *, per_second: float, seconds: float, size_bytes: int) -> Seen:
    """An open loop: a request is sent when it is due, whatever became of those before it."""
    run = _Run()
    payload = traffic.request(size_bytes, streaming=False)
    idle: list[Client] = []
    requests = int(per_second * seconds)

    def told(client: Client, right: bool) -> None:  # noqa: FBT001 - called by position
        run.seen.latencies_s.append(time.perf_counter() - client.asked_s)
        run.count(right=right)
        run.done()
        if client.is_open:
            idle.append(client)

    run.clients = [await _connect(port, told) for _ in range(4)]
    idle += run.clients
    run.expect(requests)
    run.begin()
    start_s = time.perf_counter()
    for number in range(requests):
        await asyncio.sleep(max(0.0, start_s + number / per_second - time.perf_counter()))
        if not idle:
            idle.append(await _connect(port, told))
            run.clients.append(idle[-1])
        idle.pop().ask(payload)
    return await run.end(ANSWER_TIMEOUT_S)


async def streams(port: int, *, count: int, watch: Callable[[], None] | None = None) -> Seen:
    """So many streams at once, each read to its end; `watch` is called again and again while they run."""
    run = _Run()
    payload = traffic.request(traffic.SMALL_BYTES, streaming=True)

    def told(_client: Client, right: bool) -> None:  # noqa: FBT001 - called by position
        run.count(right=right, chunks=traffic.CHUNKS)
        run.done()

    run.clients = [await _connect(port, told) for _ in range(count)]
    run.expect(count)
    watching = asyncio.get_running_loop().create_task(_watch(watch)) if watch is not None else None
    run.begin()
    start_s = time.perf_counter()
    for number, client in enumerate(run.clients):
        await asyncio.sleep(max(0.0, start_s + RAMP_S * number / count - time.perf_counter()))
        client.ask(payload, streaming=True)
    seen = await run.end(traffic.CHUNKS * traffic.CHUNK_EVERY_S + ANSWER_TIMEOUT_S)
    if watching is not None:
        watching.cancel()
    return seen


async def _watch(look: Callable[[], None]) -> None:
    while True:
        look()
        await asyncio.sleep(WATCH_EVERY_S)
