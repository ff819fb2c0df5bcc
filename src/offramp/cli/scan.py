"""`offramp scan`: where code calls the OpenAI API, with which features, and what must change for it to move."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from offramp import __version__
from offramp.cli import scan_fix
from offramp.cli.scan_picture import show
from offramp.cli.terminal import is_coloured, print_json
from offramp.errors import UnavailableError, UsageError
from offramp.migrate import artifact
from offramp.migrate.scan.fix.edits import Wanted
from offramp.migrate.scan.report import LEVELS, document, inputs, stands_at
from offramp.migrate.scan.rules.pages import explanation
from offramp.migrate.scan.rules.table import rule
from offramp.migrate.scan.sarif import sarif
from offramp.migrate.scan.scan import Scan, scan
from offramp.store.hash_key import load_or_create
from offramp.store.state import HASH_KEY

_NEVER = "never"
_DEFAULT_STATE = Path(".offramp")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH…", help="Folders and files. Default: this folder.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="For programs: everything, as an object.")]
SarifFile = Annotated[
    Path | None, typer.Option("--sarif", help="Also write the findings as SARIF, to this file.", show_default=False)
]
State = Annotated[
    Path | None,
    typer.Option(
        help="The gateway's state folder, for fingerprints. Default: .offramp, if it is there.", show_default=False
    ),
]
FailOn = Annotated[str, typer.Option(help="Leave with 1 if a finding stands: error, warning, note or never.")]
Folder = Annotated[Path, typer.Option("--dir", help="Where scan.json goes.")]
Fix = Annotated[bool, typer.Option("--fix", help="Print the change that carries the clients to offramp, as a diff.")]
Write = Annotated[bool, typer.Option("--write", help="With --fix: make the change.")]
BaseUrl = Annotated[str, typer.Option(help="With --fix: the address that clients shall call.")]
Model = Annotated[str | None, typer.Option(help="With --fix: the model that literal ones become.", show_default=False)]
Explain = Annotated[str | None, typer.Option(help="Say why a rule is one, with examples: OFF012.", show_default=False)]


def command(
    paths: Paths = None,
    as_json: Json = False,
    sarif_file: SarifFile = None,
    state: State = None,
    fail_on: FailOn = _NEVER,
    folder: Folder = artifact.FOLDER,
    explain: Explain = None,
    fix: Fix = False,
    write: Write = False,
    base_url: BaseUrl = scan_fix.DEFAULT_BASE_URL,
    model: Model = None,
) -> int:
    """Find where code calls the OpenAI API, and what must change for it to move.

    Reads Python, notebooks, TypeScript, JavaScript, BAML and configuration; runs nothing, and changes files only with
    --fix --write.
    """
    if explain is not None:
        sys.stdout.write(explanation(rule(explain)))
        return 0
    if fail_on not in {_NEVER, *LEVELS}:
        raise UsageError(f"--fail-on {fail_on}: give error, warning, note or never", param="fail-on")
    if write and not fix:
        raise UsageError("--write goes with --fix", param="write")
    asked = scan_fix.wanted(base_url, model) if fix else None
    # Syntax trees are many small objects without circles: searching them for garbage costs a third of the time.
    gc.disable()
    now_ns = time.time_ns()
    console = Console(file=sys.stdout, no_color=not is_coloured(sys.stdout))
    key = _hash_key(state)
    with _progress() as tick:
        found = scan(paths or [Path()], today=datetime.fromtimestamp(now_ns / 1e9, UTC).date(), hash_key=key, tick=tick)
    made = artifact.make("scan", document(found), inputs=inputs(found), now_ns=now_ns)
    written = artifact.write(made, folder)
    if sarif_file is not None:
        _write_sarif(found, sarif_file)
    if asked is not None:
        _fix(found, asked, made.content if as_json else None, writes=write)
    elif as_json:
        print_json(made.content)
    else:
        show(console, found, written)
    level = next((each for each in LEVELS if each == fail_on), None)
    return int(level is not None and stands_at(found.inventory, level))


def _fix(found: Scan, asked: Wanted, content: dict[str, Any] | None, *, writes: bool) -> None:
    """Show the change, or print it with the rest of the scan for programs; write it if asked to."""
    proposal, unwritten = scan_fix.apply(found, asked, writes=writes)
    if content is None:
        scan_fix.show(proposal, unwritten, writes=writes)
    else:
        print_json({**content, "fix": scan_fix.document(proposal, unwritten, writes=writes)})


def _hash_key(state: Path | None) -> bytes | None:
    """The key of the gateway's fingerprints; `None` where nobody asked for them and none is there."""
    folder = state or _DEFAULT_STATE
    if (folder / HASH_KEY).exists():
        return load_or_create(folder)
    if state is not None:
        raise UsageError(
            f"{state} has no {HASH_KEY}: give the state folder of the gateway (`offramp serve --state`)", param="state"
        )
    return None


def _write_sarif(found: Scan, file: Path) -> None:
    log = sarif(
        found.inventory.findings,
        sources=found.project.sources,
        version=__version__,
        silenced=found.silenced,
        problems=found.inventory.problems,
        prefix=_prefix(found.base),
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(log), indent=2) + b"\n")
    except OSError as error:
        raise UnavailableError(f"{file} cannot be written: {error.strerror or error}") from None


def _prefix(base: Path) -> str:
    """Where the scanned folder lies below the root of the checkout; empty if that is not known."""
    root = next((folder for folder in (base, *base.parents) if (folder / ".git").exists()), None)
    return "" if root is None or root == base else base.relative_to(root).as_posix()


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Says on a terminal how far it is; long scans only."""
    if not sys.stderr.isatty():
        yield _quiet
        return
    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def tick(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tick


def _quiet(done: int, total: int) -> None:
    """Nobody watches."""
