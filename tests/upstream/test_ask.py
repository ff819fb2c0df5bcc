"""Asking outside the request path: probes, chat, bench. One coroutine, clear errors, nothing left behind."""

import asyncio

import pytest

from offramp.errors import UnavailableError
from offramp.upstream.ask import Reply, ask
from tests.upstream.listening import GET, close, instance_at
from tests.upstream.scripted import Peer, always, once, scripted, until

HELLO = b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello"


async def collect(reply: Reply, received: list[bytes]) -> None:
    """Everything that comes, also if it ends in an error."""
    async for block in reply.blocks():
        received.append(block)  # noqa: PERF401 - what came before an error must not be lost


@pytest.mark.anyio
async def test_an_answer_comes_whole_or_block_by_block() -> None:
    """On one connection, one after the other."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        whole = await ask(instance, GET, timeout_s=5)
        body = await whole.read()
        posted = await ask(instance, b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n", b"hi", timeout_s=5)
        blocks = [block async for block in posted.blocks()]
        await close(instance)

    assert (whole.status, whole.headers[0], body) == (200, (b"x-a", b"1"), b"hello")
    assert b"".join(blocks) == b"hello"
    assert (target.opened, target.asked[1].body) == (1, b"hi")


@pytest.mark.anyio
async def test_an_upstream_that_is_away_is_an_error_that_says_so() -> None:
    """With its address."""
    instance = instance_at(1)

    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 cannot be reached"):
        await ask(instance, GET, timeout_s=5)


@pytest.mark.anyio
async def test_a_full_pool_is_an_error_at_once() -> None:
    """A probe must not wait behind what it probes."""

    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with scripted(silent) as target:
        instance = instance_at(target.port, connections=1, queue=0)
        first = asyncio.get_running_loop().create_task(ask(instance, GET, timeout_s=5))
        await until(lambda: instance.open_connections == 1, "the pool is full")
        with pytest.raises(UnavailableError, match="all connections are in use"):
            await ask(instance, GET, timeout_s=5)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await until(lambda: not instance.open_connections, "its connection is closed")
        await close(instance)


@pytest.mark.anyio
async def test_an_answer_that_does_not_begin_in_time_is_given_up() -> None:
    """And its connection with it."""

    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with scripted(silent) as target:
        instance = instance_at(target.port)
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.05 s"):
            await ask(instance, GET, timeout_s=0.05)
        await until(lambda: not instance.open_connections, "its connection is closed")
        await close(instance)


@pytest.mark.anyio
async def test_silence_within_the_body_is_an_error() -> None:
    """What came before it was given out already."""

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        await peer.gone()

    async with scripted(play) as target:
        instance = instance_at(target.port)
        reply = await ask(instance, GET, timeout_s=5, silence_s=0.05)
        received: list[bytes] = []
        with pytest.raises(UnavailableError, match=r"silent for 0\.05 s"):
            await collect(reply, received)
        await until(lambda: not instance.open_connections, "its connection is closed")
        await close(instance)

    assert received == [b"hello"]


@pytest.mark.anyio
async def test_an_answer_that_breaks_off_is_an_error_and_no_end() -> None:
    """Half an answer is never taken for a whole one."""
    async with scripted(once(HELLO[:-1])) as target:
        instance = instance_at(target.port)
        reply = await ask(instance, GET, timeout_s=5)
        with pytest.raises(UnavailableError, match="broke"):
            await reply.read()
        await close(instance)


@pytest.mark.anyio
async def test_whoever_stops_reading_gives_the_connection_up() -> None:
    """A model stops working for nobody."""
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        await peer.gone()
        gone.set()

    async with scripted(play) as target:
        instance = instance_at(target.port)
        reply = await ask(instance, GET, timeout_s=5)
        blocks = reply.blocks()
        first = await anext(blocks)
        await blocks.aclose()
        await until(gone.is_set, "the upstream sees that nobody reads")
        await close(instance)

    assert first == b"hello"
