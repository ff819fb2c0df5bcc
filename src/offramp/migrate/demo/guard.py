"""Ends the demo's processes and removes its folder when the demo itself is gone, however it went (also by kill -9).

Run as a script of its own, by path and without site packages, so that it starts in a few milliseconds. It reads lines
from standard input: `watch PID`, `forget PID`, `folder PATH`. The input's end means that the demo has ended.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from typing import TextIO


def guard(orders: TextIO) -> None:
    """Follow the orders until they end, then end every process that is still watched and remove the folder."""
    watched: list[int] = []
    folder = ""
    for line in orders:
        order, _, value = line.rstrip("\n").partition(" ")
        if order == "watch":
            watched.append(int(value))
        elif order == "forget" and int(value) in watched:
            watched.remove(int(value))
        elif order == "folder":
            folder = value
    for pid in watched:
        # Each leads a session of its own, so its group is what it started itself, and nothing else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    guard(sys.stdin)
