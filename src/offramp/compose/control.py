"""How supervisor and workers talk: messages over a pair of sockets, each with its length before it.

Worker to supervisor: `Ready`, `Rows`, `Counts`, `BreakerSeen`, `Reloaded`. Supervisor to worker: `Hello`, `BreakerSet`,
`Elsewhere`, `Reload`, `Drain`. A side that finds the other gone ends: without supervisor there is no ledger.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

MAX_UNSENT_BYTES = 32 * 1024 * 1024
"""What may wait for the other side before messages are dropped (and counted by whoever sends them)."""
_LENGTH_BYTES = 4


class Hello(msgspec.Struct, tag=True, array_like=True):
    """Who you are."""

    worker: int
    instance_id: str
    hash_key: bytes
    log_exchanges: bool


class Ready(msgspec.Struct, tag=True, array_like=True):
    """The worker serves."""

    pid: int
    config: str


class Rows(msgspec.Struct, tag=True, array_like=True):
    """A batch for the ledger, encoded."""

    batch: bytes
    rows: int


class Counts(msgspec.Struct, tag=True, array_like=True):
    """The worker's metrics and what it is doing, about once a second."""

    snapshot: bytes
    state: bytes
    in_flight: dict[str, int]
    """By `upstream@host:port`."""


class BreakerSeen(msgspec.Struct, tag=True, array_like=True):
    """A breaker changed in this worker."""

    instance: str
    """`upstream@host:port`."""
    state: str


class BreakerSet(msgspec.Struct, tag=True, array_like=True):
    """A breaker changed elsewhere: take the same state."""

    instance: str
    state: str


class Elsewhere(msgspec.Struct, tag=True, array_like=True):
    """What the other workers have in flight, by `upstream@host:port`."""

    in_flight: dict[str, int]


class Reload(msgspec.Struct, tag=True, array_like=True):
    """Read the configuration again; the supervisor has found it right."""


class Reloaded(msgspec.Struct, tag=True, array_like=True):
    """What became of it: the hash in use, and a problem if there was one."""

    config: str
    problem: str


class Drain(msgspec.Struct, tag=True, array_like=True):
    """Take no new connections, finish what is open, end."""


FromWorker = Ready | Rows | Counts | BreakerSeen | Reloaded
FromSupervisor = Hello | BreakerSet | Elsewhere | Reload | Drain
Message = FromWorker | FromSupervisor

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


class Control(asyncio.Protocol):
    """One end of the pair."""

    def __init__(self, on_message: Callable[[Message], None], on_gone: Callable[[], None]) -> None:
        """Tell `on_message` of each message and `on_gone` once the other side has ended."""
        self._on_message = on_message
        self._on_gone = on_gone
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._unsent = asyncio.Event()
        self._unsent.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pair is joined to the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take the whole messages out of what has arrived."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH_BYTES:
            end = start + _LENGTH_BYTES + int.from_bytes(buffer[start : start + _LENGTH_BYTES], "big")
            if len(buffer) < end:
                break
            self._on_message(_decode(bytes(buffer[start + _LENGTH_BYTES : end])))
            start = end
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has ended."""
        self._transport = None
        self._unsent.set()
        self._on_gone()

    def send(self, message: Message) -> bool:
        """Send a message; False if the other side is gone or does not keep up."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return False
        body = _encode(message)
        transport.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
        return True

    async def flush(self) -> None:
        """Wait until everything is with the other side."""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=0)
            if self._transport.get_write_buffer_size() > 0:
                self._unsent.clear()
                await self._unsent.wait()

    def pause_writing(self) -> None:
        """Something waits for the other side."""
        self._unsent.clear()

    def resume_writing(self) -> None:
        """Everything is with the other side."""
        self._unsent.set()

    def close(self) -> None:
        """End this side."""
        if self._transport is not None:
            self._transport.close()
