"""Call sites in BAML: every function, through the client that it names and the clients behind that."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from offramp.migrate.scan.judge import Facts, judge
from offramp.migrate.scan.model import Client, FileResult, Project, Site, Source, in_order, site_id
from offramp.migrate.scan.text.baml import Block, File, Said, read, unquoted
from offramp.migrate.scan.text.names import referred
from offramp.telemetry.redact import mask_key, redact
from offramp.wire.operation import Operation

_OPERATIONS = {
    "openai": str(Operation.CHAT),
    "openai-generic": str(Operation.CHAT),
    "openai-responses": str(Operation.RESPONSES),
    "azure-openai": str(Operation.CHAT),
    "baml-openai-chat": str(Operation.CHAT),
    "baml-azure-chat": str(Operation.CHAT),
    "baml-fallback": "",
    "baml-round-robin": "",
    "fallback": "",
    "round-robin": "",
    "openrouter": str(Operation.CHAT),
    "ollama": str(Operation.CHAT),
}
"""Providers that speak the API, and strategies (empty) that choose among clients."""
_DEEPEST_STRATEGY = 6
_MOST_CLIENTS = 24
_NOTE = "in the client: openai-generic with base_url (it asks for no usage in streams, so offramp does)"
_HIDDEN = frozenset({"api_key", "base_url", "model"})


@dataclass(slots=True)
class _All:
    """The clients of a project's BAML files."""

    files: dict[str, File] = field(default_factory=dict)
    clients: dict[str, tuple[str, Block]] = field(default_factory=dict)
    """By name: the file and the block."""


@dataclass(frozen=True, slots=True)
class _Called:
    """A client that a function may end at."""

    provider: str
    model: str
    file: str = ""
    block: Block | None = None


def analyse_baml(source: Source, *, project: Project) -> FileResult:
    """Functions and clients of a BAML file."""
    known = project.index(_all)
    file = known.files.get(source.path) or read(source)
    return FileResult(
        file=source.path,
        language="baml",
        sites=list(_sites(source, file, known, project)),
        clients=[
            _client(source.path, block) for block in file.blocks if block.kind == "client" and not _is_foreign(block)
        ],
        problems=file.problems,
    )


def _all(project: Project) -> _All:
    found = _All()
    for path, source in project.sources.items():
        if path.endswith(".baml"):
            found.files[path] = read(source)
            for block in found.files[path].blocks:
                if block.kind == "client" and block.name:
                    found.clients.setdefault(block.name, (path, block))
    return found


def _sites(source: Source, file: File, known: _All, project: Project) -> Iterator[Site]:
    seen: Counter[str] = Counter()
    for block in file.blocks:
        named = block.settings.get("client") if block.kind == "function" else None
        if named is None or not named.words:
            continue
        called = [each for each in _ends(named.text, known, _DEEPEST_STRATEGY) if each.provider in _OPERATIONS]
        if not called:
            continue
        operation = _OPERATIONS[called[0].provider] or str(Operation.CHAT)
        ordinal = seen[block.name]
        seen[block.name] += 1
        identity = site_id(source.path, block.name, operation, ordinal)
        version = project.version_of("baml-py", "@boundaryml/baml", "baml")
        site = _site(source, block, called, operation, named.text)
        yield replace(site, id=identity, library_version=version)


def _ends(name: str, known: _All, depth: int) -> list[_Called]:
    """The clients that a name can end at, strategies followed."""
    if name not in known.clients:
        provider, slash, model = name.partition("/")
        return [_Called(provider, model)] if slash else []
    file, block = known.clients[name]
    provider = block.settings.get("provider", Said((), 0)).text
    options = block.block("options")
    strategy = options.settings.get("strategy") if options is not None else None
    if strategy is not None and depth > 0:
        names = [unquoted(word) for word in strategy.words if word not in "[]"][:_MOST_CLIENTS]
        found = [each for inner in names for each in _ends(inner, known, depth - 1)]
        return found[:_MOST_CLIENTS]
    model = options.settings.get("model", Said((), 0)).text if options is not None else ""
    return [_Called(provider, model, file, block)]


def _site(source: Source, block: Block, called: list[_Called], operation: str, through: str) -> Site:
    first = called[0]
    models = tuple(dict.fromkeys(each.model for each in called if each.model and not referred(each.model)))
    variable = referred(first.model)
    client = f"{first.file}:{first.block.line}" if first.block is not None else ""
    base_url = _client(first.file, first.block).base_url if first.block is not None else None
    features = _features(block)
    azure = first.provider.endswith("azure-openai")
    model = models[0] if models and not variable else None
    verdict = judge(
        Facts(
            operation=operation,
            features=features,
            library="baml",
            model=model,
            base_url=base_url,
            client=client,
            azure=azure,
        )
    )
    return Site(
        id="",
        file=source.path,
        line=block.line,
        column=block.column,
        end_line=block.end_line,
        language="baml",
        library="baml",
        function=block.name,
        operation=operation,
        model=model,
        model_from=f"environment {variable}" if variable else "literal" if model else "unknown",
        models=models if len(models) > 1 else (),
        features=in_order(features),
        parameters=_parameters(through, first),
        client=client,
        base_url=base_url,
        supported=verdict.supported,
        change=f"{verdict.change}; {_NOTE}",
    )


def _features(function: Block) -> set[str]:
    """What its arguments bring along; an answer's form is BAML's own matter, written into the prompt."""
    said = " ".join(function.words)
    before = said.rpartition("->")[0] or said
    found = set()
    if "image" in before.replace(":", " ").replace("|", " ").split():
        found.add("vision")
    if "audio" in before.replace(":", " ").replace("|", " ").split():
        found.add("audio")
    return found


def _parameters(through: str, called: _Called) -> dict[str, str]:
    shown = {"client": through, "provider": called.provider}
    if called.block is not None:
        policy = called.block.settings.get("retry_policy")
        if policy is not None:
            shown["retry_policy"] = policy.text
        shown |= _options(called.block)
    return shown


def _options(client: Block) -> dict[str, str]:
    options = client.block("options")
    given = options.settings.items() if options is not None else ()
    return {name: redact(" ".join(said.words))[:200] for name, said in list(given)[:40] if name not in _HIDDEN}


def _is_foreign(client: Block) -> bool:
    provider = client.settings.get("provider")
    return provider is None or provider.text not in _OPERATIONS


def _client(path: str, block: Block) -> Client:
    options = block.block("options")
    settings = options.settings if options is not None else {}
    address, key = settings.get("base_url"), settings.get("api_key")
    shown = {name: said.text for name in ("provider", "retry_policy") if (said := block.settings.get(name)) is not None}
    if "model" in settings:
        shown["model"] = settings["model"].text
    return Client(
        file=path,
        line=block.line,
        column=block.column,
        library="baml",
        base_url=_value(address) if address is not None else None,
        api_key=_origin(key) if key is not None else "unknown",
        options=shown | _options(block),
    )


def _value(said: Said) -> str:
    variable = referred(said.text)
    return f"environment {variable}" if variable else redact(said.text)


def _origin(said: Said) -> str:
    variable = referred(said.text)
    if variable:
        return f"environment {variable}"
    return "literal" if said.words and said.words[0].startswith('"') and mask_key(said.text) else "unknown"
