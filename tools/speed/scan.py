"""How fast `offramp scan` reads a tree: processor time of this process, so that others on the machine do not count.

    python -m tools.speed.scan
    python -m tools.speed.scan PATH --json FILE

Without a path it reads this project itself, and the OpenAI SDK as it is installed, which is all about the API.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import openai
from rich.console import Console
from rich.table import Table

from offramp.migrate.scan.scan import scan

WANTED_MB_PER_S = 1.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One tree."""

    name: str
    files: int
    megabytes: float
    sites: int
    findings: int
    cpu_s: float

    @property
    def mb_per_s(self) -> float:
        """Source per second of processor time."""
        return self.megabytes / self.cpu_s


def timed(name: str, path: Path) -> Timed:
    """Scan one tree, as the command does it."""
    gc.collect()
    gc.disable()
    began_s = time.process_time()
    inventory = scan([path], today=datetime.now(UTC).date()).inventory
    cpu_s = time.process_time() - began_s
    gc.enable()
    return Timed(
        name=name,
        files=inventory.files,
        megabytes=inventory.bytes / 1e6,
        sites=len(inventory.sites),
        findings=len(inventory.findings),
        cpu_s=cpu_s,
    )


def show(console: Console, runs: Sequence[Timed]) -> None:
    """One line for each tree."""
    table = Table("tree", "files", "MB", "call sites", "findings", "s", f"MB/s (wanted: {WANTED_MB_PER_S:.0f})")
    for run in runs:
        table.add_row(
            run.name,
            f"{run.files:,}",
            f"{run.megabytes:.1f}",
            f"{run.sites:,}",
            f"{run.findings:,}",
            f"{run.cpu_s:.2f}",
            f"{run.mb_per_s:.1f}",
        )
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="trees to read")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    trees = [(path.name, path) for path in options.paths]
    trees = trees or [("this project", ROOT), ("the OpenAI SDK", Path(openai.__file__).parent)]
    runs = [timed(name, path) for name, path in trees]
    show(Console(file=sys.stdout), runs)
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
