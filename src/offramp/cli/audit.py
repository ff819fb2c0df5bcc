"""`offramp audit`: what the traffic is like, what it costs, and what to do about it."""

import sys
import time
from pathlib import Path

from rich.console import Console

from offramp.cli import audit_imports
from offramp.cli import audit_options as options
from offramp.cli.audit_picture import show
from offramp.cli.ledger import hexadecimal, span
from offramp.cli.terminal import is_coloured, print_json
from offramp.errors import UnavailableError
from offramp.migrate import artifact
from offramp.migrate.artifact import Input
from offramp.migrate.audit.audit import Audit, audit
from offramp.migrate.audit.document import document
from offramp.migrate.audit.page import page
from offramp.migrate.audit.scan import Scanned, find
from offramp.migrate.ledger.selection import Selection

_WIDTH = 110
"""Of output that no terminal limits."""


def command(
    state: options.State = Path(".offramp"),
    team: options.Team = None,
    feature: options.Feature = None,
    key: options.Key = None,
    model: options.Model = None,
    tier: options.Tier = None,
    route: options.Route = None,
    operation: options.Operation = None,
    outcome: options.Outcome = None,
    site: options.Site = None,
    on: options.Day = None,
    since: options.Since = None,
    until: options.Until = None,
    imports: options.Imports = None,
    import_kind: options.ImportKind = None,
    scan: options.Scan = None,
    html: options.Html = None,
    folder: options.Folder = artifact.FOLDER,
    as_json: options.Json = False,
) -> None:
    """Say what is used, how much, how fast, at what price, and what matters most. Writes audit.json to --dir."""
    words = {"team": team, "feature": feature, "key": key, "model": model, "tier": tier, "route": route}
    words |= {"operation": operation, "outcome": outcome, "site": None if site is None else hexadecimal(site)}
    since_ns, until_ns = span(on, since, until)
    selection = Selection(**words, since_ns=since_ns, until_ns=until_ns)
    scanned = find(scan, folder)
    ledger = None if imports and not audit_imports.has_ledger(state) else state
    waiting = Console(stderr=True, no_color=not is_coloured(sys.stderr)).status("Reading the requests …")
    with waiting, audit_imports.imported(imports or (), import_kind, ledger) as more:
        found = audit(
            ledger,
            selection,
            sites=None if scanned is None else scanned.sites,
            extra=more.parquet,
            now_ns=time.time_ns(),
        )
    inputs = [*_inputs(ledger, selection, scanned), *audit_imports.inputs(more)]
    if html is not None:
        _write(html, page(found, sources=[one.name for one in inputs], unusable=audit_imports.unusable(more)))
    values = document(found)
    if imports:
        values |= {"imports": audit_imports.as_json(more), "totals": audit_imports.totals_as_json(more)}
    if as_json:
        print_json(values)
        return
    made = artifact.make("audit", values, inputs=inputs, now_ns=found.now_ns)
    _show(found, [artifact.write(made, folder), *([] if html is None else [html])])
    sys.stdout.write("".join(f"{line}\n" for line in audit_imports.lines(more)))


def _inputs(ledger: Path | None, selection: Selection, scanned: Scanned | None) -> list[Input]:
    """What it was made from. The ledger grows by the second, so it has no hash, but the selection is told."""
    chosen = [f"{name} {value}" for name in Selection.__slots__ if (value := getattr(selection, name)) is not None]
    inputs = [Input(name=words, sha256="") for words in ([] if ledger is None else [ledger.as_posix()]) + chosen]
    return inputs if scanned is None else [*inputs, scanned.input]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None


def _show(found: Audit, written: list[Path]) -> None:
    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else _WIDTH,
        no_color=not is_coloured(sys.stdout),
        highlight=False,
        emoji=False,
        markup=False,
    )
    show(console, found, written)
