"""Call sites of one Python file."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.fingerprint import fingerprint
from offramp.migrate.scan.judge import Facts, judge
from offramp.migrate.scan.model import Client, Project, Site, in_order, site_id
from offramp.migrate.scan.python.arguments import Arguments, arguments_of, members_of
from offramp.migrate.scan.python.body import body_of
from offramp.migrate.scan.python.clients import BASE_URLS, Found, address, described
from offramp.migrate.scan.python.features import features_of
from offramp.migrate.scan.python.files import PythonFile
from offramp.migrate.scan.python.libraries import Maker
from offramp.migrate.scan.python.models import Model, model_of
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.text import Lines, shown
from offramp.migrate.scan.python.values import Text

_PROMPTS = frozenset(
    {
        "messages", "input", "prompt", "instructions", "instruction", "system", "system_prompt", "content", "functions",
        "message", "extra_headers", "headers", "question", "query", "file", "image", "mask", "name",
    }
)  # fmt: skip
"""Arguments that may hold what is said; the inventory carries none of it."""
_MODELS = ("model", "engine", "deployment_id", "deployment")
_HEADER = "x-offramp-site"
_PACKAGES = {
    "pydantic-ai": ("pydantic-ai", "pydantic-ai-slim"),
    "llamaindex": ("llama-index", "llama-index-llms-openai", "llama-index-core"),
    "langchain": ("langchain-openai", "langchain", "langchain-community"),
    "dspy": ("dspy", "dspy-ai"),
    "http": ("requests", "httpx", "aiohttp"),
    "autogen": ("autogen-ext", "pyautogen", "ag2"),
}
"""Under which names a library is asked for."""
_PYDANTIC_1 = re.compile(r"^[=~^\s]*1\.|<\s*2")
"""A version that a project asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A call that was recognised, before it is described."""

    node: ast.Call
    scope: Scope
    operation: str
    library: str = "openai"
    method: str = ""
    arguments: Arguments
    client: Found | None = None
    maker: Maker | None = None
    model: Model | None = None
    """Where it is known already."""
    base_url: str | None = None
    old: bool = False
    features: set[str] = field(default_factory=set)
    """What later calls on the same object say."""
    headers: Arguments | None = None


class Describer:
    """Turns what was recognised in a file into call sites."""

    def __init__(self, file: PythonFile, reader: Reader, project: Project, language: str) -> None:
        """Describe the sites of this file."""
        self.file = file
        self.reader = reader
        self.project = project
        self.language = language
        self.lines = Lines(file.source.text, file.places)
        self._ordinals: dict[tuple[str, str], int] = {}
        self._lines_of: dict[str, Lines] = {file.source.path: self.lines}

    def site(self, candidate: Candidate) -> Site:
        """The call site, as the inventory lists it."""
        span = self.lines.span(candidate.node)
        function = candidate.scope.name
        key = (function, candidate.operation)
        ordinal = self._ordinals[key] = self._ordinals.get(key, -1) + 1
        model = candidate.model or model_of(candidate.arguments.values(self.reader, *_models(candidate)))
        client = self._client(candidate)
        base_url = candidate.base_url if client is None else client.base_url
        words = features_of(self.reader, candidate.arguments, candidate.scope, method=candidate.method)
        features = in_order({*words, *candidate.features, *(candidate.maker.features if candidate.maker else ())})
        azure = bool((candidate.client and candidate.client.azure) or (candidate.maker and candidate.maker.azure))
        header = self._header(candidate, client)
        where = "" if client is None else f"{client.file}:{client.line}"
        verdict = judge(
            Facts(
                operation=candidate.operation,
                features=features,
                library=candidate.library,
                model=model.name,
                base_url=base_url,
                client=where,
                old_sdk=candidate.old,
                azure=azure,
            )
        )
        return Site(
            id=site_id(self.file.source.path, function, candidate.operation, ordinal),
            file=self.file.source.path,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            language=self.language,
            library=candidate.library,
            library_version=self._version(candidate.library),
            function=function or self._cell(candidate.node.lineno),
            operation=candidate.operation,
            model=model.name,
            model_from=model.origin,
            models=model.all,
            callers=tuple(self._callers(candidate, model)),
            features=features,
            parameters=self._parameters(candidate),
            client=where,
            base_url=base_url,
            site_header=header,
            fingerprint=self._fingerprint(candidate, header),
            supported=verdict.supported,
            change=verdict.change,
        )

    def _cell(self, line: int) -> str:
        """What stands for the function at the top of a notebook; it is no part of the id, since cells move."""
        cells = self.file.cells
        return f"cell {cells[line - 1]}" if 0 < line <= len(cells) else ""

    def client_at(self, found: Found) -> Client | None:
        """The client as the inventory lists it."""
        return described(self.reader, found, self._lines(found.scope.file)) if found.scope else None

    def _lines(self, path: str) -> Lines:
        if path not in self._lines_of:
            file = self.reader.files.file(path)
            self._lines_of[path] = Lines(file.source.text, file.places) if file else Lines("")
        return self._lines_of[path]

    def _client(self, candidate: Candidate) -> Client | None:
        found = candidate.client
        if found is not None and found.call is not None:
            return self.client_at(found)
        if candidate.maker is not None and any(name in candidate.arguments.named for name in BASE_URLS):
            start = self.lines.start(candidate.node)
            url = address(self.reader, candidate.arguments, self.lines)
            return Client(
                file=self.file.source.path,
                line=start.line,
                column=start.column,
                library=candidate.library,
                base_url=url,
            )
        return None

    def _header(self, candidate: Candidate, client: Client | None) -> str:
        names = ("extra_headers", "headers", "default_headers")
        for given in [each for name in names for each in candidate.arguments.named.get(name, ())]:
            text = self._header_in(members_of(self.reader, given.expr, given.scope))
            if text:
                return text
        if candidate.headers is not None and (text := self._header_in(candidate.headers)):
            return text
        found = candidate.client
        if client is not None and found is not None and found.call is not None and found.scope is not None:
            made = arguments_of(self.reader, found.call, found.scope)
            for given in made.named.get("default_headers", ()):
                return self._header_in(members_of(self.reader, given.expr, given.scope))
        return ""

    def _header_in(self, headers: Arguments) -> str:
        for name in headers.named:
            if name.lower() == _HEADER:
                texts = [value.value for value in headers.values(self.reader, name) if isinstance(value, Text)]
                return str(texts[0]) if len(texts) == 1 else ""
        return ""

    def _fingerprint(self, candidate: Candidate, header: str) -> str:
        if self.project.hash_key is None or candidate.maker is not None or candidate.library not in {"openai", "http"}:
            return ""
        has_classes = _PYDANTIC_1.search(self.project.version_of("pydantic")) is None
        body = body_of(self.reader, candidate.arguments, candidate.operation, has_classes=has_classes)
        return fingerprint(candidate.operation, body, self.project.hash_key, header)

    def _parameters(self, candidate: Candidate) -> dict[str, str]:
        return {
            name: shown(self._lines(given[0].scope.file).text(given[0].expr), name)
            for name, given in candidate.arguments.named.items()
            if name not in _PROMPTS
        }

    def _callers(self, candidate: Candidate, model: Model) -> Iterator[str]:
        """Who says the model, where the function around the call only hands it on."""
        names = candidate.scope.parameters.keys()
        written = [given.expr for name in _models(candidate) for given in candidate.arguments.named.get(name, ())]
        handed_on = any(isinstance(expr, ast.Name) and expr.id in names for expr in written)
        if handed_on and model.origin in {"argument", "default", "unknown"}:
            for call in self.reader.callers(candidate.scope):
                yield f"{call.scope.file}:{self._lines(call.scope.file).line(call.node.lineno)}"

    def _version(self, library: str) -> str:
        return self.project.version_of(*_PACKAGES.get(library, (library,)))


def _models(candidate: Candidate) -> tuple[str, ...]:
    return candidate.maker.model if candidate.maker is not None else _MODELS
