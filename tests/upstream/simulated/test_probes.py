"""What vLLM answers beside the API, as a monitor reads it."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import Served, chat_body, request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """An engine with vLLM's manners and one model."""
    async with serving(Options(profile=Profile.VLLM, models=("tiny",))) as one:
        yield one


async def samples(served: Served) -> dict[str, float]:
    """All values of `/metrics` by name; of several with other labels the last."""
    text = (await served.ask("GET", "/metrics")).body.decode()
    families = list(text_string_to_metric_families(text))
    return {sample.name: sample.value for family in families for sample in family.samples}


async def test_health_ping_version_and_load_answer(served: Served) -> None:
    """Free probes for a gateway."""
    answers = [await served.ask("GET", path) for path in ("/health", "/ping", "/version", "/load")]

    assert [answer.status for answer in answers] == [200] * 4
    assert answers[0].body == b""
    assert answers[2].json() == {"version": "0.32.0", "simulated": True}


async def test_metrics_are_valid_and_have_vllms_names(served: Served) -> None:
    """Prometheus and a spill rule read the same text."""
    await served.chat(max_tokens=10)
    values = await samples(served)

    assert values["vllm:generation_tokens_total"] == 10
    assert values["vllm:prompt_tokens_total"] == 1
    assert values["vllm:time_to_first_token_seconds_count"] == 1
    assert values["vllm:time_to_first_token_seconds_sum"] == pytest.approx(0.03, abs=0.005)
    assert values["vllm:inter_token_latency_seconds_count"] == 9
    assert values["vllm:e2e_request_latency_seconds_count"] == 1
    assert {"vllm:kv_cache_usage_perc", "vllm:num_preemptions_total", "vllm:request_success_total"} <= set(values)


async def test_running_and_waiting_are_told_while_they_are(served: Served) -> None:
    """The two numbers that saturation is judged by."""
    async with serving(Options(profile=Profile.VLLM, hardware="A10G")) as real:
        clients = [real.ask("POST", "/v1/chat/completions", chat_body(max_tokens=2000)) for _ in range(2)]
        tasks = [asyncio.ensure_future(client) for client in clients]
        await real.until("in_flight", 2)
        during = await samples(real)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert during["vllm:num_requests_running"] + during["vllm:num_requests_waiting"] == 2
    assert (await samples(served))["vllm:num_requests_running"] == 0


async def test_the_cache_fills_while_sequences_run(served: Served) -> None:
    """From nothing to something and back."""
    async with served.connect() as client:
        prompt = [{"role": "user", "content": "x" * 400_000}]
        client.send(request("POST", "/v1/chat/completions", chat_body(messages=prompt, stream=True, max_tokens=5000)))
        await client.reader.readuntil(b"Simulated")
        during = (await samples(served))["vllm:kv_cache_usage_perc"]
    await served.until("running", 0)

    assert during == pytest.approx(100_000 / (600 * 4096), rel=0.01)
    assert (await samples(served))["vllm:kv_cache_usage_perc"] == 0


async def test_every_series_says_which_model(served: Served) -> None:
    """As vLLM's do."""
    lines = (await served.ask("GET", "/metrics")).body.decode().splitlines()

    assert all('engine="0",model_name="tiny"' in line for line in lines if re.match(r"vllm:", line))


async def test_tokenize_counts_as_usage_does(served: Served) -> None:
    """One rule for both."""
    prompt = "a prompt of some length, é"
    counted = (await served.ask("POST", "/tokenize", {"prompt": prompt})).json()
    used = (await served.chat(messages=[{"role": "user", "content": prompt}], max_tokens=1)).json()["usage"]
    messages = (await served.ask("POST", "/tokenize", chat_body())).json()

    assert counted["count"] == len(counted["tokens"]) == used["prompt_tokens"] == 7
    assert messages["count"] == 1
    assert (await served.ask("POST", "/tokenize", {})).status == 400
