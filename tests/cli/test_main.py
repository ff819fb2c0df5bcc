"""The front door: `offramp`, `--help`, `--version`, and what is no command."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

import offramp
from offramp.cli import run
from offramp.cli.table import COMMANDS, Command


def test_help_lists_every_command_in_the_order_of_the_journey(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not listed does not exist for a newcomer."""
    assert run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  --")]

    assert listed == list(COMMANDS)
    assert max(len(line) for line in lines) <= 110


def test_help_loads_none_of_the_libraries() -> None:
    """It is instant because it loads a table and nothing else."""
    code = "import sys; from offramp.cli import run; run(['--help']); print(*sys.modules, file=sys.stderr)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()

    assert {"typer", "click", "rich", "pydantic", "yaml", "msgspec", "asyncio"} & set(loaded) == set()


@pytest.mark.parametrize("args", [["--version"], ["-V"]])
def test_the_version_is_printed(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every report of a mistake begins with it."""
    assert run(args) == 0
    assert capsys.readouterr().out == f"offramp {offramp.__version__}\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("confg", "offramp: there is no command 'confg'; did you mean `offramp config`?\n"),
        ("xyzzy", "offramp: there is no command 'xyzzy'; there are: status, "),
    ],
)
def test_an_unknown_command_names_the_one_that_was_meant(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip of the fingers costs a second."""
    assert run([name]) == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("args", [["config", "--help"], ["config", "-h"], ["help", "config"]])
def test_each_command_has_its_own_help(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two words for the same question."""
    assert run(args) == 0
    assert capsys.readouterr().out.startswith("Usage: offramp config ")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_every_command_in_the_table_exists(command: Command) -> None:
    """A command that is listed and fails to load is worse than none."""
    module = command.module

    assert find_spec(module) is not None
    assert import_module(module).command


def test_the_package_runs_as_a_module() -> None:
    """Where the script is not on the path, `python -m offramp` is."""
    done = subprocess.run([sys.executable, "-m", "offramp", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == f"offramp {offramp.__version__}\n"
