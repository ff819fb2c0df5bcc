"""Finding model servers on this machine: real ones, silent ones, and what only looks like one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from offramp.migrate.engines import find_engines
from offramp.migrate.local import MAX_BODY_BYTES
from offramp.wire.engine import Engine
from tests.processes import free_port, gateway, simulate

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """A port that says the same to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http(body: bytes, head: bytes = b"") -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)


async def test_a_vllm_is_found_with_its_models() -> None:
    """What most teams have on that port."""
    with simulate("vllm", "--model", "tiny", "--model", "org/small") as engine:
        (found,) = await find_engines([free_port(), engine.port])

    assert (found.port, found.engine, found.product) == (engine.port, Engine.VLLM, "vLLM")
    assert set(found.models) == {"tiny", "org/small"}
    assert found.base_url == f"http://127.0.0.1:{engine.port}/v1"


async def test_offramp_itself_is_no_engine() -> None:
    """A gateway that is its own upstream goes round in circles."""
    with simulate("vllm", "--model", "tiny") as engine, gateway(None, env={"OFFRAMP_UPSTREAM": engine.base_url}) as own:
        assert await find_engines([own.port]) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",
        http(b"<html>"),
        http(b"[]"),
        http(b'{"data": 3}'),
        http(b'{"data": [{"id": 1}]}'),
        http(b"\xff"),
        http(b"[" * 5000),
        http(b'{"data": [], "x": "' + b"x" * MAX_BODY_BYTES + b'"}'),
    ],
)
async def test_what_does_not_answer_as_an_engine_is_none(answer: bytes) -> None:
    """Anything may listen there."""
    async with answering(answer) as port:
        assert await find_engines([port]) == []


async def test_a_silent_port_costs_a_moment_only() -> None:
    """Something that accepts and never answers must not hang `init`."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        async with asyncio.timeout(5):
            assert await find_engines([silent.getsockname()[1]]) == []


async def test_names_that_do_not_belong_into_a_file_are_left_out() -> None:
    """What a server says is written into YAML."""
    names = ["good", "a\nb", "${KEY}", "a b", "x*", ""]
    body = msgspec.json.encode({"data": [{"id": name, "owned_by": "library"} for name in names]})
    async with answering(http(body)) as port:
        (found,) = await find_engines([port])

    assert (found.models, found.product, found.engine) == (("good",), "Ollama", Engine.OTHER)
