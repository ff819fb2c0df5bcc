"""The seam between the two sides of the gateway: what an upstream answer tells whoever asked.

An `Attempt` is one try at one instance. Its listener hears, in this order and at most once each but for `on_body`:
`on_head`, `on_body`…, `on_end`; or at any point `on_lost`, after which nothing more comes. All calls happen on the
event loop, never from inside the call that started the attempt.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from offramp.policy.failover import Failure
from offramp.wire.http import AnswerHead

if TYPE_CHECKING:
    from offramp.upstream.connection import UpstreamConnection
    from offramp.upstream.instance import Instance


class Listener(Protocol):
    """Who hears what becomes of an attempt."""

    def on_head(self, attempt: "Attempt", head: AnswerHead) -> None:
        """The head of the answer is there."""

    def on_body(self, attempt: "Attempt", block: bytes) -> None:
        """More of the body, all that one read brought."""

    def on_end(self, attempt: "Attempt") -> None:
        """The answer is whole; its connection is back in the pool."""

    def on_lost(self, attempt: "Attempt", failure: Failure, reason: str) -> None:
        """The attempt failed: no connection, a broken one, or bytes that are not HTTP."""

    def on_writable(self, attempt: "Attempt", *, writable: bool) -> None:
        """The upstream takes more of an upload, or does not for now."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One try at one instance: what was sent, where it stands, when it is too late."""

    listener: Listener
    """Who hears of it."""
    exchange: Any
    """The listener's own context; upstreams never look at it."""
    instance: "Instance"
    """Whom it asks."""
    upload_open: bool = False
    """More pieces will follow through `write`."""
    head_only: bool = False
    """A HEAD request: its answer has no body, whatever its length says."""
    tunnel: bool = False
    """After a 101 the connection carries raw bytes both ways."""
    connection: "UpstreamConnection | None" = None
    admission: int | None = None
    """The breaker's ticket."""
    alarm: Failure = Failure.CONNECT
    """What it means when `alarm_s` passes."""
    alarm_s: float = 0.0
    """Monotonic second at which somebody must look whether the attempt is to be given up."""
    total_at_s: float = 0.0
    """Monotonic second at which its total timeout passes."""
    heard_s: float = 0.0
    """Monotonic second at which the answer last got on; 0 before its head."""
    status: int = 0
    length: int | None = None
    """Bytes of the answer's body, as its head says it."""
    done: bool = False
    fresh_only: bool = False
    """Not to be sent anew: its connection was stale before, or part of its body is not kept."""

    pieces: tuple[bytes, ...] = ()
    """Body bytes in the order of sending; kept until answered if the request is whole, so that it can be sent anew."""
    head: bytes = b""
    """Request line and header fields including the blank line."""
    started_ns: int = 0
    """Nanoseconds since the epoch."""

    def cancel(self) -> None:
        """Give the attempt up: close its connection, hear nothing more of it."""
        if self.done:
            return
        self.done = True
        connection = self.connection
        if connection is not None:
            connection.drop()
        else:
            self.instance.forget(self)

    def pause(self) -> None:
        """Stop reading the answer: the client does not keep up."""
        if self.connection is not None and not self.done:
            self.connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self.connection is not None and not self.done:
            self.connection.resume()

    def write(self, piece: bytes, *, last: bool) -> None:
        """Send more of an upload, already framed."""
        if last:
            self.upload_open = False
        if self.connection is None:
            self.pieces += (piece,)
        else:
            self.fresh_only = True
            self.connection.write(piece)
