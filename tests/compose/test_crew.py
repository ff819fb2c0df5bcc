"""Several workers and their supervisor: what happens when one of them dies, and what they know of each other."""

import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.compose.calling import CONFIG, Caller, caller_of, events, metric, one_to_each, pids, serving
from tests.processes import Engine, Gateway, StartError, gateway, simulate, wait_until

FALLING_BACK = """
upstreams:
  local:
    base_url: "{local}"
    engine: vllm
    health: false
    breaker: {{failures: 3, cooldown_s: 1.5}}
    timeouts: {{first_token_s: 10}}
  hosted: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream}}
routes:
  support:
    models: [gpt-4o-mini]
    tiers: [{{upstream: local, model: tiny}}, {{upstream: hosted}}]
keys: [{{key: sk-test, team: support}}]
"""


def gone(pid: int) -> bool:
    """Whether no such process is left."""
    return not Path(f"/proc/{pid}").exists()


def test_workers_finish_and_end_when_their_supervisor_is_killed(engine: Engine) -> None:
    """Nothing may be left behind that holds the port, and whoever is being served is served to the end."""
    with serving(engine, workers=2) as served, one_to_each(served) as callers:
        workers = pids(served)
        streams = [caller.begin(tokens=200, stream=True) for caller in callers]
        os.kill(served.pid, signal.SIGKILL)

        assert all(stream.read().endswith(b"data: [DONE]\n\n") for stream in streams)
        for caller in callers:
            caller.close()
        wait_until(lambda: all(gone(pid) for pid in workers), "the workers have ended")


def test_metrics_of_a_worker_outlive_it(engine: Engine) -> None:
    """A counter that falls looks like a restart to Prometheus, which would then count everything again."""
    with serving(engine, workers=2) as served:
        first, second = pids(served)
        for pid in (first, second):
            with caller_of(served, pid) as caller:
                assert [caller.ask()[0] for _ in range(5)] == [200] * 5
        wait_until(lambda: metric(served, "offramp_requests_total") == 10, "both workers have told")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(set(pids(served)) - {first, second}) == 1, "another worker serves")

        assert metric(served, "offramp_requests_total") == 10
        served.signal(signal.SIGUSR2)
        seen: list[float] = []

        def replaced() -> bool:
            seen.append(metric(served, "offramp_requests_total"))
            now = pids(served)
            return second not in now and len(now) == 2 and gone(second)

        wait_until(replaced, "both are new", timeout_s=20)
        assert set(seen) == {10}


def test_a_worker_that_does_not_start_is_tried_again_with_growing_rests_while_the_others_serve(
    engine: Engine, tmp_path: Path
) -> None:
    """A machine without memory must not burn its processors on starts that come to nothing."""
    with serving_with_sabotage(engine, tmp_path) as served:
        first, second = pids(served)
        (tmp_path / "sabotage").touch()
        served.signal(signal.SIGUSR2)
        wait_until(lambda: len(starts(tmp_path)) == 1, "the first successor has failed")
        assert set(pids(served)) == {first, second}, "nobody is ended before a successor serves"

        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(starts(tmp_path)) == 3, "it was tried again")
        with Caller(served.port) as caller:
            assert caller.ask()[0] == 200
        (tmp_path / "sabotage").unlink()
        wait_until(lambda: len(pids(served)) == 2, "the place is taken")
        rests_s = [later - earlier for earlier, later in zip(starts(tmp_path)[1:], starts(tmp_path)[2:], strict=False)]
        assert min(rests_s) > 0.9


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux only")
def test_a_system_that_allows_no_process_is_asked_again(engine: Engine) -> None:
    """Without files, memory or processes to spare, a place is not given up: it is taken as soon as that is possible."""
    with serving(engine, workers=2) as served:
        first, second = pids(served)
        before = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(
            served.pid, resource.RLIMIT_NOFILE, (len(list(Path(f"/proc/{served.pid}/fd").iterdir())), before[1])
        )
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: any("cannot start" in e.get("problem", "") for e in events(served, "worker")), "it was said")
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, before)
        wait_until(lambda: len(set(pids(served)) - {first, second}) == 1, "the place is taken")


def test_a_gateway_whose_workers_cannot_start_says_so_and_ends(engine: Engine, tmp_path: Path) -> None:
    """For ever starting is worse than an error that an operator sees."""
    (tmp_path / "sabotage").touch()

    with pytest.raises(StartError) as failure, serving_with_sabotage(engine, tmp_path):
        pass

    assert "ended with status 3" in str(failure.value)
    assert "offramp: no worker could be started" in str(failure.value)
    assert len(starts(tmp_path)) <= 8


