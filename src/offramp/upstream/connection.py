"""One connection to an upstream instance: HTTP/1.1 answers parsed by llhttp, handed to the attempt's listener.

One read of the socket becomes at most one call of each of `on_head`, `on_body` and `on_end`. Bytes that nobody asked
for (after an answer, or on an idle connection) end the connection: they must never reach the next client.
"""

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from offramp.errors import WireError
from offramp.policy.failover import Failure
from offramp.upstream.base import Attempt
from offramp.wire.http import AnswerHead, Headers
from offramp.wire.known_head import learn

if TYPE_CHECKING:
    from offramp.upstream.instance import Instance

MAX_HEAD_BYTES = 128 * 1024
"""Longest head of an answer, and longest trailer. Answers with 16 KB of headers happen; this is generous."""


class UpstreamConnection(asyncio.Protocol):
    """The client side of HTTP, one request at a time."""

    def __init__(self, instance: "Instance") -> None:
        """A connection that `instance` has opened or is opening."""
        self.instance = instance
        self.transport: asyncio.Transport | None = None
        self.attempt: Attempt | None = None
        self.closed = False
        self.used = False
        """Has answered at least once: the other side may close it just when we send again."""
        self.idle_since_s = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._headers: Headers = []
        self._parts: list[bytes] = []
        self._head_bytes = 0
        self._head_done = False
        self._head_told = False
        self._complete = False
        self._keep = False
        self._excess = False
        self._interim = False
        self._until_close = False
        self._answered = False
        self._full = self._paused = False
        self._head: AnswerHead | None = None
        self._length: bytes | None = None
        self._switched = False
        """The other side has changed to another protocol: raw bytes both ways."""

    # --- what the pool does with it -------------------------------------------------------------

    def send(self, attempt: Attempt) -> None:
        """Put a request on the wire."""
        self.attempt = attempt
        attempt.connection = self
        self._head_told = self._head_done = self._complete = self._answered = self._until_close = False
        self._head_bytes = 0
        self._headers = []
        self._length = None
        transport = self.transport
        assert transport is not None
        transport.writelines((attempt.head, *attempt.pieces))
        if attempt.upload_open and not transport.get_write_buffer_size():
            # All of it went out at once, so nobody will say that there is room again.
            attempt.listener.on_writable(attempt, writable=True)
        if attempt.upload_open and not self._full:
            attempt.listener.on_writable(attempt, writable=True)  # It may have been held while there was no connection.

    def write(self, piece: bytes) -> None:
        """Send more of an upload."""
        if self.transport is not None and not self.closed:
            self.transport.write(piece)

    def drop(self) -> None:
        """Close at once; what is under way is void."""
        self.attempt = None
        self.closed = True
        self.instance.gone(self)
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        if self.transport is not None:
            self.transport.close()

    def pause(self) -> None:
        """Stop reading."""
        if self.transport is not None and not self.closed and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.transport is not None and not self.closed and self._paused:
            self._paused = False
            self.transport.resume_reading()

    # --- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse one read and tell the listener."""
        attempt = self.attempt
        if attempt is None:
            self.drop()
            return
        if self._switched:
            attempt.listener.on_body(attempt, data)
            return
        if not self._answered:
            self._answered = True
            if not self._is_known(data, attempt):
                seen = self.instance.answer_head
                if not self._parse(data, attempt):
                    return
                if seen is not None and self._head is seen:
                    self._learn(data, seen)
        elif not self._parse(data, attempt):
            return
        self._tell(attempt)

    def _parse(self, received: bytes, attempt: Attempt) -> bool:
        """Let llhttp read on; gives whether there is anything to tell."""
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(attempt, received[upgrade.args[0] :])
            return False
        except httptools.HttpParserError as error:
            if not self._complete:
                reason = error.__context__ if isinstance(error.__context__, WireError) else error
                self._fail(Failure.NOT_PROTOCOL, f"the answer is not HTTP: {reason}")
                return False
            self._excess = True
        if self._parts or self._complete:
            self._head_bytes = 0
            return True
        self._head_bytes += len(received)
        if self._head_bytes > MAX_HEAD_BYTES:
            where = "trailer" if self._head_done else "head"
            self._fail(Failure.NOT_PROTOCOL, f"the {where} of the answer is longer than {MAX_HEAD_BYTES} bytes")
            return False
        return self._head_done

    def _is_known(self, received: bytes, attempt: Attempt) -> bool:
        """Whether this is a whole answer with a head that came before; then its parts lie ready."""
        known = self.instance.known_answer
        if known is None or attempt.head_only:
            return False
        body = known.body_of(received, len(received))
        if body is None:
            return False
        self._head = known.facts
        self._head_done = self._complete = self._keep = True
        attempt.length = len(body)
        if body:
            self._parts.append(body)
        return True

    def _learn(self, received: bytes, head: AnswerHead) -> None:
        """The head has come twice in a row: know it again, if a whole answer came with it."""
        known = self.instance.known_answer
        # The first head of the read may be that of an early hint, and is not the one that was told.
        begins = received.startswith(b"HTTP/1.1 200 ") and head.status == 200
        whole = begins and self._complete and self._keep and not self._excess
        if whole and (known is None or known.facts is not head):
            self.instance.known_answer = learn(received, head)

    def _tell(self, attempt: Attempt) -> None:
        listener = attempt.listener
        if not self._head_told:
            head = self._head
            assert head is not None
            self._head_told = True
            attempt.status = head.status
            listener.on_head(attempt, head)
        parts = self._parts
        if parts:
            block = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            if not attempt.done:
                listener.on_body(attempt, block)
        if self._complete and self.attempt is attempt:
            self._release()
            if not attempt.done:
                attempt.done = True
                listener.on_end(attempt)

    def _release(self) -> None:
        attempt, self.attempt = self.attempt, None
        self.used = True
        if self._paused:
            self.resume()  # Whoever is next must not wait for this one's client.
        upload_unfinished = attempt is not None and attempt.upload_open
        if self._keep and not self._excess and not upload_unfinished and not self.closed:
            self.instance.give_back(self)
        else:
            self.close()
            self.instance.gone(self)

    def _upgraded(self, attempt: Attempt, rest: bytes) -> None:
        self._head_told = self._switched = True
        attempt.status = 101
        attempt.listener.on_head(attempt, AnswerHead(101, self._headers))
        if rest and not attempt.done:
            attempt.listener.on_body(attempt, rest)

    def _fail(self, failure: Failure, reason: str) -> None:
        attempt = self.attempt
        self.drop()
        if attempt is not None and not attempt.done:
            attempt.done = True
            attempt.listener.on_lost(attempt, failure, reason)

    def eof_received(self) -> bool:
        """The other side is done sending: an answer without a length ends here."""
        attempt = self.attempt
        if attempt is not None and self._until_close and self._head_told:
            self._complete, self._keep = True, False
            self._tell(attempt)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; an attempt under way fails, or is sent anew if the connection was merely stale."""
        self.closed = True
        del self._parser  # It holds this connection: a ring that only a rare collection would find.
        attempt, self.attempt = self.attempt, None
        self.instance.gone(self)
        if attempt is None or attempt.done:
            return
        if self._switched:
            attempt.done = True
            attempt.listener.on_end(attempt)
        elif self.used and not self._answered and not attempt.fresh_only and not attempt.upload_open:
            attempt.fresh_only = True
            attempt.connection = None
            if not self.instance.start(attempt):
                attempt.done = True
                attempt.listener.on_lost(attempt, Failure.BUSY, "the queue for a connection is full")
        else:
            attempt.done = True
            attempt.listener.on_lost(
                attempt, Failure.BROKEN, f"the connection broke: {exc or 'closed by the upstream'}"
            )

    def pause_writing(self) -> None:
        """The upstream does not take an upload fast enough."""
        self._full = True
        if self.attempt is not None:
            self.attempt.listener.on_writable(self.attempt, writable=False)

    def resume_writing(self) -> None:
        """It takes more."""
        self._full = False
        if self.attempt is not None:
            self.attempt.listener.on_writable(self.attempt, writable=True)

    # --- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A second message after the answer was asked for by nobody."""
        if self._complete:
            self._excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        if self._head_done:  # What follows is a trailer, whose fields are none of the answer's.
            return
        name = name.lower()
        if name == b"content-length":
            # Kept apart, so that answers which differ in nothing else are seen to have the same head.
            self._length = value
        else:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole; 1xx heads are passed over."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        attempt = self.attempt
        if status == 101:
            self._check_switch(attempt)
            return
        if status < 200:
            self._interim = True
            self._headers = []
            self._length = None
            return
        self._head_done = True
        framed = self._is_framed()
        head = self.instance.answer_head
        if head is None or not head.says(status, self._headers):
            head = self.instance.answer_head = AnswerHead(status, self._headers)
        self._head = head
        if attempt is not None and self._length is not None:
            attempt.length = int(self._length)
        if attempt is not None and attempt.head_only:
            self._complete, self._keep = True, False
        elif not framed and status not in (204, 304):
            self._until_close = True

    def _check_switch(self, attempt: Attempt | None) -> None:
        """Refuse a change of protocol that was not asked for, and one that has a body: llhttp would read it on."""
        if attempt is None or not attempt.tunnel or not self._parser.should_upgrade():
            msg = "the upstream switched protocols unasked"
            raise WireError(msg)
        if self._is_framed() and self._length != b"0":
            msg = "the upstream switched protocols with a body"
            raise WireError(msg)

    def _is_framed(self) -> bool:
        """Whether the head says where the body ends."""
        framed = self._length is not None
        for name, value in self._headers:
            if name == b"transfer-encoding":
                if framed or value.strip().lower() != b"chunked" or self._parser.get_http_version() != "1.1":
                    msg = "the answer has a transfer-encoding other than chunked, or one on HTTP/1.0"
                    raise WireError(msg)
                framed = True
        return framed

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._complete:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole. Only here does `should_keep_alive` speak of this message."""
        if self._interim:
            self._interim = False
            return
        if not self._complete:
            self._complete = True
            self._keep = self._parser.should_keep_alive()
