"""The upstream of the measurement: answers at once with ready bytes, so that what is left is the proxy's own cost.

It reads no more of a request than where it ends and whether it wants a stream. Run as `python -m tools.speed.upstream
PORT`.
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

from tools.speed import traffic

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAMING = b'"stream": true'
SLOT_S = 0.001
SLOTS = round(traffic.CHUNK_EVERY_S / SLOT_S)


class Wheel:
    """Sends every open stream its next chunk every 20 ms, each at a millisecond of its own."""

    def __init__(self) -> None:
        """No stream is open."""
        self._slots: list[list[Upstream]] = [[] for _ in range(SLOTS)]
        self._at = 0
        self._next_s = 0.0
        self._open = 0

    def add(self, connection: "Upstream") -> None:
        """Begin a stream: its next chunk comes in 20 ms."""
        loop = asyncio.get_running_loop()
        self._slots[self._at].append(connection)
        self._open += 1
        if self._open == 1:
            self._next_s = loop.time() + SLOT_S
            loop.call_later(SLOT_S, self._turn)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next_s <= loop.time():
            self._next_s += SLOT_S
            self._at = (self._at + 1) % SLOTS
            slot = self._slots[self._at]
            self._slots[self._at] = going_on = [connection for connection in slot if connection.send_next()]
            self._open -= len(slot) - len(going_on)
        if self._open:
            loop.call_later(SLOT_S, self._turn)


class Upstream(asyncio.Protocol):
    """One connection: an answer per request, a paced stream where one is asked for."""

    def __init__(self, wheel: Wheel) -> None:
        """A connection whose streams `wheel` paces."""
        self._wheel = wheel
        self._held = b""
        self._sent = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        if self._held:
            data, self._held = self._held + data, b""
        while data:
            end = _end_of_request(data)
            if not end:
                self._held = data
                return
            if data.find(_STREAMING, 0, end) >= 0:
                self._sent = 0
                self._transport.write(traffic.STREAM_START)
                self._wheel.add(self)
            else:
                self._transport.write(traffic.ANSWER)
            data = data[end:]

    def send_next(self) -> bool:
        """Send the next chunk of the stream, or its end; False where nothing follows."""
        if self._transport.is_closing():
            return False
        if self._sent == traffic.CHUNKS:
            self._transport.write(traffic.STREAM_END)
            return False
        self._transport.write(traffic.STREAM_CHUNKS[self._sent])
        self._sent += 1
        return True


def _end_of_request(received: bytes) -> int:
    """Where the first request ends; 0 if it is not whole yet."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    length = _LENGTH.search(received, 0, head_end)
    end = head_end + 4 + (int(length[1]) if length is not None else 0)
    return end if end <= len(received) else 0


async def _serve(port: int) -> None:
    wheel = Wheel()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(wheel), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
