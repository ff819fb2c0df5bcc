"""The demo played for real, at a quicker pace: processes, sockets, the SDK, a kill -9 and the ledger."""

import os
from collections.abc import Sequence

import pytest

from offramp.migrate.demo.audience import Chapter, Promise
from offramp.migrate.demo.perform import perform
from offramp.migrate.demo.programme import Pace, Performance, Programme, document
from offramp.migrate.demo.timeline import CLOSED, OPEN, Picture

QUICK = Pace(
    rate_per_s=20.0,
    max_tokens=16,
    relay_tokens=12,
    before_s=2.0,
    after_s=1.5,
    away_s=1.0,
    healed_s=1.5,
    ages_s=1.1,
)


class Notes:
    """Somebody who writes everything down."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.chapters: list[Chapter] = []
        self.lines: list[str] = []
        self.pieces: list[str] = []
        self.pictures: list[Picture] = []
        self.promises: list[Promise] = []

    async def heading(self, chapter: Chapter) -> None:
        """A chapter."""
        self.chapters.append(chapter)

    async def pause(self, seconds: float) -> None:
        """No time."""

    def say(self, text: str) -> None:
        """A line."""
        self.lines.append(text)

    def change(self, lines: Sequence[tuple[str, str]]) -> None:
        """Code."""
        self.lines += [f"{sign} {text}" for sign, text in lines]

    def piece(self, text: str) -> None:
        """A piece."""
        self.pieces.append(text)

    def end_answer(self) -> None:
        """Nothing."""

    def picture(self, picture: Picture) -> None:
        """A moment."""
        self.pictures.append(picture)

    def end_picture(self, picture: Picture) -> None:
        """The last moment."""
        self.pictures.append(picture)

    def promise(self, promise: Promise) -> None:
        """A promise."""
        self.promises.append(promise)

    def command(self, words: str) -> bool:
        """Declined."""
        self.lines.append(f"$ {words}")
        return False


def played(*chapters: Chapter, pace: Pace = QUICK) -> tuple[Performance, Notes]:
    """These chapters, played."""
    notes = Notes()
    performance = perform(Programme(chapters=chapters, pace=pace), notes, env=os.environ, variables=os.environ)
    return performance, notes


@pytest.mark.timeout(120)
def test_the_whole_show_keeps_every_promise() -> None:
    """What a newcomer sees first; whatever breaks in the house shows here."""
    performance, notes = played(*Chapter)

    told = "\n".join(f"{each.held} {each.chapter}: {each.text}: {each.found}" for each in notes.promises)
    assert performance.held, told
    assert notes.chapters == list(Chapter)
    assert {each.chapter for each in notes.promises} == set(Chapter)
    assert len(notes.pieces) == QUICK.relay_tokens
    counted, books = performance.counted, performance.books
    assert books is not None
    assert counted.requests == books["requests"]
    assert counted.failed == performance.refused_on_purpose == 1
    assert counted.by_tier["local"] > 0
    assert counted.by_tier["openai"] > 0
    assert counted.by_tier["cache"] == 1
    assert performance.turn is not None
    last = notes.pictures[-1]
    assert (last.failed, last.in_flight, last.breaker_now) == (0, 0, CLOSED)
    assert OPEN in last.breaker
    assert [mark.text for mark in last.marks] == ["kill -9", "started again"]


@pytest.mark.parametrize("chapter", [Chapter.BREAKER, Chapter.BILL])
def test_a_chapter_alone_makes_what_it_needs(chapter: Chapter) -> None:
    """Whoever asks for one part has not seen the others; relay, cache and failover need nothing of them anyway."""
    performance, notes = played(chapter)

    assert performance.held, notes.promises
    assert {each.chapter for each in notes.promises} == {chapter}
    assert performance.counted.requests > 10
    assert document(performance)["held"] is True
