"""TERM and Ctrl-C: nothing that was begun is lost, and nobody waits longer than needed."""

import os
import signal
import socket
import threading
import time

import pytest

from tests.compose.calling import Caller, events, pids, serving
from tests.processes import HOST, Engine, Gateway, wait_until

BOTH = pytest.mark.parametrize("workers", [1, 2])


@BOTH
def test_a_gateway_with_nothing_open_ends_at_once(engine: Engine, workers: int) -> None:
    """A restart that takes half a minute for nothing is one that people learn to kill."""
    with serving(engine, workers=workers) as served:
        began_s = time.monotonic()
        served.terminate()

        assert served.wait() == 0
        assert time.monotonic() - began_s < 3.0


@BOTH
def test_an_answer_under_way_is_finished_and_the_connection_is_told_to_close(engine: Engine, workers: int) -> None:
    """Neither a stream nor a whole answer notices that the gateway is about to end."""
    with serving(engine, workers=workers) as served, Caller(served.port) as streaming, Caller(served.port) as whole:
        stream = streaming.begin(tokens=200, stream=True)
        whole.send({"model": "gpt-4o-mini", "max_tokens": 200, "messages": [{"role": "user", "content": "Hi"}]})
        wait_until(lambda: _in_flight(served) == 2, "both are asked")
        served.terminate()

        assert stream.read().endswith(b"data: [DONE]\n\n")
        status, body = whole.answer()
        assert status == 200
        assert b'"choices"' in body
        assert whole.is_closed()
        streaming.close()
        assert served.wait() == 0
        books = served.ledger()
        assert books["requests"] == 2
        assert books["by_outcome"]["ok"]["requests"] == 2


def test_idle_clients_hear_of_the_end_with_their_next_answer_and_have_time_to_ask(engine: Engine) -> None:
    """A pooled connection that is closed under a request is a failed request, so it is not closed at once."""
    with serving(engine, workers=2) as served, Caller(served.port) as asking, Caller(served.port) as silent:
        asking.ask()
        silent.ask()
        let_pass(2.2)  # longer than the grace, so that only one that begins with TERM protects them
        served.terminate()
        wait_until(lambda: bool(events(served, "stopping")), "it is stopping")
        told_s = time.monotonic()
        let_pass(0.6)
        status, headers, _ = asking.ask()

        assert status == 200
        assert headers["connection"] == "close"
        assert not silent.is_closed()
        assert served.wait() == 0
        assert 1.5 < time.monotonic() - told_s < 6.0
        assert silent.is_closed()
        assert served.ledger()["requests"] == 3


def test_nobody_new_is_let_in_while_it_ends(engine: Engine) -> None:
    """Where a load balancer stands in front, the next connection must go elsewhere."""
    with serving(engine, workers=2) as served, Caller(served.port) as caller:
        stream = caller.begin(tokens=300, stream=True)
        served.terminate()
        wait_until(lambda: not _connects(served.port), "the port is closed")

        assert stream.read().endswith(b"data: [DONE]\n\n")
        caller.close()
        assert served.wait() == 0


@BOTH
def test_what_does_not_end_in_time_is_cut_and_counted(engine: Engine, workers: int) -> None:
    """`drain_timeout_s` is a promise to whoever waits for the process to end."""
    with serving(engine, workers=workers, drain_s=1) as served, Caller(served.port) as caller:
        stream = caller.begin(tokens=4000, stream=True)
        stream.read(200)
        began_s = time.monotonic()
        served.terminate()

        rest = stream.read()
        assert b"gateway_stopped" in rest
        assert b"[DONE]" not in rest
        assert served.wait() == 0
        assert 0.9 < time.monotonic() - began_s < 4.0
        books = served.ledger()
        assert books["requests"] == 1
        assert books["by_outcome"]["truncated"]["requests"] == 1
        wait_until(
            lambda: [each["in_flight_usd"] for each in served.ledger()["machines"].values()] == ["0"], "its share"
        )


@BOTH
def test_ctrl_c_once_finishes_what_was_begun_and_twice_does_not(engine: Engine, workers: int) -> None:
    """People press it again when they mean it."""
    with serving(engine, workers=workers) as served, Caller(served.port) as caller:
        stream = caller.begin(tokens=4000, stream=True)
        stream.read(200)
        served.signal(signal.SIGINT)
        wait_until(lambda: bool(events(served, "stopping")), "it is stopping")

        assert served.is_running
        began_s = time.monotonic()
        served.signal(signal.SIGINT)
        assert served.wait() == 130
        assert time.monotonic() - began_s < 2.0
        assert served.ledger()["requests"] == 1


def test_ctrl_c_in_a_terminal_reaches_workers_and_supervisor_at_once_and_loses_nothing(engine: Engine) -> None:
    """The terminal tells the whole group; a worker that left first would leave the door open behind it."""
    with serving(engine, workers=2) as served, Caller(served.port) as caller:
        stream = caller.begin(tokens=200, stream=True)
        for pid in [*pids(served), served.pid]:
            os.kill(pid, signal.SIGINT)

        assert stream.read().endswith(b"data: [DONE]\n\n")
        caller.close()
        assert served.wait() == 0
        assert served.ledger()["requests"] == 1


def test_a_single_process_says_that_there_is_nobody_to_replace(engine: Engine) -> None:
    """SIGUSR2 must not end a gateway that has no workers, as it ends a process that does not know it."""
    with serving(engine) as served, Caller(served.port) as caller:
        served.signal(signal.SIGUSR2)
        wait_until(lambda: bool(events(served, "signal")), "it has heard")

        assert caller.ask()[0] == 200
        assert "--workers" in events(served, "signal")[0]["problem"]


def let_pass(time_s: float) -> None:
    """For what is about time itself."""
    threading.Event().wait(time_s)


def _in_flight(served: Gateway) -> int:
    return sum(upstream["in_flight"] for upstream in served.health()["upstreams"].values())


def _connects(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.2):
            return True
    except OSError:
        return False
