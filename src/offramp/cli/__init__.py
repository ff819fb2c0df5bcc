"""The `offramp` command: a table of commands, each loaded only when it is called, so that `--help` is instant."""

import os
import sys
from importlib import import_module

from offramp import __version__
from offramp.cli.table import COMMANDS, overview


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Run one command.

    Args:
        args: What stands after `offramp`.

    Returns:
        The exit code: 0 fine, 1 a gate failed, 2 wrong use or configuration, 3 it could not be done, 130 interrupted.
    """
    first = args[0] if args else "status"
    if first in {"--version", "-V"}:
        return _say(f"offramp {__version__}")
    if first in {"--help", "-h"} or args == ["help"]:
        return _say(overview())
    if first == "help":
        args = [*args[1:2], "--help"]
    elif not args or first.startswith("-"):
        args = ["status", *args]
    command = COMMANDS.get(args[0])
    if command is None:
        unknown = import_module("offramp.cli.unknown").unknown
        sys.stderr.write(f"offramp: {unknown(args[0])}\n")
        return 2
    # typer and the command's own libraries cost 0.1 s and more, so they are loaded only here.
    invoke = import_module("offramp.cli.invoke").invoke
    return int(invoke(command.name, command.module, args[1:]))


def _say(text: str) -> int:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python would still flush at the end goes nowhere, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
