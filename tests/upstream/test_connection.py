"""One connection to an upstream: answers cut anywhere, in order, never two at once, never bytes of another one."""

import asyncio

import pytest

from offramp.policy.failover import Failure
from offramp.upstream.base import Attempt
from offramp.wire.http import AnswerHead
from tests.upstream.listening import GET, Heard, attempt_at, close, instance_at, started
from tests.upstream.scripted import Peer, Play, always, once, scripted, until

HELLO = b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"


def dripping(raw: bytes, size: int) -> Play:
    """An answer that comes in packets of that size."""

    async def play(peer: Peer) -> None:
        await peer.request()
        for start in range(0, len(raw), size):
            peer.send(raw[start : start + size])
            await peer.writer.drain()
            await asyncio.sleep(0)

    return play


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("raw", [HELLO, IN_CHUNKS, TO_THE_END, INTERIM + HELLO], ids=["length", "chunks", "end", "1xx"])
async def test_an_answer_is_the_same_however_it_is_cut(raw: bytes, size: int) -> None:
    """Head, body, end, in that order and once each."""
    async with scripted(dripping(raw, size)) as target:
        instance = instance_at(target.port)
        heard = await started(instance).over()
        await close(instance)

    assert heard.events == ["head", "body", "end"]
    assert (heard.status, heard.body) == (200, b"hello")


@pytest.mark.anyio
async def test_one_read_is_one_piece_of_body() -> None:
    """However many chunks it held: the client gets them in one write."""
    blocks: list[bytes] = []

    class Counting(Heard):
        def on_body(self, attempt: object, block: bytes) -> None:
            blocks.append(block)

    async with scripted(always(IN_CHUNKS)) as target:
        instance = instance_at(target.port)
        heard = Counting()
        instance.start(attempt_at(instance, heard))
        await heard.over()
        await close(instance)

    assert blocks == [b"hello"]


