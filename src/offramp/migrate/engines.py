"""Finds model servers on this machine: a short look at the ports where they usually listen, on loopback only."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import msgspec

from offramp.errors import UnavailableError
from offramp.policy.breaker import BreakerSettings
from offramp.upstream.ask import ask
from offramp.upstream.dial import Address
from offramp.upstream.instance import Instance, PoolLimits, Timeouts
from offramp.wire.engine import Engine

HOST = "127.0.0.1"
PORTS = {
    8000: "vLLM and most others",
    9001: "offramp simulate, in the examples",
    9002: "offramp simulate, in the examples",
    8080: "llama.cpp",
    11434: "Ollama",
    1234: "LM Studio",
    30000: "SGLang",
}
"""Where engines listen unless told otherwise, and which."""

PATIENCE_S = 0.7
MAX_LIST_BYTES = 1 << 20
MAX_MODELS = 50

_MODEL = re.compile(r"[\w.:/@+-]{1,200}")
"""Names of models that may be written into a file; others are left out."""
_PRODUCTS = {"vllm": "vLLM", "library": "Ollama", "ollama": "Ollama", "llamacpp": "llama.cpp", "sglang": "SGLang"}
"""What `owned_by` in the list of models says of the product."""


class _Entry(msgspec.Struct):
    id: str
    owned_by: str = ""


class _List(msgspec.Struct):
    data: list[_Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEngine:
    """A model server that answered."""

    port: int
    product: str
    """`vLLM`, `Ollama` …; `engine` where it does not say."""
    engine: Engine
    models: tuple[str, ...]

    @property
    def base_url(self) -> str:
        """Its address, for the configuration."""
        return f"http://{HOST}:{self.port}/v1"


async def find_engines(ports: Iterable[int]) -> list[LocalEngine]:
    """Ask each port for its models, all at once; those that answer as an engine does, in the order of the ports."""
    found = await asyncio.gather(*(_look(port) for port in ports))
    return [engine for engine in found if engine is not None]


async def _look(port: int) -> LocalEngine | None:
    instance = Instance(
        "look",
        Address(host=HOST, port=port),
        timeouts=Timeouts(connect_s=PATIENCE_S),
        limits=PoolLimits(max_connections=1, max_queue=1),
        breaker=BreakerSettings(),
        compute_priced=False,
        base_path=b"/v1",
    )
    head = b"GET /v1/models HTTP/1.1\r\nhost: %b:%d\r\naccept: application/json\r\n\r\n" % (HOST.encode(), port)
    try:
        async with asyncio.timeout(2 * PATIENCE_S):
            reply = await ask(instance, head, timeout_s=PATIENCE_S, silence_s=PATIENCE_S)
            is_gateway = any(name.startswith(b"x-offramp") for name, _ in reply.headers)
            if reply.status != 200 or is_gateway:
                return None
            return _recognised(port, await _body(reply.blocks()))
    except (UnavailableError, TimeoutError):
        return None
    finally:
        instance.retire()


async def _body(blocks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for block in blocks:
        body += block
        if len(body) > MAX_LIST_BYTES:
            raise UnavailableError("the list of models is too long to be one")
    return body


def _recognised(port: int, body: bytes) -> LocalEngine | None:
    try:
        listed = msgspec.json.decode(body, type=_List).data
    except (ValueError, RecursionError):
        return None
    owners = {entry.owned_by.lower() for entry in listed}
    product = next((name for word, name in _PRODUCTS.items() if word in owners), "engine")
    models = tuple(dict.fromkeys(entry.id for entry in listed if _MODEL.fullmatch(entry.id)))
    return LocalEngine(
        port=port,
        product=product,
        engine=Engine.VLLM if product == "vLLM" else Engine.OTHER,
        models=models[:MAX_MODELS],
    )
