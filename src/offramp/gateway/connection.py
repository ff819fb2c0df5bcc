"""One connection of a client: HTTP/1.1 parsed by llhttp, requests handed to the pipeline in order.

Knows nothing of models.

llhttp refuses two lengths, a length with chunking, bad chunk sizes, folded fields and bare line feeds; refused here,
since it lets them through: any Transfer-Encoding but `chunked`, Transfer-Encoding on HTTP/1.0, no or several `Host`,
paths with `..`. Each request gets an `Exchange` of its own, so nothing of one request can reach the next one.
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import httptools

from offramp.errors import BadRequestError, OfframpError
from offramp.gateway.exchange import Exchange, HeadFacts
from offramp.gateway.plan import Plan, Principal
from offramp.gateway.refusals import (
    TooManyConnectionsError,
    body_too_large,
    head_too_large,
    malformed,
    refusal_bytes,
)
from offramp.gateway.transport import ClientTransport, Phase
from offramp.wire.http import Headers
from offramp.wire.known_head import KnownHead, learn

if TYPE_CHECKING:
    from offramp.gateway.pipeline import Pipeline

MAX_READ_BYTES = 256 * 1024
"""The most that one read brings; requests that wait behind another may bring as much before reading stops."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# A member looked up through its class costs as much as a call.
_IDLE, _HEAD, _BODY, _ANSWER, _LINGER = Phase


