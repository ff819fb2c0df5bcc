"""What may be done with an attempt, before, while and after it has a connection."""

import pytest

from tests.upstream.listening import Heard, attempt_at, close, instance_at
from tests.upstream.scripted import always, scripted, until

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
UPLOAD = b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 6\r\n\r\n"


@pytest.mark.anyio
async def test_what_is_written_before_there_is_a_connection_goes_first() -> None:
    """And what is written afterwards follows it."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        heard = Heard()
        attempt = attempt_at(instance, heard, UPLOAD, b"ab")
        attempt.upload_open = True
        assert instance.start(attempt)
        attempt.write(b"cd", last=False)
        await until(lambda: attempt.connection is not None, "there is a connection")
        attempt.write(b"ef", last=True)
        await heard.over()
        await close(instance)

    assert target.asked[0].body == b"abcdef"
    assert not attempt.upload_open


@pytest.mark.anyio
async def test_pieces_that_are_not_kept_make_an_attempt_that_is_sent_only_once() -> None:
    """Sent anew it would lack what was written to the wire directly."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        kept, streamed = (attempt_at(instance, Heard(), UPLOAD, b"ab") for _ in range(2))
        for attempt in (kept, streamed):
            attempt.upload_open = True
            assert instance.start(attempt)
        kept.write(b"cdef", last=True)
        await until(lambda: streamed.connection is not None, "there is a connection")
        streamed.write(b"cdef", last=True)
        for attempt in (kept, streamed):
            listener = attempt.listener
            assert isinstance(listener, Heard)
            await listener.over()
        await close(instance)

    assert (kept.fresh_only, kept.pieces) == (False, (b"ab", b"cdef"))
    assert (streamed.fresh_only, streamed.pieces) == (True, (b"ab",))


@pytest.mark.anyio
async def test_after_its_end_nothing_that_is_done_to_an_attempt_touches_the_connection() -> None:
    """It serves somebody else by then."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port, connections=1)
        first, second = Heard(), Heard()
        attempt = attempt_at(instance, first)
        assert instance.start(attempt)
        await first.over()
        assert instance.start(attempt_at(instance, second))
        attempt.pause()
        attempt.resume()
        attempt.cancel()
        attempt.cancel()
        await second.over()
        await close(instance)

    assert (second.body, target.opened) == (b"hello", 1)
    assert first.events == ["head", "body", "end"]


def test_an_attempt_that_was_never_started_can_be_given_up() -> None:
    """Nobody is told."""
    heard = Heard()
    attempt = attempt_at(instance_at(1), heard)
    attempt.pause()
    attempt.resume()
    attempt.cancel()

    assert attempt.done
    assert heard.events == []
