"""Limits of heads, bodies, connections, pools and queues: a clear error with a stable code, and bounded memory."""

import asyncio
import gzip
import json
import re
import tracemalloc
import zlib

import pytest
import zstandard

from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.upstream.scripted import CHAT, Peer, always, answer, once, scripted, until
from tests.upstream.simulated.serving import Answer, Client

PATH = "/v1/chat/completions"
BODY = json.dumps(chat()).encode()
MEGABYTE = 1024 * 1024
HEAD = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode()


async def error_of(client: Client) -> tuple[int, str, str]:
    """Status, code and what `connection` says of the next answer."""
    seen = await client.answer()
    error = seen.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return seen.status, error["code"], seen.headers.get("connection", "")


async def last_answer(client: Client, count: int) -> Answer:
    """The last one of that many answers."""
    seen = [await client.answer() for _ in range(count)]
    return seen[-1]


# --- heads --------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    "lines",
    [
        b"".join(b"x-%d: 1\r\n" % number for number in range(200)),
        b"x-long: " + b"a" * 70_000 + b"\r\n",
        b"".join(b"x-%d: %b\r\n" % (number, b"a" * 1000) for number in range(80)),
    ],
    ids=["many fields", "a long field", "many long fields"],
)
async def test_a_head_beyond_the_limit_is_431(lines: bytes) -> None:
    """With the limits in the message; the connection is closed, since its body was never read."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(HEAD + lines + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
            refusal = await error_of(client)
            rest = await client.rest()

        assert refusal == (431, "header_too_large", "close")
        assert rest == b""


@pytest.mark.anyio
async def test_a_target_beyond_the_limit_is_431() -> None:
    """The request line counts as part of the head."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("GET", "/v1/models?" + "a" * 70_000))
            refusal = await error_of(client)

        assert refusal == (431, "header_too_large", "close")


@pytest.mark.anyio
@pytest.mark.parametrize("endless", [b"a" * 65536, b"x-a: 1\r\n" * 8000], ids=["one field", "many fields"])
@pytest.mark.parametrize("where", ["first", "pipelined", "trailer"])
async def test_a_head_or_trailer_without_an_end_is_refused_before_it_fills_the_memory(
    endless: bytes, where: str
) -> None:
    """Also behind a request that is still being answered, where nobody waits for a head."""
    before = {
        "first": b"",
        "pipelined": raw("POST", PATH, chat(max_tokens=200)),
        "trailer": HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
    }[where]
    start = b"x-t: " if where == "trailer" else HEAD + b"x-t: "
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(before + start)
            answering = asyncio.get_running_loop().create_task(last_answer(client, 2 if where == "pipelined" else 1))
            sent = 0
            tracemalloc.start()
            while sent < 48 * MEGABYTE and not answering.done():
                client.send(endless)
                await client.writer.drain()
                await asyncio.sleep(0)
                sent += len(endless)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            refusal = await answering

        assert (refusal.status, refusal.json()["error"]["code"]) == (431, "header_too_large")
        assert peak < 12 * MEGABYTE


@pytest.mark.anyio
async def test_answers_with_16_kb_of_headers_pass() -> None:
    """Content security policies and rate limits of several proxies in a row are that long."""
    lines = [b"x-policy-%d: %b" % (number, b"p" * 1000) for number in range(16)]
    async with (
        scripted(always(answer(CHAT, *lines))) as target,
        gateway(routed({"local": own_key_upstream(target)})) as served,
    ):
        seen = await served.ask("POST", PATH, chat())

        assert seen.status == 200
        assert [seen.headers[f"x-policy-{number}"] for number in range(16)] == ["p" * 1000] * 16


