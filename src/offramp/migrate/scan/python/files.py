"""The Python files of a project: parsed when they are needed, found by the names that imports use."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from offramp.migrate.scan.model import Problem, Project, Source
from offramp.migrate.scan.notebooks import cells_of
from offramp.migrate.scan.python.libraries import ROOTS
from offramp.migrate.scan.python.scopes import Names, Scope, names_of

TRACE = re.compile(
    r"openai|completions?\b|ChatCompletion|embeddings\.create|\.responses\.(?:create|parse|stream)|litellm|langchain|llama_index|"
    r"instructor|pydantic_ai|dspy|init_chat_model|\bLlm\b|\bLLM\(",
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

    @property
    def top(self) -> Scope:
        """Its outermost scope."""
        return self.names.top


class PythonFiles:
    """All Python files of a project."""

    def __init__(self, project: Project) -> None:
        """Know them by path and by the names under which they can be imported; parse none yet."""
        self._sources = dict(_python_sources(project))
        self._parsed: dict[str, PythonFile | None] = {}
        self.problems: dict[str, Problem] = {}
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in self._sources:
            parts = _dotted(path)
            if parts:
                self._by_last.setdefault(parts[-1], []).append((parts, path))

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
        problem = ""
        line = 0
        try:
            with warnings.catch_warnings():
                # What Python would warn of in somebody else's code is not our subject.
                warnings.simplefilter("ignore")
                tree = ast.parse(source.text)
            names = names_of(tree, source.path)
            return PythonFile(source=source, tree=tree, names=names, sets=_sets(names))
        except SyntaxError as error:
            problem, line = f"does not parse: {error.msg}", error.lineno or 0
        except (RecursionError, MemoryError):
            problem = "not read: it is nested too deeply"
        except ValueError as error:
            problem = f"does not parse: {error}"
        self.problems[source.path] = Problem(file=source.path, line=line, message=problem)
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


def _python_sources(project: Project) -> Iterator[tuple[str, Source]]:
    for path, source in project.sources.items():
        if path.endswith((".py", ".pyw")):
            yield path, source
        elif path.endswith(".ipynb"):
            cells = cells_of(source)
            if cells.is_python:
                yield path, Source(path=path, text=cells.text)


def _sets(names: Names) -> dict[str, list[tuple[ast.expr, Scope]]]:
    found: dict[str, list[tuple[ast.expr, Scope]]] = {}
    for target, expr, scope in names.sets:
        found.setdefault(ast.unparse(target), []).append((expr, scope))
    return found


def _dotted(path: str) -> tuple[str, ...]:
    stem = path.rpartition(".")[0].split("/")
    return tuple(stem[:-1] if stem[-1] == "__init__" else stem)
