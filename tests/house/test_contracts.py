"""The layers hold: imports only point down, cores stay pure, serving stays light."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

VIOLATIONS = {
    "layers": ("src/offramp/policy/planted.py", "from offramp.config import __name__ as planted"),
    "pure": ("src/offramp/wire/planted.py", "import time"),
    "phases": ("src/offramp/gateway/planted.py", ""),
    "adapters": ("src/offramp/catalog/planted.py", "from offramp.store import writer"),
    "light": ("src/offramp/upstream/planted.py", "import sqlalchemy"),
}
"""For each contract a line that it must refuse."""


def test_all_contracts_are_kept() -> None:
    """A module that imports upwards is the first step to one that cannot be tested alone."""
    verdict = _lint(ROOT)

    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_is_found(contract: str, tmp_path: Path) -> None:
    """A contract that a change of settings has blunted would seem kept for ever."""
    place, line = VIOLATIONS[contract]
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / place).write_text(f"{line}\n", encoding="utf-8")

    verdict = _lint(tmp_path, "--contract", contract)

    assert verdict.returncode == 1, verdict.stdout
    assert "planted" in verdict.stdout


def _lint(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """import-linter's verdict on the tree at `root`."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", *options],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