@pytest.mark.anyio
async def test_an_answer_whose_head_does_not_end_is_given_up() -> None:
    """The next tier answers instead."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nx-endless: ")
        for _ in range(1000):
            peer.send(b"a" * 65536)
            await peer.writer.drain()

    async with scripted(endless) as first, scripted(always(answer())) as second:
        async with gateway(routed({"first": upstream(first), "second": upstream(second)})) as served:
            seen = await served.chat()

        assert (seen.status, seen.headers["x-offramp-tier"]) == (200, "second")


# --- bodies -------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_body_whose_length_is_beyond_the_limit_is_413_before_it_is_sent() -> None:
    """The client hears it while it still sends; nothing of the body is kept."""
    config = routed({}, limits={"body_bytes": 100_000})
    async with engine() as local:
        config["upstreams"] = {"local": own_key_upstream(local)}
        config["routes"]["support"]["tiers"] = [{"upstream": "local"}]
        async with gateway(config) as served, served.connect() as client:
            client.send(HEAD + b"content-length: 100001\r\n\r\n")
            refusal = await error_of(client)

        assert refusal == (413, "body_too_large", "close")


@pytest.mark.anyio
async def test_a_chunked_body_that_grows_beyond_the_limit_is_413() -> None:
    """Its length is not known beforehand; what comes after the limit is not kept."""
    config = routed({}, limits={"body_bytes": 100_000})
    async with engine() as local:
        config["upstreams"] = {"local": own_key_upstream(local)}
        config["routes"]["support"]["tiers"] = [{"upstream": "local"}]
        async with gateway(config) as served, served.connect() as client:
            client.send(HEAD + b"transfer-encoding: chunked\r\n\r\n")
            client.send(b"2710\r\n" + b" " * 10_000 + b"\r\n")
            client.send((b"2710\r\n" + b" " * 10_000 + b"\r\n") * 10)
            refusal = await error_of(client)

        assert refusal == (413, "body_too_large", "close")


@pytest.mark.anyio
async def test_a_body_of_exactly_the_limit_is_served() -> None:
    """The limit itself is allowed, with a length and with chunks."""
    body = BODY + b" " * (100_000 - len(BODY))
    async with scripted(always(answer())) as target:
        config = routed({"local": own_key_upstream(target)}, limits={"body_bytes": len(body)})
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", PATH, body))
            client.send(HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            seen = [await client.answer(), await client.answer()]

        assert [one.status for one in seen] == [200, 200]
        assert [asked.body for asked in target.asked] == [body, body]


@pytest.mark.anyio
async def test_what_streams_through_has_no_limit() -> None:
    """Files are larger than prompts and never held."""
    async with scripted(always(answer(b"{}"))) as target:
        config = {
            "upstreams": {"files": upstream(target)},
            "passthrough": "files",
            "limits": {"body_bytes": 1000},
        }
        async with gateway(config) as served:
            seen = await served.ask("POST", "/v1/files", b"x" * 100_000)

        assert seen.status == 200
        assert target.asked[0].body == b"x" * 100_000


# --- packed bodies ------------------------------------------------------------------------------

PACKED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "zstd": zstandard.compress(BODY),
    "GZIP": gzip.compress(BODY),
    "identity": BODY,
}


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", PACKED)
async def test_packed_requests_are_unpacked(encoding: str) -> None:
    """The upstream gets plain JSON, since usage may have to be asked for in it."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", PATH, PACKED[encoding], content_encoding=encoding)

        assert seen.status == 200
        assert target.asked[0].body == BODY
        assert "content-encoding" not in target.asked[0].names


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "gzip, identity", "gzipped", "\x7f"])
async def test_a_request_packed_in_an_unknown_way_is_415(encoding: str) -> None:
    """It is never relayed blindly."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, gzip.compress(BODY), content_encoding=encoding))
            refusal = await error_of(client)

        assert refusal[0] in {400, 415}
        assert refusal[1] in {"unsupported_content_encoding", "invalid_request"}
        assert target.asked == []


DAMAGED = {
    "a truncated gzip body": ("gzip", gzip.compress(BODY)[:-9]),
    "a gzip body without its checksum": ("gzip", gzip.compress(BODY)[:-8]),
    "a gzip body with a wrong checksum": ("gzip", gzip.compress(BODY)[:-8] + b"\0" * 8),
    "bytes after a gzip body": ("gzip", gzip.compress(BODY) + b"{}"),
    "a truncated zstd body": ("zstd", zstandard.compress(BODY)[:-5]),
    "a zstd body without its last block": ("zstd", zstandard.compress(BODY + b" " * 300_000)[:40]),
    "bytes after a zstd body": ("zstd", zstandard.compress(BODY) + b"{}"),
    "plain JSON": ("gzip", BODY),
    "plain JSON as zstd": ("zstd", BODY),
    "an empty body": ("gzip", b""),
    "an empty zstd body": ("zstd", b""),
    "raw deflate": ("deflate", zlib.compress(BODY)[2:-4]),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", DAMAGED)
async def test_a_damaged_packed_body_is_400(name: str) -> None:
    """Never a guess at what was meant; the connection goes on, since the request itself was whole."""
    encoding, body = DAMAGED[name]
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, body, content_encoding=encoding) + raw("POST", PATH, chat()))
            refusal = await error_of(client)
            after = await client.answer()

        assert refusal == (400, "invalid_request", "")
        assert after.status == 200
        assert len(target.asked) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
async def test_a_bomb_is_413_and_never_unpacked_whole(encoding: str) -> None:
    """A megabyte that unpacks to a gigabyte costs no more memory than the limit."""
    limit = 4 * MEGABYTE
    if encoding == "zstd":
        bomb = zstandard.ZstdCompressor().compress(bytes(256 * MEGABYTE))
    else:
        packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
        bomb = b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(256)) + packer.flush()
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits={"unpacked_bytes": limit})
        async with gateway(config) as served, served.connect() as client:
            tracemalloc.start()
            client.send(raw("POST", PATH, bomb, content_encoding=encoding))
            refusal = await error_of(client)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

        assert refusal == (413, "body_too_large", "")
        assert peak < 4 * limit


@pytest.mark.anyio
async def test_a_zstd_window_beyond_what_the_web_uses_is_refused() -> None:
    """RFC 9659: 8 MB; a larger one would make each request claim as much memory as it says."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = packer.compress(BODY + b" " * (17 * MEGABYTE)) + packer.flush()
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, body, content_encoding="zstd"))
            refusal = await error_of(client)

        assert refusal == (400, "invalid_request", "")


