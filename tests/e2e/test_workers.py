"""Several workers under load: one may be stopped, killed, reloaded or replaced, and clients do not notice."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.load import Load, Outcome, told
from tests.processes import HOST, Gateway, gateway, simulate, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

RATE_PER_S = 200.0
REQUESTS = 1000

CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm, price: {{usd_per_hour: 1.006}}}}
routes:
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers: [{{upstream: local, model: tiny}}]
keys:
  - {{key: sk-test, team: support}}
"""


def question(number: int) -> dict[str, object]:
    """Every other one a stream; 20 tokens take about 130 ms."""
    return {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "max_tokens": 20,
        "stream": number % 2 == 0,
    }


@contextmanager
def two_workers() -> Iterator[Gateway]:
    """A gateway with two workers that both serve."""
    with (
        simulate("vllm", "--model", "tiny") as local,
        gateway(CONFIG.format(local=local.base_url), workers=2) as served,
    ):
        wait_until(lambda: len(pids(served)) == 2, "both workers serve")
        yield served


def pids(served: Gateway) -> set[int]:
    """The workers that serve."""
    return {worker["pid"] for worker in served.health()["workers"] if worker["ready"]}


async def disturb(served: Gateway, act: Callable[[], object]) -> Load:
    """A load, with something happening to the gateway when a third of it is answered."""
    load = Load(HOST, served.port, question)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(rate_per_s=RATE_PER_S, requests=REQUESTS))
        await load.reached(lambda load: load.answered >= REQUESTS // 3)
        act()
    return load


async def test_stopping_one_worker_loses_no_request_and_no_row() -> None:
    """An operator, or the kernel's politer moods, may take a worker at any time."""
    with two_workers() as served:
        before = pids(served)
        load = await disturb(served, lambda: os.kill(min(before), signal.SIGTERM))

        with told(load):
            assert load.outcomes() == {Outcome.OK: REQUESTS}
            assert served.wait_ledger(REQUESTS)["requests"] == REQUESTS
            wait_until(lambda: len(pids(served) - {min(before)}) == 2, "another worker has taken its place")


async def test_killing_one_worker_loses_what_it_was_doing_and_nothing_else() -> None:
    """Who waits at the shared socket is served by the other; of the rows at most the last second is lost."""
    with two_workers() as served:
        before = pids(served)
        load = await disturb(served, lambda: os.kill(min(before), signal.SIGKILL))

        with told(load):
            lost = load.failures()
            books = served.wait_ledger(REQUESTS, timeout_s=2)
            assert len(lost) < RATE_PER_S / 2
            assert all(shot.outcome in {Outcome.LOST, Outcome.TRUNCATED} for shot in lost)
            assert REQUESTS - len(lost) - RATE_PER_S <= books["requests"] <= REQUESTS
            wait_until(lambda: len(pids(served) - {min(before)}) == 2, "another worker has taken its place")


async def test_a_reload_loses_no_request() -> None:
    """A configuration is changed in the middle of the day."""
    with two_workers() as served:
        before = served.health()["config"]
        served.config.write_text(served.config.read_text().replace("team: support", "team: sales"))
        load = await disturb(served, lambda: served.signal(signal.SIGHUP))

        with told(load):
            assert load.outcomes() == {Outcome.OK: REQUESTS}
            assert served.health()["config"] != before
            books = served.wait_ledger(REQUESTS)
            assert books["requests"] == REQUESTS
            assert books["by_team"]["support"]["requests"] > 0
            assert books["by_team"]["sales"]["requests"] > 0


async def test_replacing_the_workers_one_by_one_loses_no_request() -> None:
    """A new version of the package takes over without a pause."""
    with two_workers() as served:
        before = pids(served)
        load = await disturb(served, lambda: served.signal(signal.SIGUSR2))

        with told(load):
            assert load.outcomes() == {Outcome.OK: REQUESTS}
            wait_until(lambda: len(pids(served) - before) == 2, "both are new")
            assert served.wait_ledger(REQUESTS)["requests"] == REQUESTS


async def test_stopping_the_supervisor_finishes_what_was_begun() -> None:
    """Every connection that was accepted is answered, every row is written, and the exit is clean."""
    with two_workers() as served:
        load = await disturb(served, served.terminate)

        with told(load):
            refused = [shot for shot in load.shots if shot.why.startswith("no connection")]
            answered = REQUESTS - len(refused)
            assert served.wait() == 0
            assert load.outcomes() == {Outcome.OK: answered, Outcome.LOST: len(refused)}
            assert served.ledger()["requests"] == answered
