"""A listener that remembers what it hears of an attempt, and instances to try it at."""

import asyncio
from collections.abc import Callable

from offramp.policy.breaker import BreakerSettings
from offramp.policy.failover import Failure
from offramp.upstream.base import Attempt
from offramp.upstream.dial import Address
from offramp.upstream.instance import Instance, PoolLimits, Timeouts
from offramp.wire.http import AnswerHead, Headers

PATIENCE_S = 10.0
GET = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"


class Heard:
    """What became of one attempt."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.events: list[str] = []
        """Names of the calls in their order, without repetitions of `body`."""
        self.status = 0
        self.headers: Headers = []
        self.length: int | None = None
        self.body = b""
        self.failure: Failure | None = None
        self.reason = ""
        self.writable: list[bool] = []
        self.on_first_body: Callable[[Attempt], None] | None = None
        """Done when the first piece of the body is there."""
        self._over = asyncio.Event()

    def on_head(self, attempt: Attempt, head: AnswerHead) -> None:
        """The head of the answer is there."""
        self.events.append("head")
        self.status, self.headers, self.length = head.status, list(head.headers), attempt.length

    def on_body(self, attempt: Attempt, block: bytes) -> None:
        """More of the body."""
        if self.events[-1] != "body":
            self.events.append("body")
        self.body += block
        act, self.on_first_body = self.on_first_body, None
        if act is not None:
            act(attempt)

    def on_end(self, attempt: Attempt) -> None:
        """The answer is whole."""
        self.events.append("end")
        self._over.set()

    def on_lost(self, attempt: Attempt, failure: Failure, reason: str) -> None:
        """The attempt failed."""
        self.events.append("lost")
        self.failure, self.reason = failure, reason
        self._over.set()

    def on_writable(self, attempt: Attempt, *, writable: bool) -> None:
        """The upstream takes more of an upload, or does not for now."""
        self.writable.append(writable)

    async def over(self) -> "Heard":
        """Itself, as soon as nothing more will come."""
        async with asyncio.timeout(PATIENCE_S):
            await self._over.wait()
        return self


def instance_at(
    port: int, *, connections: int = 8, queue: int = 8, connect_s: float = 5.0, address: Address | None = None
) -> Instance:
    """An instance of an upstream called `local`."""
    return Instance(
        "local",
        address or Address(host="127.0.0.1", port=port),
        timeouts=Timeouts(connect_s=connect_s),
        limits=PoolLimits(max_connections=connections, max_queue=queue),
        breaker=BreakerSettings(),
        compute_priced=False,
        base_path=b"/v1",
    )


def attempt_at(instance: Instance, heard: Heard, head: bytes = GET, *pieces: bytes) -> Attempt:
    """An attempt that was not started yet."""
    attempt = Attempt(heard, None, instance)
    attempt.head = head
    attempt.pieces = pieces
    return attempt


def started(instance: Instance, head: bytes = GET, *pieces: bytes) -> Heard:
    """What is heard of an attempt that was taken."""
    heard = Heard()
    assert instance.start(attempt_at(instance, heard, head, *pieces))
    return heard


async def close(instance: Instance) -> None:
    """End all its connections."""
    for connection in list(instance._all):
        connection.drop()
    await asyncio.gather(*instance._tasks, return_exceptions=True)
    await asyncio.sleep(0)
