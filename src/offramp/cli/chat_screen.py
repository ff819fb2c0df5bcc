"""What a chat shows while it waits and while an answer comes; on a terminal, or plainly into a pipe."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from offramp.migrate.chat.answer import Answer

TICK_S = 0.25
QUIET_S = 1.0
"""So long nothing is said: most answers begin sooner."""
COLD_S = 4.0
"""After so long somebody wonders."""
SIDE_BY_SIDE = 90
"""Columns that two answers beside each other need."""


class Screen:
    """Hears one answer and prints it as it comes."""

    def __init__(self, console: Console, *, is_serverless: bool) -> None:
        """Print to `console`."""
        self._console = console
        self._is_serverless = is_serverless
        self._began_s = monotonic()
        self._first_s: float | None = None
        self._texts: list[str] = []
        self._shown = False
        self._thinking = False
        self._reason = ""
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to say how long it takes."""
        if self._console.is_terminal:
            self._ticking = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """Nothing more comes; leave the cursor at the beginning of a line."""
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
            self._ticking = None
        self._wipe()
        if self._shown:
            self._console.print()

    def on_text(self, text: str) -> None:
        """More of the answer."""
        self._begin()
        self._texts.append(text)
        if self._thinking:
            self._thinking = False
            self._console.print("\n")
        self._print(text)

    def on_thinking(self, text: str) -> None:
        """More of its thoughts, paler."""
        self._begin()
        self._thinking = True
        self._print(text, style="dim")

    def on_not_ready(self, reason: str) -> None:
        """Say once why it takes longer."""
        if not self._reason and not self._console.is_terminal:
            self._console.print(f"not ready yet ({reason}), trying again …", markup=False)
        self._reason = reason

    def partial(self) -> Answer:
        """What has come until now, of an answer that is not waited for any longer."""
        return Answer(
            text="".join(self._texts),
            asked_s=self._began_s,
            first_s=self._first_s,
            ended_s=monotonic(),
            chunks=len(self._texts),
            error="stopped by you",
        )

    def _begin(self) -> None:
        if self._first_s is None:
            self._first_s = monotonic()
        if not self._shown:
            if self._ticking is not None:
                self._ticking.cancel()
            self._wipe()
            self._shown = True

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, end="", style=style, markup=False, highlight=False, soft_wrap=True)

    async def _tick(self) -> None:
        await asyncio.sleep(QUIET_S)
        while True:
            line = waiting(monotonic() - self._began_s, is_serverless=self._is_serverless, reason=self._reason)
            self._wipe()
            self._print(line[: self._console.width - 1], style="dim")
            await asyncio.sleep(TICK_S)

    def _wipe(self) -> None:
        if self._console.is_terminal and not self._shown:
            self._console.file.write("\r\x1b[2K")
            self._console.file.flush()


def waiting(seconds: float, *, is_serverless: bool, reason: str) -> str:
    """What is said while nothing comes."""
    text = f"… {seconds:.0f} s"
    if reason:
        return f"{text}, not ready yet ({reason}); Ctrl-C gives up"
    if seconds < COLD_S:
        return text
    if is_serverless:
        return f"{text}, probably a cold start: a machine is brought up and the model loaded; Ctrl-C gives up"
    return f"{text}, busy, or the model is being loaded; Ctrl-C gives up"


class Column:
    """Hears one of several answers that come at the same time."""

    def __init__(self, title: str, redraw: "SideBySide") -> None:
        """A column with that title."""
        self.title = title
        self.text = ""
        self._redraw = redraw

    def on_text(self, text: str) -> None:
        """More of the answer."""
        self.text += text
        self._redraw.show()

    def on_thinking(self, text: str) -> None:
        """Thoughts are left out: there is no room."""

    def on_not_ready(self, reason: str) -> None:
        """Say it where the answer will be."""
        if not self.text:
            self.text = f"(not ready yet: {reason})\n"
            self._redraw.show()


class SideBySide:
    """Several answers beside each other, redrawn as they come; without room, one after the other at the end."""

    def __init__(self, console: Console, titles: Sequence[str]) -> None:
        """One column for each title."""
        self._console = console
        self._live: Live | None = None
        self.columns = [Column(title, self) for title in titles]
        self._wide = console.is_terminal and console.width >= SIDE_BY_SIDE

    def __enter__(self) -> Self:
        if self._wide:
            self._live = Live(self._drawn(), console=self._console, refresh_per_second=10, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._console.print(self._drawn())
            return
        for column in self.columns:
            self._console.print(f"--- {column.title}", markup=False)
            self._console.print(column.text, markup=False, highlight=False, soft_wrap=True)

    def show(self) -> None:
        """Draw what has come."""
        if self._live is not None:
            self._live.update(self._drawn())

    @property
    def width(self) -> int | None:
        """Width of one column; `None` where they stand below each other."""
        return self._console.width // len(self.columns) - 1 if self._wide else None

    def _drawn(self) -> RenderableType:
        return self.beside([Panel(Text(c.text), title=Text(c.title), width=self.width) for c in self.columns])

    def beside(self, parts: Sequence[RenderableType]) -> RenderableType:
        """Parts beside each other, in columns of the same width."""
        return Columns(parts, padding=(0, 1)) if self._wide else Group(*parts)
