"""A client that asks at a steady rate, whatever the answers do, and says of each request what became of it.

Open loop: request n starts at n divided by the rate, not when an earlier one is answered, so that a pause of the server
shows as what it is. Connections are kept and reused as HTTP/1.1 clients do; nothing is ever tried again, so every
failure that a client could see is in the report.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_IN_FLIGHT = 2000
"""More waiting requests than this mean that the server stands still: the run is given up."""
ANSWER_TIMEOUT_S = 30.0
IDLE_LIMIT_S = 5.0
"""A connection that was idle for longer is not used again, as httpx has it."""


class Outcome(StrEnum):
    """What became of one request, as its client sees it."""

    OK = "ok"
    """The whole answer."""
    ERROR_EVENT = "error_event"
    """A stream that ended in an explicit error and without `[DONE]`."""
    TRUNCATED = "truncated"
    """An answer that began and ended early without a word: the failure that nobody may see."""
    REFUSED = "refused"
    """A status other than 200."""
    LOST = "lost"
    """No answer at all: no connection, or one that broke before the status line."""


@dataclass(slots=True)
class Shot:
    """One request and what came of it."""

    number: int
    streaming: bool
    started_s: float
    ended_s: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    content_seen: bool = False
    """Whether any text of an answer arrived."""
    outcome: Outcome = Outcome.LOST
    why: str = ""

    @property
    def tier(self) -> str:
        """Who answered, as the gateway says it."""
        return self.headers.get("x-offramp-tier", "")

    def judge(self, *, whole: bool) -> None:
        """Decide the outcome, from what was received until the answer or the connection ended."""
        self.content_seen = self.content_seen or _has_text(self.body)
        if not self.status:
            self.outcome = Outcome.LOST
        elif self.status != 200:
            self.outcome = Outcome.REFUSED
            self.why = self.body[:300].decode(errors="replace")
        elif not self.streaming:
            self.outcome = Outcome.OK if whole and b'"choices"' in self.body else Outcome.TRUNCATED
        elif whole and b"data: [DONE]" in self.body and not _says_error(self.body):
            self.outcome = Outcome.OK
        elif _says_error(self.body) and b"data: [DONE]" not in self.body:
            self.outcome = Outcome.ERROR_EVENT
            self.why = self.body[-300:].decode(errors="replace")
        else:
            self.outcome = Outcome.TRUNCATED
            self.why = self.body[-300:].decode(errors="replace")


def _says_error(body: bytearray) -> bool:
    return b'data: {"error"' in body or b"event: error" in body


class _Connection(asyncio.Protocol):
    """One connection to the server; carries one request at a time."""

    def __init__(self, on_idle: Callable[["_Connection"], None]) -> None:
        self.is_open = False
        self.idle_since_s = 0.0
        self._on_idle = on_idle
        self._shot: Shot | None = None
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.is_open = True

    async def send(self, request: bytes, shot: Shot) -> None:
        """Send a request and return when its outcome is known."""
        self._parser = httptools.HttpResponseParser(self)
        self._shot = shot
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._done

    def data_received(self, data: bytes) -> None:
        if self._shot is None:
            self.transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(whole=False, why=repr(error))
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._finish(whole=False, why=f"connection lost: {exc}")

    def close(self) -> None:
        """Leave at once."""
        if self.is_open:
            self.transport.abort()

    # ------------------------------------------------------------------------------------------ httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._shot is not None:
            self._shot.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._shot is not None:
            self._shot.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        shot = self._shot
        if shot is not None:
            shot.body += body
            shot.content_seen = shot.content_seen or (b'"content":"' in body and _has_text(shot.body))

    def on_message_complete(self) -> None:
        keep = self._parser.should_keep_alive()
        self._finish(whole=True, why="")
        if keep and self.is_open:
            self.idle_since_s = time.monotonic()
            self._on_idle(self)
        else:
            self.close()

    def _finish(self, *, whole: bool, why: str) -> None:
        shot, done = self._shot, self._done
        self._shot = None
        if shot is None or done is None:
            return
        shot.why = why
        shot.judge(whole=whole)
        if not done.done():
            done.set_result(None)


def _has_text(body: bytearray) -> bool:
    """Whether there is content that is not empty (an event with the role alone has empty content)."""
    return body.count(b'"content":"') > body.count(b'"content":""')


class Load:
    """Requests at a steady rate, and their outcomes."""

    def __init__(self, host: str, port: int, body: Callable[[int], dict[str, object]], key: str = "sk-test") -> None:
        """`body` makes the JSON of request n; whether it streams is read from it."""
        self.shots: list[Shot] = []
        """Every request that was started, in order."""
        self.answered = 0
        self._address = (host, port)
        self._body = body
        self._head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer {key}\r\n"
            "content-type: application/json\r\naccept: */*\r\ncontent-length: %d\r\n\r\n"
        )
        self._idle: list[_Connection] = []
        self._connections: set[_Connection] = set()
        self._moved = asyncio.Event()

    async def run(self, *, rate_per_s: float, requests: int) -> None:
        """Send them all and wait for their ends.

        Raises:
            TimeoutError: If the server stands still.
        """
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        try:
            async with asyncio.timeout(requests / rate_per_s + ANSWER_TIMEOUT_S), asyncio.TaskGroup() as group:
                for number in range(requests):
                    delay_s = start_s + number / rate_per_s - loop.time()
                    if delay_s > 0:
                        await asyncio.sleep(delay_s)
                    if len(self.shots) - self.answered > MAX_IN_FLIGHT:
                        raise TimeoutError(f"{MAX_IN_FLIGHT} requests wait for an answer")
                    group.create_task(self._shoot(number))
        finally:
            for connection in self._connections:
                connection.close()
            await asyncio.sleep(0)

    async def reached(self, condition: Callable[["Load"], bool]) -> None:
        """Return as soon as `condition` holds; it is looked at whenever a request was answered."""
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while not condition(self):
                self._moved.clear()
                await self._moved.wait()

    async def _shoot(self, number: int) -> None:
        body = self._body(number)
        shot = Shot(number, streaming=bool(body.get("stream")), started_s=time.monotonic())
        self.shots.append(shot)
        payload = json.dumps(body).encode()
        request = (self._head % len(payload)).encode() + payload
        try:
            connection = await self._connection()
            await connection.send(request, shot)
        except OSError as error:
            shot.why = f"no connection: {error}"
        shot.ended_s = time.monotonic()
        self.answered += 1
        self._moved.set()

    async def _connection(self) -> _Connection:
        """The connection that was used last, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and time.monotonic() - connection.idle_since_s < IDLE_LIMIT_S:
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self._idle.append), *self._address)
        self._connections.add(connection)
        return connection

    # ------------------------------------------------------------------------------------------------------- report

    def outcomes(self) -> Counter[Outcome]:
        """How many requests had each outcome."""
        return Counter(shot.outcome for shot in self.shots)

    def tiers(self) -> Counter[str]:
        """How many requests each tier answered."""
        return Counter(shot.tier for shot in self.shots)

    def failures(self) -> "Sequence[Shot]":
        """Every request that was not answered in full, but for streams with content that ended in an explicit error."""
        return [shot for shot in self.shots if not _is_fine(shot)]

    def complaints(self, limit: int = 5) -> str:
        """The first failures, for the message of an assertion."""
        return "\n".join(
            f"request {shot.number}: {shot.outcome}, status {shot.status}, content seen: {shot.content_seen}, "
            f"after {shot.ended_s - shot.started_s:.3f} s, {shot.why}"
            for shot in self.failures()[:limit]
        )


def _is_fine(shot: Shot) -> bool:
    return shot.outcome is Outcome.OK or (shot.outcome is Outcome.ERROR_EVENT and shot.content_seen)


@contextmanager
def told(load: Load) -> Iterator[None]:
    """Say what became of the requests when an assertion in the block fails."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"outcomes: {dict(load.outcomes())}, tiers: {dict(load.tiers())}\n{load.complaints()}")
        raise
