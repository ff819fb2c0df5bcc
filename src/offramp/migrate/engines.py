"""Finds model servers on this machine: a short look at the ports where they usually listen, on loopback only."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from offramp.migrate.local import HOST, get
from offramp.wire.engine import Engine

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
    seen = await get(port, b"/v1/models")
    if seen is None or seen.is_offramp or seen.status != HTTPStatus.OK:
        return None
    return _recognised(port, seen.body)


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
