"""A real vLLM behind a gateway, with a simulated provider as the tier below it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from openai import OpenAI

from tests.processes import Engine, Gateway, gateway, simulate
from tests.real.vllm import VLLM

CONFIG = """
upstreams:
  local:
    base_url: "{local}"
    engine: vllm
    price: {{usd_per_hour: 1.006}}
    health: {{path: /health, interval_s: 0.5}}
    breaker: {{failures: 3, cooldown_s: 1}}
  hosted: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream}}
routes:
  alone:
    models: [tiny]
    tiers:
      - {{upstream: local, model: tiny}}
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers:
      - {{upstream: local, model: tiny}}
      - {{upstream: hosted, model: gpt-4o-mini}}
  misnamed:
    models: [misnamed]
    tiers:
      - {{upstream: local, model: no-such-model}}
keys:
  - {{key: sk-test-support, team: support}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A gateway in front of a real vLLM and a simulated provider."""

    gateway: Gateway
    vllm: VLLM
    hosted: Engine


@pytest.fixture(scope="session")
def server() -> Iterator[VLLM]:
    """The one vLLM of the session: starting takes half a minute."""
    vllm = VLLM()
    try:
        vllm.start()
        yield vllm
    finally:
        vllm.close()


@pytest.fixture
def vllm(server: VLLM) -> VLLM:
    """The same, running, whatever an earlier test did to it."""
    server.start()
    return server


@pytest.fixture
def stack(vllm: VLLM) -> Iterator[Stack]:
    """A gateway of the test's own, with an empty ledger."""
    with (
        simulate("openai", "--model", "gpt-4o-mini") as hosted,
        gateway(CONFIG.format(local=vllm.base_url, hosted=hosted.base_url)) as served,
    ):
        yield Stack(gateway=served, vllm=vllm, hosted=hosted)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    """The OpenAI SDK, which tries nothing again."""
    with OpenAI(base_url=stack.gateway.base_url, api_key="sk-test-support", max_retries=0, timeout=60) as sdk:
        yield sdk


@pytest.fixture
def direct(vllm: VLLM) -> Iterator[OpenAI]:
    """The same SDK without a gateway between."""
    with OpenAI(base_url=vllm.base_url, api_key="sk-none", max_retries=0, timeout=60) as sdk:
        yield sdk
