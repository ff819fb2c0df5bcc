"""A steady load: request n starts at n divided by the rate, whatever became of those before it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import cycle

from offramp.migrate.demo.client import Application

QUESTIONS = (
    "Where is my order?",
    "How do I change my address?",
    "Can I still return this after three weeks?",
    "Which plan fits a team of twelve?",
    "Why was I charged twice this month?",
)
"""What customers ask; every request adds a number of its own, so that no two are the same."""

MAX_WAITING = 500
"""More requests without an answer than this mean that something stands still: then none are added."""


class Load:
    """Requests of all teams at a steady rate, two of three streamed, until it is stopped."""

    def __init__(self, application: Application, *, rate_per_s: float, max_tokens: int, teams: Iterator[str]) -> None:
        """Nothing is sent yet.

        Args:
            application: Who asks.
            rate_per_s: Requests per second.
            max_tokens: Length of each answer.
            teams: Whose turn it is.
        """
        self._application = application
        self._rate_per_s = rate_per_s
        self._max_tokens = max_tokens
        self._teams = teams
        self._sending: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Requests that are not answered yet."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin."""
        self._sending = asyncio.get_running_loop().create_task(self._send_for_ever())

    async def stop(self) -> None:
        """Send no more, and wait for the answers that are still to come."""
        await self._cease()
        await self.settled()

    async def settled(self) -> None:
        """Return when everything that is under way now has ended."""
        under_way = list(self._waiting)
        if under_way:
            await asyncio.wait(under_way)

    async def abandon(self) -> None:
        """Send no more, and leave what is under way."""
        await self._cease()
        for task in self._waiting:
            task.cancel()
        await self.settled()

    async def _cease(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
            self._sending = None

    async def _send_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        start_s, number = time.monotonic(), 0
        while True:
            number += 1
            delay_s = start_s + number / self._rate_per_s - time.monotonic()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if len(self._waiting) < MAX_WAITING:
                task = loop.create_task(self._send(number))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)

    async def _send(self, number: int) -> None:
        question = f"{QUESTIONS[number % len(QUESTIONS)]} (case {number})"
        await self._application.ask(next(self._teams), question, streaming=number % 3 != 0, max_tokens=self._max_tokens)


def turns(*teams: str) -> Iterator[str]:
    """Teams by turns: the first has two requests of three."""
    first, second = teams
    return cycle((first, second, first))
