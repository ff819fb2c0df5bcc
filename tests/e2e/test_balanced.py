"""Two gateways behind nginx: either may be stopped at any time, and nobody notices."""

import asyncio
from pathlib import Path

import pytest

from tests.load import Load, Outcome, told
from tests.processes import HOST, gateway, simulate
from tests.real.nginx import balance

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

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


async def test_stopping_one_of_two_gateways_loses_no_request_and_no_row(tmp_path: Path) -> None:
    """How one updates without a maintenance window: no failed request, and both ledgers together have each one once."""
    with simulate("vllm", "--model", "tiny") as local:
        config = CONFIG.format(local=local.base_url)
        with (
            gateway(config) as first,
            gateway(config) as second,
            balance([first.port, second.port], tmp_path) as nginx,
        ):
            load = Load(HOST, nginx.port, question)
            with told(load):
                async with asyncio.TaskGroup() as group:
                    group.create_task(load.run(rate_per_s=200, requests=1200))
                    await load.reached(lambda load: load.answered >= 400)
                    first.terminate()

                assert load.outcomes() == {Outcome.OK: 1200}, nginx.complaints()[-2000:]
                assert first.wait() == 0
                kept = first.ledger()["requests"]
                assert 0 < kept < 1200
                assert kept + second.wait_ledger(1200 - kept)["requests"] == 1200
