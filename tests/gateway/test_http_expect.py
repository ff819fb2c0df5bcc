"""Bodies that wait to be asked for, and answers that come before the body has ended."""

import asyncio
import json

import pytest

from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.upstream.scripted import Peer, always, answer, scripted, until

PATH = "/v1/chat/completions"
HEAD = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n".encode()
BODY = json.dumps(chat()).encode()
MEGABYTE = 1024 * 1024


@pytest.mark.anyio
async def test_a_body_that_waits_to_be_asked_for_is_asked_for() -> None:
    """A client like curl waits a second for `100 Continue` before it sends a larger body."""
    async with scripted(always(answer())) as target, gateway(routed({"local": upstream(target)})) as served:
        async with served.connect() as client:
            client.send(HEAD + b"expect: 100-Continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
            interim = await client.answer()
            client.send(BODY)
            seen = await client.answer()

        assert (interim.status, seen.status) == (100, 200)
        assert "expect" not in target.asked[0].names


@pytest.mark.anyio
async def test_an_upload_that_waits_to_be_asked_for_is_asked_for_when_its_turn_comes() -> None:
    """Behind a request that is still being answered, the `100 Continue` comes after that answer."""
    async with engine() as local, scripted(always(answer(b"{}"))) as files:
        upstreams = {"local": own_key_upstream(local), "files": upstream(files)}
        config = routed(upstreams, {"upstream": "local"}, passthrough="files")
        async with gateway(config) as served, served.connect() as client:
            waiting = raw("POST", "/v1/files", None, expect="100-continue", content_length="5")
            client.send(raw("POST", PATH, chat()) + waiting)
            seen = [await client.answer(), await client.answer()]
            client.send(b"hello")
            seen.append(await client.answer())
            client.send(
                raw("POST", PATH, chat()) + HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY)
            )
            seen += [await client.answer(), await client.answer()]
            client.send(BODY)
            seen.append(await client.answer())

        assert [one.status for one in seen] == [200, 100, 200, 200, 100, 200]
        assert files.asked[0].body == b"hello"


@pytest.mark.anyio
async def test_a_refused_upload_is_not_asked_for() -> None:
    """That is what `Expect` is for: the client hears no before it sends anything."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", "/v1/files", None, expect="100-continue", content_length="500000000"))
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (404, "close", b"")


@pytest.mark.anyio
async def test_a_body_that_is_too_large_is_not_asked_for() -> None:
    """413 instead of `100 Continue`."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, limits={"body_bytes": 1000})
        async with gateway(config) as served, served.connect() as client:
            client.send(HEAD + b"expect: 100-continue\r\ncontent-length: 1001\r\n\r\n")
            seen = await client.answer()

        assert (seen.status, seen.headers["connection"]) == (413, "close")


@pytest.mark.anyio
async def test_expectations_that_nobody_can_meet_are_417() -> None:
    """RFC 9110 section 10.1.1."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(HEAD + b"expect: a-miracle\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY)
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.json()["error"]["code"]) == (417, "expectation_failed")
        assert (seen.headers["connection"], rest) == ("close", b"")


@pytest.mark.anyio
async def test_http_1_0_has_no_interim_answers() -> None:
    """RFC 9110 section 10.1.1: a 100-continue of HTTP/1.0 is to be ignored."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")
            client.send(head + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY)
            seen = await client.answer()

        assert seen.status == 200


# --- answers that come before the upload has ended ------------------------------------------------


@pytest.mark.anyio
async def test_an_answer_before_the_end_of_an_upload_ends_the_connection() -> None:
    """What is left of the upload must not be read as a request; the client is told by `connection: close`."""

    async def hasty(peer: Peer) -> None:
        await peer.head()
        peer.send(answer(b"{}", status=b"413 Content Too Large"))
        await peer.gone()

    async with scripted(hasty) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", "/v1/files", None, content_length="1000"))
            seen = await client.answer()
            client.send(raw("GET", "/v1/secret"))
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (413, "close", b"")
        assert [asked.target for asked in target.asked] == ["/v1/files"]


@pytest.mark.anyio
async def test_an_upload_to_a_constant_answer_ends_the_connection() -> None:
    """Nobody reads it."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", "/health", None, content_length="1000"))
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (200, "close", b"")


@pytest.mark.anyio
async def test_an_upload_waits_for_the_answer_before_it() -> None:
    """Pipelined behind a slow request, a large upload stays with the client and in the kernel, not in our memory."""
    go_on = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        await go_on.wait()
        peer.send(answer())
        await peer.gone()

    async with scripted(slow) as local, scripted(always(answer(b"{}"))) as files:
        upstreams = {"local": upstream(local), "files": upstream(files)}
        config = routed(upstreams, {"upstream": "local"}, passthrough="files")
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", PATH, chat()))
            client.send(raw("POST", "/v1/files", bytes(32 * MEGABYTE)))
            await until(lambda: bool(local.asked), "the first one is asked")
            await asyncio.sleep(0.2)
            unsent_bytes = client.writer.transport.get_write_buffer_size()
            go_on.set()
            seen = [await client.answer(), await client.answer()]

        assert unsent_bytes > 16 * MEGABYTE
        assert [one.status for one in seen] == [200, 200]
        assert len(files.asked[0].body) == 32 * MEGABYTE


@pytest.mark.anyio
async def test_a_body_that_waits_is_asked_for_each_time() -> None:
    """Also where the same head came before: it waits again."""
    seen: list[int] = []
    async with (
        engine() as local,
        gateway(routed({"local": own_key_upstream(local)})) as served,
        served.connect() as client,
    ):
        for _ in range(3):
            client.send(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY)
            seen += [(await client.answer()).status, (await client.answer()).status]

    assert seen == [100, 200] * 3
