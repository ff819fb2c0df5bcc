"""Who watches: what the show tells, for whoever prints it; and what the show promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from offramp.migrate.demo.timeline import Picture


class Chapter(StrEnum):
    """The parts of the show, in their order."""

    RELAY = "relay"
    FAILOVER = "failover"
    BREAKER = "breaker"
    CACHE = "cache"
    BILL = "bill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a chapter is about."""

    title: str
    story: str
    """What is going to happen, in a sentence or two."""


HEADINGS = {
    Chapter.RELAY: Heading(
        title="Two lines change",
        story="An application with the OpenAI SDK asks the gateway instead of OpenAI. The answer is streamed.",
    ),
    Chapter.FAILOVER: Heading(
        title="The self-hosted upstream dies",
        story="Under a steady load it is killed (kill -9). Who has no word of an answer yet must not notice.",
    ),
    Chapter.BREAKER: Heading(
        title="The breaker opens, and heals",
        story="While away, nobody waits for it. Started again, one request tries it; then traffic returns.",
    ),
    Chapter.CACHE: Heading(
        title="Everybody is away",
        story="Both upstreams are killed. Who repeats a question gets the last good answer, with its age.",
    ),
    Chapter.BILL: Heading(
        title="What it cost",
        story="The ledger of this very run, compared with what the application itself has counted.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Something that the show claims, and what was found."""

    chapter: Chapter
    text: str
    held: bool
    found: str


class Audience(Protocol):
    """Whoever shows it."""

    async def heading(self, chapter: Chapter) -> None:
        """A chapter begins."""

    async def pause(self, seconds: float) -> None:
        """Time to read, where somebody reads."""

    def say(self, text: str) -> None:
        """One line."""

    def change(self, lines: Sequence[tuple[str, str]]) -> None:
        """Lines of a program, each with `-`, `+` or a space before it."""

    def piece(self, text: str) -> None:
        """A piece of an answer."""

    def end_answer(self) -> None:
        """The answer is whole."""

    def picture(self, picture: Picture) -> None:
        """How the load is doing, several times a second."""

    def end_picture(self, picture: Picture) -> None:
        """How it was at its end."""

    def promise(self, promise: Promise) -> None:
        """What was found."""

    def command(self, words: str) -> bool:
        """A command is about to print something itself; `False` if that is not wanted here."""
