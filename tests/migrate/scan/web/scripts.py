"""Small TypeScript and JavaScript projects for the tests of a scan."""

from datetime import date
from textwrap import dedent

from offramp.migrate.scan.model import FileResult, Package, Project, Site, Source
from offramp.migrate.scan.web.front import analyse
from offramp.migrate.scan.web.syntax import suffix

TODAY = date(2026, 11, 21)
KEY = b"k" * 32
CLIENT = "import OpenAI from 'openai';\nconst client = new OpenAI();\n"
_SCRIPTS = {".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte"}


def results(
    files: dict[str, str], *, hash_key: bytes | None = None, versions: dict[str, str] | None = None
) -> dict[str, FileResult]:
    """What each script of a project holds; indentation that all lines share is taken away."""
    sources = {path: Source(path=path, text=dedent(text)) for path, text in files.items()}
    packages = {
        name: Package(name=name, version=version, file="package.json", line=1)
        for name, version in (versions or {}).items()
    }
    project = Project(sources, packages=packages, hash_key=hash_key, today=TODAY)
    return {path: analyse(source, project=project) for path, source in sources.items() if suffix(path) in _SCRIPTS}


def sites(
    files: dict[str, str] | str, *, hash_key: bytes | None = None, versions: dict[str, str] | None = None
) -> list[Site]:
    """All call sites of a project, or of one file `app.ts`."""
    named = {"app.ts": files} if isinstance(files, str) else files
    return [site for each in results(named, hash_key=hash_key, versions=versions).values() for site in each.sites]


def site(files: dict[str, str] | str, *, hash_key: bytes | None = None, versions: dict[str, str] | None = None) -> Site:
    """The only call site."""
    (only,) = sites(files, hash_key=hash_key, versions=versions)
    return only


def chat(options: str, before: str = "") -> Site:
    """The only call site of a chat with these options."""
    return site(f"{CLIENT}{before}\nclient.chat.completions.create({options});\n")
