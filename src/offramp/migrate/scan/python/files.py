"""The Python files of a project: parsed when they are needed, found by the names that imports use."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from offramp.migrate.scan.model import Problem, Project, Source
from offramp.migrate.scan.notebooks import Cells, cells_of
from offramp.migrate.scan.python.declare import names_of
from offramp.migrate.scan.python.libraries import ROOTS
from offramp.migrate.scan.python.scopes import Names, Scope

MOST_BROKEN_CELLS = 32
"""So many cells of a notebook may fail to parse before it is given up."""
TRACE = re.compile(
    r"openai|completions?\b|litellm|langchain|llama_index|instructor|pydantic_ai|dspy|init_chat_model|\bLLM\(|\bgpt-\d|"
    r"from agents\b|/(?:embeddings|responses|images/generations|audio/)|"
    r"\.(?:embeddings\.create|responses\.(?:create|parse|stream)|images\.generate|moderations\.create|vector_stores)|"
    r"\.(?:audio\.(?:speech|transcriptions|translations)|beta\.(?:threads|assistants)|fine_tuning)\b",
    re.IGNORECASE,
)
"""What a file that calls a model has in its text, one way or another; others are looked at when a name leads there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PythonFile:
    """A parsed file."""

    source: Source
    """For a notebook its cells, joined."""
    tree: ast.Module
    names: Names
    sets: dict[str, list[tuple[ast.expr, Scope]]]
    """What is assigned to attributes of others' objects, by their dotted names: `self.config.model`."""
    places: tuple[int, ...] = ()
    """For each line of a notebook's text the line of its file."""
    cells: tuple[int, ...] = ()
    """For each line of a notebook's text the number of its cell."""

    @property
    def top(self) -> Scope:
        """Its outermost scope."""
        return self.names.top


class PythonFiles:
    """All Python files of a project."""

    def __init__(self, project: Project) -> None:
        """Know them by path and by the names under which they can be imported; parse none yet."""
        self._sources: dict[str, Source] = {}
        self._cells: dict[str, Cells] = {}
        self._take(project)
        self._parsed: dict[str, PythonFile | None] = {}
        self.problems: dict[str, list[Problem]] = {}
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in self._sources:
            parts = _dotted(path)
            if parts:
                self._by_last.setdefault(parts[-1], []).append((parts, path))

    def _take(self, project: Project) -> None:
        for path, source in project.sources.items():
            if path.endswith((".py", ".pyw")):
                self._sources[path] = source
            elif path.endswith(".ipynb"):
                cells = cells_of(source)
                if cells.is_python:
                    self._cells[path] = cells
                    self._sources[path] = Source(path=path, text=cells.text)

    def __iter__(self) -> Iterator[PythonFile]:
        """Those that have been parsed so far."""
        return (file for file in list(self._parsed.values()) if file is not None)

    def traced(self) -> Iterator[str]:
        """Paths of the files that have a trace of a model in them."""
        return (path for path, source in self._sources.items() if TRACE.search(source.text))

    def untouched(self) -> Iterator[Source]:
        """Files that nobody has needed yet."""
        return (source for path, source in self._sources.items() if path not in self._parsed)

    def file(self, path: str) -> PythonFile | None:
        """A file by its path, parsed; `None` if it is not there or does not parse."""
        if path not in self._parsed:
            self._parsed[path] = None
            source = self._sources.get(path)
            if source is not None:
                self._parsed[path] = self._parse(source)
        return self._parsed[path]

    def _parse(self, source: Source) -> PythonFile | None:
        cells = self._cells.get(source.path)
        for _ in range(MOST_BROKEN_CELLS if cells else 1):
            tree, problem = _tree(source)
            if tree is not None:
                names = names_of(tree, source.path)
                places, numbers = (cells.lines, cells.cell_of) if cells else ((), ())
                return PythonFile(
                    source=source, tree=tree, names=names, sets=_sets(names), places=places, cells=numbers
                )
            self.problems.setdefault(source.path, []).append(_in_file(problem, cells))
            if cells is None or not problem.line:
                break
            source = Source(path=source.path, text=_without_cell(source.text, cells, problem.line))
        return None

    def find(self, dotted: str, importer: str) -> str:
        """Path of the module of that name as seen from a file; empty if the project has none.

        Args:
            dotted: As in the `import`, with leading dots where it is relative.
            importer: Path of the file with the `import`.
        """
        if dotted.startswith("."):
            return self._relative(dotted, importer)
        parts = tuple(dotted.split("."))
        here = importer.split("/")[:-1]
        best, path = -1, ""
        for candidate, where in self._by_last.get(parts[-1], ()):
            if candidate[-len(parts) :] != parts:
                continue
            above = candidate[: -len(parts)]
            if parts[0] in ROOTS and above and above != ("src",):
                # A file of one's own that is called like the library is not what `import` finds.
                continue
            shared = next(
                (i for i, (a, b) in enumerate(zip(above, here, strict=False)) if a != b), min(len(above), len(here))
            )
            closeness = shared * 2 - len(above)
            if not path or closeness > best:
                best, path = closeness, where
        return path

    def _relative(self, dotted: str, importer: str) -> str:
        name = dotted.lstrip(".")
        folder = importer.split("/")[:-1]
        up = len(dotted) - len(name) - 1
        if up > len(folder):
            return ""
        folder = folder[: len(folder) - up] + ([*name.split(".")] if name else [])
        stem = "/".join(folder)
        return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in self._sources), "")


def _tree(source: Source) -> tuple[ast.Module | None, Problem]:
    """The tree, or what is wrong."""
    try:
        with warnings.catch_warnings():
            # What Python would warn of in somebody else's code is not our subject.
            warnings.simplefilter("ignore")
            return ast.parse(source.text), Problem(file=source.path, line=0, message="")
    except SyntaxError as error:
        line, message = error.lineno or _null(source.text), f"does not parse: {error.msg}"
    except (RecursionError, MemoryError):
        line, message = 0, "not read: it is nested too deeply"
    except ValueError as error:
        line, message = _null(source.text), f"does not parse: {error}"
    return None, Problem(file=source.path, line=line, message=message)


def _null(text: str) -> int:
    """The line of a null byte, which Python's parser does not say."""
    return text.count("\n", 0, text.index("\0")) + 1 if "\0" in text else 0


def _in_file(problem: Problem, cells: Cells | None) -> Problem:
    if cells is None or not 0 < problem.line <= len(cells.lines):
        return problem
    return replace(problem, line=cells.lines[problem.line - 1])


def _without_cell(text: str, cells: Cells, line: int) -> str:
    """The text with the cell of that line left empty."""
    broken = cells.cell_of[min(line, len(cells.cell_of)) - 1]
    kept = zip(text.split("\n"), cells.cell_of, strict=False)
    return "\n".join("" if cell == broken else each for each, cell in kept)


def _sets(names: Names) -> dict[str, list[tuple[ast.expr, Scope]]]:
    found: dict[str, list[tuple[ast.expr, Scope]]] = {}
    for target, expr, scope in names.sets:
        found.setdefault(ast.unparse(target), []).append((expr, scope))
    return found


def _dotted(path: str) -> tuple[str, ...]:
    stem = path.rpartition(".")[0].split("/")
    return tuple(stem[:-1] if stem[-1] == "__init__" else stem)
