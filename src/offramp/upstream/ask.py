"""Ask an upstream outside the request path: one coroutine for chat, probes, health and bench, on the same client."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from offramp.errors import UnavailableError
from offramp.policy.failover import Failure
from offramp.upstream.base import Attempt
from offramp.upstream.instance import Instance
from offramp.wire.http import AnswerHead, Headers


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer whose head is there; its body comes by `blocks` or `read`."""

    status: int
    headers: Headers
    _blocks: "asyncio.Queue[bytes | UnavailableError | None]" = field(repr=False)
    _attempt: Attempt = field(repr=False)
    _silence_s: float = 30.0

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes.

        Raises:
            UnavailableError: If the upstream breaks off or is silent for too long.
        """
        try:
            while True:
                try:
                    async with asyncio.timeout(self._silence_s):
                        block = await self._blocks.get()
                except TimeoutError as error:
                    msg = f"{self._attempt.instance.name} was silent for {self._silence_s:g} s"
                    raise UnavailableError(msg) from error
                if block is None:
                    return
                if isinstance(block, UnavailableError):
                    raise block
                yield block
        finally:
            self._attempt.cancel()

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([block async for block in self.blocks()])


class _Asking:
    """Turns the listener's calls into a future and a queue."""

    def __init__(self) -> None:
        self.head: asyncio.Future[AnswerHead] = asyncio.get_running_loop().create_future()
        self.blocks: asyncio.Queue[bytes | UnavailableError | None] = asyncio.Queue()

    def on_head(self, attempt: Attempt, head: AnswerHead) -> None:
        """The head is there."""
        if not self.head.done():
            self.head.set_result(head)

    def on_body(self, attempt: Attempt, block: bytes) -> None:
        """More of the body."""
        self.blocks.put_nowait(block)

    def on_end(self, attempt: Attempt) -> None:
        """The answer is whole."""
        self.blocks.put_nowait(None)

    def on_lost(self, attempt: Attempt, failure: Failure, reason: str) -> None:
        """It failed."""
        error = UnavailableError(f"{attempt.instance.name}: {reason}")
        if self.head.done():
            self.blocks.put_nowait(error)
        else:
            self.head.set_exception(error)

    def on_writable(self, attempt: Attempt, *, writable: bool) -> None:
        """Requests are whole when they are sent; nothing to pause."""


async def ask(
    instance: Instance, head: bytes, body: bytes = b"", *, timeout_s: float, silence_s: float = 30.0
) -> Reply:
    """Send one request.

    Args:
        instance: Whom to ask.
        head: Request line and header fields with the blank line.
        body: The whole body.
        timeout_s: Until the head of the answer is there.
        silence_s: Longest silence within the body.

    Raises:
        UnavailableError: If no answer begins in time.
    """
    asking = _Asking()
    attempt = Attempt(asking, None, instance)
    attempt.head = head
    if body:
        attempt.pieces = (body,)
    if not instance.start(attempt):
        msg = f"{instance.name}: all connections are in use"
        raise UnavailableError(msg)
    try:
        async with asyncio.timeout(timeout_s):
            said = await asking.head
    except TimeoutError as error:
        attempt.cancel()
        msg = f"{instance.name} did not answer within {timeout_s:g} s"
        raise UnavailableError(msg) from error
    except BaseException:
        attempt.cancel()
        raise
    return Reply(
        status=said.status, headers=said.headers, _blocks=asking.blocks, _attempt=attempt, _silence_s=silence_s
    )
