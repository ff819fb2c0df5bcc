"""The event loop of a serving process: uvloop where there is one, signals, and no error without a word."""

import asyncio
import contextlib
import signal
import traceback
from collections.abc import Callable
from typing import Any

from offramp.telemetry.logs import Log

_new = asyncio.new_event_loop
with contextlib.suppress(ImportError):
    # Windows has none; the standard loop serves there, at about a quarter more CPU.
    from uvloop import new_event_loop as _new


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A fresh event loop."""
    return _new()


def on_signals(listeners: dict[str, Callable[[], object]]) -> None:
    """Call back in the running loop when a signal arrives; signals that this system does not have are left out."""
    loop = asyncio.get_running_loop()
    for name, listener in listeners.items():
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, listener)
        except NotImplementedError:
            signal.signal(number, lambda *_, call=listener: loop.call_soon_threadsafe(call))


def log_bugs(log: Log) -> None:
    """An exception that nobody expected is an event of the log, with its traceback, and the process goes on."""

    def tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else None
        problem = f"{type(error).__name__}: {error}" if error is not None else context.get("message")
        log.event("bug", level="error", problem=problem, where=context.get("message"), trace=trace)

    asyncio.get_running_loop().set_exception_handler(tell)


async def first_of(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    """Return when one of the events has come, or the time is over."""
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


class Ending:
    """That a process was told to end, and whether it may take its time."""

    def __init__(self) -> None:
        """Nobody has told it yet."""
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        """Whoever waits has waited long enough: what is open is cut."""

    def ask(self) -> None:
        """End in order (TERM)."""
        self.asked.set()

    def interrupt(self) -> None:
        """End in order; the second time at once (Ctrl-C, and Ctrl-C again)."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()
