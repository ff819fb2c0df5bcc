"""Runs a fix over files given as text."""

from datetime import date

from offramp.migrate.scan.fix.edits import Wanted
from offramp.migrate.scan.fix.propose import Proposal, propose
from offramp.migrate.scan.model import Project, Source

URL = "http://127.0.0.1:8484/v1"


def project(**files: str) -> Project:
    """A project of these files; `__` in a name stands for a dot, `_of_` for a slash."""
    paths = {name.replace("_of_", "/").replace("__", "."): text for name, text in files.items()}
    return Project({path: Source(path=path, text=text) for path, text in paths.items()}, today=date(2026, 11, 21))


def proposal(model: str | None = None, base_url: str = URL, **files: str) -> Proposal:
    """What is proposed for these files."""
    return propose(project(**files), Wanted(base_url=base_url, model=model))


def fixed(text: str, path: str = "app.py", model: str | None = None) -> str:
    """A file after its fix; the text itself if nothing changes."""
    source = Source(path=path, text=text)
    found = propose(Project({path: source}, today=date(2026, 11, 21)), Wanted(base_url=URL, model=model))
    return found.files[0].after if found.files else text


def reasons(text: str, path: str = "app.py", model: str | None = None) -> list[str]:
    """Why things in a file are left."""
    source = Source(path=path, text=text)
    found = propose(Project({path: source}, today=date(2026, 11, 21)), Wanted(base_url=URL, model=model))
    return [each.why for each in found.left]
