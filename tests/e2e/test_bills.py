"""The bill of a machine paid by the hour, through everything that can happen to those who write it down."""

import asyncio
import os
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.load import Load, Outcome, told
from tests.processes import HOST, Engine, Gateway, gateway, simulate, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm, health: false, price: {{usd_per_hour: {price}}}}}
  cloud: {{base_url: "{cloud}", engine: vllm, health: false, price: {{usd_per_hour: 3.5, billed: while_serving}}}}
routes:
  support: {{models: [gpt-4o-mini], baseline: openai/gpt-4o-mini, tiers: [{{upstream: local, model: tiny}}]}}
  sales: {{models: [gpt-4o], baseline: openai/gpt-4o, tiers: [{{upstream: cloud, model: tiny}}]}}
keys:
  - {{key: sk-test, team: support}}
"""


def question(number: int) -> dict[str, object]:
    """Streams and whole answers, on both machines, that overlap."""
    return {
        "model": "gpt-4o-mini" if number % 3 else "gpt-4o",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "max_tokens": 10 + number % 20,
        "stream": number % 2 == 0,
    }


async def ask(served: Gateway, requests: int) -> None:
    """A load that nothing may fail of."""
    load = Load(HOST, served.port, question)
    await load.run(rate_per_s=100, requests=requests)
    with told(load):
        assert load.outcomes() == {Outcome.OK: requests}


async def test_requests_idle_and_in_flight_are_the_bill_to_the_last_unit_whatever_happens(tmp_path: Path) -> None:
    """Several workers, a price change at noon, a killed worker, workers replaced, a restart with another number."""
    with simulate("vllm", "--model", "tiny") as local, simulate("vllm", "--model", "tiny") as cloud:
        text = config(local, cloud, "1.006")
        with gateway(text, workers=2, state=tmp_path / "state") as served:
            wait_until(lambda: len(ready(served)) == 2, "both workers serve")
            await ask(served, 100)
            before = served.health()["config"]
            served.config.write_text(config(local, cloud, "2.5"))
            served.signal(signal.SIGHUP)
            wait_until(lambda: served.health()["config"] != before, "the new price holds")
            await disturbed(served)
            check(served.wait_ledger(150))

            served.signal(signal.SIGUSR2)
            await ask(served, 150)
            served.terminate()
            assert served.wait(20) == 0
            stopped = served.ledger()
            check(stopped)

        with gateway(config(local, cloud, "0.5"), state=tmp_path / "state") as again:
            check(again.ledger())
            await ask(again, 100)
            books = again.wait_ledger(stopped["requests"] + 100)
            check(books)
            assert books["requests"] == stopped["requests"] + 100
            assert Decimal(books["idle_usd"]) > Decimal(stopped["idle_usd"]), "the meter runs while nothing does"


async def disturbed(served: Gateway) -> None:
    """A worker is killed with requests in flight; what they used is idle cost."""
    load = Load(HOST, served.port, question)
    before = ready(served)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(rate_per_s=100, requests=100))
        await load.reached(lambda load: load.answered >= 40)
        os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(set(ready(served)) - set(before)) == 1, "another worker serves")


def config(local: Engine, cloud: Engine, price: str) -> str:
    """The configuration with this price of the local machine."""
    return CONFIG.format(local=local.base_url, cloud=cloud.base_url, price=price)


def ready(served: Gateway) -> list[int]:
    """The workers that serve."""
    return [worker["pid"] for worker in served.health()["workers"] if worker["ready"]]


def check(books: dict[str, Any]) -> None:
    """The identity, machine by machine and in all, in exact decimals."""
    for machine in books["machines"].values():
        parts = sum(Decimal(machine[part]) for part in ("requests_usd", "in_flight_usd", "idle_usd"))
        assert parts == Decimal(machine["bill_usd"]), books["machines"]
        assert all(Decimal(amount) >= 0 for amount in machine.values()), books["machines"]
    paid = sum(Decimal(machine["requests_usd"]) for machine in books["machines"].values())
    idle = sum(Decimal(machine["idle_usd"]) for machine in books["machines"].values())
    assert paid == Decimal(books["cost_usd"])
    assert idle == Decimal(books["idle_usd"])
    assert sum(Decimal(team["cost_usd"]) for team in books["by_team"].values()) == paid
    assert Decimal(books["saved_usd"]) == Decimal(books["baseline_usd"]) - paid - idle
