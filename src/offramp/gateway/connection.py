"""One connection of a client: HTTP/1.1 parsed by llhttp, requests handed to the pipeline in order.

Knows nothing of models.

llhttp refuses two lengths, a length with chunking, bad chunk sizes, folded fields and bare line feeds; refused here,
since it lets them through: any Transfer-Encoding but `chunked`, Transfer-Encoding on HTTP/1.0, no or several `Host`,
paths with `..`. Each request gets an `Exchange` of its own, so nothing of one request can reach the next one.
"""

import asyncio
import time
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, cast

import httptools

from offramp.errors import OfframpError
from offramp.gateway.exchange import Exchange, HeadFacts, Mode
from offramp.gateway.known_head import KnownHead, learn
from offramp.gateway.plan import Plan, Principal
from offramp.gateway.refusals import (
    BodyTooLargeError,
    ExpectationError,
    TooManyConnectionsError,
    head_too_large,
    malformed,
    refusal_bytes,
)
from offramp.wire.http import Headers

if TYPE_CHECKING:
    from offramp.gateway.pipeline import Pipeline

WRITE_BUFFER_BYTES = 256 * 1024
"""Bytes a slow client may leave unread before its upstream is paused."""


class Phase(IntEnum):
    """What the connection is waiting for."""

    IDLE = 0
    HEAD = 1
    BODY = 2
    ANSWER = 3
    LINGER = 4


# A member looked up through its class costs as much as a call.
_IDLE, _HEAD, _BODY, _ANSWER, _LINGER = Phase
_TUNNEL = Mode.TUNNEL


