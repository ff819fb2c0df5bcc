"""How many exchanges could not be written, in a file of fixed size: rewriting it in place works on a full disk too."""

import os
from contextlib import suppress
from pathlib import Path

from offramp.store import state

_DIGITS = 20


class Drops:
    """The count that no journal could take yet. Best effort: where it cannot be written, log and metrics have it."""

    def __init__(self, folder: Path) -> None:
        """The file of this state folder; nothing is touched yet."""
        self._path = folder / state.DROPS
        self._written = 0

    def prepare(self) -> None:
        """Make the file while there is still room for it."""
        with suppress(OSError):
            state.make_private_file(self._path, b"0" * _DIGITS)

    def read(self) -> int:
        """The count; zero where there is none."""
        try:
            self._written = int(self._path.read_bytes() or b"0")
        except (OSError, ValueError):
            self._written = 0
        return self._written

    def write(self, count: int) -> None:
        """Replace the count."""
        if count == self._written:
            return
        with suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY)
            try:
                os.pwrite(handle, b"%0*d" % (_DIGITS, count), 0)
                self._written = count
            finally:
                os.close(handle)
