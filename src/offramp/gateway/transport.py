"""The socket of one client: what is written to it, whether it is read from, how it ends. Knows nothing of HTTP."""

import asyncio
import time
from enum import IntEnum
from typing import cast

WRITE_BUFFER_BYTES = 256 * 1024
"""Bytes a slow client may leave unread before its upstream is paused."""


class Phase(IntEnum):
    """What the connection is waiting for."""

    IDLE = 0
    HEAD = 1
    BODY = 2
    ANSWER = 3
    LINGER = 4


class ClientTransport(asyncio.Protocol):
    """The server's end of a socket."""

    transport: asyncio.Transport | None = None
    phase: Phase = Phase.IDLE
    since_s: float = 0.0
    """When the phase began, or when it last got on (monotonic seconds)."""
    paused: bool = False
    """The client does not keep up with reading."""
    reading_paused: bool = False
    _unsent_bytes: int = 0
    _unsent_since_s: float = 0.0
    _closing: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client was accepted."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.since_s = time.monotonic()

    def eof_received(self) -> bool:
        """The client is done: what it still waits for is cancelled, like with nginx or Envoy.

        A client that only shuts its sending side down cannot be told apart from one that left, before it is written to.
        """
        return False

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

    def pause_reading(self, *, paused: bool) -> None:
        """Stop or resume reading."""
        if self.transport is None or self._closing or paused is self.reading_paused:
            return
        self.reading_paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def untaken_s(self, now_s: float) -> float:
        """For how long the client has taken nothing of what waits for it, as far as it was asked before; else 0."""
        unsent = self.transport.get_write_buffer_size() if self.transport is not None else 0
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._unsent_since_s = unsent, now_s
        return now_s - self._unsent_since_s if unsent else 0.0

    def linger(self) -> None:
        """End our side and read what still comes, so that the client sees the answer and not a reset."""
        self.phase = Phase.LINGER
        self.since_s = time.monotonic()
        transport = self.transport
        if transport is not None and not self._closing:
            self.pause_reading(paused=False)
            if transport.can_write_eof():
                transport.write_eof()
            else:
                self.close()

    def close(self) -> None:
        """End the connection after what was written."""
        self._closing = True
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Break off."""
        if self.transport is not None:
            self._closing = True
            self.transport.abort()
