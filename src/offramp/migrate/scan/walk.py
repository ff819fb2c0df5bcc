"""Which files lie below the given paths: nothing that others wrote or a tool made, and no way round in circles.

Links are not followed: what they lead to is either read where it lies or is not part of the tree.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from offramp.errors import UsageError
from offramp.migrate.scan.kinds import MAX_BYTES, Kind, kind_of
from offramp.migrate.scan.model import Problem

LIBRARIES = frozenset({"node_modules", "bower_components", "site-packages", "dist-packages", ".venv", "venv", ".yarn"})
MADE_BY_TOOLS = frozenset(
    {
        ".git", ".hg", ".svn", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
        ".hypothesis", ".next", ".nuxt", ".output", ".svelte-kit", ".turbo", ".cache", ".parcel-cache", ".gradle",
        ".terraform", ".offramp",
        ".ipynb_checkpoints", ".idea", ".eggs", "baml_client",
    }
)  # fmt: skip
BUILT = frozenset({"dist", "build", "out", "target", "coverage", "htmlcov"})
"""Outputs of a build, where they lie beside the project's own description; elsewhere a folder may well be called so."""
_DESCRIPTIONS = frozenset({"package.json", "pyproject.toml", "setup.py", "Cargo.toml", "angular.json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file to read."""

    path: Path
    name: str
    """Relative to the base, with forward slashes."""
    kind: Kind


@dataclass(slots=True, kw_only=True)
class Walk:
    """What lies below the given paths."""

    base: Path
    """The folder to which names are relative."""
    files: list[Found] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def walk(paths: Sequence[Path]) -> Walk:
    """All files to read, in the order of their names, each once.

    Raises:
        UsageError: If a path does not exist or can not be read.
    """
    roots = [_root(path) for path in paths]
    folders = [root if root.is_dir() else root.parent for root in roots]
    found = Walk(base=Path(os.path.commonpath(folders)))
    seen: set[str] = set()
    for root in roots:
        for path in _files(root, found):
            if str(path) not in seen:
                seen.add(str(path))
                _take(path, found, given=path == root)
    found.files.sort(key=lambda file: file.name)
    return found


def _root(path: Path) -> Path:
    try:
        root = path.resolve(strict=True)
        if root.is_dir():
            next(root.iterdir(), None)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; give a folder or a file to scan", param="path") from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}", param="path") from None
    return root


def _files(root: Path, found: Walk) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(Problem(file=_name(folder, found.base), line=0, message=_unreadable(error)))
            continue
        described = any(entry.name in _DESCRIPTIONS for entry in entries)
        for entry in entries:
            if entry.is_symlink():
                found.skipped["links"] += 1
            elif entry.is_dir(follow_symlinks=False):
                reason = _passed_over(entry, described=described)
                if reason:
                    found.skipped[reason] += 1
                else:
                    waiting.append(Path(entry.path))
            else:
                yield Path(entry.path)


def _passed_over(folder: os.DirEntry[str], *, described: bool) -> str:
    """Why a folder is not looked into; empty if it is."""
    name = folder.name
    if name in LIBRARIES or name in MADE_BY_TOOLS or name.endswith(".egg-info"):
        return name
    if name in BUILT and described:
        return name
    return "virtual environments" if os.path.exists(os.path.join(folder.path, "pyvenv.cfg")) else ""  # noqa: PTH110, PTH118 - called for every folder


def _take(path: Path, found: Walk, *, given: bool) -> None:
    kind = kind_of(path.name) or (Kind.TEXT if given or _lists_requirements(path) else None)
    if kind is None:
        return
    name = _name(path, found.base)
    try:
        status = path.stat(follow_symlinks=False)
    except OSError as error:
        found.problems.append(Problem(file=name, line=0, message=_unreadable(error)))
        return
    if not stat.S_ISREG(status.st_mode):
        found.skipped["no plain files"] += 1
    elif status.st_size > MAX_BYTES[kind]:
        found.skipped["too long"] += 1
        message = f"not read: {status.st_size:,} bytes, more than the {MAX_BYTES[kind]:,} of a {kind} file"
        found.problems.append(Problem(file=name, line=0, message=message))
    else:
        found.files.append(Found(path=path, name=name, kind=kind))


def _lists_requirements(path: Path) -> bool:
    return path.parent.name == "requirements" and path.suffix in {".txt", ".in"}


def _name(path: Path, base: Path) -> str:
    """Relative to the base; names that are not UTF-8 become readable, since the result is JSON."""
    return os.fsencode(path.relative_to(base).as_posix()).decode("utf-8", "replace")


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