class ClientConnection(ClientTransport):
    """The server side of HTTP for one client."""

    _offer: Exchange | None = None
    """Its head offered another protocol; llhttp reads no body after such a head."""
    _tunnel: Exchange | None = None
    """All that comes from now on belongs to the new protocol that this one asked for."""

    def __init__(self, pipeline: "Pipeline") -> None:
        """A connection that was just accepted."""
        self.pipeline = pipeline
        self.current: Exchange | None = None
        """The exchange that is being answered."""
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
        self._known: KnownHead[HeadFacts] | None = None
        self._between = True
        """llhttp is between two requests: the next byte begins one."""
        self._head: tuple[bytes, bytes, str, Headers] | None = None
        self._length: bytes | None = None
        self._parts: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._refused: OfframpError | None = None

    # --- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, or refuse where there are too many."""
        super().connection_made(transport)
        limit = self.pipeline.plan.limits.connections
        if not self.pipeline.opened(self):
            self.refuse(TooManyConnectionsError(f"this gateway serves at most {limit} connections; try again later"))

    def data_received(self, received: bytes) -> None:
        """Parse one read; whole requests go to the pipeline, one at a time."""
        known, fresh = self._known, self._between and self.phase is _IDLE and not self._ready
        if fresh and known is not None:
            body = known.body_of(received, self.pipeline.plan.limits.body_bytes)
            if body is not None:
                self._take(body, known.facts)
                return
        if self.phase is _LINGER or self._refused is not None:
            return
        if self._tunnel is not None:
            self.pipeline.on_tunnel(self._tunnel, received)
            return
        seen = self.facts
        self._feed(received)
        exchange = self._ready[0] if self._ready else None
        if fresh and exchange is not None and exchange.facts is seen and exchange.keep_alive:
            self._learn(received, seen)
        if not self._between and self._refused is None:
            self._measure_head(len(received))
        self._go_on()

    def _learn(self, received: bytes, facts: HeadFacts) -> None:
        """The head has come twice in a row: know it again, unless its body or its answer needs the parser."""
        known = self._known
        if (known is None or known.facts is not facts) and facts.repeatable:
            self._known = learn(received, facts)

    def _take(self, body: bytes, facts: HeadFacts) -> None:
        """A whole request whose head is known."""
        pipeline = self.pipeline
        now_s, now_ns = time.monotonic(), time.time_ns()
        exchange = Exchange(self, pipeline.plan, pipeline.next_id(), facts, facts.operation, now_s, now_ns)
        exchange.body = body
        exchange.bytes_in = exchange.content_length = len(body)
        self._begin(exchange)

    def _feed(self, received: bytes) -> None:
        rest: bytes | memoryview = received
        while rest:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = self._after_offer(memoryview(rest)[upgrade.args[0] :])
            except httptools.HttpParserError as error:
                if self._refused is None:
                    self._refused = malformed(error)
                return
            else:
                return

    def _measure_head(self, received: int) -> None:
        """Bound a head or a trailer that does not end, before the parser hands its fields over."""
        self._head_bytes += received
        limits = self.pipeline.plan.limits
        if self._head_bytes > limits.header_bytes + MAX_READ_BYTES:
            self._refused = head_too_large(limits.header_bytes, limits.headers)

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        if self.phase is not _BODY:
            self.phase = _ANSWER
        if self.reading_paused and not self._ready:
            self.pause_reading(paused=False)
        self.pipeline.on_request(exchange, self)
        if not exchange.upload_done and exchange.facts.expects and self.current is exchange and not self._body_bytes:
            self.write(CONTINUE)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: cancel what is under way."""
        self.phase = _LINGER
        exchange, self.current = self.current, None
        self._ready.clear()
        del self._parser  # It holds this connection: a ring that only a rare collection would find.
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
        else:
            self._rest()
            self._go_on()

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
        exchange = self._offer
        if exchange is None:
            try:
                exchange = self._open_exchange()
            except OfframpError as error:
                self._refused = error
                raise
            if exchange.facts.offers and self._parser.should_upgrade():
                self._offer = exchange
                return
        else:
            self._offer = None
        self._reading = exchange
        if self.current is None:
            self.phase = _BODY
        if not exchange.facts.buffered:
            self._ready.append(exchange)

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
            if facts.buffered and exchange.content_length > plan.limits.body_bytes:
                raise body_too_large(plan.limits.body_bytes)
        if facts.expects and facts.buffered and self.current is None and not self._ready:
            self.write(CONTINUE)
        if not facts.buffered:
            exchange.upload_pieces = []
            exchange.upload_done = False
        return exchange

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        exchange = self._reading
        if exchange is None:
            return
        self._head_bytes = 0
        self._body_bytes += len(body)
        if exchange.facts.buffered:
            self._parts.append(body)
            limit = self.pipeline.plan.limits.body_bytes
            if self._body_bytes > limit:
                self._refused = body_too_large(limit)
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
            if self._offer is not None:
                self._offer.keep_alive = self._parser.should_keep_alive()
            return
        exchange.keep_alive = exchange.keep_alive and self._parser.should_keep_alive()
        if exchange.facts.buffered:
            parts = self._parts
            exchange.body = parts[0] if len(parts) == 1 else b"".join(parts)
            exchange.bytes_in = self._body_bytes
            if self.current is None:
                self.phase = _ANSWER
            self._ready.append(exchange)
        else:
            self.phase = _ANSWER
            exchange.upload_done = True
            self.pipeline.on_upload(exchange, b"")

    def _after_offer(self, rest: memoryview) -> bytes | memoryview:
        """Go on after a head that offered another protocol, where llhttp stops; gives what is still to be parsed.

        Where the upstream is asked for the change, what follows is the new protocol's and waits for the 101, and no
        request is read from this connection any more. Other offers are passed over: a fresh parser, told how the body
        is framed, takes over.
        """
        exchange = self._offer
        assert exchange is not None
        self._parser = httptools.HttpRequestParser(self)
        if exchange.facts.upgrade and exchange.content_length:
            self._refused = BadRequestError("a request to change the protocol has no body; leave content-length out")
            return b""
        if exchange.facts.upgrade:
            self._offer, self._tunnel = None, exchange
            exchange.keep_alive, exchange.upload_done = False, True
            self._ready.append(exchange)
            if rest:
                self.pipeline.on_tunnel(exchange, bytes(rest))
            return b""
        length = b"content-length: %d" % (exchange.content_length or 0)
        framing = b"transfer-encoding: chunked" if exchange.facts.chunked else length
        connection = b"keep-alive" if exchange.keep_alive else b"close"
        self._parser.feed_data(b"POST / HTTP/1.1\r\nconnection: %b\r\n%b\r\n\r\n" % (connection, framing))
        return rest

    # --- what the phases do with it (exchange.Client) -------------------------------------------

    def finish(self, exchange: Exchange) -> None:
        """The answer is complete: on with the next request, or close."""
        if self.current is not exchange:
            return
        self.current = None
        self.since_s = time.monotonic()
        unread = self._reading is exchange
        if not exchange.keep_alive or unread:
            self.linger() if unread else self.close()
            return
        self._rest()
        if self._ready or self._refused is not None:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _rest(self) -> None:
        """Nothing is being answered: wait for the client to take the answer, to send on, or to ask again."""
        if self.paused:
            self.phase = _ANSWER
            return
        reading = self._reading
        self.phase = _IDLE if self._between else _HEAD if reading is None else _BODY
        if self.reading_paused and not self._ready:
            self.pause_reading(paused=False)
        if reading is not None and reading.facts.expects and reading.facts.buffered and not self._body_bytes:
            self.write(CONTINUE)

    def _go_on(self) -> None:
        """Answer what waits, in its order; a client that does not take its answers gets no further ones."""
        while self._ready and self.current is None and not self.paused and not self._closing:
            self._begin(self._ready.popleft())
        current = self.current
        if self._refused is not None and current is None and not self.paused:
            self.refuse(self._refused)
        elif self._refused is not None and current is not None and self._reading is current:
            self.pipeline.on_upload_broken(current, self._refused)
        elif self._ready:
            waiting_bytes = sum(exchange.bytes_in for exchange in self._ready)
            if waiting_bytes > MAX_READ_BYTES or len(self._ready) >= self.pipeline.plan.limits.pipeline:
                self.pause_reading(paused=True)

    def pause_upload(self, *, paused: bool) -> None:
        """Stop or resume reading an upload."""
        self.pause_reading(paused=paused)

    # --- the end --------------------------------------------------------------------------------

    def refuse(self, error: OfframpError) -> None:
        """Answer what cannot be read on, and close."""
        if self.phase is _LINGER or self._closing:
            return
        self.write(refusal_bytes(error, request_id=self.pipeline.refused(self, error)))
        self.linger()