# --- connections, pools, queues -----------------------------------------------------------------


@pytest.mark.anyio
async def test_connections_beyond_the_limit_are_turned_away() -> None:
    """With an answer that says so; one that leaves makes room."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits={"connections": 2})
        async with gateway(config) as served:
            async with served.connect() as first, served.connect() as second:
                for client in (first, second):
                    client.send(raw("POST", PATH, chat()))
                    assert (await client.answer()).status == 200
                async with served.connect() as third:
                    refusal = await error_of(third)
                    rest = await third.rest()
            await until(lambda: not served.plane.pipeline.connections, "everybody left")
            later = await served.chat()

        assert refusal == (503, "too_many_connections", "close")
        assert rest == b""
        assert later.status == 200


@pytest.mark.anyio
async def test_requests_beyond_pool_and_queue_go_to_the_next_tier() -> None:
    """One connection, one place in the queue: the third request does not wait."""
    go_on = asyncio.Event()

    async def busy(peer: Peer) -> None:
        while True:
            await peer.request()
            await go_on.wait()
            peer.send(answer())

    async with scripted(busy) as first, scripted(always(answer())) as second:
        narrow = upstream(first, max_connections=1, max_queue=1)
        async with gateway(routed({"first": narrow, "second": upstream(second)})) as served:
            instance = served.instance("first")
            asking = [asyncio.get_running_loop().create_task(served.chat()) for _ in range(2)]
            await until(lambda: instance.queued == 1, "one request waits")
            third = await served.chat()
            go_on.set()
            waited = await asyncio.gather(*asking)

        assert third.headers["x-offramp-tier"] == "second"
        assert [one.headers["x-offramp-tier"] for one in waited] == ["first", "first"]
        assert first.opened == 1


@pytest.mark.anyio
async def test_a_request_that_waits_in_the_queue_may_leave_it() -> None:
    """Its client has gone; the upstream never hears of it."""
    go_on = asyncio.Event()

    async def busy(peer: Peer) -> None:
        while True:
            await peer.request()
            await go_on.wait()
            peer.send(answer())

    async with scripted(busy) as target:
        narrow = upstream(target, max_connections=1)
        async with gateway(routed({"local": narrow})) as served:
            asking = asyncio.get_running_loop().create_task(served.chat(user="first"))
            await until(lambda: len(target.asked) == 1, "the first request is under way")
            async with served.connect() as client:
                client.send(raw("POST", PATH, chat(user="second")))
                await until(lambda: served.instance("local").queued == 1, "the second one waits")
            await until(lambda: served.instance("local").queued == 0, "it was forgotten")
            go_on.set()
            answered = await asking
            third = await served.chat(user="third")

        assert (answered.status, third.status) == (200, 200)
        assert [json.loads(asked.body)["user"] for asked in target.asked] == ["first", "third"]


@pytest.mark.anyio
async def test_an_upstream_that_closes_every_connection_serves_a_queue_all_the_same() -> None:
    """A connection that goes makes room for who waits."""
    async with scripted(once(answer(CHAT, b"connection: close"))) as target:
        narrow = upstream(target, max_connections=1)
        async with gateway(routed({"local": narrow})) as served, asyncio.TaskGroup() as group:
            asking = [group.create_task(served.chat()) for _ in range(5)]

        assert [task.result().status for task in asking] == [200] * 5
        assert target.opened == 5


@pytest.mark.anyio
async def test_messages_name_the_limit() -> None:
    """What to do about it stands in the message."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits={"body_bytes": 1000})
        async with gateway(config) as served:
            seen = await served.ask("POST", PATH, b" " * 1001)

        assert re.search(r"\b1000 bytes", seen.json()["error"]["message"])
