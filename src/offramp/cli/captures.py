"""`offramp captures`: what was captured, from when to when, and out with it."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from offramp.cli.ledger import span
from offramp.cli.terminal import print_json, table
from offramp.errors import UnavailableError, UsageError
from offramp.migrate.ledger.selection import instant
from offramp.migrate.report.words import counted
from offramp.store.captures import FOLDER, Captured, Troubles, read, segments


def command(
    state: Annotated[Path, typer.Option(help="The gateway's state folder.")] = Path(".offramp"),
    since: Annotated[str | None, typer.Option(help="From a day, a time, or so long ago: 2026-11-01, 24h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Before a day or a time.")] = None,
    route: Annotated[str | None, typer.Option(help="Only this route.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write them to this file as JSON lines; - is standard output.")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove all captures.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what was captured of requests and answers, or write it out."""
    folder = state / FOLDER
    if delete:
        if since or until or route or export:
            raise UsageError("--delete removes all captures and stands alone")
        _delete(folder)
        return
    first_ns, end_ns = span(None, since, until)
    troubles = Troubles()
    found = read(folder, troubles, since_ns=first_ns or 0, until_ns=end_ns or 1 << 63)
    chosen = (captured for captured in found if route in (None, captured.route))
    if export is not None:
        _export(chosen, export)
    else:
        _show(_summed(chosen), folder, troubles, json=json)
    for trouble in troubles.damaged:
        sys.stderr.write(f"offramp: {trouble}; the rest was read\n")


@dataclass(slots=True)
class _Sum:
    """What all captures are together."""

    captures: int = 0
    first_ns: int = 0
    last_ns: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_team: Counter[str] = field(default_factory=Counter)
    by_outcome: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)


def _summed(found: Iterator[Captured]) -> _Sum:
    total = _Sum()
    for one in found:
        total.captures += 1
        total.first_ns = min(total.first_ns or one.started_ns, one.started_ns)
        total.last_ns = max(total.last_ns, one.started_ns)
        total.by_route[one.route] += 1
        total.by_team[one.team] += 1
        total.by_outcome[one.outcome] += 1
        total.masked.update(one.masked)
    return total


def _show(total: _Sum, folder: Path, troubles: Troubles, *, json: bool) -> None:
    size_bytes = sum(segment.size_bytes for segment in segments(folder))
    if json:
        print_json(
            {
                "captures": total.captures,
                "first": instant(total.first_ns) if total.captures else None,
                "last": instant(total.last_ns) if total.captures else None,
                "size_bytes": size_bytes,
                "by_route": total.by_route,
                "by_team": total.by_team,
                "by_outcome": total.by_outcome,
                "masked": total.masked,
                "damaged": troubles.damaged,
            }
        )
        return
    lines = [f"{counted(total.captures, 'capture')}, {size_bytes / 1e6:,.1f} MB in {folder}"]
    if total.captures:
        lines.append(f"from {instant(total.first_ns)} to {instant(total.last_ns)}")
    for title, counts in (
        ("by route", total.by_route),
        ("by team", total.by_team),
        ("by outcome", total.by_outcome),
        ("masked", total.masked),
    ):
        if counts:
            lines += ["", title, *table([(name, f"{count:,}") for name, count in counts.most_common(20)])]
    sys.stdout.write("\n".join(lines) + "\n")


def _export(found: Iterator[Captured], path: Path) -> None:
    if path == Path("-"):
        for captured in found:
            sys.stdout.buffer.write(msgspec.json.encode(captured) + b"\n")
        return
    count = 0
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            for captured in found:
                file.write(msgspec.json.encode(captured) + b"\n")
                count += 1
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name or remove it") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None
    sys.stdout.write(f"{counted(count, 'capture')} written to {path}\n")


def _delete(folder: Path) -> None:
    found = segments(folder)
    try:
        for segment in found:
            segment.path.unlink(missing_ok=True)
    except OSError as error:
        raise UnavailableError(f"{error.filename} cannot be removed: {error.strerror}") from None
    sys.stdout.write(f"{counted(len(found), 'file')} of captures removed from {folder}\n")
