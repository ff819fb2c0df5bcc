"""Every ending of a command: one clear line, and an exit code that means something."""

import subprocess
import sys
from pathlib import Path

import pytest

from offramp.cli.invoke import PIPE_CLOSED, invoke

FAILING = "tests.cli.failing"


def end(*args: str) -> int:
    """Run the command that fails on demand."""
    return invoke("failing", FAILING, list(args))


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("config", 2, "offramp: f.yaml:1:2: it is wrong\n"),
        ("several", 2, "offramp: 2 things are wrong:\n  first\n  second\n"),
        ("error", 3, "offramp: it could not be done\n"),
        ("interrupt", 130, ""),
        ("abort", 130, ""),
        ("exit", 1, ""),
        ("well", 0, ""),
    ],
)
def test_each_error_is_one_clear_line_with_its_exit_code(
    how: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts read the code, people the line; nobody reads a traceback."""
    assert end(how) == code
    assert capsys.readouterr().err == said


def test_what_a_command_returns_is_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that failed says so with 1."""
    assert end("well", "--number", "1") == 1
    assert capsys.readouterr().out == "ended well\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--nmber", "1"), "offramp: No such option: --nmber"),
        (("--number", "x"), "offramp: Invalid value for '--number': "),
        (("well", "more"), "offramp: Got unexpected extra argument"),
    ],
)
def test_wrong_use_is_code_2_and_names_the_page(
    args: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says what is wrong and where the right form stands."""
    assert end(*args) == 2
    message = capsys.readouterr().err
    assert message.startswith(said)
    assert "(`offramp failing --help` shows what there is)" in message
    assert message.count("\n") == 1


def test_a_bug_is_called_one_and_its_details_are_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user needs one line, we need the rest, and neither may show a key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".offramp").mkdir()

    code = end("bug")
    said = capsys.readouterr().err
    (kept,) = (tmp_path / ".offramp").iterdir()

    assert code == 3
    assert said.startswith("offramp: this is a bug: ValueError: ")
    assert f"the details are in .offramp/{kept.name}" in said
    assert "Traceback" in kept.read_text()
    assert "sk-abcdefghijklmnopqrstuvwxyz" not in said + kept.read_text()


def test_a_bug_shows_its_traceback_where_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whoever looks for it right now."""
    monkeypatch.setenv("OFFRAMP_DEBUG", "1")

    assert end("silent-bug") == 3
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("offramp: this is a bug: AssertionError (the details stand above)\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently there")
def test_a_reader_that_has_enough_is_no_failure_worth_a_word() -> None:
    """`offramp ledger | head` is how people look at long output."""
    code = f"import sys; from offramp.cli.invoke import invoke; sys.exit(invoke('failing', '{FAILING}', ['flood']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""
    assert process.returncode == PIPE_CLOSED


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_takes_nothing_more_is_said_in_one_line() -> None:
    """A full disk is no bug of ours, and nothing is cut off in silence."""
    code = f"import sys; from offramp.cli.invoke import invoke; sys.exit(invoke('failing', '{FAILING}', ['flood']))"
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert ended.stderr == (
        "offramp: the output cannot be written: No space left on device; make room and run it again\n"
    )
    assert ended.returncode == 3


def test_a_package_that_a_serving_image_leaves_out_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`requirements/serve.txt` serves and shows the ledger; an audit needs more. A missing module of ours is a bug."""
    assert (end("left-out"), end("own-module")) == (3, 3)
    left_out, own_module = capsys.readouterr().err.splitlines()

    assert left_out.startswith("offramp: `offramp failing` needs the package duckdb, which is not installed here")
    assert own_module.startswith("offramp: this is a bug: ModuleNotFoundError")
