"""The tool that holds the capacity model against a running server."""

import asyncio

import numpy as np
import pytest

from offramp.capacity.arrivals import generate
from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.simulation import simulate
from offramp.capacity.step_time import roofline
from tests import processes
from tools.calibrate import FIRST_STEPS, SHORT, Measured, Server, calibrate, distance, drive, predict, report, shortened

SERVER = Server(url="http://127.0.0.1:1", model="tiny", max_running=16, kv_blocks=4096, max_batched_tokens=512)
TRUE = {"overhead_s": 0.015, "sequence_s": 6e-4, "prompt_token_s": 7e-4, "kv_token_s": 2e-7, "request_s": 0.008}


def pretended(seed: int, rate_per_s: float) -> Measured:
    """What a server whose parameters are known would have done."""
    load = shortened(generate(seed, requests=60, rate_per_s=rate_per_s, shape=SHORT), 1024)
    return predict(SERVER, TRUE, load)


def test_parameters_that_were_hidden_in_times_are_found_and_predict_another_load() -> None:
    """The search must not be what is wrong when a prediction is."""
    found = calibrate(SERVER, pretended(1, 2.5), FIRST_STEPS)
    other = pretended(2, 4.0)

    assert distance(other, predict(SERVER, found, other.load)) < 0.03
    assert found["prompt_token_s"] == pytest.approx(TRUE["prompt_token_s"], rel=0.1)
    assert found["overhead_s"] + found["sequence_s"] == pytest.approx(0.0156, rel=0.1)


def test_the_report_names_every_load_with_its_error() -> None:
    """Its table goes into the documentation as it is."""
    told = report(SERVER, [("calibrated on this", pretended(1, 2.5)), ("another", pretended(3, 1.0))])

    assert told[0].startswith('parameters: {"overhead_s": 0.01')
    assert [line.split("|")[1].strip() for line in told[4:]] == ["calibrated on this", "another"]


def test_no_request_is_longer_than_the_server_takes() -> None:
    load = shortened(Load.of([0.0, 1.0], [2000, 10], [10, 2000]), 1024)

    assert (load.input_tokens + load.output_tokens).max() <= 1024
    assert load.output_tokens.tolist() == [10, 512]


@pytest.mark.timeout(90)
def test_the_simulated_engine_behind_its_socket_does_what_the_planner_says() -> None:
    """The whole way: HTTP, timers, a real clock. What is added is the machine's own time, and that is little."""
    load = Load.of(
        np.cumsum(np.random.default_rng(3).exponential(0.12, 30)),
        np.random.default_rng(4).integers(50, 1500, 30),
        np.random.default_rng(5).integers(5, 60, 30),
    )
    planned = simulate(load, Engine(steps=roofline("L40S", "llama-3.1-8b")))
    with processes.simulate("vllm", "--hardware", "L40S", "--llm", "llama-3.1-8b", "--model", "tiny") as engine:
        server = Server(url=engine.url, model="tiny", max_running=256, kv_blocks=1)
        asyncio.run(drive(server, load.take([0, 1]), seed=1))
        measured = asyncio.run(drive(server, load, seed=2))

    for wanted, seen in ((planned.ttft_s, measured.ttft_s), (planned.total_s, measured.total_s)):
        assert np.quantile(seen, (0.25, 0.5, 0.75)) == pytest.approx(np.quantile(wanted, (0.25, 0.5, 0.75)), rel=0.25)
