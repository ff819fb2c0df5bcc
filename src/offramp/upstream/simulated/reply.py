"""The answer to one request: status line, headers, then a whole body or a stream of events, framed for the client."""

import time
from collections.abc import Callable
from email.utils import formatdate
from enum import StrEnum
from http import HTTPStatus

import msgspec

from offramp.upstream.simulated.connection import Connection
from offramp.upstream.simulated.request import Request

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"

Headers = list[tuple[str, str]]


class Ending(StrEnum):
    """How an answer ended."""

    WHOLE = "whole"
    FAULTY = "faulty"
    """A fault ended it, but the connection goes on."""
    BROKEN = "broken"
    """A fault ended it together with the connection."""
    LEFT = "left"
    """The client went away."""


class Part(StrEnum):
    """What an event of a stream is, for those who meddle with it."""

    ROLE = "role"
    FINISH = "finish"
    USAGE = "usage"
    DONE = "done"
    OTHER = "other"


def _nothing() -> None:
    return None


def _chat_error(error: dict[str, object]) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode({"error": error})


class Reply:
    """One answer; `token` and `flush` are the only parts that run for each token."""

    def __init__(self, request: Request, connection: Connection, headers: Callable[[], Headers]) -> None:
        """Nothing is sent yet; `headers` gives those of every answer of the profile."""
        self.request = request
        self.connection = connection
        self.headers = headers
        self.status = 0
        self.ended = False
        self.streaming = False
        self.on_end: Callable[[Ending], None] = lambda _: None
        """Told once, when the answer ends in whatever way."""
        self.cancel: Callable[[], None] = _nothing
        """Stops the work behind the answer."""
        self.error_event: Callable[[dict[str, object]], bytes] = _chat_error
        """The event that tells of an error in the operation's stream."""
        self._out: list[bytes] = []

    # ----------------------------------------------------------------------------------------------------- whole bodies

    def whole(self, status: int, body: bytes, content_type: str = JSON, headers: Headers | None = None) -> None:
        """Answer with a body that is known as a whole."""
        if self.ended:
            return
        self.status = status
        extra: Headers = [*(headers or []), ("content-type", content_type), ("content-length", str(len(body)))]
        head = self.head(status, extra)
        self.write(head if self.request.method == "HEAD" else head + body)
        self.finish(Ending.WHOLE)

    # -------------------------------------------------------------------------------------------------------- streams

    def begin(self) -> None:
        """Answer with a stream of events."""
        self.status = HTTPStatus.OK
        self.streaming = True
        framing: Headers = [] if self.request.http_1_0 else [("transfer-encoding", "chunked")]
        self.write(self.head(200, [("content-type", EVENT_STREAM), ("cache-control", "no-cache"), *framing]))

    def token(self, event: bytes) -> None:
        """Gather the event of one token."""
        self._out.append(self.framed(event))

    def event(self, part: Part, event: bytes) -> None:
        """Gather another event."""
        self._out.append(self.framed(event))

    def switch(self, headers: Headers, receive: Callable[[bytes], None]) -> None:
        """Change the protocol; `receive` gets what the client sends from now on."""
        self.status = HTTPStatus.SWITCHING_PROTOCOLS
        lines = [f"{name}: {value}" for name, value in (*self.headers(), *headers)]
        self.write(("HTTP/1.1 101 Switching Protocols\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        self.connection.switch(receive)

    def flush(self) -> None:
        """Send what was gathered, in one write."""
        if self._out:
            self.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
            self._out.clear()

    def end(self, ending: Ending = Ending.WHOLE) -> None:
        """The stream is over."""
        if self.ended:
            return
        if not self.request.http_1_0:
            self._out.append(b"0\r\n\r\n")
        self.flush()
        self.finish(ending)

    def fail(self, status: int, error: dict[str, object], *, done: bytes = b"") -> None:
        """Say that the work behind the answer has failed: as a whole, or as an event where a stream has begun."""
        if self.ended:
            return
        self.cancel()
        if not self.streaming:
            self.whole(status, msgspec.json.encode({"error": error}))
            return
        self._out.append(self.framed(self.error_event(error) + done))
        self.end(Ending.FAULTY)

    # -------------------------------------------------------------------------------------------------------- endings

    def left(self) -> None:
        """The client has gone."""
        self.finish(Ending.LEFT)

    def finish(self, ending: Ending) -> None:
        """Account for the answer, once, and let the connection go on."""
        if self.ended:
            return
        self.ended = True
        if ending is not Ending.WHOLE:
            self.cancel()
        self.on_end(ending)
        if ending in {Ending.WHOLE, Ending.FAULTY}:
            self.connection.done(keep_alive=self.keeps_alive)

    # ---------------------------------------------------------------------------------------------------------- bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is used again."""
        return self.request.keep_alive and not (self.streaming and self.request.http_1_0)

    def head(self, status: int, extra: Headers) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {status} {_reason(status)}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers(), *extra)]
        lines.append(f"date: {formatdate(time.time_ns() / 1e9, usegmt=True)}")
        if not self.keeps_alive:
            lines.append("connection: close")
        elif self.request.http_1_0:
            lines.append("connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def framed(self, event: bytes) -> bytes:
        """An event as a chunk; for HTTP/1.0 as it is."""
        if self.request.http_1_0:
            return event
        return b"%x\r\n%b\r\n" % (len(event), event)

    def write(self, payload: bytes) -> None:
        """Hand bytes to the connection."""
        if self.connection.is_open:
            self.connection.transport.write(payload)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
