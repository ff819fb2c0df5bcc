"""The WebSocket that sends everything back, in bare frames."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from offramp.upstream.simulated.options import Options
from tests.upstream.simulated.serving import KEY, Client, Served, request, serving

pytestmark = pytest.mark.anyio

ASK = request(
    "GET",
    "/v1/realtime?model=m",
    None,
    KEY,
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
"""The key and its answer are the example of RFC 6455, section 1.3."""


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """An engine with OpenAI's manners."""
    async with serving(Options()) as one:
        yield one


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A masked frame, as clients send it."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
    if 126 <= size <= 65_535:
        length = b"\xfe" + size.to_bytes(2, "big")
    key = b"\x01\x02\x03\x04"
    return bytes([0x80 | opcode]) + length + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


async def shaken(client: Client, more: bytes = b"") -> bytes:
    """The head of the answer to the handshake."""
    client.send(ASK + more)
    return await client.reader.readuntil(b"\r\n\r\n")


async def test_the_handshake_is_answered(served: Served) -> None:
    """With the proof that the standard asks for."""
    async with served.connect() as client:
        head = await shaken(client)

    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65_535, 65_536])
async def test_messages_of_every_length_come_back(served: Served, size: int) -> None:
    """There are three forms of length."""
    payload = bytes(at % 251 for at in range(size))
    async with served.connect() as client:
        await shaken(client, frame(payload))
        client.send(frame(b"end"))
        echoed = await client.reader.readuntil(b"\x81\x03end")

    assert echoed.removesuffix(b"\x81\x03end").endswith(payload)


async def test_a_message_may_arrive_byte_by_byte(served: Served) -> None:
    """Also in the middle of its length."""
    async with served.connect() as client:
        await shaken(client)
        for byte in frame(b"x" * 200):
            client.send(bytes([byte]))
            await asyncio.sleep(0)

        assert await client.reader.readexactly(204) == b"\x81\x7e\x00\xc8" + b"x" * 200


async def test_pings_are_answered_and_a_close_ends_it(served: Served) -> None:
    """And counts as served."""
    async with served.connect() as client:
        await shaken(client)
        client.send(frame(b"hi", 9) + frame(b"\x03\xe8", 8))

        assert await client.rest() == b"\x8a\x02hi\x88\x02\x03\xe8"
    assert (await served.until("in_flight", 0))["served"] == 1


async def test_a_plain_request_to_it_is_refused(served: Served) -> None:
    """With what is missing."""
    answer = await served.ask("GET", "/v1/realtime", None, KEY)

    assert answer.status == 400
    assert "Upgrade: websocket" in answer.json()["error"]["message"]
