"""Writes a proposal: each file is replaced in one step, and only if it still is what was scanned."""

import contextlib
import os
import tempfile
from pathlib import Path

from offramp.errors import UnavailableError
from offramp.migrate.scan.fix.edits import FileFix, Left
from offramp.migrate.scan.fix.propose import Proposal

_MARK = b"\xef\xbb\xbf"


def write(proposal: Proposal, base: Path) -> list[Left]:
    """Write the files of a proposal.

    Every new content is on the disk before the first file is replaced; permissions stay, links are followed.

    Args:
        proposal: As `propose` made it.
        base: The folder to which its paths are relative.

    Returns:
        Files that were left because they are no longer what was scanned, or no plain UTF-8.

    Raises:
        UnavailableError: If a file cannot be written; then none was changed, unless the message says which were.
    """
    left: list[Left] = []
    ready: list[tuple[Path, Path]] = []
    done: list[Path] = []
    try:
        for fix in proposal.files:
            target = Path(os.path.realpath(base / fix.path))
            content = _content(target, fix)
            if content is None:
                why = "it is not what was scanned any more, or no plain UTF-8: run the scan again"
                left.append(Left(file=fix.path, line=fix.edits[0].line, what=fix.edits[0].what, why=why))
            else:
                ready.append((_beside(target, content), target))
        for new, target in ready:
            new.replace(target)
            done.append(target)
    except OSError as error:
        already = f"; already written: {', '.join(map(str, done))}" if done else "; nothing was changed"
        raise UnavailableError(f"{error.filename}: cannot be written ({error.strerror}){already}") from error
    finally:
        for new, _ in ready:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
    return left


def _content(target: Path, fix: FileFix) -> bytes | None:
    """What is to be written; `None` if the file does not hold what was scanned, byte for byte."""
    found = target.read_bytes()
    for mark in (b"", _MARK):
        if found == mark + fix.before.encode("utf-8", "surrogatepass"):
            return mark + fix.after.encode("utf-8", "surrogatepass")
    return None


def _beside(target: Path, content: bytes) -> Path:
    """A file with the content and the permissions of the one beside which it lies, on the disk."""
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(target.stat().st_mode & 0o7777)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
