"""Where a chat's lines come from: a prompt with history on a terminal, plain lines from a pipe."""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from offramp.migrate.chat.commands import COMMANDS


class Prompt:
    """A line editor: arrows bring earlier lines back, Tab completes commands, a pasted text may have many lines."""

    def __init__(self, title: Callable[[], str]) -> None:
        """`title` says below the line whom the question goes to."""
        self._session: PromptSession[str] = PromptSession(
            "you > ",
            history=InMemoryHistory(),
            completer=WordCompleter([f"/{name}" for name in COMMANDS], sentence=True),
            complete_while_typing=False,
            bottom_toolbar=lambda: f" {title()}    /help",
        )

    async def read(self, default: str) -> str | None:
        """The next line; Ctrl-C empties it, twice in a row it leaves; Ctrl-D leaves."""
        for text in (default, ""):
            try:
                with patch_stdout(raw=True):
                    return await self._session.prompt_async(default=text)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return None
        return None


class Piped:
    """Lines of a pipe or a file, each a question or a command."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Read from `stream`, standard input if not given."""
        self._stream = stream or sys.stdin

    async def read(self, default: str) -> str | None:
        """The next line, whatever was to be offered."""
        del default
        line = await asyncio.to_thread(self._stream.readline)
        return line or None