def test_a_breaker_that_opens_in_one_worker_is_open_in_all_and_one_request_probes() -> None:
    """Each worker finding out for itself would cost five requests a worker, and as many probes on a sick machine."""
    with falling_back() as (served, local), one_to_each(served) as callers:
        opener, other = callers
        local.fault("500")
        assert [opener.ask()[1]["x-offramp-tier"] for _ in range(3)] == ["hosted"] * 3
        wait_until(lambda: breakers(served) == ["open", "open"], "both are open")
        status, headers, _ = other.ask()

        assert (status, headers["x-offramp-attempts"]) == (200, "1")
        assert local.counts()["failed"] == 3

        # The engine is well again but slow, so that the probe lasts while both workers have requests.
        local.fault("hang", delay_s=1)
        served_before = local.counts()["served"]
        at_once = [0]
        with asking(callers):
            wait_until(lambda: _has_served(local, served_before, at_once), "a probe came through")
            local.fault("none")
            wait_until(lambda: breakers(served) == ["closed", "closed"], "both are closed")
        assert max(at_once) == 1
        assert [caller.ask()[1]["x-offramp-tier"] for caller in callers] == ["local", "local"]


def test_a_breaker_heals_though_the_worker_that_opened_it_is_gone_and_its_successor_knows_of_it() -> None:
    """A worker's death must neither send requests to the sick engine again, nor keep them away for ever."""
    with falling_back() as (served, local), one_to_each(served) as (opener, other):
        local.fault("500")
        for _ in range(3):
            opener.ask()
        wait_until(lambda: breakers(served) == ["open", "open"], "both are open")
        before = pids(served)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(set(pids(served)) - set(before)) == 1, "another worker serves")
        wait_until(lambda: breakers(served) == ["open", "open"], "it knows that the breaker is open")
        local.fault("none")

        wait_until(lambda: other.ask()[1]["x-offramp-tier"] == "local", "it has healed", every_s=0.1)
        wait_until(lambda: breakers(served) == ["closed", "closed"], "both are closed")


def test_the_least_busy_instance_is_the_least_busy_of_all_workers() -> None:
    """What one worker has sent to an instance keeps that instance as busy as if the other had sent it."""
    with (
        simulate("vllm", "--model", "tiny") as one,
        simulate("vllm", "--model", "tiny") as two,
        gateway(BALANCED.format(one=one.base_url, two=two.base_url), workers=2) as served,
        ExitStack() as stack,
    ):
        wait_until(lambda: len(pids(served)) == 2, "both serve")
        first, second = (stack.enter_context(caller_of(served, pid)) for pid in pids(served))
        stream = first.begin(tokens=600, stream=True)
        busy, free = (one, two) if one.counts()["in_flight"] else (two, one)
        threading.Event().wait(1.2)  # what others have in flight is told twice a second
        answers = [second.ask()[0] for _ in range(6)]

        assert answers == [200] * 6
        assert free.counts()["served"] == 6
        assert busy.counts()["served"] == 0
        assert stream.read().endswith(b"data: [DONE]\n\n")


BALANCED = """
upstreams:
  local: {{base_url: ["{one}", "{two}"], engine: vllm, health: false, balance: least_busy}}
routes:
  support: {{models: [gpt-4o-mini], tiers: [{{upstream: local, model: tiny}}]}}
keys: [{{key: sk-test, team: support}}]
"""


@contextmanager
def falling_back() -> Iterator[tuple[Gateway, Engine]]:
    """Two workers, an engine of their own, and another tier behind it."""
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai") as hosted,
        gateway(FALLING_BACK.format(local=local.base_url, hosted=hosted.base_url), workers=2) as served,
    ):
        wait_until(lambda: len(pids(served)) == 2, "both serve")
        yield served, local


@contextmanager
def asking(callers: list[Caller]) -> Iterator[None]:
    """All of them ask, one request after the other, until the end of the block."""
    over = threading.Event()

    def ask(caller: Caller) -> None:
        while not over.is_set():
            caller.ask(tokens=1)

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _has_served(local: Engine, before: int, at_once: list[int]) -> bool:
    """Whether the engine has served one more; until then, notes how many it has at the moment."""
    counts = local.counts()
    if counts["served"] > before:
        return True
    at_once.append(counts["in_flight"])
    return False


def breakers(served: Gateway) -> list[str]:
    """What each worker's breaker of `local` is."""
    return [
        worker["upstreams"]["local"]["instances"][0]["breaker"]
        for worker in served.health()["workers"]
        if "upstreams" in worker
    ]


SABOTAGE = """
import os, sys, time
from pathlib import Path

place = Path(os.environ["SABOTAGE"])
if "offramp.compose.worker" in sys.orig_argv and (place / "sabotage").exists():
    with (place / "starts").open("a") as starts:
        starts.write(f"{time.monotonic()}\\n")
    os._exit(1)
"""
"""Python imports it as `sitecustomize`: while the file is there no worker comes up, and each try is written down."""


@contextmanager
def serving_with_sabotage(engine: Engine, folder: Path) -> Iterator[Gateway]:
    """A gateway with two workers, whose next ones fail while `folder` has the file `sabotage`."""
    (folder / "sitecustomize.py").write_text(SABOTAGE, encoding="utf-8")
    config = CONFIG.format(local=engine.base_url, drain_s=5)
    with gateway(config, workers=2, env={"PYTHONPATH": str(folder), "SABOTAGE": str(folder)}) as served:
        wait_until(lambda: len(pids(served)) == 2, "both serve")
        yield served


def starts(folder: Path) -> list[float]:
    """When workers were started and failed."""
    path = folder / "starts"
    return [float(line) for line in path.read_text().split()] if path.exists() else []
