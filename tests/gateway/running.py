"""A gateway and its upstreams in the test's own loop, with every row of its ledger at hand."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer
from offramp.compose.listening import open_socket
from offramp.config.load import Loaded, parse
from offramp.store.rows import Batch, ExchangeRow
from offramp.telemetry.logs import Log
from offramp.upstream.instance import Instance
from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import PATIENCE_S, Answer, Client, Served, serving

NOWHERE = Path("/nonexistent")
KEY = "sk-client-0123456789"
UPSTREAM_KEY = "sk-upstream-9876543210"
MODEL = "gpt-4o-mini"
QUESTION = [{"role": "user", "content": "What is the answer?"}]
TOKENS = 6
"""Length of the answers: about 60 ms of a simulated engine."""

Config = dict[str, Any]


def chat(**fields: object) -> dict[str, object]:
    """The body of a chat whose answer has `TOKENS` tokens."""
    return {"model": MODEL, "messages": QUESTION, "max_tokens": TOKENS, **fields}


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is looked at belongs to the gateway, which has no event for it
            await asyncio.sleep(0.005)


class Gateway:
    """A data plane that serves on a free port."""

    def __init__(self, loaded: Loaded, state_dir: Path = NOWHERE) -> None:
        """Build it; `rows` has what its ledger was given so far."""
        self.batches: list[Batch] = []
        self.buffer = LedgerBuffer(0, self.batches.append)
        self.logged = io.StringIO()
        self.plane = DataPlane(
            loaded,
            ledger=self.buffer,
            log=Log(self.logged, "json", "info"),
            hash_key=b"k" * 32,
            log_exchanges=False,
            state_dir=state_dir,
            instance_id="offramp-test",
        )
        self.port = 0

    @property
    def rows(self) -> list[ExchangeRow]:
        """Rows that were settled."""
        self.buffer.flush()
        return [row for batch in self.batches for row in batch.rows]

    async def wait_rows(self, count: int) -> list[ExchangeRow]:
        """All rows as soon as there are that many."""
        await until(lambda: len(self.rows) >= count)
        return self.rows

    async def only_row(self) -> ExchangeRow:
        """The one row that was settled."""
        rows = await self.wait_rows(1)
        assert len(rows) == 1, rows
        return rows[0]

    def instance(self, upstream: str, index: int = 0) -> Instance:
        """One instance of an upstream."""
        return self.plane.fleet[upstream].instances[index]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """A client's connection that is closed afterwards."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))
        try:
            yield client
        finally:
            await client.close()

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request on a connection of its own; underscores in the names of headers stand for hyphens."""
        async with self.connect() as client:
            client.send(raw(method, path, body, **headers))
            return await client.answer()

    async def chat(self, **fields: object) -> Answer:
        """One chat."""
        return await self.ask("POST", "/v1/chat/completions", chat(**fields))

    async def chat_as(self, key: str, **fields: object) -> Answer:
        """One chat with another key."""
        return await self.ask("POST", "/v1/chat/completions", chat(**fields), authorization=f"Bearer {key}")

    async def send_chat(self, client: Client, **fields: object) -> Answer:
        """One chat on a connection that is already open."""
        client.send(raw_chat(**fields))
        return await client.answer()

    async def close(self) -> None:
        """Cut everything off."""
        self.plane.close_servers()
        for client in list(self.plane.pipeline.connections):
            client.abort()
        self.plane.stop()
        for upstream in self.plane.fleet.values():
            for instance in upstream.instances:
                for connection in list(instance._all):
                    connection.drop()
                await asyncio.gather(*instance._tasks, return_exceptions=True)
        await asyncio.sleep(0)


def raw(method: str, path: str, body: object = None, **headers: str) -> bytes:
    """The bytes of a request with the client's key; a header given as an empty text is left out."""
    content = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
    fields = {
        "host": "localhost",
        "authorization": f"Bearer {KEY}",
        "content_type": "application/json",
        "content_length": str(len(content)),
        **headers,
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + content


def raw_chat(**fields: object) -> bytes:
    """The bytes of a chat."""
    return raw("POST", "/v1/chat/completions", chat(**fields))


def load(config: Config) -> Loaded:
    """A configuration as a file would be read."""
    return parse(msgspec.json.encode(config), NOWHERE / "offramp.yaml", {})


@asynccontextmanager
async def gateway(config: Config, state_dir: Path = NOWHERE) -> AsyncIterator[Gateway]:
    """A gateway that serves by this configuration."""
    served = Gateway(load(config), state_dir)
    listener = open_socket("127.0.0.1", 0)
    served.port = listener.getsockname()[1]
    await served.plane.start(listener)
    try:
        yield served
    finally:
        await served.close()


@asynccontextmanager
async def engine(profile: str = "vllm", **options: Any) -> AsyncIterator[Served]:  # noqa: ANN401 - options of any type
    """A simulated upstream."""
    async with serving(Options(profile=Profile(profile), **options)) as served:
        yield served


class Addressed(Protocol):
    """An upstream of whatever kind."""

    @property
    def base_url(self) -> str:
        """What a client is given."""
        ...


def upstream(*engines: Addressed, **changes: object) -> Config:
    """An upstream with these engines as its instances; no health probes unless asked for."""
    urls = [served.base_url for served in engines]
    return {"base_url": urls if len(urls) > 1 else urls[0], "engine": "vllm", "health": False, **changes}


def own_key_upstream(*engines: Addressed, **changes: object) -> Config:
    """An OpenAI-like upstream that is called with our own key."""
    return upstream(*engines, engine="openai", api_key=UPSTREAM_KEY, **changes)


def routed(upstreams: Mapping[str, Config], *tiers: Config, route: Config | None = None, **more: object) -> Config:
    """A configuration with one route; without `tiers` each upstream is one, in their order."""
    rungs = list(tiers) or [{"upstream": name} for name in upstreams]
    part = {"models": [MODEL], "baseline": "openai/gpt-4o-mini", "tiers": rungs, **(route or {})}
    return {"upstreams": dict(upstreams), "routes": {"support": part}, **more}


def tries(row: ExchangeRow) -> list[tuple[str, str, int]]:
    """Tier, failure and status of each attempt that the row keeps."""
    return [(attempt.tier, attempt.failure, attempt.status) for attempt in row.tries]


async def asked(served: Served) -> list[dict[str, Any]]:
    """The requests that an engine has seen, without probes."""
    state = await served.state()
    return [seen for seen in state["requests"] if seen["method"] == "POST"]


def header_names(seen: Mapping[str, Any]) -> set[str]:
    """Names of the header fields of a request that an engine saw."""
    return {name for name, _ in seen["headers"]}


def header(seen: Mapping[str, Any], name: str) -> str:
    """Value of a header field of a request that an engine saw; empty without one."""
    return next((value for key, value in seen["headers"] if key == name), "")
