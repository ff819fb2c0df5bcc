"""A simulated engine in the test's own loop, and a client that speaks bare HTTP, so that a test sees every byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from offramp.upstream.simulated.options import Options
from offramp.upstream.simulated.server import bind, start
from offramp.upstream.simulated.simulation import Simulation

PATIENCE_S = 10.0
"""Longest wait of a test for anything: a busy machine is slow, a hang must still end."""

KEY = ("authorization", "Bearer sk-test-0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    """Whether it ended as its framing says it should."""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    @property
    def events(self) -> list[str]:
        """The `data:` lines of a stream."""
        return [line.removeprefix("data: ") for line in self.body.decode().splitlines() if line.startswith("data: ")]

    @property
    def chunks(self) -> list[Any]:
        """The JSON of all events but `[DONE]`."""
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def text(self) -> str:
        """The content of the first choice of a chat stream."""
        deltas = (chunk["choices"][0]["delta"] for chunk in self.chunks if chunk.get("choices"))
        return "".join(delta.get("content") or "" for delta in deltas)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connected."""
        self.reader = reader
        self.writer = writer

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(raw)

    async def answer(self) -> Answer:
        """The next answer; one that breaks off comes back with what had arrived."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            if status == 100:
                return Answer(status=status, headers=headers, body=b"", whole=True)
            parts: list[bytes] = []
            whole = True
            try:
                await self._read_body(headers, parts)
            except (asyncio.IncompleteReadError, ConnectionResetError) as error:
                parts.append(getattr(error, "partial", b""))
                whole = False
            return Answer(status=status, headers=headers, body=b"".join(parts), whole=whole)

    async def _read_body(self, headers: dict[str, str], parts: list[bytes]) -> None:
        if "content-length" in headers:
            parts.append(await self.reader.readexactly(int(headers["content-length"])))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                parts.append(await self.reader.readexactly(size))
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        else:
            parts.append(await self.reader.read())

    async def rest(self) -> bytes:
        """Everything until the end of the connection; a reset counts as an end."""
        received = bytearray()
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionResetError):
                while part := await self.reader.read(65536):
                    received += part
        return bytes(received)

    async def close(self) -> None:
        """Leave."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Served:
    """A simulated engine that serves."""

    def __init__(self, simulation: Simulation, port: int) -> None:
        """On that port of loopback."""
        self.simulation = simulation
        self.engine = simulation.engine
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}/v1"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """A connection that is closed afterwards."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))
        try:
            yield client
        finally:
            await client.close()

    async def ask(self, method: str, path: str, body: object = None, *headers: tuple[str, str]) -> Answer:
        """One request on a connection of its own."""
        async with self.connect() as client:
            client.send(request(method, path, body, *headers))
            return await client.answer()

    async def chat(self, **fields: object) -> Answer:
        """One chat completion."""
        return await self.ask("POST", "/v1/chat/completions", chat_body(**fields), KEY)

    async def fault(self, name: str, **options: object) -> None:
        """Switch a fault."""
        answer = await self.ask("POST", "/_simulate", {"fault": name, **options})
        assert answer.status == 200, answer.body

    async def state(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return (await self.ask("GET", "/_simulate")).json()

    async def until(self, field: str, value: object) -> dict[str, Any]:
        """The state as soon as a field of it has that value."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                state = await self.state()
                if state[field] == value:
                    return state


def chat_body(**fields: object) -> dict[str, object]:
    """A chat's body with these fields besides the usual ones."""
    return {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], **fields}


def request(method: str, path: str, body: object = None, *headers: tuple[str, str]) -> bytes:
    """The bytes of a request; a body that is no bytes goes as JSON."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: test", f"content-length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def serving(options: Options | None = None) -> AsyncIterator[Served]:
    """An engine on a free port."""
    listener = bind("127.0.0.1", 0)
    server, simulation = await start(options or Options(), listener)
    try:
        yield Served(simulation, listener.getsockname()[1])
    finally:
        server.close()
        for connection in list(simulation.connections):
            connection.reset()
        listener.close()
        await server.wait_closed()
