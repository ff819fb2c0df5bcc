"""A real vLLM behind a gateway, with a simulated provider as the tier below it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from openai import OpenAI

from tests.processes import Engine, Gateway, ask, gateway, simulate, wait_until
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


@contextmanager
def stacked(vllm: VLLM) -> Iterator[Stack]:
    """A gateway and a provider of their own for a vLLM."""
    with (
        simulate("openai", "--model", "gpt-4o-mini") as hosted,
        gateway(CONFIG.format(local=vllm.base_url, hosted=hosted.base_url)) as served,
    ):
        yield Stack(gateway=served, vllm=vllm, hosted=hosted)


def sdk(base_url: str, key: str = "sk-test-support") -> OpenAI:
    """The OpenAI SDK, which tries nothing again."""
    return OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def shared_stack(server: VLLM) -> Iterator[Stack]:
    """The gateway of all tests that look at answers alone."""
    with stacked(server) as stack:
        yield stack


@pytest.fixture
def stack(vllm: VLLM, shared_stack: Stack) -> Stack:
    """The same, with a vLLM that runs and that the gateway knows to run."""
    assert vllm is shared_stack.vllm
    wait_until(lambda: _is_healthy(shared_stack), "the gateway sees that vLLM runs")
    return shared_stack


@pytest.fixture
def fresh(vllm: VLLM) -> Iterator[Stack]:
    """A gateway of the test's own, with an empty ledger."""
    with stacked(vllm) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    """The OpenAI SDK, pointed at the gateway."""
    with sdk(stack.gateway.base_url) as one:
        yield one


@pytest.fixture
def direct(vllm: VLLM) -> Iterator[OpenAI]:
    """The same SDK without a gateway between."""
    with sdk(vllm.base_url) as one:
        yield one


def _is_healthy(stack: Stack) -> bool:
    headers = {"authorization": "Bearer sk-test-support"}
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    return ask("POST", f"{stack.gateway.base_url}/chat/completions", body, headers)[0] == 200
