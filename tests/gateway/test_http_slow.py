"""Clients that are slow, in either direction, or leave half-way: bounded memory, clear ends, nobody waits for ever."""

import asyncio
import json
import socket
import struct

import pytest

from offramp.compose import dataplane
from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.upstream.scripted import CHAT, Peer, always, answer, scripted, until

PATH = "/v1/chat/completions"
HEAD = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode()
BODY = json.dumps(chat()).encode()
MEGABYTE = 1024 * 1024
EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
HURRY = {"header_s": 0.2, "upload_idle_s": 0.2, "idle_s": 0.2}
"""How long a client may take, in seconds."""


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is looked at once a second; every tick will do for a test."""
    monkeypatch.setattr(dataplane, "SLOW_TICKS", 1)


# --- heads and uploads that do not come ---------------------------------------------------------


@pytest.mark.anyio
async def test_a_head_that_does_not_come_on_is_408() -> None:
    """A byte now and then does not keep a connection."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits=HURRY)
        async with gateway(config) as served, served.connect() as client:
            client.send(HEAD)
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.json()["error"]["code"]) == (408, "request_timeout")
        assert (seen.headers["connection"], rest) == ("close", b"")


@pytest.mark.anyio
async def test_a_body_that_does_not_come_on_is_408() -> None:
    """Nothing of it was sent to anybody."""
    async with scripted(always(answer())) as target:
        config = routed({"local": own_key_upstream(target)}, limits=HURRY)
        async with gateway(config) as served, served.connect() as client:
            client.send(HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY[:-1])
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.json()["error"]["code"]) == (408, "request_timeout")
        assert (seen.headers["connection"], rest) == ("close", b"")
        assert target.asked == []


@pytest.mark.anyio
async def test_a_second_head_that_does_not_come_on_is_408() -> None:
    """Begun while the request before it was answered, it is waited for from then on."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits={**HURRY, "idle_s": 30})
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", PATH, chat()) + HEAD)
            seen = [await client.answer(), await client.answer()]

        assert [one.status for one in seen] == [200, 408]


@pytest.mark.anyio
async def test_an_idle_connection_is_closed_without_a_word() -> None:
    """Clients take an answer that nobody asked for as one to their next request."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits=HURRY)
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", PATH, chat()))
            assert (await client.answer()).status == 200
            rest = await client.rest()

        assert rest == b""


