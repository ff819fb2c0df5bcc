"""How supervisor and workers talk: messages over a pair of sockets, each with its length before it.

Worker to supervisor: `Ready`, `Rows`, `Counts`, `BreakerSeen`, `Chain`, `Reloaded`, `Leaving`. Supervisor to worker:
`Hello`, `BreakerSet`, `Chain`, `Elsewhere`, `Reload`, `Drain`. A side that finds the other gone ends: without a
supervisor there is no ledger.
"""

import asyncio
import contextlib
import pickle  # noqa: TID251 - see `packed`
from collections.abc import Callable
from typing import cast

import msgspec

from offramp.config.load import Loaded

MAX_UNSENT_BYTES = 32 * 1024 * 1024
"""What may wait for the other side before messages are dropped (and counted by whoever sends them)."""
_LENGTH_BYTES = 4


class Hello(msgspec.Struct, tag=True, array_like=True):
    """Who you are, and what to serve."""

    serial: int
    """Names this process among all workers that this supervisor ever starts; it marks what goes to the ledger."""
    instance_id: str
    hash_key: bytes
    log_exchanges: bool
    state_dir: str
    config: bytes
    """What `packed` gave."""


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
    probed: bool
    """Whether it was open before, so that this is what came of a probe."""


class BreakerSet(msgspec.Struct, tag=True, array_like=True):
    """A breaker changed elsewhere: follow it."""

    instance: str
    state: str
    rank: int
    """How many others probe before this worker does; each of them has a moment to begin."""


class Elsewhere(msgspec.Struct, tag=True, array_like=True):
    """What the other workers have in flight, by `upstream@host:port`."""

    in_flight: dict[str, int]


class Reload(msgspec.Struct, tag=True, array_like=True):
    """Serve by this configuration; the supervisor has found it right."""

    config: bytes


class Reloaded(msgspec.Struct, tag=True, array_like=True):
    """What became of it: the hash in use, and a problem if there was one."""

    config: str
    problem: str


class Leaving(msgspec.Struct, tag=True, array_like=True):
    """The worker was told to end (TERM, or `Drain`) and takes no new connections."""


class Chain(msgspec.Struct, tag=True, array_like=True):
    """Upstreams hold the state of responses: told by the worker that saw it, passed on to the others."""

    owners: dict[str, str]
    """The upstream's name by response id."""


class Drain(msgspec.Struct, tag=True, array_like=True):
    """Take no new connections, finish what is open, end. A second one may shorten the time."""

    timeout_s: float


FromWorker = Ready | Rows | Counts | BreakerSeen | Chain | Reloaded | Leaving
FromSupervisor = Hello | BreakerSet | Chain | Elsewhere | Reload | Drain
Message = FromWorker | FromSupervisor

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def packed(loaded: Loaded) -> bytes:
    """A configuration on its way to a worker, secrets included: workers read no file, so all serve by the same one.

    Pickled, because the settings are pydantic models whose secrets no other form keeps, and because the pair of sockets
    joins two processes of ours and nobody else.
    """
    return pickle.dumps(loaded)


def unpacked(config: bytes) -> Loaded:
    """What `packed` was given."""
    return cast("Loaded", pickle.loads(config))  # noqa: S301 - from our own supervisor, see `packed`


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

    async def flush(self, timeout_s: float) -> bool:
        """Wait until everything is with the other side; False if it does not take it in time."""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=0)
            if self._transport.get_write_buffer_size() > 0:
                self._unsent.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        await self._unsent.wait()
        return self._transport is not None and self._transport.get_write_buffer_size() == 0

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
