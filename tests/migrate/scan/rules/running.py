"""Runs a whole scan over examples: the front ends with the rules."""

import tempfile
from datetime import date
from pathlib import Path

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.rule import Example
from offramp.migrate.scan.scan import scan

TODAY = date(2026, 11, 21)


def findings(*examples: Example) -> list[Finding]:
    """What a scan finds in these files, which lie beside each other."""
    with tempfile.TemporaryDirectory() as folder:
        for each in examples:
            path = Path(folder, each.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.text, encoding="utf-8", newline="")
        return scan([Path(folder)], today=TODAY).inventory.findings


def found(text: str, path: str = "app.py") -> list[str]:
    """The ids of what is found in one file."""
    return [each.rule for each in findings(Example(path=path, text=text))]
