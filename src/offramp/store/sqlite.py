"""What both SQLite files of the state folder need to be opened by several processes at once."""

import sqlite3
import threading
from time import monotonic

_PAUSE_S = 0.01


def use_wal(connection: sqlite3.Connection, *, timeout_s: float) -> None:
    """Readers beside a writer; a commit survives the death of the process, the last ones not that of the machine.

    Changing the mode of a new file is the one statement for which SQLite does not wait by itself.

    Raises:
        sqlite3.Error: If the file cannot be used, or others held it all the time.
    """
    give_up_s = monotonic() + timeout_s
    pause = threading.Event()
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > give_up_s:
                raise
            pause.wait(_PAUSE_S)
    connection.execute("PRAGMA synchronous = NORMAL")
