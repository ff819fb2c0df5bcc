"""One word per idea: modules say what they are for, pure modules have their test, and empty words are not used."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import PURE, ROOT, functions, parsed, python_files

MODULES = python_files("src")
PURE_MODULES = [
    path for path in MODULES if path.parts[2] in PURE and path.name != "__init__.py" and "data" not in path.parts
]

NOT_IN_A_DEFINITION = {"endpoint", "endpoints", "util", "utils", "helper", "helpers", "manager", "handler", "handlers"}
"""Words that say nothing of what a thing does, or two things at once (*endpoint*: a path and a server)."""

NOT_ALONE = NOT_IN_A_DEFINITION | {"data", "info"}
"""As a whole name these say even less."""

DICTATED = {
    ("data_received", "data"): "asyncio.Protocol names the callback and its argument",
    ("__get_pydantic_core_schema__", "handler"): "pydantic names the argument of its protocol",
    ("__get_pydantic_json_schema__", "handler"): "pydantic names the argument of its protocol",
    ("Event", "data"): "the `data:` field of the event stream standard",
    ("_List", "data"): "the field of the API's list objects",
}
"""Names that a standard chose for us: (function or class, name) and which one."""


@pytest.mark.parametrize("path", MODULES + python_files("tests", "tools"), ids=str)
def test_the_first_line_says_what_the_module_is_for(path: Path) -> None:
    """Who opens a file reads its purpose first. An empty `__init__.py` has none of its own."""
    tree = parsed(path)

    assert not tree.body or (ast.get_docstring(tree) or "").strip()


@pytest.mark.parametrize("path", PURE_MODULES, ids=str)
def test_every_pure_module_has_its_test_file(path: Path) -> None:
    """tests/ mirrors src/ for everything pure: there is no excuse not to."""
    inside = path.relative_to("src/offramp")

    assert (ROOT / "tests" / inside.with_name(f"test_{inside.name}")).is_file()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_module_function_or_class_has_an_empty_word_in_its_name(path: Path) -> None:
    """A name with such a word can be made longer for ever and still say nothing."""
    definitions = [path.stem if path.stem != "__init__" else path.parent.name, *_definitions(path)]

    assert [name for name in definitions if NOT_IN_A_DEFINITION & set(_words(name))] == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_name_is_an_empty_word(path: Path) -> None:
    """An argument or a variable called `data` makes its reader look elsewhere for what it is."""
    assert [
        f"{owner}.{name}" for owner, name in _names(path) if name in NOT_ALONE and (owner, name) not in DICTATED
    ] == []


def _words(name: str) -> list[str]:
    """`HTTPHandlerPool` and `http_handler_pool` are the same three words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().split("_")


def _definitions(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _names(path: Path) -> Iterator[tuple[str, str]]:
    """Every name that a file binds, with the function or class that binds it."""
    for function in functions(path):
        arguments = function.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            yield function.name, argument.arg
        yield from ((function.name, name) for name in _bound(function))
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, target) for statement in node.body for target in _bound(statement))
    yield from ((path.stem, target) for statement in parsed(path).body for target in _bound_here(statement))


def _bound(node: ast.AST) -> Iterator[str]:
    return (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store))


def _bound_here(statement: ast.stmt) -> Iterator[str]:
    return (
        iter(()) if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else _bound(statement)
    )
