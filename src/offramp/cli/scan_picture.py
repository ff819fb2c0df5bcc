"""A scan for people: the call sites by file, what they need to move, what was found wrong, and what comes next."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.migrate.report.words import counted
from offramp.migrate.scan.model import Finding, Inventory, Site, Supported
from offramp.migrate.scan.report import LEVELS, count_of
from offramp.migrate.scan.rules.table import TABLE
from offramp.migrate.scan.scan import Scan

MOST_SITES = 40
"""More are shown as one line for each kind."""
_MOST_ROWS = 12
_MOST_PROBLEMS = 5
_MOST_MESSAGES = 6
"""A rule that says more different things is shown by its title."""
_MOST_NAME = 28
"""Longest name of a function that is shown whole, in characters."""
_WIDE = 100
"""Narrower terminals leave the names of functions out."""
_MOST_OPERATION = 26
_MOST_MODELS = 2
_COLUMNS = 5
_LEAST_WIDTH = 12
_STYLES = {"error": "red", "warning": "yellow", "note": "dim", "no": "red", "changes": "yellow", "yes": "green"}
_MOVES = {"yes": "yes", "changes": "with changes", "no": "no", "unknown": "not known"}


def show(console: Console, scan: Scan, written: Path | None) -> None:
    """Print it."""
    inventory = scan.inventory
    _head(console, scan)
    if inventory.sites:
        if len(inventory.sites) <= MOST_SITES:
            _list(console, inventory.sites)
        else:
            console.print(_grouped(inventory.sites))
        _say(console, _moving(inventory.sites))
        console.print(_needs(inventory.sites))
    if inventory.findings:
        console.print()
        _say(console, _by_level(inventory.findings, len(scan.silenced)))
        console.print(_found(inventory.findings))
    _not_read(console, inventory)
    for line in _next(inventory, written):
        _say(console, line)


def plain(text: str) -> str:
    """Text from somebody else's code, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(plain(text), style=style))


def _head(console: Console, scan: Scan) -> None:
    inventory = scan.inventory
    files = len({site.file for site in inventory.sites})
    read = f"{counted(inventory.files, 'file')} read, {inventory.bytes / 1e6:.1f} MB"
    if not inventory.sites:
        _say(console, f"No call of the OpenAI API found ({read})")
    else:
        _say(console, f"{counted(len(inventory.sites), 'call site')} in {counted(files, 'file')} ({read})", "bold")
    if inventory.packages:
        asked = dict.fromkeys(f"{each.name} {each.version}".strip() for each in inventory.packages)
        _say(console, f"asks for {', '.join(list(asked)[:_MOST_ROWS])}", "dim")


def _list(console: Console, sites: Sequence[Site]) -> None:
    """One line for each site, below the name of its file."""
    longest = _MOST_NAME if console.width >= _WIDE else 0
    rows = [(site, _cells(site, longest)) for site in sites]
    widths = _widths([max(len(cells[column]) for _, cells in rows) for column in range(_COLUMNS)], console.width)
    file = ""
    for site, cells in rows:
        if site.file != file:
            file = site.file
            console.print(Text(f"\n{plain(file)}", style="bold"))
        table = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            table.add_column(width=width, overflow="fold")
        cells[-1].stylize(_STYLES.get(site.supported, ""))
        table.add_row(*cells)
        console.print(table)
    console.print()


