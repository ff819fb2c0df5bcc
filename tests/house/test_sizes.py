"""Budgets: what makes code hard is the tail, so the maximum is bounded, and two rules are simply zero."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, functions, parsed, python_files

OURS = python_files("src", "tools")
TESTS = python_files("tests")

FILE_LINES = 400
TEST_FILE_LINES = 600
FUNCTION_LINES = 50

LATE_IMPORTS = {
    "src/offramp/cli/__init__.py": "loads what the command line says and nothing else, so that --help is instant",
    "src/offramp/cli/demo.py": "the OpenAI SDK takes a second to load; --help and the first words need not wait",
    "src/offramp/cli/invoke.py": "loads the one command that is called",
    "src/offramp/cli/ledger_move.py": "DuckDB takes half a second to load, and `offramp ledger` does without",
    "src/offramp/migrate/history/archive.py": "the same: most questions are answered by the sums per hour",
    "src/offramp/cli/prices.py": "genai-prices takes 0.3 s to load, and only --update needs it",
    "src/offramp/cli/serve.py": "one process needs no supervisor; what is loaded is not searched for garbage meanwhile",
    "src/offramp/compose/admin.py": "the admin port's libraries are loaded once the main port is open",
    "src/offramp/upstream/simulated/server.py": "uvloop is not on every platform",
}
"""Modules that may import inside a function, and why."""


@pytest.mark.parametrize("path", OURS, ids=str)
def test_modules_stay_short(path: Path) -> None:
    """A module past its budget becomes a package of the same name."""
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())

    assert lines <= FILE_LINES, f"{path} has {lines} lines: make it a package of the same name"


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_test_files_stay_readable(path: Path) -> None:
    """A test file is longer than what it tests, but one sitting must do for reading it."""
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())

    assert lines <= TEST_FILE_LINES, f"{path} has {lines} lines: split it by behaviour"


@pytest.mark.parametrize("path", OURS, ids=str)
def test_functions_stay_short(path: Path) -> None:
    """A function that does not fit a screen does more than one thing. Signature and docstring count."""
    long = [
        f"{node.name} (line {node.lineno}): {_length(node)} lines"
        for node in functions(path)
        if _length(node) > FUNCTION_LINES
    ]

    assert long == []


@pytest.mark.parametrize("path", OURS + TESTS, ids=str)
def test_there_is_no_global_state_to_rebind(path: Path) -> None:
    """State that a function rebinds from afar is what makes a gateway untestable; instances hold it instead."""
    found = [node.lineno for node in ast.walk(parsed(path)) if isinstance(node, ast.Global)]

    assert found == []


@pytest.mark.parametrize("path", OURS, ids=str)
def test_imports_stand_at_the_top(path: Path) -> None:
    """An import inside a function is the scar of layers that import each other."""
    late = [
        f"{node.name}: {ast.unparse(inner)}"
        for node in functions(path)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom) or _loads_by_name(inner)
    ]

    assert late == [] or str(path) in LATE_IMPORTS


@pytest.mark.parametrize("name", LATE_IMPORTS)
def test_the_list_of_late_imports_is_current(name: str) -> None:
    """An exception that nothing needs any more is taken back."""
    assert (ROOT / name).is_file()


def _loads_by_name(node: ast.AST) -> bool:
    """Whether it calls `import_module` or `__import__`."""
    names = {"import_module", "__import__"}
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