@pytest.mark.anyio
async def test_an_upload_that_does_not_come_on_ends_at_the_upstream_too() -> None:
    """The upstream sees the end of its connection, not the end of a body."""
    broken: list[bytes] = []

    async def play(peer: Peer) -> None:
        await peer.head()
        broken.append(await peer.gone())

    async with scripted(play) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files", "limits": HURRY}
        async with gateway(config) as served, served.connect() as client:
            client.send(f"POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode())
            client.send(b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await client.rest()
            await until(lambda: bool(broken), "the upstream sees the end")
            row = await served.only_row()

        assert broken == [b"5\r\nhello\r\n"]
        assert row.outcome == "cancelled"


@pytest.mark.anyio
async def test_an_upload_that_comes_slowly_but_steadily_is_waited_for() -> None:
    """Patience begins anew with every piece."""
    async with scripted(always(answer(b"{}"))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files", "limits": {"upload_idle_s": 0.8}}
        async with gateway(config) as served, served.connect() as client:
            client.send(f"POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode())
            client.send(b"content-length: 8\r\n\r\n")
            for _ in range(8):
                await asyncio.sleep(0.2)
                client.send(b"x")
            seen = await client.answer()

        assert (seen.status, target.asked[0].body) == (200, b"x" * 8)


# --- clients that do not read -------------------------------------------------------------------


async def slow_client(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client whose kernel and buffer take next to nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)  # noqa: FBT003 - the socket library's own signature
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, limit=1024)


class Torrent:
    """An upstream that streams as much as is taken from it."""

    def __init__(self, total_bytes: int) -> None:
        """Nothing was sent yet."""
        self.total_bytes = total_bytes
        self.sent_bytes = 0

    async def __call__(self, peer: Peer) -> None:
        """One answer."""
        event = EVENT % (b"x" * 60_000)
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        while self.sent_bytes < self.total_bytes:
            peer.send(event)
            await peer.writer.drain()
            self.sent_bytes += len(event)
        peer.send(b"data: [DONE]\n\n")

    async def stood_still(self) -> None:
        """Wait until nothing more is taken."""
        before = -1
        while self.sent_bytes != before:
            before = self.sent_bytes
            await asyncio.sleep(0.3)


async def read_to_the_last_chunk(reader: asyncio.StreamReader) -> int:
    """Bytes of an answer in chunks."""
    received, tail = 0, b""
    async with asyncio.timeout(30):
        while not tail.endswith(b"0\r\n\r\n"):
            block = await reader.read(1 << 20)
            received += len(block)
            tail = (tail + block)[-20:]
    return received


@pytest.mark.anyio
async def test_a_client_that_does_not_read_pauses_its_upstream() -> None:
    """An answer of 40 MB waits at the upstream, not here; when the client reads on it gets every byte."""
    torrent = Torrent(40 * MEGABYTE)
    async with scripted(torrent) as target, gateway(routed({"local": upstream(target)})) as served:
        reader, writer = await slow_client(served.port)
        writer.write(raw("POST", PATH, chat(stream=True)))
        await until(lambda: torrent.sent_bytes > 0, "the stream has begun")
        await torrent.stood_still()
        (connection,) = served.plane.pipeline.connections
        assert connection.transport is not None
        waiting_bytes = connection.transport.get_write_buffer_size()
        taken_bytes = torrent.sent_bytes
        received = await read_to_the_last_chunk(reader)
        writer.close()

        assert taken_bytes < 20 * MEGABYTE
        assert waiting_bytes < 2 * MEGABYTE
        assert received > torrent.total_bytes
        assert (await served.only_row()).outcome == "ok"


@pytest.mark.anyio
async def test_a_client_that_reads_nothing_gets_no_further_answers() -> None:
    """Requests can be sent faster than answers are taken: the answers of 20 of them must not pile up here."""
    body = CHAT.replace(b"forty-two", b"x" * MEGABYTE)
    async with scripted(always(answer(body))) as target, gateway(routed({"local": upstream(target)})) as served:
        reader, writer = await slow_client(served.port)
        for _ in range(20):
            writer.write(raw("POST", PATH, chat()))
        await until(lambda: bool(target.asked), "the first one is asked")
        await asyncio.sleep(0.3)
        asked_before = len(target.asked)
        received = 0
        async with asyncio.timeout(30):
            while received < 20 * len(body):
                received += len(await reader.read(1 << 20))
        writer.close()

        assert asked_before <= 4
        assert len(target.asked) == 20


@pytest.mark.anyio
async def test_a_client_that_never_takes_its_answer_is_cut_off() -> None:
    """Its memory is needed elsewhere; the answer before the close would otherwise be waited for without end."""
    body = CHAT.replace(b"forty-two", b"x" * 4 * MEGABYTE)
    async with scripted(always(answer(body))) as target:
        config = routed({"local": upstream(target)}, limits={"idle_s": 0.5})
        async with gateway(config) as served:
            _, writer = await slow_client(served.port)
            writer.write(raw("POST", PATH, chat(), connection="close"))
            await until(lambda: bool(target.asked), "it is asked")
            await until(lambda: not served.plane.pipeline.connections, "it is cut off")
            writer.close()
            row = await served.only_row()

        assert row.status == 200


@pytest.mark.anyio
async def test_a_stream_that_is_never_taken_is_cancelled_at_the_upstream() -> None:
    """A client that stands still for longer than an idle one may holds no place there either."""
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        try:
            while True:
                peer.send(EVENT % (b"x" * 60_000))
                await peer.writer.drain()
        finally:
            gone.set()

    async with scripted(play) as target:
        config = routed({"local": upstream(target)}, limits={"idle_s": 0.5})
        async with gateway(config) as served:
            _, writer = await slow_client(served.port)
            writer.write(raw("POST", PATH, chat(stream=True)))
            async with asyncio.timeout(10):
                await gone.wait()
            row = await served.only_row()
            writer.close()

        assert row.outcome == "cancelled"


@pytest.mark.anyio
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_client_that_does_not_read_holds_nobody_else_up(streaming: bool) -> None:  # noqa: FBT001 - a parameter
    """The upstream's connection that was paused for it serves the next client as if nothing had been."""
    body = CHAT.replace(b"forty-two", b"x" * MEGABYTE)
    kind = b"application/json"
    if streaming:
        finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        body, kind = (EVENT % (b"x" * 60_000)) * 16 + finish, b"text/event-stream"
    async with scripted(always(answer(body, kind=kind))) as target:
        config = routed({"local": upstream(target, max_connections=1)})
        async with gateway(config) as served:
            _, writer = await slow_client(served.port)
            writer.write(raw("POST", PATH, chat(stream=streaming)))
            await until(lambda: len(served.rows) == 1, "the slow client's answer is complete here")
            seen = await served.chat(stream=streaming)
            writer.close()

        assert seen.status == 200
        assert target.opened == 1


# --- clients that leave -------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
async def test_a_client_that_leaves_cancels_its_upstream(how: str) -> None:
    """A client that shuts down its sending side counts as gone: nobody can tell it from one that left."""
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.gone()
        gone.set()

    async with scripted(play) as target, gateway(routed({"local": upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, chat()))
            await until(lambda: bool(target.asked), "it is asked")
            if how == "half-close":
                client.writer.write_eof()
            elif how == "reset":
                sock = client.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.writer.transport.abort()
            else:
                client.writer.close()
            async with asyncio.timeout(10):
                await gone.wait()
            row = await served.only_row()
            rest = b"" if how != "half-close" else await client.rest()

        assert (row.status, row.outcome, row.error_code) == (499, "cancelled", "client_left")
        assert rest == b""


@pytest.mark.anyio
async def test_a_client_that_leaves_within_its_upload_is_no_request() -> None:
    """The upstream's half of it is broken off, never ended as if it were whole."""
    received: list[bytes] = []

    async def play(peer: Peer) -> None:
        await peer.head()
        received.append(await peer.gone())

    async with scripted(play) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            async with served.connect() as client:
                client.send(f"POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode())
                client.send(b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
                await until(lambda: bool(target.asked), "the upload has begun")
            await until(lambda: bool(received), "the upstream sees the end")

        assert received == [b"5\r\nhello\r\n"]