def _widths(wanted: Sequence[int], width: int) -> list[int]:
    """What each column gets: place and verdict as they are, the model and the features what is left."""
    place, operation, model, features, moves = wanted
    operation = min(operation, _MOST_OPERATION)
    rest = width - 2 * _COLUMNS - place - operation - moves
    model = min(model, max(_LEAST_WIDTH, rest - min(features, rest // 2)))
    return [place, operation, model, min(features, max(_LEAST_WIDTH, rest - model)), moves]


def _cells(site: Site, longest: int) -> tuple[Text, ...]:
    function = site.function if len(site.function) <= longest else f"…{site.function[1 - longest :]}" if longest else ""
    library = "" if site.library == "openai" else f" ({site.library})"
    words = (
        f"{site.line:>5} {function}".rstrip(),
        f"{site.operation}{library}",
        _model(site),
        ", ".join(site.features),
        _MOVES[site.supported],
    )
    return tuple(Text(plain(word)) for word in words)


def _grouped(sites: Sequence[Site]) -> Table:
    """One line for each kind of call: what is asked for, of which model, through which library."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("sites", justify="right")
    for title in ("asks for", "model", "uses", "moves", "such as"):
        table.add_column(title, overflow="fold")
    groups: dict[tuple[str, str, str, str], list[Site]] = {}
    for site in sites:
        groups.setdefault((site.operation, site.library, _model(site), site.supported), []).append(site)
    for (operation, library, model, supported), members in sorted(groups.items(), key=lambda each: -len(each[1])):
        features = Counter(feature for site in members for feature in site.features)
        table.add_row(
            str(len(members)),
            Text(f"{operation} ({library})"),
            Text(plain(model)),
            Text(", ".join(features)),
            Text(_MOVES[supported], style=_STYLES.get(supported, "")),
            Text(plain(f"{members[0].file}:{members[0].line}")),
        )
    return table


def _model(site: Site) -> str:
    name = _either(site.models) if site.models else site.model
    if site.model_from.startswith("environment "):
        return f"${site.model_from.removeprefix('environment ')}" + (f" (else {name})" if name else "")
    return name or ("–" if site.model_from == "unknown" else site.model_from)


def _either(models: Sequence[str]) -> str:
    more = " …" if len(models) > _MOST_MODELS else ""
    return " or ".join(models[:_MOST_MODELS]) + more


def _moving(sites: Sequence[Site]) -> str:
    counts = Counter(site.supported for site in sites)
    words: dict[Supported, str] = {"yes": "with base_url and model alone", "changes": "with more changes", "no": "not"}
    parts = [f"{counts[key]} {word}" for key, word in words.items() if counts[key]]
    if counts["unknown"]:
        parts.append(f"{counts['unknown']} as far as can be told from the code")
    return f"Moves to an OpenAI-compatible target: {', '.join(parts)}."


def _needs(sites: Sequence[Site]) -> Table:
    """What has to be done, each once, with how many sites need it; of addresses where their clients are made."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    needs: dict[str, list[str]] = {}
    for site in sites:
        for part in site.change.split("; "):
            if part and not part.startswith("model: "):
                at = f" at {site.client}"
                is_client = bool(site.client) and part.endswith(at)
                place = site.client if is_client else f"{site.file}:{site.line}"
                needs.setdefault(part.removesuffix(at) if is_client else part, []).append(place)
    for need, members in sorted(needs.items(), key=lambda each: -len(each[1]))[:_MOST_ROWS]:
        table.add_row(Text(f"  {len(members):>3}"), Text(plain(need)), Text(plain(_places(members)), style="dim"))
    return table


def _places(members: Sequence[str]) -> str:
    """The first of some places, and how many others there are."""
    places = list(dict.fromkeys(members))
    return f"{places[0]} and {len(places) - 1} more" if len(places) > 1 else places[0]


def _by_level(findings: Sequence[Finding], silenced: int) -> str:
    counts = [counted(count, level) for level in LEVELS if (count := count_of(findings, level))]
    quiet = f" ({silenced} more silenced by comments)" if silenced else ""
    return f"Found on the way: {', '.join(counts)}{quiet}. `offramp scan --explain RULE` says why."


def _found(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for members in sorted(_alike(findings), key=lambda each: (LEVELS.index(each[0].level), -len(each))):
        first = members[0]
        same = all(each.message == first.message for each in members)
        table.add_row(
            Text(f"  {first.level}", style=_STYLES[first.level]),
            Text(first.rule),
            Text(plain(first.message if same else TABLE[first.rule].title)),
            Text(plain(_places([f"{each.file}:{each.line}" for each in members])), style="dim"),
        )
    return table


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings that stand in one row, the worst first: of one rule, or of one message if a rule has few of these."""
    by_rule: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, {}).setdefault(finding.message, []).append(finding)
    rows: list[list[Finding]] = []
    for messages in by_rule.values():
        whole = sorted((each for some in messages.values() for each in some), key=lambda each: LEVELS.index(each.level))
        rows += messages.values() if len(messages) <= _MOST_MESSAGES else [whole]
    return rows


def _not_read(console: Console, inventory: Inventory) -> None:
    if inventory.problems:
        console.print()
        _say(console, f"Not read, or not as it should be: {counted(len(inventory.problems), 'file')}", "yellow")
        for problem in inventory.problems[:_MOST_PROBLEMS]:
            place = f"{problem.file}:{problem.line}" if problem.line else problem.file
            _say(console, f"  {place}: {problem.message}")
        if len(inventory.problems) > _MOST_PROBLEMS:
            _say(console, f"  and {len(inventory.problems) - _MOST_PROBLEMS} more (--json lists all)")
    if inventory.skipped:
        _say(console, f"Passed over: {', '.join(f'{name} ({n})' for name, n in inventory.skipped.items())}", "dim")


def _next(inventory: Inventory, written: Path | None) -> list[str]:
    lines = [""]
    if written is not None:
        lines.append(f"Everything is in {written}.")
    if inventory.sites:
        lines.append(
            "Next: `offramp serve`, OPENAI_BASE_URL=http://127.0.0.1:8484/v1 in the application, then `offramp audit`."
        )
        lines.append("`offramp scan --fix` shows the change of the code itself, where that is the better way.")
        if any(not site.fingerprint and not site.site_header for site in inventory.sites):
            lines.append("The header x-offramp-site gives a call site a name of its own, by which `audit` knows it.")
    return lines
