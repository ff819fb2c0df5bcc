"""The loop of a serving process: how it is told to end, and that no error passes without a word."""

import asyncio
import io
import json
import os
import signal

import pytest

from offramp.compose.loops import Ending, first_of, log_bugs, on_signals
from offramp.telemetry.logs import Log

pytestmark = pytest.mark.anyio


def test_the_first_interrupt_asks_and_the_second_hurries() -> None:
    """People press Ctrl-C again when they mean it."""
    ending = Ending()
    ending.interrupt()
    assert ending.asked.is_set()
    assert not ending.hurried.is_set()

    ending.interrupt()
    assert ending.hurried.is_set()


def test_being_told_twice_by_a_supervisor_does_not_hurry() -> None:
    """Service managers repeat their TERM; nobody has lost patience."""
    ending = Ending()
    ending.ask()
    ending.ask()

    assert not ending.hurried.is_set()


async def test_a_signal_reaches_its_listener_and_unknown_ones_are_left_out() -> None:
    """Windows has no SIGHUP."""
    heard = asyncio.Event()
    on_signals({"SIGHUP": heard.set, "SIGNOTHERE": heard.clear})
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(5):
            await heard.wait()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_waiting_for_the_first_of_several_ends_with_it_or_in_time() -> None:
    """Nothing may be left behind in the loop by those that did not come."""
    one, other = asyncio.Event(), asyncio.Event()
    before = asyncio.all_tasks()
    await first_of(one, other, timeout_s=0.01)
    other.set()
    await first_of(one, other)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before


async def test_an_error_in_a_callback_is_an_event_with_its_trace() -> None:
    """A bug in a sweep must be found in the log, not in a lost line of standard error."""
    stream = io.StringIO()
    loop = asyncio.get_running_loop()
    log_bugs(Log(stream, "json", "info"))
    loop.call_soon(lambda: int("x"))
    await asyncio.sleep(0.01)
    loop.set_exception_handler(None)

    event = json.loads(stream.getvalue())
    assert (event["event"], event["level"]) == ("bug", "error")
    assert event["problem"] == "ValueError: invalid literal for int() with base 10: 'x'"
    assert "test_loops.py" in event["trace"]
