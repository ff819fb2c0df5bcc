"""Other protocols: WebSockets are tunnelled where a route passes through, other offers are passed over.

Sources: RFC 9110 section 7.8 (Upgrade), RFC 6455 sections 4.2 and 5.2.
"""

import asyncio

import pytest

from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.upstream.scripted import Peer, always, answer, scripted, until

ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What RFC 6455 section 1.3 says is the answer to its example key."""
WEBSOCKET = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec_websocket_version": "13",
    "content_length": "",
    "content_type": "",
}
PATH = "/v1/chat/completions"


def frame(payload: bytes, opcode: int = 2, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A client's frame."""
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
    if 126 <= size < 65536:
        length = b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + mask + masked


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The payload of a server's frame."""
    async with asyncio.timeout(10):
        _, size = await reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await reader.readexactly(8), "big")
        return await reader.readexactly(size)


@pytest.mark.anyio
async def test_a_websocket_is_tunnelled_to_the_passthrough_upstream() -> None:
    """Both ways, any size, with the client's key; the first frames may come with the head."""
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": upstream(openai, engine="openai")}, "passthrough": "openai"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/realtime?model=gpt-realtime", **WEBSOCKET))
            switched = await client.reader.readuntil(b"\r\n\r\n")
            echoes = []
            for payload in (b"hello", b"", b"x" * 300, b"y" * 200_000):
                client.send(frame(payload))
                echoes.append(await read_frame(client.reader))
            client.send(frame(b"", opcode=8))
            await read_frame(client.reader)
            end = await client.rest()
            row = await served.only_row()

        lines = switched.decode().lower().split("\r\n")
        assert lines[0] == "http/1.1 101 switching protocols"
        assert "upgrade: websocket" in lines
        assert "connection: upgrade" in lines
        assert f"sec-websocket-accept: {ACCEPTED}".lower() in lines
        assert not [line for line in lines if line.startswith(("transfer-encoding", "content-length"))]
        assert echoes == [b"hello", b"", b"x" * 300, b"y" * 200_000]
        assert end == b""
        assert (row.status, row.outcome, row.tier) == (101, "ok", "openai")


@pytest.mark.anyio
async def test_frames_sent_with_the_head_wait_for_the_change_of_protocol() -> None:
    """An eager client's frames are not HTTP, and not lost."""
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": upstream(openai, engine="openai")}, "passthrough": "openai"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/realtime", **WEBSOCKET) + frame(b"early"))
            client.send(frame(b"later"))
            await client.reader.readuntil(b"\r\n\r\n")
            echoes = [await read_frame(client.reader), await read_frame(client.reader)]

        assert echoes == [b"early", b"later"]


@pytest.mark.anyio
async def test_frames_in_packets_of_their_own_before_the_answer_are_not_http() -> None:
    """The upstream takes its time; what comes meanwhile belongs to the new protocol."""
    may_switch = asyncio.Event()
    received: list[bytes] = []

    async def play(peer: Peer) -> None:
        await peer.head()
        await may_switch.wait()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
        received.append(await peer.reader.readexactly(10))

    async with scripted(play) as target:
        config = {"upstreams": {"target": upstream(target)}, "passthrough": "target"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/realtime", **WEBSOCKET))
            await until(lambda: bool(target.asked), "the request at the upstream")
            client.send(b"\x82\x03abc")
            await asyncio.sleep(0.05)
            client.send(b"\x82\x03abc")
            may_switch.set()
            head = await client.reader.readuntil(b"\r\n\r\n")
            await until(lambda: bool(received), "the frames at the upstream")

        assert head.startswith(b"HTTP/1.1 101 ")
        assert received == [b"\x82\x03abc" * 2]


@pytest.mark.anyio
async def test_either_side_may_end_a_tunnel() -> None:
    """The other side is told by the end of its connection."""
    left = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
        await peer.gone()
        left.set()

    async with scripted(play) as target:
        config = {"upstreams": {"target": upstream(target)}, "passthrough": "target"}
        async with gateway(config) as served:
            async with served.connect() as client:
                client.send(raw("GET", "/v1/realtime", **WEBSOCKET))
                await client.reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(10):
                await left.wait()
            row = await served.only_row()

        assert (row.status, row.outcome) == (101, "cancelled")


@pytest.mark.anyio
async def test_an_upstream_that_does_not_change_answers_instead_and_the_connection_ends() -> None:
    """Whatever the client sent in the new protocol must not be read as requests."""
    async with scripted(always(answer(b"{}", status=b"403 Forbidden"))) as target:
        config = {"upstreams": {"target": upstream(target)}, "passthrough": "target"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/realtime", **WEBSOCKET) + raw("GET", "/v1/secret"))
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (403, "close", b"")
        assert [asked.target for asked in target.asked] == ["/v1/realtime"]


@pytest.mark.anyio
async def test_a_websocket_without_a_passthrough_upstream_is_refused() -> None:
    """426, in the error's usual shape; what followed in the new protocol is not read as a request."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("GET", "/v1/realtime", **WEBSOCKET) + frame(b"hello"))
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.json()["error"]["code"]) == (426, "upgrade_not_possible")
        assert (seen.headers["connection"], rest) == ("close", b"")


@pytest.mark.anyio
async def test_a_websocket_needs_a_key_like_everything_else() -> None:
    """The tunnel would be a way around it."""
    keys = [{"key": KEY, "team": "support"}]
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": own_key_upstream(openai)}, "passthrough": "openai", "keys": keys}
        async with gateway(config) as served:
            seen = await served.ask("GET", "/v1/realtime", **{**WEBSOCKET, "authorization": ""})

        assert (seen.status, seen.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.anyio
@pytest.mark.parametrize("offer", ["h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"])
async def test_offers_of_other_protocols_are_passed_over(offer: str) -> None:
    """Java's HTTP client offers h2c with its first request and goes on with HTTP/1.1 when that is not taken."""
    settings = {"connection": "Upgrade, HTTP2-Settings", "upgrade": offer, "http2_settings": "AAMAAABkAAQAAP__"}
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, chat(), **settings) + raw("POST", PATH, chat()))
            seen = [await client.answer(), await client.answer()]
            client.send(raw("POST", PATH, chat()))
            seen.append(await client.answer())

        assert [one.status for one in seen] == [200, 200, 200]
        assert not {"upgrade", "connection", "http2-settings"} & set().union(*(one.names for one in target.asked))


@pytest.mark.anyio
async def test_a_websocket_offer_with_a_chat_is_passed_over() -> None:
    """A POST with a body changes nothing; it is answered as what it is."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, chat(), connection="Upgrade", upgrade="websocket") + raw("GET", "/health"))
            seen = [await client.answer(), await client.answer()]

        assert [one.status for one in seen] == [200, 200]
        assert "upgrade" not in target.asked[0].names


@pytest.mark.anyio
async def test_a_websocket_offer_with_a_body_of_its_own_is_refused() -> None:
    """Nobody could say where the body ends and the new protocol begins."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"target": upstream(target)}, "passthrough": "target"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/realtime", b"hello", **{**WEBSOCKET, "content_length": "5"}))
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (400, "close", b"")
        assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["example.org:443", "/v1/chat/completions"])
async def test_connect_is_refused(target: str) -> None:
    """This is no forward proxy."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("CONNECT", target) + b"\x16\x03\x01")
            seen = await client.answer()
            await client.rest()

        assert seen.status == 501
        assert seen.json()["error"]["type"] == "invalid_request_error"
