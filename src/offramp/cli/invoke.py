"""Runs one command: arguments by typer, errors as one clear line, an exit code for every ending."""

import errno
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer import main as typer_main

from offramp import __version__
from offramp.cli.terminal import group
from offramp.config.environment import environment
from offramp.errors import OfframpError
from offramp.telemetry.redact import redact

DEBUG = "OFFRAMP_DEBUG"
"""With this variable set to 1 an unexpected error shows its traceback."""

WRONG_USE = 2
NOT_DONE = 3
INTERRUPTED = 130
PIPE_CLOSED = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else NOT_DONE
"""What a program that dies of a closed pipe leaves with: `offramp ledger | head` is no failure worth a word."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def invoke(name: str, module: str, args: list[str]) -> int:
    """Run the command in `module` and say what went wrong, if anything did.

    Args:
        name: What the user typed after `offramp`.
        module: Where the command is; its `command` is a function with typer's annotations, or a `typer.Typer`.
        args: The command's own arguments.

    Returns:
        The exit code.
    """
    try:
        code = _run(name, import_module(module).command, args)
        sys.stdout.flush()
    except OfframpError as error:
        _complain(error.message)
        return error.exit_code
    except (KeyboardInterrupt, EOFError, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return PIPE_CLOSED
    except ModuleNotFoundError as error:
        return _bug(error) if (error.name or "offramp").startswith("offramp") else _left_out(name, error.name or "")
    except OSError as error:
        return _no_room(error) if error.errno in _NO_ROOM else _bug(error)
    except Exception as error:  # noqa: BLE001 - the outermost loop: a user never sees a traceback
        return _bug(error)
    return code


def _run(name: str, target: typer.Typer | Callable[..., Any], args: list[str]) -> int:
    command = typer_main.get_command(_app(target))
    try:
        # Not `command.main`: it would end the process where a pipe is closed.
        with command.make_context(f"offramp {name}", args) as context:
            result = command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.TyperException as error:
        reason = error.format_message().strip().rstrip(".")
        _complain(f"{reason} (`offramp {name} --help` shows what there is)")
        return WRONG_USE
    return result if isinstance(result, int) else 0


def _app(target: typer.Typer | Callable[..., Any]) -> typer.Typer:
    if isinstance(target, typer.Typer):
        return target
    app = group()
    app.command()(target)
    return app


def _complain(text: str) -> None:
    """Say on standard error what is wrong; several lines (of one configuration) stay several."""
    first, *more = text.splitlines() or ["it could not be done, and no reason was given"]
    sys.stderr.write("\n".join([f"offramp: {first}", *(f"  {line}" for line in more)]) + "\n")


def _left_out(name: str, package: str) -> int:
    """Say that this installation serves and does nothing else."""
    _complain(
        f"`offramp {name}` needs the package {package}, which is not installed here (an image that only serves"
        " leaves it out); run it where all of offramp is installed"
    )
    return NOT_DONE


def _no_room(error: OSError) -> int:
    """Say that a disk, or whatever the output goes to, is full."""
    where = f"{error.filename} cannot be written" if error.filename else "the output cannot be written"
    _silence_stdout()
    _complain(f"{where}: {error.strerror}; make room and run it again")
    return NOT_DONE


def _bug(error: Exception) -> int:
    """Say that this should not happen, and keep what is needed to find out why."""
    details = redact("".join(traceback.format_exception(error)))
    where = f"set {DEBUG}=1 to see the details"
    if environment().get(DEBUG) == "1":
        sys.stderr.write(details)
        where = "the details stand above"
    elif path := _keep(details):
        where = f"the details are in {path}"
    _complain(f"this is a bug: {type(error).__name__}: {redact(str(error))[:200]}".rstrip(": ") + f" ({where})")
    return NOT_DONE


def _keep(details: str) -> Path | None:
    """Write the details beside the run-time state, else to the temporary folder; `None` if neither can be written."""
    text = f"offramp {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{details}"
    name = f"bug-{time.time_ns()}.txt"
    for folder in (Path(".offramp"), Path(tempfile.gettempdir())):
        path = folder / (name if folder.name == ".offramp" else f"offramp-{name}")
        try:
            path.write_text(redact(text), encoding="utf-8")
        except OSError:
            continue
        return path
    return None


def _silence_stdout() -> None:
    """Nobody takes the output any more: what is still to be flushed at the end goes nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
