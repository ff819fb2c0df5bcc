"""The capacity model against a real engine: calibrated on one load, it predicts another."""

import asyncio

import pytest

from offramp.capacity.arrivals import generate
from tests.real.vllm import CONTEXT_TOKENS, VLLM
from tools.calibrate import FIRST_STEPS, SHORT, Server, calibrate, distance, measure, predict, row, shortened

pytestmark = pytest.mark.timeout(400)


def test_what_was_calibrated_on_one_load_predicts_another(vllm: VLLM) -> None:
    """It is wrong by no more than a third beyond what runs of the same load differ by, on a machine that others use.

    docs/capacity-model.md has a careful run, with a model whose steps take time.
    """
    server = Server(url=vllm.url, model="tiny", max_running=16, kv_blocks=4096, context_tokens=CONTEXT_TOKENS)
    first, other = (
        shortened(generate(seed, requests=requests, duration_s=6.0, shape=SHORT), CONTEXT_TOKENS)
        for seed, requests in ((1, 60), (2, 90))
    )
    runs = asyncio.run(measure(server, [("first", first), ("other", other)], 2))
    calibrated, measured = (run for _, run in runs)
    predicted = predict(server, calibrate(server, calibrated, FIRST_STEPS), other)
    print(row("predicted", measured, predicted))  # noqa: T201 - the error is reported, not hidden

    assert distance(measured, predicted) < 0.3 + max(calibrated.spread, measured.spread)
