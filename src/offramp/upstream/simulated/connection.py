"""HTTP/1.1 of a simulated engine with one client: parsing, limits, keep-alive, pipelining. Knows nothing of models."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from offramp.upstream.simulated.request import Request

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 256
MAX_BODY_BYTES = 128 * 1024 * 1024
MAX_PIPELINED = 64
"""Requests that wait behind the one being answered; beyond it the client is not read from."""

_CONTROL = (b"GET /_simulate", b"POST /_simulate", b"DELETE /_simulate")
_LONGEST_CONTROL = max(len(start) for start in _CONTROL)
_RESET_AT_ONCE = struct.pack("ii", 1, 0)
_BAD_REQUEST = (
    b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-simulated: true\r\n"
    b"connection: close\r\n\r\n%b"
)


class Application(Protocol):
    """Who answers requests."""

    def opened(self, connection: "Connection") -> None:
        """A client has connected."""

    def closed(self, connection: "Connection") -> None:
        """A client has left."""

    def refuses(self, target: str) -> bool:
        """Whether the engine is down for this target: the connection is then reset."""

    def answer(self, request: Request, connection: "Connection") -> "Answering":
        """Begin to answer; `connection.done` follows when it is finished, perhaps before this returns."""


class Answering(Protocol):
    """An answer under way."""

    def left(self) -> None:
        """The client has gone."""


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, application: Application, loop: asyncio.AbstractEventLoop) -> None:
        """A connection that is not made yet."""
        self._application = application
        self._loop = loop
        self.transport: asyncio.Transport
        self.is_open = False
        self.is_control = False
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._answering: Answering | None = None
        self._busy = False
        self._pumping = False
        self._refusal: tuple[int, bytes, str] | None = None
        self._upgraded = False
        self._unparsed = b""
        self._first = b""
        self._receive: Callable[[bytes], None] | None = None
        self._reset_message()

    # --------------------------------------------------------------------------------------------------- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is here."""
        self.transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self._application.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what it asked for is dropped at once."""
        self.is_open = False
        self._queue.clear()
        self._application.closed(self)
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.left()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if self._refusal is not None:
            return
        if self._upgraded:
            self._receive_upgraded(data)
            return
        if self._application.refuses("") and not self._may_ask_control(data):
            self.reset()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded = True
            self._receive_upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            pass
        except httptools.HttpParserError as error:
            self._refuse(400, b"Bad Request", f"malformed HTTP: {error}")
        self._pump()

    def _receive_upgraded(self, received: bytes) -> None:
        """Bytes after a request to change the protocol: no HTTP any more."""
        if self._receive is not None:
            self._receive(received)
        else:
            self._unparsed += received

    def switch(self, receive: Callable[[bytes], None]) -> None:
        """Give everything that comes from now on to `receive`: the protocol was changed."""
        self._receive = receive
        if self._unparsed:
            receive(self._unparsed)

    def _may_ask_control(self, received: bytes) -> bool:
        """Whether a connection to an engine that is down begins, or goes on with, a request to its control path."""
        if self._target or self.is_control:
            return True
        self._first = (self._first + received)[:_LONGEST_CONTROL]
        return any(start.startswith(self._first[: len(start)]) for start in _CONTROL)

    def reset(self) -> None:
        """End the connection by RST."""
        if not self.is_open:
            return
        sock: socket.socket | None = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        self.transport.abort()

    def later(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something a little later; at once means in the loop's next turn."""
        if delay_s > 0:
            self._loop.call_later(delay_s, do)
        else:
            self._loop.call_soon(do)

    def reset_after(self, delay_s: float) -> None:
        """End the connection by RST once what was written has left."""
        self.later(delay_s, self.reset)

    def close(self) -> None:
        """End the connection by FIN, after what was written."""
        if self.is_open:
            self.transport.close()

    # ------------------------------------------------------------------------------------------------------- httptools

    def _reset_message(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reset_message()

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        self._count_header(len(name) + len(value))

    def _count_header(self, size_bytes: int) -> None:
        self._header_bytes += size_bytes
        if self._header_bytes > MAX_HEADER_BYTES or len(self._headers) > MAX_HEADERS:
            self._refuse(431, b"Request Header Fields Too Large", "more headers than this engine takes")
            raise ValueError

    def on_headers_complete(self) -> None:
        """All headers are here."""
        target = self._target.decode("latin-1")
        if self._application.refuses(target):
            self.reset()
            raise ValueError
        self.is_control = target.partition("?")[0] == "/_simulate"
        fault = _framing_fault(self._headers, self._parser.get_http_version())
        if fault:
            self._refuse(400, b"Bad Request", fault)
            raise ValueError
        expects = any(name == "expect" and value.lower() == "100-continue" for name, value in self._headers)
        if expects and not self._busy and not self._queue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(413, b"Content Too Large", f"a body of more than {MAX_BODY_BYTES} bytes")
            raise ValueError

    def on_message_complete(self) -> None:
        """A whole request is here."""
        self._queue.append(
            Request(
                method=self._parser.get_method().decode("latin-1"),
                target=self._target.decode("latin-1"),
                headers=self._headers,
                body=b"".join(self._body),
                keep_alive=self._parser.should_keep_alive() and not self._parser.should_upgrade(),
                http_1_0=self._parser.get_http_version() == "1.0",
            )
        )
        self._reset_message()
        if len(self._queue) > MAX_PIPELINED:
            self.transport.pause_reading()

    # ------------------------------------------------------------------------------------------------------- in order

    def _pump(self) -> None:
        """Answer what waits, one after the other; an answer that is finished at once does not deepen the stack."""
        if self._pumping:
            return
        self._pumping = True
        while self._queue and not self._busy and self.is_open:
            request = self._queue.popleft()
            self._busy = True
            answering = self._application.answer(request, self)
            self._answering = answering if self._busy else None
            if len(self._queue) == MAX_PIPELINED:
                self.transport.resume_reading()
        self._pumping = False
        if self._refusal is not None and not self._busy and not self._queue:
            self._send_refusal()

    def done(self, *, keep_alive: bool) -> None:
        """The answer under way is finished."""
        self._busy = False
        self._answering = None
        if not keep_alive:
            self._queue.clear()
            self.close()
            return
        self._pump()

    def _refuse(self, status: int, reason: bytes, message: str) -> None:
        """Note what is wrong with the client's HTTP; it is said once everything before it is answered."""
        if self._refusal is None:
            self._refusal = (status, reason, message)

    def _send_refusal(self) -> None:
        assert self._refusal is not None
        status, reason, message = self._refusal
        text = message.replace("\\", "/").replace('"', "'")
        body = b'{"error":{"message":"%b","type":"invalid_request_error","param":null,"code":null}}' % text.encode()
        if self.is_open:
            self.transport.write(_BAD_REQUEST % (status, reason, len(body), body))
            self.close()


def _framing_fault(headers: list[tuple[str, str]], version: str) -> str:
    """What is ambiguous about where the request ends or whom it is for; empty if nothing is."""
    codings = [value.strip().lower() for name, value in headers if name == "transfer-encoding"]
    if codings and (codings != ["chunked"] or version == "1.0"):
        return "transfer-encoding other than chunked, or with HTTP/1.0"
    hosts = sum(1 for name, _ in headers if name == "host")
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        return "no host header, or several"
    return ""
