"""The self-hosted upstream is killed under load: whoever had no word yet gets an answer, the others a clear error."""

import asyncio
import signal

import pytest

from tests.load import Load, Outcome, told
from tests.processes import HOST, Gateway, gateway, simulate, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

RATE_PER_S = 200.0
REQUESTS = 1200

CONFIG = """
upstreams:
  local:
    base_url: "{local}"
    engine: vllm
    price: {{usd_per_hour: 1.006}}
    health: {{path: /health, interval_s: 0.5}}
    breaker: {{cooldown_s: 1}}
    timeouts: {{first_token_s: 1, silence_s: 1, total_s: 3}}
  hosted: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream}}
routes:
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers:
      - {{upstream: local, model: tiny}}
      - {{upstream: hosted, model: gpt-4o-mini}}
keys:
  - {{key: sk-test, team: support}}
"""


def question(number: int) -> dict[str, object]:
    """Two streams for every whole answer; 20 tokens take about 130 ms."""
    return {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "max_tokens": 20,
        "stream": number % 3 != 0,
    }


async def test_no_request_without_content_fails_when_the_upstream_is_killed() -> None:
    """The promise that offramp is bought for, at 200 requests a second; and the ledger has every one of them."""
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai", "--model", "gpt-4o-mini") as hosted,
        gateway(CONFIG.format(local=local.base_url, hosted=hosted.base_url)) as served,
    ):
        load = Load(HOST, served.port, question)
        with told(load):
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(rate_per_s=RATE_PER_S, requests=REQUESTS))
                await load.reached(lambda load: load.answered >= REQUESTS // 3)
                local.kill()

            outcomes = load.outcomes()
            assert load.failures() == []
            assert outcomes[Outcome.ERROR_EVENT] > 0
            assert outcomes[Outcome.OK] + outcomes[Outcome.ERROR_EVENT] == REQUESTS
            assert load.tiers()["hosted"] > REQUESTS // 3
            _compare_books(served, load)

        with simulate("vllm", "--model", "tiny", port=local.port):
            again = Load(HOST, served.port, question)
            await again.run(rate_per_s=20, requests=60)

        with told(again):
            assert again.outcomes() == {Outcome.OK: 60}
            assert again.tiers()["local"] > 0


async def test_no_request_without_content_fails_when_the_upstream_freezes() -> None:
    """Worse than a death: nothing is reset, nothing is refused, there is only silence."""
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai", "--model", "gpt-4o-mini") as hosted,
        gateway(CONFIG.format(local=local.base_url, hosted=hosted.base_url)) as served,
    ):
        load = Load(HOST, served.port, question)
        with told(load):
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(rate_per_s=100, requests=400))
                await load.reached(lambda load: load.answered >= 100)
                local.signal(signal.SIGSTOP)

            assert load.failures() == []
            assert load.outcomes()[Outcome.ERROR_EVENT] > 0
            _compare_books(served, load)


async def test_the_gateway_that_is_told_to_stop_finishes_what_it_has_begun() -> None:
    """TERM under load: every request that was accepted is answered, and every row is kept."""
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai", "--model", "gpt-4o-mini") as hosted,
        gateway(CONFIG.format(local=local.base_url, hosted=hosted.base_url)) as served,
    ):
        load = Load(HOST, served.port, question)
        with told(load):
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(rate_per_s=RATE_PER_S, requests=600))
                await load.reached(lambda load: load.answered >= 300)
                served.terminate()
            wait_until(lambda: not served.is_running, "the gateway has left")

            refused = [shot for shot in load.shots if shot.why.startswith("no connection")]
            answered = len(load.shots) - len(refused)
            assert served.wait() == 0
            assert load.outcomes() == {Outcome.OK: answered, Outcome.LOST: len(refused)}
            assert served.ledger()["requests"] == answered


def _compare_books(served: Gateway, load: Load) -> None:
    """The ledger and the client counted the same."""
    books = served.wait_ledger(len(load.shots))
    outcomes = load.outcomes()
    by_tier = {tier: part["requests"] for tier, part in books["by_tier"].items() if part["requests"]}

    assert books["requests"] == len(load.shots)
    assert books["dropped"] == 0
    assert books["by_outcome"]["truncated"]["requests"] == outcomes[Outcome.ERROR_EVENT]
    assert by_tier == dict(load.tiers())
