"""A command that ends in every way a command can end."""

import sys
from typing import Annotated

import typer

from offramp.errors import ConfigError, OfframpError


def command(
    how: Annotated[str, typer.Argument()] = "well", number: Annotated[int, typer.Option(help="A number.")] = 0
) -> int | None:
    """End in the way that is asked for."""
    ends: dict[str, BaseException] = {
        "config": ConfigError("f.yaml:1:2: it is wrong"),
        "several": ConfigError("2 things are wrong:\nfirst\nsecond"),
        "error": OfframpError("it could not be done"),
        "bug": ValueError("sk-abcdefghijklmnopqrstuvwxyz0123456789"),
        "silent-bug": AssertionError(),
        "left-out": ModuleNotFoundError("No module named 'duckdb'", name="duckdb"),
        "own-module": ModuleNotFoundError("No module named 'offramp.gone'", name="offramp.gone"),
        "interrupt": KeyboardInterrupt(),
        "abort": typer.Abort(),
        "exit": typer.Exit(1),
    }
    if how in ends:
        raise ends[how]
    if how == "flood":
        for _ in range(100_000):
            sys.stdout.write("x" * 80 + "\n")
    sys.stdout.write(f"ended {how}\n")
    return number or None
