"""A short process: started, looked after, ended."""

import threading
import time

from offramp.store.child import Child, Ended

WITHIN_S = 20.0


def _end_of(child: Child) -> Ended:
    until_s = time.monotonic() + WITHIN_S
    while (ended := child.ended()) is None:
        assert time.monotonic() < until_s
        threading.Event().wait(0.02)
    return ended


def test_the_end_is_told_once_with_what_was_said() -> None:
    """A module that does not exist says so on standard error, and leaves with 1."""
    child = Child()
    child.start("offramp.no_such_module")
    running = child.is_running
    ended = _end_of(child)

    assert running
    assert ended.code == 1
    assert "No module named offramp.no_such_module" in ended.said
    assert (child.is_running, child.ended()) == (False, None)


def test_closing_ends_it_and_may_be_done_twice() -> None:
    """Whatever it was doing: these processes may be cut off at any moment."""
    child = Child()
    child.start("http.server", "0", "--bind", "127.0.0.1")
    child.close()
    child.close()

    assert not child.is_running
