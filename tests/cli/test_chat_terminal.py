"""`offramp chat` on a real terminal (a pseudo-terminal): the prompt, Ctrl-C, waiting, a question that comes back."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.processes import Engine, simulate

TIMEOUT_S = 20.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Terminal:
    """A chat on a terminal of its own."""

    def __init__(self, *args: str) -> None:
        """Start it."""
        self.screen = ""
        self._pid, self._fd = pty.fork()
        if self._pid:
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        if not self._pid:
            os.environ.update({"TERM": "xterm", "COLUMNS": "140", "LINES": "40", "PROMPT_TOOLKIT_NO_CPR": "1"})
            os.execv(sys.executable, [sys.executable, "-m", "offramp", "chat", *args])  # noqa: S606 - our own command

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def until(self, text: str) -> str:
        """Wait until something has appeared; what was shown up to then is taken off the screen."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while text not in self.screen:
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"{text!r} never appeared in {self.screen!r}"
            if select.select([self._fd], [], [], left_s)[0]:
                self.screen += _ESCAPES.sub("", os.read(self._fd, 65536).decode(errors="replace"))
        shown, _, self.screen = self.screen.partition(text)
        return shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._fd)

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        with contextlib.suppress(OSError):
            while os.read(self._fd, 65536):
                pass
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = 0
        os.close(self._fd)
        return status


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A simulated vLLM whose answers take long enough to be interrupted."""
    with simulate("vllm", "--model", "tiny", "--answer-tokens", "400") as started:
        yield started


@pytest.fixture(autouse=True)
def _quiet(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.fault("none")
    monkeypatch.chdir(tmp_path)


def test_a_conversation_at_the_keyboard(engine: Engine) -> None:
    """A question, its answer, its box, good-bye."""
    with Terminal("--base-url", engine.base_url) as terminal:
        terminal.until("you >")
        terminal.type("hello\r")
        terminal.until("Simulated answer")
        terminal.until("url: tiny")
        terminal.until("tokens/s")
        terminal.until("you >")
        terminal.type("bye\r")
        code = terminal.ended()

    assert code == 0


def test_ctrl_c_stops_the_answer_and_not_the_chat(engine: Engine) -> None:
    """What came is kept, and the next question goes on from it."""
    with Terminal("--base-url", engine.base_url) as terminal:
        terminal.until("you >")
        terminal.type("tell me everything\r")
        terminal.until("Simulated answer")
        terminal.type("\x03")
        terminal.until("broke off: stopped by you")
        terminal.until("you >")
        terminal.type("/save kept.md\r")
        terminal.until("kept.md is written")
        terminal.until("you >")
        terminal.type("\x04")
        code = terminal.ended()

    assert code == 0
    assert "**You:** tell me everything\n\nSimulated answer" in Path("kept.md").read_text()


def test_a_failed_question_stands_in_the_next_line(engine: Engine) -> None:
    """Enter asks it again."""
    engine.fault("500", count=1)
    with Terminal("--base-url", engine.base_url) as terminal:
        terminal.until("you >")
        terminal.type("what is it\r")
        terminal.until("url answers 500: ")
        terminal.until("what is it")
        terminal.type("\r")
        terminal.until("Simulated answer")
        terminal.until("you >")
        terminal.type("\x04")
        code = terminal.ended()

    assert code == 0


def test_waiting_says_how_long_and_that_it_can_be_ended(engine: Engine) -> None:
    """A machine that is brought up takes a minute; a silent terminal looks broken."""
    engine.fault("hang")
    with Terminal("--base-url", engine.base_url) as terminal:
        terminal.until("you >")
        terminal.type("hello\r")
        terminal.until("… 1 s")
        terminal.until("busy, or the model is being loaded; Ctrl-C gives up")
        terminal.type("\x03")
        terminal.until("stopped by you; the question is kept, Enter asks it again")
        terminal.until("hello")
        terminal.type("\x03")
        terminal.until("you >")
        terminal.type("\x03")
        code = terminal.ended()

    assert code == 0


def test_two_answers_stand_beside_each_other(engine: Engine) -> None:
    """On a terminal that is wide enough; with both boxes and the verdict."""
    Path("offramp.yaml").write_text(
        f"upstreams:\n  one: {{base_url: '{engine.base_url}', engine: vllm, price: {{usd_per_hour: 1}}}}\n"
        f"  two: {{base_url: '{engine.base_url}', engine: vllm, price: {{usd_per_hour: 3}}}}\n"
        "routes: {r: {models: [tiny], tiers: [{upstream: one}, {upstream: two}]}}\nlisten: {port: 0, admin_port: 0}\n"
    )
    with Terminal() as terminal:
        terminal.until("you >")
        terminal.type("/compare two\r")
        terminal.until("every question goes to one and two from now on")
        terminal.until("you >")
        terminal.type("hello\r")
        terminal.until("$1 per h")
        terminal.until("$3 per h")
        terminal.until("two cost 3.0 times as much as one")
        terminal.until("you >")
        terminal.type("\x04")
        code = terminal.ended()

    assert code == 0
