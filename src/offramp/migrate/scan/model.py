"""What a scan finds: call sites, clients, findings, problems, and what a language's front end is given.

A front end is one function `analyse(source, *, project) -> FileResult`. Lines and columns count from 1; columns count
characters. Paths are those of `Source.path`: with forward slashes, relative to the folder that is scanned.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeVar

from offramp.wire.features import Feature

Level = Literal["error", "warning", "note"]
Supported = Literal["yes", "changes", "no", "unknown"]
Index = TypeVar("Index")

FEATURES = tuple(feature.name.lower() for feature in Feature if feature.name is not None)
"""The words for features, in their order."""

_ID_BYTES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the code that should be looked at."""

    rule: str
    """Such as `OFF012`; its page is docs/rules/OFF012.md."""
    level: Level
    message: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    site: str = ""
    """Id of the call site it belongs to; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What kept a file, or a part of it, from being read."""

    file: str
    line: int
    """0 where it concerns the whole file."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where a client of the API is made."""

    file: str
    line: int
    column: int
    library: str
    base_url: str | None = None
    """The literal, `environment NAME`, or the source text of what is not literal; `None` if the default is used."""
    api_key: str = "unknown"
    """`environment NAME`, `literal` or `unknown`."""
    options: dict[str, str] = field(default_factory=dict)
    """Source text of the other arguments, secrets masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in the code that calls a model, or another part of the API."""

    id: str
    """See `site_id`."""
    file: str
    line: int
    column: int
    end_line: int = 0
    """Last line of the call; 0 if that is not known."""
    language: str
    """`python`, `notebook`, `typescript`, `javascript`, `baml`, `yaml` …"""
    library: str
    """`openai`, `langchain`, `llamaindex`, `instructor`, `pydantic-ai`, `vercel-ai`, `litellm`, `http`, `baml` …"""
    library_version: str = ""
    """As the project asks for it; empty if that is not known."""
    function: str = ""
    """Qualified name of the function it stands in; empty at the top of a file."""
    operation: str
    """As in `wire.operation`, or another part of the API: `assistants`, `threads`, `fine_tuning`, `images` …"""
    model: str | None = None
    """`None` if it is not literal; `model_from` says more."""
    model_from: str = "unknown"
    """`literal`, `constant`, `environment NAME`, `default`, `argument`, `unknown`."""
    models: tuple[str, ...] = ()
    """All that it can be, where there are several: branches, and what callers of the function around it say."""
    callers: tuple[str, ...] = ()
    """`FILE:LINE` of those who call the function around it and say what is asked: it is a wrapper."""
    features: tuple[str, ...] = ()
    """In the words and the order of `FEATURES`."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Source text of the arguments, secrets masked, prompts left out."""
    client: str = ""
    """`FILE:LINE` where its client is made; empty if that is not known."""
    base_url: str | None = None
    """As in `Client`."""
    site_header: str = ""
    """The literal `x-offramp-site` that it sends."""
    fingerprint: str = ""
    """Hexadecimal site hash of the ledger, where prompt, tools and schema are told by the code and the state's key is
    known."""
    supported: Supported = "unknown"
    """Whether an OpenAI-compatible target, such as vLLM, can take it over."""
    change: str = ""
    """What must change, in words."""
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What one file holds."""

    file: str
    language: str
    sites: list[Site] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """Those that belong to no site, and those of sites as well (with `site` set)."""
    clients: list[Client] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A library that the project asks for."""

    name: str
    version: str
    """As written, such as `>=1.40,<2`; empty without one."""
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a whole scan finds."""

    sites: list[Site] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    """How many folders or files were passed over, by the reason."""
    files: int = 0
    """How many files were read."""
    bytes: int = 0
    """Their length together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file's text."""

    path: str
    text: str


class Project:
    """All files that are scanned together, so that a front end can follow a name into another file.

    Args:
        sources: Every readable file by its path.
        packages: What the project asks for, by the library's name.
        hash_key: The ledger's key for fingerprints; `None` without a state folder.
        today: Day against which shutdown dates are compared.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        packages: Mapping[str, Package] | None = None,
        hash_key: bytes | None = None,
        today: date,
    ) -> None:
        """Keep them; what a front end works out about all files is made when it first asks for it."""
        self.sources = sources
        self.packages = packages or {}
        self.hash_key = hash_key
        self.today = today
        self._indexes: dict[object, object] = {}

    def index(self, make: Callable[["Project"], Index]) -> Index:
        """What `make` knows of the whole project: made once, then given again."""
        if make not in self._indexes:
            self._indexes[make] = make(self)
        return self._indexes[make]  # type: ignore[return-value]

    def version_of(self, *names: str) -> str:
        """The version of the first of these libraries that the project asks for; empty without one."""
        for name in names:
            if name in self.packages:
                return self.packages[name].version
        return ""


def site_id(path: str, function: str, operation: str, ordinal: int) -> str:
    """The id of a call site, which stays when lines are added above it.

    Args:
        path: Of the file.
        function: Qualified name of the function; empty at the top of a file.
        operation: What is called.
        ordinal: How many sites of that operation stand before it in that function.
    """
    text = "\0".join((path, function, operation, str(ordinal)))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).hexdigest()


def in_order(words: set[str]) -> tuple[str, ...]:
    """Features in the order of `FEATURES`."""
    return tuple(word for word in FEATURES if word in words)
