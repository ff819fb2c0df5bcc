"""What is never lost, and what may be: the bounds that are promised to users, each with a real process."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from offramp.migrate.ledger.report import summary
from tests.house.tree import ROOT
from tests.store.writing import PAUSE_S, ROWS

WITHIN_S = 20.0


class Writing:
    """A running process of `tests/store/writing.py` and the lines it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Just started."""
        self.process = process
        self.errors: list[str] = []
        self.submitted = 0
        self.dropped = 0

    def read_until(self, condition: Callable[[], bool]) -> None:
        """Follow its output until something holds."""
        assert self.process.stdout is not None
        until_s = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < until_s, f"not within {WITHIN_S} s; said {self.errors}"
            self._take(self.process.stdout.readline())

    def end(self, number: int) -> None:
        """Send a signal, wait for its death and read the rest."""
        self.process.send_signal(number)
        for line in self.process.communicate(timeout=WITHIN_S)[0].splitlines():
            self._take(line)

    def _take(self, line: str) -> None:
        what, _, rest = line.strip().partition(" ")
        if what == "error":
            self.errors.append(rest)
        elif what:
            submitted, dropped = rest.split()
            self.submitted, self.dropped = int(submitted), int(dropped)


@contextmanager
def _writing(state: Path, *arguments: str) -> Iterator[Writing]:
    command = [sys.executable, "-m", "tests.store.writing", str(state), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Writing(process)
        finally:
            process.kill()


def test_term_loses_nothing(tmp_path: Path) -> None:
    """What was submitted before the signal is in the ledger after it."""
    with _writing(tmp_path) as writing:
        writing.read_until(lambda: writing.submitted >= 10 * ROWS)
        writing.end(signal.SIGTERM)

    found = summary(tmp_path)
    assert writing.process.returncode == 0
    assert found["requests"] == writing.submitted
    assert (found["dropped"], found["unpriced"]) == (0, 0)


def test_kill_9_loses_at_most_the_last_second(tmp_path: Path) -> None:
    """What was submitted a second before the kill is in the ledger, and every row is whole."""
    with _writing(tmp_path) as writing:
        writing.read_until(lambda: writing.submitted >= 30 * ROWS)
        writing.end(signal.SIGKILL)

    found = summary(tmp_path)
    a_second = int(1 / PAUSE_S) * ROWS
    assert writing.submitted - a_second <= int(str(found["requests"])) <= writing.submitted + ROWS
    assert (found["dropped"], found["unpriced"]) == (0, 0)


def test_after_kill_9_the_next_writer_goes_on(tmp_path: Path) -> None:
    """Same state folder, more requests, one ledger; the machine's bill went on as well."""
    with _writing(tmp_path) as first:
        first.read_until(lambda: first.submitted >= 5 * ROWS)
        first.end(signal.SIGKILL)
    kept = int(str(summary(tmp_path)["requests"]))
    with _writing(tmp_path) as second:
        second.read_until(lambda: second.submitted >= 5 * ROWS)
        second.end(signal.SIGTERM)

    assert summary(tmp_path)["requests"] == kept + second.submitted
    machines = summary(tmp_path)["machines"]
    assert isinstance(machines, dict)
    assert float(machines["local@127.0.0.1:9001"]["bill_usd"]) > 0


def test_what_was_submitted_a_second_ago_is_in_the_ledger_while_it_is_written(tmp_path: Path) -> None:
    """A reader folds what the writer has journaled, while the writer goes on."""
    with _writing(tmp_path) as writing:
        writing.read_until(lambda: writing.submitted >= 10 * ROWS)
        known = writing.submitted
        writing.read_until(lambda: writing.submitted >= known + int(1 / PAUSE_S) * ROWS)
        found = int(str(summary(tmp_path)["requests"]))
        writing.end(signal.SIGTERM)

    assert found >= known
    assert summary(tmp_path)["requests"] == writing.submitted


def test_a_full_disk_is_said_once_counted_and_survived(tmp_path: Path) -> None:
    """The gateway relays on; when there is room again the ledger goes on; kept and dropped add up."""
    with _writing(tmp_path, "200000") as writing:
        writing.read_until(lambda: writing.dropped >= 5 * ROWS)
        assert writing.process.stdin is not None
        while_full = summary(tmp_path)
        said = list(writing.errors)
        writing.process.stdin.write("\n")
        writing.process.stdin.flush()
        kept = writing.submitted
        writing.read_until(lambda: len(writing.errors) > 1 and writing.submitted > kept + 10 * ROWS)
        writing.end(signal.SIGTERM)

    found = summary(tmp_path)
    assert len(said) == 1
    assert "cannot be written" in said[0]
    assert int(str(while_full["dropped"])) > 0
    assert "is written again" in writing.errors[1]
    assert found["dropped"] == writing.dropped
    assert int(str(found["requests"])) + writing.dropped == writing.submitted


def test_what_a_full_disk_did_not_take_before_the_end_is_counted_too(tmp_path: Path) -> None:
    """The count is written into a file that was made while there was room."""
    with _writing(tmp_path, "200000") as writing:
        writing.read_until(lambda: writing.dropped >= ROWS)
        writing.end(signal.SIGTERM)

    found = summary(tmp_path)
    assert found["dropped"] == writing.dropped
    assert int(str(found["requests"])) + writing.dropped == writing.submitted


def test_a_folder_that_cannot_be_made_is_said_once_and_survived(tmp_path: Path) -> None:
    """A file stands where the folder should be; root may do much, but not this."""
    (tmp_path / "file").write_text("")

    with _writing(tmp_path / "file" / "state") as writing:
        writing.read_until(lambda: writing.dropped >= ROWS)
        writing.end(signal.SIGTERM)

    assert writing.process.returncode == 0
    assert writing.dropped == writing.submitted
    assert "cannot be written" in writing.errors[0]
    assert "were lost" in writing.errors[-1]
    assert len(writing.errors) == 2
