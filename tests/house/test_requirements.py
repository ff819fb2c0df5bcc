"""What is installed is known by hash, comes from nowhere in particular, and is used."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, parsed, python_files

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SUITES = [path for folder in ("real", "clients") for path in (ROOT / "tests" / folder).rglob("*.txt")]
OTHER_LOCKS = sorted(
    path for path in SUITES if ".venv" not in path.parts and "--hash=" in path.read_text(encoding="utf-8")
)
"""Environments that a suite has for itself."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

IMPORT_NAMES = {
    "prometheus-client": "prometheus_client",
    "prompt-toolkit": "prompt_toolkit",
    "pyyaml": "yaml",
    "genai-prices": "genai_prices",
    "ast-grep-py": "ast_grep_py",
}
"""Distributions whose module has another name."""

OWN_ENVIRONMENT = {
    Path("tests/clients/aiohttp_client.py"),
    Path("tests/real/tiny_model.py"),
    Path("tests/real/larger_model.py"),
}
"""Programs that a suite runs in an environment of its own."""

COMES_WITH = {"pydantic_core": "pydantic"}
"""Modules that belong to a declared dependency: pinned by it to one version, documented as its lower half."""

NOT_IN_AN_IMAGE = {
    "duckdb",
    "numpy",
    "scipy",
    "openai",
    "genai-prices",
    "pyarrow",
    "pandas",
    "torch",
    "libcst",
    "ast-grep-py",
}
"""What neither a serving process nor the child that renews the ledger's schema needs."""


@pytest.mark.parametrize("lock", LOCKS + OTHER_LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_an_exact_version_and_its_hashes(lock: Path) -> None:
    """A package that was changed after the lock was written is not installed."""
    loose = [name for name, block in _blocks(lock).items() if "==" not in block or "--hash=sha256:" not in block]

    assert _blocks(lock)
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS + OTHER_LOCKS, ids=lambda path: path.name)
def test_no_lock_says_where_packages_come_from(lock: Path) -> None:
    """A company's own mirror works without editing a file."""
    options = [line for line in lock.read_text(encoding="utf-8").splitlines() if line.startswith("-") or "://" in line]

    assert options == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_all_locks_agree_on_versions(lock: Path) -> None:
    """Production runs what was tested."""
    tested = _versions(ROOT / "requirements/dev.txt") | _versions(ROOT / "requirements/build.txt")

    assert {name: version for name, version in _versions(lock).items() if tested[name] != version} == {}


def test_the_locks_follow_the_declared_dependencies() -> None:
    """A dependency added to pyproject.toml without `make lock` would break the next clean clone."""
    declared = {_name(line) for line in PROJECT["project"]["dependencies"]}
    development = {_name(line) for line in PROJECT["dependency-groups"]["dev"]}

    assert declared <= set(_versions(ROOT / "requirements/all.txt"))
    assert declared | development <= set(_versions(ROOT / "requirements/dev.txt"))


def test_the_production_image_takes_a_part_of_the_declared_dependencies_with_the_same_bounds() -> None:
    """requirements/serve.in repeats lines of pyproject.toml, so it may not drift from them."""
    lines = (ROOT / "requirements/serve.in").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}

    assert wanted - set(PROJECT["project"]["dependencies"]) == set()


def test_the_production_image_has_nothing_heavy() -> None:
    """A gateway starts in half a second and fits beside the application."""
    assert NOT_IN_AN_IMAGE & set(_versions(ROOT / "requirements/serve.txt")) == set()


def test_every_declared_dependency_is_imported() -> None:
    """What nothing uses is only a risk; a dependency is declared with the first import."""
    declared = {IMPORT_NAMES.get(name, name) for name in map(_name, PROJECT["project"]["dependencies"])}

    assert declared - _imported(python_files("src")) == set()


def test_every_import_is_a_declared_dependency() -> None:
    """What comes in through somebody else's dependency leaves with it."""
    declared = {IMPORT_NAMES.get(name, name) for name in map(_name, PROJECT["project"]["dependencies"])}

    foreign = _imported(python_files("src")) - set(sys.stdlib_module_names) - {"offramp"}

    assert {name for name in foreign if COMES_WITH.get(name, name) not in declared} == set()


def test_every_import_of_a_test_is_locked() -> None:
    """A test that passes only where somebody once installed something fails on the next machine."""
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    declared = {IMPORT_NAMES.get(name, name) for name in map(_name, wanted)}
    files = [path for path in python_files("tests", "tools") if path not in OWN_ENVIRONMENT]
    ours = {"offramp", "tests", "tools"}

    assert _imported(files) - declared - set(sys.stdlib_module_names) - ours == set()


def _blocks(lock: Path) -> dict[str, str]:
    """Package name to everything the lock says about it."""
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)
    return {_name(block): block for block in blocks if block.strip() and not block.startswith("#")}


def _versions(lock: Path) -> dict[str, str]:
    return {name: re.split(r"[\s;\\]", block.split("==", 1)[1], maxsplit=1)[0] for name, block in _blocks(lock).items()}


def _name(requirement: str) -> str:
    return re.split(r"[\s<>=!~;\[\\]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _imported(paths: list[Path]) -> set[str]:
    """Top-level modules that these files import, wherever the import stands."""
    names: set[str] = set()
    for path in paths:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names
