"""The chat itself: reads a line, asks, shows the answer and its box; keeps going whatever happens."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console

from offramp.cli.chat_box import box
from offramp.cli.chat_screen import Screen, SideBySide
from offramp.cli.chat_targets import Target, Targets
from offramp.errors import OfframpError, UnavailableError, UsageError
from offramp.migrate.chat import commands
from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.bill import Bill, compared
from offramp.migrate.chat.commands import Command, Question, read_line
from offramp.migrate.chat.conversation import Conversation, as_json, as_markdown
from offramp.migrate.chat.talk import Asked, ChatError, models, talk
from offramp.pricing.money import text_or_none

LISTED = 40
"""Models that are listed; a provider has hundreds."""

T = TypeVar("T")


class Input(Protocol):
    """Where the lines come from."""

    async def read(self, default: str) -> str | None:
        """The next line, `default` being written already; `None` at the end."""


class Chat:
    """One chat."""

    def __init__(self, targets: Targets, console: Console, *, system: str, wait_s: float) -> None:
        """A chat that has not begun; choose somebody with `use` first."""
        self._targets = targets
        self._console = console
        self._wait_s = wait_s
        self._conversation = Conversation(system=system)
        self._models: dict[str, str] = {}
        self._compared: tuple[Target, Target] | None = None
        self.target: Target = next(iter(targets.known.values()))

    # ------------------------------------------------------------------------------------------------------ who

    async def use(self, target: Target, model: str | None = None) -> None:
        """Ask this one from now on.

        Raises:
            ChatError: If it refuses the key.
            UsageError: If it has several models and none was chosen.
        """
        if model:
            self._models[target.name] = model
        elif target.name not in self._models:
            self._models[target.name] = await _only_model(target)
        self.target = target

    @property
    def title(self) -> str:
        """Whom the next question goes to."""
        if self._compared:
            return " | ".join(self._title(target) for target in self._compared)
        return self._title(self.target)

    def _title(self, target: Target) -> str:
        return f"{target.name}: {self._models.get(target.name, '?')}"

    # ------------------------------------------------------------------------------------------------------ the loop

    async def run(self, lines: Input) -> None:
        """Read and answer until the end."""
        default = ""
        while (line := await lines.read(default)) is not None:
            default = ""
            try:
                meant = read_line(line)
                if isinstance(meant, Question):
                    await self.question(meant.text)
                elif meant is not None and meant.name == "quit":
                    return
                elif meant is not None:
                    await getattr(self, f"_do_{meant.name}")(meant)
            except OfframpError as error:
                self._say(error.message, style="red")
                # The question is not lost: it stands in the next line already.
                default = self._conversation.pending

    async def question(self, text: str) -> Answer | None:
        """Ask; `None` if two were asked.

        Raises:
            ChatError: If there was no answer. The question stays pending.
        """
        self._conversation.ask(text)
        if self._compared is not None:
            await self._side_by_side(*self._compared)
            return None
        return await self._one(self.target)

    async def _one(self, target: Target) -> Answer:
        screen = Screen(self._console, is_serverless=target.is_serverless)
        screen.start()
        try:
            answer = await self._interruptible(talk(self._asked(target), screen), otherwise=screen.partial)
        finally:
            await screen.stop()
        self._settle(target, answer)
        if not answer.text and answer.error:
            raise ChatError(f"{answer.error}; the question is kept, Enter asks it again")
        return answer

    def bill(self, answer: Answer) -> Bill:
        """What an answer of the present one cost."""
        return self.target.bill(answer, self._models[self.target.name])

    def _settle(self, target: Target, answer: Answer) -> None:
        """Show the box and keep the turn."""
        bill = target.bill(answer, self._models[target.name])
        name = f"{target.name} > {answer.tier}" if answer.tier else target.name
        self._console.print(box(answer, bill, title=f"{name}: {answer.model or self._models[target.name]}"))
        self._conversation.answered(answer, upstream=name, cost_usd=text_or_none(bill.nano))

    async def _side_by_side(self, first: Target, second: Target) -> None:
        """Ask two at the same time. The first one's answer goes on in the conversation."""
        pair = (first, second)
        with SideBySide(self._console, [self._title(target) for target in pair]) as both:
            asking = [talk(self._asked(t), column) for t, column in zip(pair, both.columns, strict=True)]
            found = await self._interruptible(asyncio.gather(*asking, return_exceptions=True), otherwise=list)
            for column, result in zip(both.columns, found, strict=False):
                if isinstance(result, OfframpError):
                    column.text += f"({result.message})"
                elif isinstance(result, BaseException):
                    raise result
        answers = [result for result in found if isinstance(result, Answer)]
        if len(answers) < len(pair):
            raise ChatError("not both have answered; the question is kept")
        bills = [t.bill(a, self._models[t.name]) for t, a in zip(pair, answers, strict=True)]
        rows = zip(pair, answers, bills, strict=True)
        self._console.print(both.beside([box(a, b, title=t.name, width=both.width) for t, a, b in rows]))
        if verdict := compared(first.name, bills[0], second.name, bills[1]):
            self._say(verdict)
        self._conversation.answered(answers[0], upstream=first.name, cost_usd=text_or_none(bills[0].nano))

    def _asked(self, target: Target) -> Asked:
        return Asked(
            upstream=target.upstream,
            model=self._models[target.name],
            messages=self._conversation.messages(),
            client_key=target.client_key,
            wait_s=self._wait_s,
        )

    async def _interruptible(self, work: Awaitable[T], *, otherwise: Callable[[], T]) -> T:
        """Wait for it; Ctrl-C ends the waiting and not the chat."""
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)  # noqa: TID251 - owned here: awaited below, cancelled by Ctrl-C
        with suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                task.cancel()
                raise
            return otherwise()
        finally:
            with suppress(NotImplementedError, ValueError):
                loop.remove_signal_handler(signal.SIGINT)

    # ------------------------------------------------------------------------------------------------------ commands

    async def _do_help(self, _: Command) -> None:
        width = max(len(name) for name, _ in commands.overview())
        for name, meaning in commands.overview():
            self._say(f"  {name:{width}}  {meaning}")

    async def _do_model(self, command: Command) -> None:
        if command.words:
            self._models[self.target.name] = command.words[0]
            self._say(f"{self.title} from now on")
            return
        listed = await models(self.target.upstream, self.target.client_key) or list(self.target.models)
        self._say(f"now {self.title}" + (f"; there are: {_few(listed)}" if listed else "; it lists none"))

    async def _do_upstream(self, command: Command) -> None:
        if not command.words:
            for name, target in self._targets.known.items():
                self._say(f"{'*' if target is self.target else ' '} {name}  {target.where}")
            return
        await self.use(self._find(command.words[0]), command.words[1] if len(command.words) > 1 else None)
        self._say(f"{self.title} from now on")

    async def _do_compare(self, command: Command) -> None:
        if command.words == ("off",):
            self._compared = None
            self._say(f"only {self.title} from now on")
            return
        if len(command.words) not in {1, 2}:
            raise UsageError("/compare takes one name (and compares with the present one) or two; /upstream lists them")
        names = command.words if len(command.words) > 1 else (self.target.name, *command.words)
        pair = (self._find(names[0]), self._find(names[1]))
        if pair[0] is pair[1]:
            raise UsageError(f"{names[0]} cannot be compared with itself; /upstream lists the others")
        before = self.target
        try:
            for target in pair:
                await self.use(target)
        finally:
            self.target = before
        self._compared = pair
        self._say(f"every question goes to {pair[0].name} and {pair[1].name} from now on; /compare off ends it")

    def _find(self, name: str) -> Target:
        if "://" in name:
            target = self._targets.of_url(name)
            self._targets.known[target.name] = target
            self._models.pop(target.name, None)
            return target
        if name not in self._targets.known:
            raise UsageError(f"{commands.nobody(name, self._targets.known)}, or any address")
        return self._targets.known[name]

    async def _do_system(self, command: Command) -> None:
        self._conversation.system = command.rest
        self._say("the instruction is set" if command.rest else "there is no instruction now")

    async def _do_retry(self, _: Command) -> None:
        if not self._conversation.pending:
            raise UsageError("no question is waiting for an answer")
        await self.question(self._conversation.pending)

    async def _do_clear(self, _: Command) -> None:
        self._conversation.clear()
        self._say("a new conversation")

    async def _do_save(self, command: Command) -> None:
        now = datetime.fromtimestamp(time.time_ns() / 10**9, UTC).astimezone()
        path = Path(command.rest or f"chat-{now:%Y%m%d-%H%M%S}.md")
        said = self._conversation
        _write(path, as_json(said, saved=now) if path.suffix == ".json" else as_markdown(said, saved=now).encode())
        self._say(f"{path} is written")

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _write(path: Path, text: bytes) -> None:
    """Write a new file.

    Raises:
        UsageError: If it is there already.
        UnavailableError: If it cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None


async def _only_model(target: Target) -> str:
    """The model to ask where none was chosen: the configured one, else the only one there is."""
    if target.models:
        return target.models[0]
    listed = await models(target.upstream, target.client_key)
    if len(listed) == 1:
        return listed[0]
    seen = f"it has {_few(listed)}" if listed else "it lists none"
    raise UsageError(f"which model of {target.name}? {seen}: name one with --model, or /upstream {target.name} MODEL")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
