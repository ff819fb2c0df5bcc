"""A scan's result for programs: the content of `migration/scan.json`, and what `--json` prints."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from offramp.migrate.artifact import Input
from offramp.migrate.scan.model import Finding, Inventory, Level
from offramp.migrate.scan.scan import Scan

LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""The worst first."""


def document(scan: Scan) -> dict[str, object]:
    """Everything that was found, and how much of it."""
    inventory = scan.inventory
    content = cast("dict[str, object]", msgspec.to_builtins(inventory, str_keys=True))
    for name in ("files", "bytes", "skipped"):
        content.pop(name)
    return content | {"totals": totals(inventory)}


def totals(inventory: Inventory) -> dict[str, Any]:
    """How much there is of everything."""
    sites = inventory.sites
    return {
        "files": inventory.files,
        "bytes": inventory.bytes,
        "sites": len(sites),
        "clients": len(inventory.clients),
        "findings": {level: count for level in LEVELS if (count := count_of(inventory.findings, level))},
        "problems": len(inventory.problems),
        "skipped": inventory.skipped,
        "by_operation": _counted(site.operation for site in sites),
        "by_model": _counted(site.model or "not literal" for site in sites),
        "by_library": _counted(site.library for site in sites),
        "by_language": _counted(site.language for site in sites),
        "by_feature": _counted(feature for site in sites for feature in site.features),
        "by_supported": _counted(site.supported for site in sites),
        "with_fingerprint": sum(1 for site in sites if site.fingerprint),
    }


def inputs(scan: Scan) -> list[Input]:
    """What was scanned, as one input: the folder, and a hash over all that was read."""
    digest = hashlib.sha256()
    for path, source in sorted(scan.project.sources.items()):
        text = source.text.encode("utf-8", "surrogatepass")
        digest.update(f"{path}\0{len(text)}\0".encode("utf-8", "surrogatepass"))
        digest.update(text)
    return [Input(name=scan.base.name or "/", sha256=digest.hexdigest())]


def count_of(findings: Iterable[Finding], level: Level) -> int:
    """How many findings are of a level."""
    return sum(1 for finding in findings if finding.level == level)


def stands_at(inventory: Inventory, level: Level) -> bool:
    """Whether a finding stands at this level, or a worse one."""
    bad = LEVELS[: LEVELS.index(level) + 1]
    return any(finding.level in bad for finding in inventory.findings)


def _counted(words: Iterable[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(Counter(words).most_common())
