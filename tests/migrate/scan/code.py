"""Small projects for the tests of a scan, written down file by file."""

from datetime import date
from textwrap import dedent

from offramp.migrate.scan.model import FileResult, Project, Site, Source
from offramp.migrate.scan.python.front import analyse

TODAY = date(2026, 11, 21)
KEY = b"k" * 32


def project(files: dict[str, str], *, hash_key: bytes | None = None) -> Project:
    """The files as a project; indentation that all lines share is taken away."""
    sources = {path: Source(path=path, text=dedent(text)) for path, text in files.items()}
    return Project(sources, hash_key=hash_key, today=TODAY)


def results(files: dict[str, str], *, hash_key: bytes | None = None) -> dict[str, FileResult]:
    """What each Python file holds."""
    whole = project(files, hash_key=hash_key)
    return {path: analyse(source, project=whole) for path, source in whole.sources.items()}


def sites(*texts: str, hash_key: bytes | None = None, **files: str) -> list[Site]:
    """All call sites of one file, or of several: `app__llm="…"` is app/llm.py."""
    named = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    named |= {f"app{number or ''}.py": text for number, text in enumerate(texts)}
    return [site for result in results(named, hash_key=hash_key).values() for site in result.sites]


def site(*texts: str, hash_key: bytes | None = None, **files: str) -> Site:
    """The only call site."""
    (only,) = sites(*texts, hash_key=hash_key, **files)
    return only
