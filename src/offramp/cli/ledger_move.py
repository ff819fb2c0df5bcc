"""`offramp ledger move`: by hand what the gateway does once an hour."""

import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from offramp.cli.terminal import print_json
from offramp.migrate.history.kept import Kept
from offramp.migrate.report.words import counted


def move(
    context: typer.Context,
    state: Annotated[
        Path | None, typer.Option(help="The gateway's state folder.  [default: .offramp]", show_default=False)
    ] = None,
    after_h: Annotated[
        int, typer.Option("--after", min=1, max=8_760, help="Move hours that ended so many hours ago, or earlier.")
    ] = 6,
    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", min=1, max=36_500, help="Delete single requests that are older. Default: none."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Move closed hours out of the database into compressed files, as the gateway does once an hour."""
    keep = import_module("offramp.migrate.history.keep").keep
    kept = keep(state or context.obj, now_ns=time.time_ns(), after_h=after_h, retention_days=keep_days)
    if json:
        print_json(asdict(kept))
    else:
        print(told(kept))


def told(kept: Kept) -> str:
    """A line for each thing that was done."""
    lines = [f"{counted(kept.moved, 'request')} moved to the history" if kept.moved else "Nothing to move."]
    if kept.merged:
        lines.append(f"{kept.merged:,} files of days that are over became fewer")
    if kept.expired:
        lines.append(f"{counted(kept.expired, 'request')} deleted; their sums remain")
    if kept.waiting:
        lines.append(f"{counted(kept.waiting, 'file')} still being read, to be deleted by the next move")
    lines += [f"history/{problem.file}: {problem.message}" for problem in kept.problems]
    return "\n".join(lines)
