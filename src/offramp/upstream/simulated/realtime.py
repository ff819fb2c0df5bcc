"""`/v1/realtime` on the `openai` profile: a WebSocket that sends every message back, so that tunnels can be tried.

Source: RFC 6455, sections 4.2.2 (handshake) and 5.2 (frames).
"""

from base64 import b64encode
from hashlib import sha1

from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.reply import Ending, Reply

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8
_PING, _PONG = 9, 10


def converse(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Change to the WebSocket protocol.

    Raises:
        RefusalError: If the client does not ask for it.
    """
    del engine, fault
    key = reply.request.header("sec-websocket-key")
    if reply.request.header("upgrade").lower() != "websocket" or not key:
        raise RefusalError(400, "This path speaks WebSocket only: send `Upgrade: websocket`.")
    accepted = b64encode(sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()).decode()
    headers = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", accepted)]
    reply.switch(headers, _Echo(reply).receive)


class _Echo:
    """Sends frames back as they come, unmasked."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._received = b""

    def receive(self, received: bytes) -> None:
        """Bytes of frames, cut anywhere."""
        self._received += received
        while frame := _first_frame(self._received):
            first, payload, size_bytes = frame
            self._received = self._received[size_bytes:]
            opcode = first & 0x0F
            if opcode == _PING:
                first = first & 0xF0 | _PONG
            self._reply.write(bytes([first]) + _length(len(payload)) + payload)
            if opcode == _CLOSE:
                self._reply.finish(Ending.WHOLE)


def _first_frame(received: bytes) -> tuple[int, bytes, int] | None:
    """The first byte, the unmasked payload and the whole size of the first frame, if it is complete."""
    if len(received) < 2:
        return None
    size, start = received[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        if len(received) < start:
            return None
        size = int.from_bytes(received[2:start], "big")
    masked = bool(received[1] & 0x80)
    key = received[start : start + 4] if masked else b"\0\0\0\0"
    start += 4 * masked
    if len(received) < start + size:
        return None
    payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(received[start : start + size]))
    return received[0], payload, start + size


def _length(size: int) -> bytes:
    """The length of an unmasked frame."""
    if size < 126:
        return bytes([size])
    return b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
