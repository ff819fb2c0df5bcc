"""Shows the demo: on a terminal with a live picture, elsewhere as plain lines, or not at all."""

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from offramp.cli.demo_panel import MAX_WIDTH, colour, line, panel
from offramp.migrate.demo.audience import HEADINGS, Chapter, Promise
from offramp.migrate.demo.timeline import Picture

READING_S = 1.2
"""After the words of a chapter, before it begins."""
LINE_EVERY_S = 1.0
_SIGNS = {" ": "dim", "-": "red", "+": "green"}
_TEXT_COLUMNS = 96


class Screen:
    """A terminal, or a file that gets plain lines (migrate.demo.audience.Audience)."""

    def __init__(self, console: Console, *, rate_per_s: float, number_of: Sequence[Chapter]) -> None:
        """Nothing is shown yet.

        Args:
            console: Where to.
            rate_per_s: Of the load, for its title.
            number_of: The chapters that are played, to number them.
        """
        self._console = console
        self._rate_per_s = rate_per_s
        self._chapters = list(number_of)
        self._live: Live | None = None
        self._said_s = -LINE_EVERY_S
        self._in_answer = False
        self._column = 0

    @property
    def _is_live(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    async def heading(self, chapter: Chapter) -> None:
        """A chapter begins."""
        heading = HEADINGS[chapter]
        place = f"{self._chapters.index(chapter) + 1} of {len(self._chapters)}"
        title = Text.assemble((f" {heading.title} ", "bold"), (f"· {chapter} · {place} ", "dim"))
        self._console.print()
        self._console.print(Rule(title, style="dim", align="left"), width=self._width)
        self.say(heading.story)
        await self.pause(READING_S)

    async def pause(self, seconds: float) -> None:
        """Time to read, where somebody reads."""
        if self._is_live:
            await asyncio.sleep(seconds)

    def say(self, text: str) -> None:
        """One line."""
        who, sign, words = text.partition(": ")
        shown = Text(text)
        if sign and who in {"you", "local", "openai", "cerebrium", "cache", "none"}:
            shown = Text.assemble((who, "bold" if who == "you" else f"bold {colour(who)}"), sign, words)
        elif text.startswith("("):
            shown.stylize("dim")
        self._print(shown)

    def change(self, lines: Sequence[tuple[str, str]]) -> None:
        """Lines of a program."""
        for sign, text in lines:
            self._console.print(Text(f"  {sign} {text}", style=_SIGNS[sign]), soft_wrap=True)

    def piece(self, text: str) -> None:
        """A piece of an answer."""
        if not self._in_answer:
            self._in_answer = True
            self._column = 2
            self._console.print("  ", end="")
        if self._column + len(text) > self._width - 2:
            self._console.print("\n  ", end="")
            self._column = 2
            text = text.lstrip()
        self._column += len(text)
        self._console.print(Text(text, style="green"), end="", soft_wrap=True)

    def end_answer(self) -> None:
        """The answer is whole."""
        if self._in_answer:
            self._console.print()
        self._in_answer = False

    def picture(self, picture: Picture) -> None:
        """How the load is doing."""
        if not self._is_live:
            if picture.elapsed_s - self._said_s >= LINE_EVERY_S or picture.elapsed_s < self._said_s:
                self._said_s = picture.elapsed_s
                self._console.print(Text(f"  {line(picture)}"), soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        self._live.update(self._drawn(picture), refresh=True)

    def end_picture(self, picture: Picture) -> None:
        """How it was at its end."""
        if self._live is None:
            self._console.print(Text(f"  {line(picture)}"), soft_wrap=True)
            return
        self._live.update(self._drawn(picture, is_over=True), refresh=True)
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def promise(self, promise: Promise) -> None:
        """What was found."""
        sign, style = ("✓", "bold green") if promise.held else ("✗", "bold red")
        self._print(Text.assemble((f"{sign} ", style), (promise.text, "bold"), f": {promise.found}"), hanging=2)

    def command(self, words: str) -> bool:
        """A command prints something itself."""
        self._console.print(Text.assemble(("  $ ", "dim"), (words, "bold")), soft_wrap=True)
        self._console.file.flush()
        return True

    @property
    def _width(self) -> int:
        return min(self._console.width, MAX_WIDTH)

    def _drawn(self, picture: Picture, *, is_over: bool = False) -> Padding:
        # Two columns stay free on the right: a `^C` that the terminal echoes there must not begin a new line.
        width = min(self._console.width - 4, MAX_WIDTH - 2)
        drawn = panel(picture, rate_per_s=self._rate_per_s, width=width, is_over=is_over)
        return Padding(drawn, (0, 0, 0, 2), expand=False)

    def _print(self, text: Text, *, hanging: int = 0) -> None:
        """Words, indented; wrapped on a terminal, one line elsewhere."""
        if not self._console.is_terminal:
            self._console.print(Text("  ") + text, soft_wrap=True)
            return
        for number, row in enumerate(text.wrap(self._console, min(self._width, _TEXT_COLUMNS) - 2 - hanging)):
            self._console.print(Padding(row, (0, 0, 0, 2 + (hanging if number else 0)), expand=False))


class Nobody:
    """Shows nothing: for `--json` (migrate.demo.audience.Audience)."""

    async def heading(self, chapter: Chapter) -> None:
        """Not shown."""

    async def pause(self, seconds: float) -> None:
        """Nobody reads."""

    def say(self, text: str) -> None:
        """Not shown."""

    def change(self, lines: Sequence[tuple[str, str]]) -> None:
        """Not shown."""

    def piece(self, text: str) -> None:
        """Not shown."""

    def end_answer(self) -> None:
        """Not shown."""

    def picture(self, picture: Picture) -> None:
        """Not shown."""

    def end_picture(self, picture: Picture) -> None:
        """Not shown."""

    def promise(self, promise: Promise) -> None:
        """Not shown; it is in the summary."""

    def command(self, words: str) -> bool:
        """Nothing else may print either."""
        return False
