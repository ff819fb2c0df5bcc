"""What the commands share: how they are declared, and how they write for people and for programs."""

import sys
from collections.abc import Sequence
from typing import TextIO

import msgspec
import typer

from offramp.config.environment import environment


def group() -> typer.Typer:
    """A command line in the house's style: plain help (also for the documentation), no tracebacks, no completion."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def is_coloured(stream: TextIO) -> bool:
    """Whether colours are welcome: a terminal, and no NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not environment().get("NO_COLOR")


def print_json(value: object) -> None:
    """Print a value for programs: JSON, two spaces, in the order given."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(f"{encoded.decode()}\n")


def table(rows: Sequence[tuple[str, ...]], *, indent: str = "  ", gap: str = "  ") -> list[str]:
    """Lines in which the columns stand below each other; the last column is as long as it is."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(max(map(len, rows)))]
    lines = (gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows)
    return [f"{indent}{line}".rstrip() for line in lines]