class ClientConnection(asyncio.Protocol):
    """The server side of HTTP for one client."""

    def __init__(self, pipeline: "Pipeline") -> None:
        """A connection that was just accepted."""
        self.pipeline = pipeline
        self.transport: asyncio.Transport | None = None
        self.current: Exchange | None = None
        """The exchange that is being answered."""
        self.phase = _IDLE
        self.since_s = 0.0
        """When the phase began, or when it last got on."""
        self.paused = False
        self.facts: HeadFacts | None = None
        """Of the last head; the same bytes again need not be read again."""
        self.admitted: Principal | None = None
        """Whom `admitted_for` let in under `admitted_by`; pipelined heads are read before their turn comes."""
        self.admitted_for: HeadFacts | None = None
        self.admitted_by: Plan | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._ready: deque[Exchange] = deque()
        self._reading: Exchange | None = None
        self._url = b""
        self._headers: Headers = []
        self._known: KnownHead | None = None
        self._between = True
        """llhttp is between two requests: the next byte begins one."""
        self._head: tuple[bytes, bytes, str, Headers] | None = None
        self._length: bytes | None = None
        self._parts: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._refused: OfframpError | None = None
        self._closing = False
        self.reading_paused = False

    # --- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or refuse where there are too many."""
        self.transport = cast("asyncio.Transport", transport)
        self.since_s = time.monotonic()
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        limit = self.pipeline.plan.limits.connections
        if not self.pipeline.opened(self):
            self.refuse(TooManyConnectionsError(f"this gateway serves at most {limit} connections; try again later"))

    def data_received(self, received: bytes) -> None:
        """Parse one read; whole requests go to the pipeline, one at a time."""
        known, fresh = self._known, self._between and self.phase is _IDLE and not self._ready
        if fresh and known is not None:
            body = known.body_of(received, self.pipeline.plan.limits.body_bytes)
            if body is not None:
                self._take(body, known)
                return
        if self.phase is _LINGER:
            return
        current = self.current
        if current is not None and current.mode is _TUNNEL:
            self.pipeline.on_tunnel(current, received)
            return
        seen = self.facts
        self._feed(received)
        exchange = self._ready[0] if self._ready else None
        if fresh and exchange is not None and exchange.facts is seen and known is None:
            self._known = learn(received, exchange.facts, keep_alive=exchange.keep_alive)
        if self.phase is _HEAD and self._reading is None and self._refused is None:
            self._measure_head(len(received))
        while self._ready and self.current is None:
            self._begin(self._ready.popleft())
        if self._refused is not None and self.current is None:
            self.refuse(self._refused)

    def _take(self, body: bytes, known: KnownHead) -> None:
        """A whole request whose head is known."""
        pipeline, facts = self.pipeline, known.facts
        now_s, now_ns = time.monotonic(), time.time_ns()
        exchange = Exchange(self, pipeline.plan, pipeline.next_id(), facts, facts.operation, now_s, now_ns)
        exchange.keep_alive = known.keep_alive
        exchange.body = body
        exchange.bytes_in = exchange.content_length = len(body)
        self._begin(exchange)

    def _feed(self, received: bytes) -> None:
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade(received[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if self._refused is None:
                self._refused = malformed(error)

    def _measure_head(self, received: int) -> None:
        """Bound a head that does not end, before the parser hands its fields over."""
        self._head_bytes += received
        limits = self.pipeline.plan.limits
        if self._head_bytes > limits.header_bytes + 256 * 1024:
            self._refused = head_too_large(limits.header_bytes, limits.headers)

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        if self.phase is not _BODY:
            self.phase = _ANSWER
        self.pipeline.on_request(exchange, self)

    def eof_received(self) -> bool:
        """The client is done: what it still waits for is cancelled, like with nginx or Envoy.

        A client that only shuts its sending side down cannot be told apart from one that left, before it is written to.
        """
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: cancel what is under way."""
        self.phase = _LINGER
        exchange, self.current = self.current, None
        self._ready.clear()
        self.pipeline.closed(self)
        if exchange is not None:
            self.pipeline.on_client_gone(exchange)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.paused = True
        if self.current is not None:
            self.pipeline.on_client_slow(self.current, slow=True)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.paused = False
        if self.current is not None:
            self.pipeline.on_client_slow(self.current, slow=False)

    # --- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A new request: nothing of the one before is kept."""
        self._between = False
        self._url = b""
        self._headers = []
        self._length = None
        self._head_bytes = 0
        self._parts = []
        self._body_bytes = 0
        if self.current is None:
            self.phase = _HEAD
            self.since_s = time.monotonic()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        if len(name) == 14 and name.lower() == b"content-length":
            # Kept apart, so that requests which differ in nothing else are seen to have the same head.
            self._length = value
        else:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: check it, and decide whether the body is read whole or streams through."""
        try:
            exchange = self._open_exchange()
        except OfframpError as error:
            self._refused = error
            raise
        self._reading = exchange
        if self.current is None:
            self.phase = _BODY
        if not exchange.facts.buffered:
            self._enqueue(exchange)

    def _open_exchange(self) -> Exchange:
        parser, pipeline = self._parser, self.pipeline
        plan = pipeline.plan
        head = (parser.get_method(), self._url, parser.get_http_version(), self._headers)
        facts = self.facts
        if facts is None or head != self._head:
            facts = pipeline.on_request_head(*head)
            self._head, self.facts = head, facts
            self._headers = []  # The fields of a trailer, if one follows, are none of the head.
        exchange = Exchange(self, plan, pipeline.next_id(), facts, facts.operation, time.monotonic(), time.time_ns())
        if self._length is not None:
            exchange.content_length = int(self._length)
            limit = plan.limits.body_bytes
            if facts.buffered and exchange.content_length > limit:
                msg = f"the body has {exchange.content_length} bytes; the limit is {limit}"
                raise BodyTooLargeError(msg)
        if facts.expects:
            self._expect(facts.expects)
        if not facts.buffered:
            exchange.upload_pieces = []
            exchange.upload_done = False
        return exchange

    def _expect(self, expectation: bytes) -> None:
        if expectation != b"100-continue":
            shown = expectation.decode("latin-1")[:40]
            msg = f"expectation {shown!r} is not understood; only 100-continue is"
            raise ExpectationError(msg)
        if self.current is None and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        exchange = self._reading
        if exchange is None:
            return
        self._body_bytes += len(body)
        if exchange.facts.buffered:
            self._parts.append(body)
            limit = self.pipeline.plan.limits.body_bytes
            if self._body_bytes > limit:
                msg = f"the body is larger than {limit} bytes"
                self._refused = BodyTooLargeError(msg)
                raise self._refused
            if len(self._parts) > 1:
                self.since_s = time.monotonic()
        else:
            exchange.bytes_in += len(body)
            self.since_s = time.monotonic()
            self.pipeline.on_upload(exchange, body)

    def on_message_complete(self) -> None:
        """The request is whole. Only here does `should_keep_alive` speak of this message."""
        self._between = True
        exchange, self._reading = self._reading, None
        if exchange is None:
            return
        exchange.keep_alive = self._parser.should_keep_alive()
        if exchange.facts.buffered:
            parts = self._parts
            exchange.body = parts[0] if len(parts) == 1 else b"".join(parts)
            exchange.bytes_in = self._body_bytes
            if self.current is None:
                self.phase = _ANSWER
            self._enqueue(exchange)
        else:
            self.phase = _ANSWER
            exchange.upload_done = True
            self.pipeline.on_upload(exchange, b"")

    def _enqueue(self, exchange: Exchange) -> None:
        self._ready.append(exchange)
        if self.current is not None and len(self._ready) >= self.pipeline.plan.limits.pipeline:
            self._pause_reading(paused=True)

    def _after_upgrade(self, rest: bytes) -> None:
        """The client offered another protocol. llhttp reads nothing after that, so a fresh parser takes over.

        Where the upstream is asked for the change, what follows belongs to the new protocol and waits for its 101.
        """
        self._parser = httptools.HttpRequestParser(self)
        last = self._ready[-1] if self._ready else self.current
        if last is not None and last.facts.upgrade and not last.facts.buffered:
            if rest:
                self.pipeline.on_tunnel(last, rest)
        elif rest:
            self._feed(rest)

    # --- what the phases do with it (exchange.Client) -------------------------------------------

    def write(self, block: bytes) -> None:
        """Put bytes on the wire."""
        transport = self.transport
        if transport is not None and not self._closing:
            transport.write(block)

    def write_whole(self, head: bytes, body: bytes) -> None:
        """Put head and body on the wire in one go."""
        transport = self.transport
        if transport is not None and not self._closing:
            transport.writelines((head, body))

    def finish(self, exchange: Exchange) -> None:
        """The answer is complete: on with the next request, or close."""
        if self.current is not exchange:
            return
        self.current = None
        self.since_s = time.monotonic()
        unread = self._reading is exchange
        if not exchange.keep_alive or unread:
            self._linger() if unread else self.close()
            return
        self.phase = _IDLE
        if self.reading_paused and not self._ready:
            self._pause_reading(paused=False)
        if self._ready or self._refused is not None:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        while self._ready and self.current is None and not self._closing:
            self._begin(self._ready.popleft())
        if self._refused is not None and self.current is None:
            self.refuse(self._refused)

    def abort(self) -> None:
        """Break off."""
        if self.transport is not None:
            self._closing = True
            self.transport.abort()

    def pause_upload(self, *, paused: bool) -> None:
        """Stop or resume reading an upload."""
        self._pause_reading(paused=paused)

    def _pause_reading(self, *, paused: bool) -> None:
        if self.transport is None or self._closing or paused is self.reading_paused:
            return
        self.reading_paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # --- the end --------------------------------------------------------------------------------

    def refuse(self, error: OfframpError) -> None:
        """Answer what cannot be read on, and close."""
        if self.phase is _LINGER or self._closing:
            return
        self.write(refusal_bytes(error, request_id=self.pipeline.refused(self, error)))
        self._linger()

    def _linger(self) -> None:
        self.phase = _LINGER
        self.since_s = time.monotonic()
        transport = self.transport
        if transport is not None and not self._closing:
            if self.reading_paused:
                self._pause_reading(paused=False)
            if transport.can_write_eof():
                transport.write_eof()
            else:
                self.close()

    def close(self) -> None:
        """End the connection after what was written."""
        self._closing = True
        if self.transport is not None:
            self.transport.close()
