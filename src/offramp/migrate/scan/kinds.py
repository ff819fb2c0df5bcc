"""Which files a scan reads, by their names, and how long each may be."""

import re
from enum import StrEnum

from offramp.migrate.scan.text.installs import LOCKS


class Kind(StrEnum):
    """How a file is read."""

    PYTHON = "python"
    NOTEBOOK = "notebook"
    WEB = "web"
    """TypeScript and JavaScript, also inside Vue and Svelte files."""
    TEXT = "text"
    """Configuration and scripts."""
    LOCK = "lock"
    """What a package manager has worked out: read for the versions of libraries, and for nothing else."""


MAX_BYTES = {Kind.PYTHON: 4 << 20, Kind.WEB: 4 << 20, Kind.TEXT: 1 << 20, Kind.NOTEBOOK: 64 << 20, Kind.LOCK: 32 << 20}
"""Longest file that is read. Nobody writes longer ones by hand, but notebooks carry pictures, and tools write locks."""

_ENDINGS = {
    Kind.PYTHON: ("py", "pyw"),
    Kind.NOTEBOOK: ("ipynb",),
    Kind.WEB: ("ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "vue", "svelte"),
    Kind.TEXT: (
        "env", "yaml", "yml", "toml", "ini", "cfg", "conf", "json", "jsonc", "sh", "bash", "baml", "tf", "properties",
        "dockerfile", "service",
    ),
}  # fmt: skip
_BY_ENDING = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings}

_TEXT_NAMES = (
    "dockerfile",
    "containerfile",
    "makefile",
    "procfile",
    "justfile",
    "requirements",
    "constraints",
    "crontab",
    ".env",
    "env.",
)
_GENERATED = ("composer.lock",)
_MINIFIED = (".min.js", ".min.mjs", ".bundle.js", ".chunk.js", ".d.ts", ".d.mts", ".d.cts")
_TESTS = re.compile(
    r"(^|/)(tests?|testing|__tests__|__mocks__|e2e|specs?|mocks?|fixtures?)/|(^|/)(test_|conftest)|"
    r"(_test|\.test|\.spec|\.e2e)\.\w+$"
)


def is_test(path: str) -> bool:
    """Whether a file's name says that it is a test or a fixture: what stands there is made up.

    >>> is_test("tests/llm.py"), is_test("app/test_llm.py"), is_test("app/llm.spec.ts"), is_test("app/latest.py")
    (True, True, True, False)
    """
    return _TESTS.search(path) is not None


def kind_of(name: str) -> Kind | None:
    """How a file of that name is read; `None` if it is not.

    >>> kind_of("app.PY"), kind_of(".env.local"), kind_of("Dockerfile.gpu"), kind_of("photo.png")
    (<Kind.PYTHON: 'python'>, <Kind.TEXT: 'text'>, <Kind.TEXT: 'text'>, None)
    """
    name = name.lower()
    if name in LOCKS:
        return Kind.LOCK
    if name in _GENERATED or name.endswith(_MINIFIED):
        return None
    kind = _BY_ENDING.get(name.rpartition(".")[2]) if "." in name else None
    if kind is None and name.startswith(_TEXT_NAMES):
        return Kind.TEXT
    return kind
