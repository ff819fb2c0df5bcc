"""The state folder: where it is, what lies in it, and that nobody else reads it."""

import os
from pathlib import Path

from offramp.errors import UnavailableError

LEDGER = "ledger.db"
"""Exchanges, attempts, hourly sums and bills: what `offramp ledger` reads."""

JOURNAL = "journal.db"
"""What the gateway wrote and nobody has folded into the ledger yet."""

HISTORY = "history"
"""A folder with Parquet files: hours that were moved out of the ledger."""

DROPS = "ledger.drops"
"""A number written in place, so that it can still be written when the disk is full."""

HASH_KEY = "hash.key"
"""The key of all fingerprints; without it they can be neither joined nor guessed."""

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class NewerStateError(UnavailableError):
    """A file of the state folder was written by a newer version of offramp."""

    code = "newer_state"


def prepare(folder: Path) -> Path:
    """Make the folder if it is not there, private to its owner and ignored by git.

    Returns:
        Its absolute path, so that a later change of directory moves nothing.

    Raises:
        UnavailableError: If it cannot be made or written.
    """
    path = folder.absolute()
    ignore = path / ".gitignore"
    try:
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(
            f"the state folder {path} cannot be used: {reason}; give another one with --state, or make it writable",
        ) from error
    return path


def make_private_file(path: Path, content: bytes = b"") -> None:
    """Make a file that only its owner can read, unless it is there already.

    SQLite gives its helper files the mode of the database, so an empty file made here keeps all of them private.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    except FileExistsError:
        return
    try:
        os.write(handle, content)
    finally:
        os.close(handle)
