"""Which event loop a serving process runs on: uvloop where there is one."""

import asyncio
import contextlib

_new = asyncio.new_event_loop
with contextlib.suppress(ImportError):
    # Windows has none; the standard loop serves there, at about a quarter more CPU.
    from uvloop import new_event_loop as _new


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A fresh event loop."""
    return _new()
