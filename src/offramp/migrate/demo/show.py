"""The show: everything that its chapters share, and their order."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offramp.migrate.demo.asked import FAILED, Asked
from offramp.migrate.demo.audience import Audience, Chapter, Promise
from offramp.migrate.demo.cast import CACHE, LOCAL, OPENAI, TEAMS
from offramp.migrate.demo.client import Application
from offramp.migrate.demo.load import Load, turns
from offramp.migrate.demo.programme import Pace
from offramp.migrate.demo.stage import Stage
from offramp.migrate.demo.timeline import HALF_OPEN, Timeline

TICK_S = 0.1
"""How often the gateway is looked at and the picture is drawn."""

MISSED_SHARE = 0.05
"""Of the load that was not sent, from which on it is worth a word."""


@dataclass(slots=True, kw_only=True)
class Show:
    """One performance."""

    stage: Stage
    application: Application
    audience: Audience
    pace: Pace
    promises: list[Promise] = field(default_factory=list)
    books: Mapping[str, Any] | None = None
    """What the ledger said at the end; `None` without the chapter `bill`."""
    probed: list[int] = field(default_factory=list)
    """How many requests the self-hosted upstream had got, each time the breaker was seen half-open."""
    refused_on_purpose: int = 0
    timeline: Timeline | None = None
    _load: Load | None = None
    _watching: asyncio.Task[None] | None = None

    @property
    def behind(self) -> tuple[str, ...]:
        """The tiers behind the self-hosted one, without the cache."""
        return tuple(each.name for each in self.stage.real) or (OPENAI,)

    def promise(self, chapter: Chapter, text: str, found: str, *, held: bool) -> None:
        """Say what was promised and what was found."""
        promise = Promise(chapter=chapter, text=text, held=held, found=found)
        self.promises.append(promise)
        self.audience.promise(promise)

    def promise_no_failure(self, chapter: Chapter, asked: Sequence[Asked]) -> None:
        """The one that everything is about."""
        failed = [each for each in asked if each.ending in FAILED]
        found = f"{len(failed)} of {len(asked):,} requests failed"
        if failed:
            found += f", the first with: {failed[0].why or failed[0].ending}"
        self.promise(chapter, "no request fails", found, held=not failed)

    # ------------------------------------------------------------------------------------------------------- the load

    @property
    def is_loaded(self) -> bool:
        """Whether requests are being sent."""
        return self._load is not None

    def start_load(self) -> None:
        """Begin to send requests, and to draw what becomes of them."""
        self.timeline = Timeline(start_s=time.monotonic(), tiers=(LOCAL, *self.behind, CACHE))
        pace = self.pace
        teams = turns(*TEAMS)
        self._load = Load(self.application, rate_per_s=pace.rate_per_s, max_tokens=pace.max_tokens, teams=teams)
        self._load.start()
        self._watching = asyncio.get_running_loop().create_task(self._watch(self.timeline))
        self._watching.add_done_callback(_cancels(asyncio.current_task()))

    async def stop_load(self) -> None:
        """Send no more; draw how it was."""
        if self._load is None or self.timeline is None:
            return
        load, self._load = self._load, None
        await load.stop()
        await self._stop_watching()
        self.audience.end_picture(self.timeline.picture(self.application.seen, time.monotonic()))
        if load.missed > MISSED_SHARE * load.sent:
            self.audience.say(f"(This machine is busy with other things: {load.missed:,} requests too few were sent.)")

    async def abandon(self) -> None:
        """The show is over early."""
        await self._stop_watching()
        if self._load is not None:
            await self._load.abandon()
            self._load = None

    async def settled_since(self, start_s: float) -> list[Asked]:
        """Every request that was sent since then, once all of them have ended; those that follow are not waited for."""
        asked = [each for each in self.application.seen if each.started_s >= start_s]
        if self._load is not None:
            await self._load.settled()
        return asked

    def mark(self, text: str) -> None:
        """Something happens now, to be seen in the picture."""
        if self.timeline is not None:
            self.timeline.mark(text, time.monotonic())

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for it; says whether it came true in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition():  # noqa: ASYNC110 -- what is waited for happens in another process
                    await asyncio.sleep(TICK_S / 2)
                return True
        return condition()

    async def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None

    async def _watch(self, timeline: Timeline) -> None:
        while True:
            state = await self.stage.breaker()
            if state:
                timeline.saw_breaker(state, time.monotonic())
            if state == HALF_OPEN:
                await self._count_probes()
            self.audience.picture(timeline.picture(self.application.seen, time.monotonic()))
            await asyncio.sleep(TICK_S)

    async def _count_probes(self) -> None:
        """What the upstream got until now is what the breaker let through, if it still is half-open afterwards."""
        counts = await self.stage.engine_counts()
        if counts is not None and await self.stage.breaker() == HALF_OPEN:
            self.probed.append(counts.requests)


def _cancels(player: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
    """What ends the show where nobody can watch any more (a pipe that was closed); `abandon` then says why."""

    def on_done(watching: asyncio.Task[None]) -> None:
        if player is not None and not watching.cancelled() and watching.exception() is not None:
            player.cancel()

    return on_done


Scene = Callable[[Show], Awaitable[None]]
"""One chapter, as it is played."""


async def play(show: Show, scenes: Mapping[Chapter, Scene], chapters: Sequence[Chapter]) -> None:
    """Play these chapters. The breaker's goes on where the failover's ends, under the same load."""
    try:
        for chapter, following in zip(chapters, (*chapters[1:], None), strict=True):
            await show.audience.heading(chapter)
            await scenes[chapter](show)
            if following is not Chapter.BREAKER:
                await show.stop_load()
    finally:
        await show.abandon()
