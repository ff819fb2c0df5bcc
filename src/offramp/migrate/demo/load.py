"""A steady load: requests start at a rate, whatever became of those before them."""

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

MAX_WAITING_S = 4.0
"""Requests of so many seconds may wait for their answer; then none are added until one has ended."""
MAX_LATE_S = 0.25
"""A machine that is too busy to send in time is not given all that it has missed on top."""


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
        self.sent = 0
        self.missed = 0
        """Requests that should have been sent and were not, because this machine was too busy."""

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
        most_waiting = self._rate_per_s * MAX_WAITING_S
        due_s, number = time.monotonic(), 0
        while True:
            number += 1
            now_s = time.monotonic()
            due_s += 1 / self._rate_per_s
            if due_s < now_s - MAX_LATE_S:
                self.missed += int((now_s - due_s) * self._rate_per_s)
                due_s = now_s
            elif due_s > now_s:
                await asyncio.sleep(due_s - now_s)
            if len(self._waiting) >= most_waiting:
                self.missed += 1
            else:
                self.sent += 1
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
