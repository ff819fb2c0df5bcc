"""The pool of one instance: connections are used again, bounded, queued for, and gone when they are not wanted."""

import asyncio
import time

import pytest

from offramp.policy.breaker import State
from offramp.policy.failover import Failure
from offramp.upstream.dial import Address
from offramp.upstream.instance import IDLE_CONNECTION_S
from tests.upstream.listening import Heard, attempt_at, close, instance_at, started
from tests.upstream.scripted import Peer, Play, always, scripted, until

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


def held(go_on: asyncio.Event) -> Play:
    """Answers once it may."""

    async def play(peer: Peer) -> None:
        while True:
            await peer.request()
            await go_on.wait()
            peer.send(HELLO)

    return play


@pytest.mark.anyio
async def test_connections_are_opened_as_needed_and_used_again_the_last_one_first() -> None:
    """So that those which are too many become idle and are closed."""
    go_on = asyncio.Event()
    async with scripted(held(go_on)) as target:
        instance = instance_at(target.port)
        three = [started(instance) for _ in range(3)]
        await until(lambda: len(target.asked) == 3, "three are under way")
        go_on.set()
        for heard in three:
            await heard.over()
        for _ in range(5):
            await started(instance).over()
        await close(instance)

    assert target.opened == 3


@pytest.mark.anyio
async def test_beyond_the_limit_attempts_wait_their_turn() -> None:
    """First come, first served, on whichever connection becomes free."""
    go_on = asyncio.Event()
    async with scripted(held(go_on)) as target:
        instance = instance_at(target.port, connections=1, queue=2)
        order: list[int] = []

        class Numbered(Heard):
            def __init__(self, number: int) -> None:
                super().__init__()
                self.number = number

            def on_end(self, attempt: object) -> None:
                order.append(self.number)

        for number in range(3):
            assert instance.start(attempt_at(instance, Numbered(number)))
        refused = instance.start(attempt_at(instance, Heard()))
        waiting = instance.queued
        go_on.set()
        await until(lambda: len(order) == 3, "all have been served")
        await close(instance)

    assert (refused, waiting, order, target.opened) == (False, 2, [0, 1, 2], 1)


@pytest.mark.anyio
async def test_an_attempt_given_up_while_it_waits_or_is_being_connected_is_forgotten() -> None:
    """The upstream never sees it; the connection that was opened for it serves somebody else."""
    go_on = asyncio.Event()
    go_on.set()
    async with scripted(held(go_on)) as target:
        instance = instance_at(target.port, connections=1)
        connecting, waiting, third = (attempt_at(instance, Heard()) for _ in range(3))
        for attempt in (connecting, waiting):
            assert instance.start(attempt)
        connecting.cancel()
        waiting.cancel()
        heard = third.listener
        assert instance.start(third)
        assert isinstance(heard, Heard)
        await heard.over()
        await close(instance)

    assert len(target.asked) == 1
    assert target.opened == 1


@pytest.mark.anyio
async def test_a_failed_connection_makes_room_for_who_waits() -> None:
    """Each of them hears of its own failure, nobody waits for ever."""
    instance = instance_at(1, connections=1)
    several = [started(instance) for _ in range(4)]
    for heard in several:
        await heard.over()
    await close(instance)

    assert [heard.failure for heard in several] == [Failure.CONNECT] * 4
    assert "127.0.0.1:1 cannot be reached" in several[0].reason
    assert (instance.queued, instance.open_connections) == (0, 0)


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["name-that-nobody-knows.invalid", "a..b", "x" * 300, "\u2603.invalid"])
async def test_a_name_that_means_nothing_is_a_failure_to_connect(host: str) -> None:
    """Of whatever kind the error is that the resolver raises."""
    instance = instance_at(1, address=Address(host=host, port=1))
    heard = await started(instance).over()
    await close(instance)

    assert heard.failure is Failure.CONNECT
    assert host in heard.reason


@pytest.mark.anyio
async def test_idle_connections_are_closed_after_a_while() -> None:
    """Before a load balancer in between forgets them without a word."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        await started(instance).over()
        instance.sweep(time.monotonic() + IDLE_CONNECTION_S - 1)
        kept = instance.open_connections
        instance.sweep(time.monotonic() + IDLE_CONNECTION_S + 1)
        closed = instance.open_connections
        await started(instance).over()
        await close(instance)

    assert (kept, closed, target.opened) == (1, 0, 2)


@pytest.mark.anyio
async def test_a_retired_instance_finishes_what_it_has_begun() -> None:
    """Requests that began under the old configuration end on it; then its connections are closed."""
    go_on = asyncio.Event()
    async with scripted(held(go_on)) as target:
        instance = instance_at(target.port, connections=1)
        under_way, waiting = started(instance), started(instance)
        await until(lambda: len(target.asked) == 1, "the first is under way")
        instance.retire()
        go_on.set()
        await under_way.over()
        await waiting.over()
        left = instance.open_connections
        await close(instance)

    assert (under_way.body, waiting.body, left) == (b"hello", b"hello", 0)


@pytest.mark.anyio
async def test_a_retired_instance_closes_what_is_idle_at_once() -> None:
    """Nothing of an address stays open that the configuration no longer names."""
    async with scripted(always(HELLO)) as target:
        instance = instance_at(target.port)
        await started(instance).over()
        instance.retire()

        assert instance.open_connections == 0


@pytest.mark.anyio
async def test_a_rest_that_was_asked_for_is_never_made_shorter() -> None:
    """Two answers with Retry-After: the later moment counts."""
    instance = instance_at(1)
    instance.rest(20.0)
    instance.rest(10.0)

    assert instance.resting_until_s == 20.0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "row"),
    [(None, 0), (Failure.BROKEN, 1), (Failure.CONNECT, 1), (Failure.CLIENT, 0), (Failure.CONTEXT_OVERFLOW, 0)],
)
async def test_only_the_upstream_s_own_failures_count_against_it(failure: Failure | None, row: int) -> None:
    """A client's mistake opens no breaker."""
    instance = instance_at(1)
    attempt = attempt_at(instance, Heard())
    attempt.admission = instance.breaker.admit(0.0)
    instance.judge(attempt, failure, 0.0)
    instance.judge(attempt, Failure.BROKEN, 0.0)

    assert instance.breaker.row == row


@pytest.mark.anyio
async def test_a_probe_that_ends_without_a_verdict_gives_its_lease_back() -> None:
    """The client left: nobody knows yet whether the upstream is well, and the next request may find out."""
    instance = instance_at(1)
    for _ in range(5):
        failed = attempt_at(instance, Heard())
        failed.admission = instance.breaker.admit(0.0)
        instance.judge(failed, Failure.BROKEN, 0.0)
    probe = attempt_at(instance, Heard())
    probe.admission = instance.breaker.admit(100.0)
    refused_meanwhile = instance.breaker.admit(100.0)
    instance.release(probe, 101.0)

    assert instance.breaker.state is State.HALF_OPEN
    assert refused_meanwhile is None
    assert instance.would_admit(101.0)
