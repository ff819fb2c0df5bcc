"""The Python front end: files and notebooks to call sites and clients."""

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from offramp.migrate.scan.model import Client, FileResult, Problem, Project, Source
from offramp.migrate.scan.notebooks import Cells, cells_of
from offramp.migrate.scan.python.clients import client_of
from offramp.migrate.scan.python.files import PythonFile, PythonFiles
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.recognise import Recogniser, heirs_of
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.sites import Candidate, Describer
from offramp.migrate.scan.python.text import Lines, shown
from offramp.migrate.scan.python.values import Environment, Outside, Text
from offramp.migrate.scan.rules.check import check_python

_MOST_ROUNDS = 4
_MOST_WANTED = 400
_ADDRESSES = frozenset({"api_base", "base_url", "azure_endpoint"})
_KEYS = frozenset({"api_key"})


class _Whole:
    """What is known of all Python files of a project together."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.files = PythonFiles(project)
        self.reader = Reader(self.files)
        self._results: dict[str, FileResult] = {}
        self._recognised: dict[str, tuple[Recogniser, list[Candidate]]] = {}
        self.heirs: frozenset[str] = frozenset()
        self._follow()

    def result(self, path: str) -> FileResult:
        if path not in self._results:
            self._results[path] = self._analyse(path)
        return self._results[path]

    def _follow(self) -> None:
        """Parse the files with a trace, then those that call what these define, until nothing new is named."""
        for path in self.files.traced():
            self.files.file(path)
        asked: set[str] = set()
        looked_at = list(self.files)
        self.heirs = heirs_of(self.files)
        for _ in range(_MOST_ROUNDS):
            found = {file.source.path: self._known(file) for file in looked_at}
            wanted = {name: scope for name, scope in self.reader.who_calls.wanted.items() if name not in asked}
            asked |= wanted.keys()
            parsed = [self.files.file(source.path) for source in self._naming(wanted)]
            added = [each for each in parsed if each is not None]
            if not added:
                return
            # Only what was found before can mean something else now that more callers are known.
            concerned = [file for file in looked_at if found[file.source.path]]
            looked_at = [*concerned, *added]
            self.reader.forget()
            for file in concerned:
                del self._recognised[file.source.path]

    def _recognise(self, file: PythonFile) -> tuple[Recogniser, list[Candidate]]:
        path = file.source.path
        if path not in self._recognised:
            recogniser = Recogniser(file, self.reader, self.heirs)
            self._recognised[path] = (recogniser, recogniser.candidates())
        return self._recognised[path]

    def _known(self, file: PythonFile) -> list[Candidate]:
        """What was recognised, looked at closely; nothing if the file leads too deep, which its own result will say."""
        try:
            candidates = self._recognise(file)[1]
            for candidate in candidates:
                _touch(candidate, self.reader)
        except RecursionError:
            return []
        return candidates

    def _naming(self, wanted: dict[str, Scope]) -> list[Source]:
        """Files nobody has looked at that name one of these functions, and the module or the class it is from."""
        if not wanted:
            return []
        pattern = re.compile(rf"\b(?P<name>{'|'.join(map(re.escape, sorted(wanted)[:_MOST_WANTED]))})\s*(?:[(),]|as\b)")
        found = []
        for source in list(self.files.untouched()):
            names = {match["name"] for match in pattern.finditer(source.text)}
            if any(_leads(source.text, wanted[name]) for name in names if name in wanted):
                found.append(source)
        return found

    def _analyse(self, path: str) -> FileResult:
        notebook = path.endswith(".ipynb")
        language = "notebook" if notebook else "python"
        file = self.files.file(path)
        problems = self.files.problems.get(path, [])
        if file is None:
            return FileResult(file=path, language=language, problems=problems)
        recogniser, candidates = self._recognise(file)
        describer = Describer(file, self.reader, self.project, language)
        sites = [describer.site(candidate) for candidate in candidates]
        made = [describer.client_at(found) for found in recogniser.clients]
        clients = [client for client in made if client is not None]
        clients += _settings(file, self.reader, describer.lines)
        clients.sort(key=lambda client: (client.line, client.column))
        findings = check_python(file.tree, file.source, project=self.project)
        return FileResult(
            file=path, language=language, sites=sites, findings=findings, clients=clients, problems=problems
        )


def analyse(source: Source, *, project: Project) -> FileResult:
    """All use of the API in one Python file or notebook."""
    result = project.index(_Whole).result(source.path)
    if not source.path.endswith(".ipynb"):
        return result
    cells = cells_of(source)
    if cells.problem:
        return replace(result, problems=[Problem(file=source.path, line=0, message=cells.problem)])
    return _in_notebook(result, cells)


def _in_notebook(result: FileResult, cells: Cells) -> FileResult:
    """The same with findings on the lines of the notebook's file."""

    def line(number: int) -> int:
        return cells.lines[number - 1] if 0 < number <= len(cells.lines) else number

    findings = [replace(each, line=line(each.line), end_line=line(each.end_line)) for each in result.findings]
    return replace(result, findings=findings)


def _touch(candidate: Candidate, reader: Reader) -> None:
    """Ask for what the description will ask for, so that it is known whose callers are wanted."""
    for given in [each for values in candidate.arguments.named.values() for each in values]:
        reader.settled(reader.values(given.expr, given.scope))
    if candidate.client is not None and candidate.client.call is not None and candidate.client.scope is not None:
        client_of(reader, reader.values(candidate.client.call, candidate.client.scope))


def _leads(text: str, function: Scope) -> bool:
    """Whether a text names where the function is from: its module, the module's folder, or its class."""
    parts = function.file.removesuffix(".py").split("/")
    names = [part for part in parts[-2:] if part != "__init__"]
    if function.owner is not None:
        names.append(function.owner.short)
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def _settings(file: PythonFile, reader: Reader, lines: Lines) -> Iterable[Client]:
    """`openai.api_key = …` and `openai.api_base = …`: the client of the SDK before 1.0, and of the module itself."""
    clients: list[Client] = []
    for target, expr, scope in file.names.sets:
        if target.attr not in _ADDRESSES | _KEYS or not _is_sdk(reader, target.value, scope):
            continue
        values = reader.settled(reader.values(expr, scope))
        text = next((value.value for value in values if isinstance(value, Text)), None)
        variable = next((f"environment {value.name}" for value in values if isinstance(value, Environment)), "")
        start = lines.start(target)
        is_key = target.attr in _KEYS
        clients.append(
            Client(
                file=file.source.path,
                line=start.line,
                column=start.column,
                library="openai",
                base_url=None if is_key else variable or shown(str(text) if text else lines.text(expr), target.attr),
                api_key=(variable or ("literal" if text else "unknown")) if is_key else "unknown",
            )
        )
    return clients


def _is_sdk(reader: Reader, expr: ast.expr, scope: Scope) -> bool:
    return any(isinstance(value, Outside) and value.name == "openai" for value in reader.values(expr, scope))
