"""A gateway in front of two simulated upstreams, and the client SDKs that are pointed at it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.clients.driver import NODE_SDKS, PYTHON_SDKS, Client, Drivers, command_of
from tests.processes import Engine, Gateway, gateway, simulate

KEY = "sk-test-support"

CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm, breaker: {{mode: observe}}, price: {{usd_per_hour: 1.006}}}}
  hosted: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream, breaker: {{mode: observe}}}}
passthrough: hosted
routes:
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers:
      - {{upstream: local, model: tiny}}
      - {{upstream: hosted, model: gpt-4o-mini}}
  lone:
    models: [lone]
    tiers:
      - {{upstream: hosted, model: gpt-4o}}
keys:
  - {{key: {key}, team: support}}
"""

HOSTED_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A gateway and what it calls."""

    gateway: Gateway
    local: Engine
    hosted: Engine


@pytest.fixture(scope="session")
def running_stack() -> Iterator[Stack]:
    """Two upstreams with a gateway in front, for all tests of clients."""
    options = [option for model in HOSTED_MODELS for option in ("--model", model)]
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai", *options) as hosted,
        gateway(CONFIG.format(local=local.base_url, hosted=hosted.base_url, key=KEY)) as served,
    ):
        yield Stack(gateway=served, local=local, hosted=hosted)


@pytest.fixture
def stack(running_stack: Stack) -> Stack:
    """The same, without a fault at the beginning."""
    running_stack.local.fault("none")
    running_stack.hosted.fault("none")
    return running_stack


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    """The client processes."""
    with Drivers() as processes:
        yield processes


FLAVOURS = [
    *((sdk, asynchronous) for sdk in PYTHON_SDKS for asynchronous in (False, True)),
    *((sdk, True) for sdk in NODE_SDKS),
]
"""Every SDK as it is used; those for Node.js know only the asynchronous way."""


@pytest.fixture(params=FLAVOURS, ids=lambda flavour: f"{flavour[0]}-{'async' if flavour[1] else 'sync'}")
def client(request: pytest.FixtureRequest, stack: Stack, drivers: Drivers) -> Client:
    """An SDK that is given the gateway's address and a key; it tries nothing again unless a test wants it to."""
    sdk, asynchronous = request.param
    driver = drivers.get(sdk, lambda: command_of(sdk))
    settings = {"base_url": stack.gateway.base_url, "api_key": KEY, "max_retries": 0, "timeout": 20}
    return Client(driver, asynchronous=asynchronous, **settings)
