"""An answer whose head came before is not parsed again, and everything else is told exactly as by the parser."""

import asyncio

import pytest

from offramp.upstream.base import Attempt
from offramp.upstream.connection import UpstreamConnection
from offramp.upstream.instance import Instance
from tests.upstream.listening import GET, Heard, instance_at

HEAD = b"HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: %d\r\nx-a: 1\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that only knows whether it was closed."""

    closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send nothing."""

    def writelines(self, list_of_data: object) -> None:
        """Send nothing."""

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def close(self) -> None:
        """Say so."""
        self.closed = True

    def abort(self) -> None:
        """Say so."""
        self.closed = True


class Joined:
    """One instance with one connection that is open."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.instance: Instance = instance_at(1)
        self.wire = Wire()
        self.connection = UpstreamConnection(self.instance)
        self.connection.connection_made(self.wire)

    def ask(self, *reads: bytes, head_only: bool = False) -> Heard:
        """What is heard of an attempt that is answered by these reads."""
        heard = Heard()
        attempt = Attempt(heard, None, self.instance, head_only=head_only)
        attempt.head = GET
        self.connection.send(attempt)
        for read in reads:
            self.connection.data_received(read)
        return heard

    def story(self, heard: Heard) -> tuple[object, ...]:
        """All that can be told apart from outside."""
        kept = self.connection in self.instance._idle
        told = (heard.events, heard.status, heard.headers, heard.length, heard.body, heard.failure)
        return (*told, self.wire.closed, kept)


def whole(body: bytes = b"hello") -> bytes:
    """An answer with the head that comes every time."""
    return HEAD % len(body) + body


def warm() -> Joined:
    """A connection on which the same head came twice."""
    joined = Joined()
    for _ in range(2):
        joined.ask(whole())
        joined.instance._idle.clear()
    assert joined.instance.known_answer is not None
    return joined


@pytest.mark.anyio
async def test_a_head_that_came_twice_is_not_parsed_a_third_time() -> None:
    """Also where the body is another one, and on another connection of the same instance."""
    joined = warm()
    joined.connection = UpstreamConnection(joined.instance)
    joined.connection.connection_made(joined.wire)
    del joined.connection._parser

    heard = joined.ask(whole(b"something else"))

    assert heard.events == ["head", "body", "end"]
    assert (heard.status, heard.headers, heard.length) == (200, [(b"date", b"now"), (b"x-a", b"1")], 14)
    assert heard.body == b"something else"
    assert joined.connection in joined.instance._idle


READS: dict[str, tuple[bytes, ...]] = {
    "the same": (whole(),),
    "an empty body": (whole(b""),),
    "in two reads": (whole()[:70], whole()[70:]),
    "cut in the body": (whole()[:-2],),
    "a byte too many": (whole() + b"x",),
    "two answers": (whole() + whole(),),
    "another field": (whole().replace(b"x-a: 1", b"x-a: 2"),),
    "another status": (whole().replace(b"200 OK", b"500 Internal Server Error"),),
    "to be closed": (whole().replace(b"x-a: 1", b"connection: close"),),
    "chunked": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",),
    "two lengths": (whole().replace(b"x-a: 1", b"content-length: 5"),),
    "a length and chunks": (whole().replace(b"x-a: 1", b"transfer-encoding: chunked"),),
    "a negative length": (whole().replace(b"Length: 5", b"Length: -5"),),
    "an early hint with a length": (b"HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n" + whole(),),
    "an early hint before it": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + whole(),),
    "no HTTP": (b"hello",),
}


@pytest.mark.anyio
@pytest.mark.parametrize("reads", READS.values(), ids=READS)
async def test_what_is_told_does_not_depend_on_what_came_before(reads: tuple[bytes, ...]) -> None:
    """A connection that knows the head and one that has never seen an answer tell the same."""
    known, fresh = warm(), Joined()

    assert known.story(known.ask(*reads)) == fresh.story(fresh.ask(*reads))


@pytest.mark.anyio
async def test_an_answer_to_head_has_no_body_whatever_is_known() -> None:
    """Its length is that of the body which GET would have had."""
    known, fresh = warm(), Joined()
    read = HEAD % 5

    heard = known.ask(read, head_only=True)

    assert known.story(heard) == fresh.story(fresh.ask(read, head_only=True))
    assert (heard.events, heard.length) == (["head", "end"], 5)


@pytest.mark.anyio
async def test_a_head_that_changes_is_learned_anew() -> None:
    """Most servers say the time: what is known is that of this second."""
    joined = warm()
    later = whole().replace(b"now", b"later")
    for _ in range(2):
        joined.ask(later)
    del joined.connection._parser

    assert joined.ask(later).events == ["head", "body", "end"]


@pytest.mark.anyio
@pytest.mark.parametrize("changed", ["another status", "chunked", "to be closed", "an early hint with a length"])
async def test_only_whole_answers_of_status_200_with_a_length_are_learned(changed: str) -> None:
    """The others are rare, or are read by events."""
    joined = Joined()
    for _ in range(3):
        joined.ask(*READS[changed])

    assert joined.instance.known_answer is None
