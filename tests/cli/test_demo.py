"""`offramp demo` as a person and a program start it: what it prints, how it leaves, and that nothing stays behind."""

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import Process, simulate, wait_until

COMMAND = [sys.executable, "-m", "offramp", "demo"]
MARK = "OF_WHICH_SHOW"
"""A variable that the demo hands on to everything that it starts."""
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes under /proc")


def demo(
    *options: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Play it to its end."""
    return subprocess.run(
        [*COMMAND, *options],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def running(mark: str) -> list[int]:
    """Processes that carry the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            carries = f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
            is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if carries and not is_dead:
            found.append(int(folder.name))
    return found


@contextmanager
def shown(tmp_path: Path, *options: str) -> Iterator[tuple[Process, str]]:
    """A demo that is running, and its mark; its folders lie in `tmp_path`."""
    mark = secrets.token_hex(8)
    with Process([*COMMAND, *options], env={MARK: mark, "TMPDIR": str(tmp_path)}) as process:
        yield process, mark


def test_one_chapter_says_what_happens_and_what_came_of_it(tmp_path: Path) -> None:
    """Without a terminal: plain lines, nothing that moves, exit 0."""
    done = demo("--chapter", "relay", env={"TMPDIR": str(tmp_path)})

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("offramp carries a team's LLM traffic")
    assert "\x1b" not in done.stdout
    assert "Two lines change · relay · 1 of 1" in done.stdout
    assert re.search(r'\+     base_url="http://127\.0\.0\.1:\d+/v1"', done.stdout)
    assert "Simulated answer: no model was asked." in done.stdout
    assert "✓ a streamed answer from `local`: x-offramp-tier: local; 72 pieces" in done.stdout
    assert "promises   1 of 1 kept" in done.stdout
    assert "export OPENAI_API_KEY=" in done.stdout
    assert "offramp serve" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_object_and_nothing_else() -> None:
    """For programs; a pipe into jq must not meet a progress line."""
    done = demo("--chapter", "cache", "--json")

    summary = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert summary["held"] is True
    assert summary["chapters"] == ["cache"]
    assert [promise["held"] for promise in summary["promises"]] == [True, True]
    assert summary["client"]["requests"] == 3
    assert summary["client"]["failed"] == 0
    assert summary["client"]["refused_on_purpose"] == 1
    assert summary["client"]["by_tier"].items() >= {"local": 1, "cache": 1}.items()
    assert summary["ledger"] is None


def test_the_ledger_is_kept_where_one_asks_for_it(tmp_path: Path) -> None:
    """To look at it with every option of `offramp ledger`; a folder in use is left alone."""
    kept = tmp_path / "kept"
    done = demo("--chapter", "relay", "--state", str(kept))
    read = subprocess.run(
        [sys.executable, "-m", "offramp", "ledger", "--state", str(kept), "--json"], capture_output=True, check=True
    )
    again = demo("--state", str(kept))

    assert done.returncode == 0, done.stderr
    assert json.loads(read.stdout)["requests"] == 1
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def test_the_chapters_are_listed() -> None:
    """Each with what it shows."""
    done = demo("--chapter", "list")

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["relay", "failover", "breaker", "cache", "bill"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--chapter", "relais"], "'relais' is no chapter; there are: relay, failover, breaker, cache, bill"),
        (["--yes"], "--yes and --model belong to --real"),
        (["--real"], "--real found no upstream: set OPENAI_API_KEY"),
        (["--real", "--chapter", "cache"], "'cache' cannot be shown with --real"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(options: list[str], says: str, tmp_path: Path) -> None:
    """Exit 2 and one line that names it."""
    done = demo(*options, cwd=tmp_path)

    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


# ------------------------------------------------------------------------------------------------- nothing left behind


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_finds_nothing_left(number: int, tmp_path: Path) -> None:
    """Ctrl-C under load, TERM, a terminal that is closed: exit 130, no process, no file, no traceback."""
    with shown(tmp_path, "--chapter", "failover") as (process, mark):
        wait_until(lambda: "whole answers" in process.stdout(), "the load", timeout_s=40)
        assert len(running(mark)) >= 4
        process.signal(number)
        status = process.wait(20)

        assert status == 130
        assert process.stderr() == "\nofframp: the demo was stopped; nothing of it is left running\n"
        wait_until(lambda: not running(mark), "no process")
        assert list(tmp_path.iterdir()) == []


@needs_proc
def test_even_a_demo_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """A kill -9 gives it no chance to tidy up, so somebody else does."""
    with shown(tmp_path, "--chapter", "failover") as (process, mark):
        wait_until(lambda: "whole answers" in process.stdout(), "the load", timeout_s=40)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

        wait_until(lambda: not running(mark), "no process")
        wait_until(lambda: not list(tmp_path.iterdir()), "no file")


@needs_proc
def test_stopped_while_it_starts_it_leaves_nothing_either(tmp_path: Path) -> None:
    """Impatience is no reason for orphans."""
    with shown(tmp_path) as (process, mark):
        wait_until(lambda: len(running(mark)) >= 3, "the processes", timeout_s=40, every_s=0.005)
        process.signal(signal.SIGINT)
        status = process.wait(20)

        assert status == 130
        wait_until(lambda: not running(mark), "no process")
        assert list(tmp_path.iterdir()) == []


@needs_proc
def test_a_reader_who_leaves_ends_the_show(tmp_path: Path) -> None:
    """`offramp demo | head` is no failure worth a word, and leaves nothing either."""
    mark = secrets.token_hex(8)
    command = f"{shlex.join([*COMMAND, '--chapter', 'failover'])} | head -n 9"
    env = {**os.environ, MARK: mark, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=env, capture_output=True, check=False, timeout=50
    )

    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""
    assert running(mark) == []
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------- real upstreams


def test_real_says_what_it_would_spend_and_waits_for_a_yes(tmp_path: Path) -> None:
    """Nobody pays by accident."""
    done = demo("--real", env={"OPENAI_API_KEY": "sk-test"}, cwd=tmp_path)

    assert done.returncode == 2
    assert "add --yes to spend it" in done.stderr
    assert re.search(r"openai \(https://api\.openai\.com/v1, gpt-4o-mini\): 28 requests .* \$0\.00\d+ at", done.stderr)
    assert "sk-test" not in done.stderr


def test_real_upstreams_answer_behind_the_one_that_is_killed(tmp_path: Path) -> None:
    """Against a simulated OpenAI, since no test spends money: same key, same address, same SDK."""
    with simulate("openai", "--api-key", "sk-theirs", "--model", "gpt-4.1-mini") as engine:
        env = {"OPENAI_API_KEY": "sk-theirs", "OPENAI_BASE_URL": engine.base_url}
        done = demo("--real", "--yes", "--model", "gpt-4.1-mini", "--json", env=env, cwd=tmp_path)
        asked = engine.counts()

    summary = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert summary["chapters"] == ["relay", "failover", "bill"]
    assert (summary["simulated"], summary["real"]) == (["local"], ["openai"])
    assert summary["client"]["by_tier"]["openai"] == asked["served"]
    assert 2 <= asked["served"] <= 28
    assert summary["ledger"]["by_tier"]["openai"]["cost_usd"] > "0"


def test_a_promise_that_is_not_kept_is_exit_1(tmp_path: Path) -> None:
    """The demo is honest about itself: an upstream that answers nothing but errors is no success."""
    with simulate("openai") as engine:
        engine.fault("500")
        env = {"OPENAI_API_KEY": "sk-theirs", "OPENAI_BASE_URL": engine.base_url}
        done = demo("--real", "--yes", "--chapter", "relay", env=env, cwd=tmp_path)

    assert done.returncode == 1
    assert "✗ a streamed answer from `openai`: Error code: 500" in done.stdout
    assert "promises   0 of 1 kept" in done.stdout
