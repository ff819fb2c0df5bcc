"""Versions of libraries from lock files, and from what scripts and images install."""

from datetime import date
from pathlib import Path

import pytest

from offramp.migrate.scan.scan import scan

LOCKS = {
    "uv.lock": '[[package]]\nname = "openai"\nversion = "2.8.1"\nsource = { registry = "x" }\n',
    "poetry.lock": '[[package]]\nname = "openai"\nversion = "2.8.1"\ndescription = ""\n',
    "package-lock.json": '{"packages": {"node_modules/openai": {\n      "version": "2.8.1", "resolved": "x"}}}',
    "yarn.lock": '# yarn lockfile v1\n\nopenai@^2.0.0, openai@^2.1.0:\n  version "2.8.1"\n  resolved "x"\n',
    "pnpm-lock.yaml": "packages:\n\n  '@types/node@20.1.0':\n    resolution: {}\n\n"
    "  openai@2.8.1(zod@3.0.0):\n    resolution: {}\n",
    "Dockerfile": "FROM python\nRUN pip install --no-cache-dir \\\n    'openai==2.8.1' uvicorn\n",
    "setup.sh": "set -e\nnpm install express openai@2.8.1 && npm run x\n",
}


@pytest.mark.parametrize(("name", "text"), LOCKS.items(), ids=list(LOCKS))
def test_the_version_is_listed(tmp_path: Path, name: str, text: str) -> None:
    """Which SDK runs decides how it behaves; a range does not say."""
    (tmp_path / name).write_text(text)

    found = scan([tmp_path], today=date(2026, 11, 21)).inventory.packages

    assert [(each.name, each.version.lstrip("="), each.file) for each in found] == [("openai", "2.8.1", name)]


def test_a_lock_is_read_for_versions_alone(tmp_path: Path) -> None:
    """It is long, and nobody wrote it."""
    (tmp_path / "package-lock.json").write_text('{"OPENAI_MODEL": "gpt-4o", "a": ' + "[" * 1000)

    inventory = scan([tmp_path], today=date(2026, 11, 21)).inventory

    assert (inventory.clients, inventory.findings, inventory.problems, inventory.files) == ([], [], [], 0)


def test_what_the_project_asks_for_goes_before_what_is_locked(tmp_path: Path) -> None:
    """A site shows the version as the team wrote it."""
    (tmp_path / "package.json").write_text('{"dependencies": {"openai": "^2.0.0"}}')
    (tmp_path / "yarn.lock").write_text(LOCKS["yarn.lock"])
    (tmp_path / "a.ts").write_text("import OpenAI from 'openai'; new OpenAI().models.list();")

    inventory = scan([tmp_path], today=date(2026, 11, 21)).inventory

    assert inventory.sites[0].library_version == "^2.0.0"
    assert [each.version for each in inventory.packages] == ["^2.0.0", "2.8.1"]