@pytest.mark.anyio
async def test_the_status_is_that_of_the_answer_and_not_of_bytes_behind_it() -> None:
    """Both came in one packet, and the parser has seen both."""
    async with scripted(once(HELLO + b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")) as target:
        instance = instance_at(target.port)
        heard = await started(instance).over()
        kept = instance.open_connections
        await close(instance)

    assert (heard.status, heard.body, heard.headers) == (200, b"hello", [(b"x-a", b"1")])
    assert kept == 0


@pytest.mark.anyio
@pytest.mark.parametrize("broken", ["before the head", "in the head", "in the body", "between chunks", "by reset"])
async def test_an_answer_that_breaks_off_is_lost(broken: str) -> None:
    """Never ended: a client could not tell half an answer from a whole one."""
    sent = {
        "before the head": b"",
        "in the head": b"HTTP/1.1 200 OK\r\nx-",
        "in the body": HELLO[:-1],
        "between chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",
        "by reset": HELLO[:-1],
    }[broken]

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(sent)
        await peer.writer.drain()
        if broken == "by reset":
            await asyncio.sleep(0.02)
            peer.reset()

    async with scripted(play) as target:
        instance = instance_at(target.port)
        heard = await started(instance).over()
        await close(instance)

    assert (heard.events[-1], heard.failure) == ("lost", Failure.BROKEN)
    assert instance.open_connections == 0


@pytest.mark.anyio
async def test_a_connection_that_ends_as_soon_as_it_is_open_loses_the_attempt() -> None:
    """It must be told, though the end may come before anything was sent."""

    async def door_slammer(peer: Peer) -> None:
        peer.reset()

    async with scripted(door_slammer) as target:
        instance = instance_at(target.port)
        for _ in range(50):
            heard = await started(instance).over()
            assert heard.failure in {Failure.BROKEN, Failure.CONNECT}
        await close(instance)

    assert instance.open_connections == 0


@pytest.mark.anyio
async def test_a_cancelled_attempt_hears_nothing_more_and_frees_its_connection() -> None:
    """What the upstream still sends is for nobody."""

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        await peer.gone()

    async with scripted(play, always(HELLO)) as target:
        instance = instance_at(target.port, connections=1)
        heard = Heard()
        heard.on_first_body = lambda attempt: attempt.cancel()
        assert instance.start(attempt_at(instance, heard))
        second = await started(instance).over()
        await close(instance)

    assert heard.events == ["head", "body"]
    assert second.body == b"hello"


@pytest.mark.anyio
async def test_an_attempt_that_is_cancelled_by_its_own_head_gets_no_body() -> None:
    """Head, body and end came in one packet, but the listener wanted no more after the head."""

    class Choosy(Heard):
        def on_head(self, attempt: Attempt, head: AnswerHead) -> None:
            super().on_head(attempt, head)
            attempt.cancel()

    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        heard = Choosy()
        assert instance.start(attempt_at(instance, heard))
        await until(lambda: bool(heard.events), "the head")
        await until(lambda: not instance.open_connections, "the connection is closed")
        await close(instance)

    assert heard.events == ["head"]


@pytest.mark.anyio
async def test_bytes_on_an_idle_connection_end_it() -> None:
    """A `408 Request Timeout` that a server sends before it closes an idle connection is no answer to anybody."""
    say_it = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(HELLO)
        await say_it.wait()
        peer.send(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await peer.gone()

    async with scripted(play, always(HELLO)) as target:
        instance = instance_at(target.port)
        await started(instance).over()
        say_it.set()
        await until(lambda: not instance.open_connections, "the connection is closed")
        heard = await started(instance).over()
        await close(instance)

    assert (heard.status, target.opened) == (200, 2)


@pytest.mark.anyio
async def test_a_paused_answer_waits_and_the_connection_is_read_again_for_the_next() -> None:
    """A pause belongs to the attempt, not to the connection that is used again."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port, connections=1)
        first = Heard()
        first.on_first_body = lambda attempt: attempt.pause()
        assert instance.start(attempt_at(instance, first))
        await first.over()
        second = await started(instance).over()
        await close(instance)

    assert (first.body, second.body, target.opened) == (b"hello", b"hello", 1)


@pytest.mark.anyio
async def test_a_pause_and_what_follows_it() -> None:
    """Nothing is heard while it lasts, everything afterwards."""
    body = bytes(4 * 1024 * 1024)
    attempts = []

    def pause(attempt) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        attempts.append(attempt)
        attempt.pause()
        attempt.pause()

    async with scripted(always(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))) as target:
        instance = instance_at(target.port)
        heard = Heard()
        heard.on_first_body = pause
        assert instance.start(attempt_at(instance, heard))
        await until(lambda: bool(attempts), "the first piece")
        so_far = len(heard.body)
        await asyncio.sleep(0.05)
        meanwhile = len(heard.body)
        attempts[0].resume()
        await heard.over()
        await close(instance)

    assert so_far == meanwhile < len(body)
    assert heard.body == body


@pytest.mark.anyio
async def test_head_has_no_body_whatever_its_length_says() -> None:
    """The connection is not used again: a server that sends the body all the same would hand it to the next one."""
    async with scripted(once(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, b"HEAD / HTTP/1.1\r\nhost: test\r\n\r\n")
        attempt.head_only = True
        assert instance.start(attempt)
        await heard.over()
        kept = instance.open_connections
        await close(instance)

    assert (heard.events, heard.body, kept) == (["head", "end"], b"", 0)


@pytest.mark.anyio
async def test_an_answer_before_the_end_of_an_upload_costs_the_connection() -> None:
    """What is left of the upload would be read as the next request."""
    async with scripted(dripping(HELLO, 1000)) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(
            instance, heard, b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n", b"0123456789"
        )
        attempt.upload_open = True
        assert instance.start(attempt)
        await heard.over()
        kept = instance.open_connections
        await close(instance)

    assert (heard.body, kept) == (b"hello", 0)


@pytest.mark.anyio
async def test_an_upload_is_told_when_the_upstream_takes_no_more_and_when_it_does() -> None:
    """By that the client is paused."""
    read_on = asyncio.Event()

    async def play(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
        await read_on.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.request()
        peer.send(HELLO)

    size = 32 * 1024 * 1024
    async with scripted(play) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: %d\r\n\r\n" % size)
        attempt.upload_open = True
        assert instance.start(attempt)
        await until(lambda: attempt.connection is not None, "there is a connection")
        attempt.write(bytes(size), last=True)
        await until(lambda: False in heard.writable, "it is full")
        read_on.set()
        await heard.over()
        await close(instance)

    assert heard.writable[-1] is True
    assert (heard.body, len(target.asked[0].body)) == (b"hello", size)


@pytest.mark.anyio
async def test_after_a_change_of_protocol_bytes_go_both_ways_until_one_side_ends() -> None:
    """Also those that came in one packet with the 101."""

    async def play(peer: Peer) -> None:
        await peer.head()
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
        )
        peer.send(await peer.reader.readexactly(4))

    async with scripted(play) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, b"GET / HTTP/1.1\r\nhost: t\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
        attempt.tunnel = True
        assert instance.start(attempt)
        await until(lambda: heard.status == 101, "it has changed")
        attempt.write(b"ping", last=False)
        await heard.over()
        await close(instance)

    assert heard.events == ["head", "body", "end"]
    assert heard.body == b"HTTP/1.1 200 OK\r\n\r\nping"
    assert instance.open_connections == 0


@pytest.mark.anyio
async def test_a_refused_change_of_protocol_is_an_answer_like_any_other() -> None:
    """Its body may come later and in chunks; it is still HTTP."""
    async with scripted(dripping(IN_CHUNKS.replace(b"200 OK", b"403 No"), 10)) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, b"GET / HTTP/1.1\r\nhost: t\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
        attempt.tunnel = True
        assert instance.start(attempt)
        await heard.over()
        await close(instance)

    assert (heard.events, heard.status, heard.body) == (["head", "body", "end"], 403, b"hello")


@pytest.mark.anyio
@pytest.mark.parametrize("flood", ["head", "trailer", "interim"])
async def test_a_head_or_trailer_without_an_end_is_given_up(flood: str) -> None:
    """With the name of what was too long."""
    before, more = {
        "head": (b"HTTP/1.1 200 OK\r\n", b"x-a: 1\r\n" * 1000),
        "trailer": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-a: 1\r\n" * 1000),
        "interim": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 400),
    }[flood]

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(before)
        for _ in range(1000):
            peer.send(more)
            await peer.writer.drain()

    async with scripted(play) as target:
        instance = instance_at(target.port)
        heard = await started(instance, GET).over()
        await close(instance)

    assert heard.failure is Failure.NOT_PROTOCOL
    assert "longer than" in heard.reason


@pytest.mark.anyio
@pytest.mark.parametrize("framing", [b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n"])
async def test_a_change_of_protocol_with_a_body_is_none(framing: bytes) -> None:
    """Nobody could say where the body ends and the new protocol begins (RFC 9110, section 8.6)."""
    switched = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n" + framing + b"\r\n"
    async with scripted(always(switched + b"hi")) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, b"GET / HTTP/1.1\r\nhost: t\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
        attempt.tunnel = True
        instance.start(attempt)
        await heard.over()
        await close(instance)

    assert (heard.events, heard.failure) == (["lost"], Failure.NOT_PROTOCOL)
    assert "with a body" in heard.reason
