"""`offramp scan --fix`: the change as a diff on standard output, what is left and why beside it; `--write` makes it."""

import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from offramp.cli.scan_picture import plain
from offramp.cli.terminal import is_coloured
from offramp.errors import UsageError
from offramp.migrate.report.words import counted
from offramp.migrate.scan.fix.edits import Left, Wanted
from offramp.migrate.scan.fix.propose import Proposal, propose
from offramp.migrate.scan.fix.write import write
from offramp.migrate.scan.scan import Scan

DEFAULT_BASE_URL = "http://127.0.0.1:8484/v1"
"""Where `offramp serve` listens unless told otherwise."""

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def wanted(base_url: str, model: str | None) -> Wanted:
    """What the options ask for.

    Raises:
        UsageError: If the address is none, or the model cannot stand in a string literal.
    """
    try:
        parts = urlsplit(base_url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path not in {"", "/"}
    except ValueError:
        is_whole = False
    if not is_whole or not _is_plain(base_url):
        raise UsageError(
            f"--base-url {base_url}: give an address with its path, such as {DEFAULT_BASE_URL}", param="base-url"
        )
    if model is not None and (not model or not _is_plain(model)):
        raise UsageError(f"--model {model!r}: give a model's name, without blanks or quotes", param="model")
    return Wanted(base_url=base_url.rstrip("/"), model=model)


def _is_plain(text: str) -> bool:
    return text.isprintable() and not set(text) & set("\"'`\\ $")


def apply(scan: Scan, asked: Wanted, *, writes: bool) -> tuple[Proposal, list[Left]]:
    """The proposal, written if asked for, and what could not be written.

    Raises:
        UnavailableError: If a file cannot be written.
    """
    proposal = propose(scan.project, asked, sites=scan.inventory.sites)
    return proposal, write(proposal, scan.base) if writes else []


def show(proposal: Proposal, unwritten: Sequence[Left], *, writes: bool) -> None:
    """The diff on standard output, everything else on standard error."""
    out = Console(file=sys.stdout, no_color=not is_coloured(sys.stdout), soft_wrap=True, highlight=False)
    told = Console(file=sys.stderr, no_color=not is_coloured(sys.stderr), soft_wrap=True, highlight=False)
    if out.is_terminal:
        for line in proposal.diff().split("\n")[:-1]:
            out.print(Text(plain(line.rstrip("\r")), style=_STYLES.get(line[:1], "")))
    else:
        sys.stdout.write(proposal.diff())
        sys.stdout.flush()
    left = [*proposal.left, *unwritten]
    if left:
        told.print(f"Not changed, {len(left)}:")
    for each in left:
        told.print(Text(plain(f"  {each.file}:{each.line} {each.what}: {each.why}")))
    for fix in proposal.hidden():
        for edit in fix.edits:
            told.print(Text(plain(f"Not shown, since a key stands there: {fix.path}:{edit.line} {edit.what}")))
    told.print(_summary(proposal, unwritten, writes=writes))


def _summary(proposal: Proposal, unwritten: Sequence[Left], *, writes: bool) -> str:
    if not proposal.files:
        return "Nothing to change."
    edits = sum(len(each.edits) for each in proposal.files)
    places = f"{counted(edits, 'place')} in {counted(len(proposal.files), 'file')}"
    if not writes:
        but = ", but for what is not shown" if proposal.hidden() else ""
        return f"This would change {places}. `--write` does it; so does `git apply` with this output{but}."
    return f"Changed {places}." if not unwritten else f"Changed all but {counted(len(unwritten), 'file')} of {places}."


def document(proposal: Proposal, unwritten: Sequence[Left], *, writes: bool) -> dict[str, Any]:
    """The proposal for programs."""
    failed = {each.file for each in unwritten}
    hidden = {each.path for each in proposal.hidden()}
    return {
        "diff": proposal.diff(),
        "files": [
            {
                "file": each.path,
                "edits": [{"line": edit.line, "what": edit.what} for edit in each.edits],
                "written": writes and each.path not in failed,
                "in_diff": each.path not in hidden,
            }
            for each in proposal.files
        ],
        "left": [
            {"file": each.file, "line": each.line, "what": each.what, "why": each.why}
            for each in [*proposal.left, *unwritten]
        ],
    }
