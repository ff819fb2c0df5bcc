"""uvicorn inside a running loop: it starts, it stops, and it leaves the process alone."""

import asyncio
import http.client
import logging
import signal
import socket
from contextlib import closing

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from offramp.console.server import AdminServer


async def hello(_request: Request) -> PlainTextResponse:
    """Something to answer with."""
    return PlainTextResponse("hello")


def app() -> Starlette:
    """An application with one path."""
    return Starlette(routes=[Route("/", hello)])


def get(port: int) -> bytes:
    """Ask once, from a thread."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


@pytest.fixture
def anyio_backend() -> str:
    """Offramp runs on asyncio."""
    return "asyncio"


@pytest.mark.anyio
async def test_it_answers_from_start_to_stop() -> None:
    """`start` returns when one can ask, `stop` when nobody can any more."""
    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    server = AdminServer(app(), sock)
    await server.start()
    answered = await asyncio.to_thread(get, port)
    await server.stop()

    assert answered == b"hello"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(get, port)


@pytest.mark.anyio
async def test_it_touches_neither_signals_nor_logging() -> None:
    """Both are the gateway's: TERM means drain, and standard error carries the log's lines only."""
    before = (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), list(logging.getLogger().handlers))
    server = AdminServer(app(), socket.create_server(("127.0.0.1", 0)))
    await server.start()
    during = (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), list(logging.getLogger().handlers))
    await server.stop()

    assert during == before


@pytest.mark.anyio
async def test_nonsense_on_the_wire_writes_nothing_to_standard_error(caplog: pytest.LogCaptureFixture) -> None:
    """A scanner on the admin port must not be able to write into the log."""
    sock = socket.create_server(("127.0.0.1", 0))
    server = AdminServer(app(), sock)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", sock.getsockname()[1])
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await server.stop()

    assert answer.startswith(b"HTTP/1.1 400")
    assert caplog.messages == []


@pytest.mark.anyio
async def test_a_connection_that_stays_open_does_not_keep_it_from_stopping() -> None:
    """Scrapers keep their connections; the gateway's drain must not wait for them."""
    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    server = AdminServer(app(), sock)
    await server.start()
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        await server.stop()
    writer.close()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.anyio
async def test_a_socket_that_cannot_listen_is_an_error_at_start() -> None:
    """Not a silence in a task that nobody looks at."""
    sock = socket.socket()
    sock.close()

    with pytest.raises(OSError, match=r"."):
        await AdminServer(app(), sock).start()


@pytest.mark.anyio
async def test_stopping_what_was_never_started_is_fine() -> None:
    """The end of a process that failed to start."""
    sock = socket.create_server(("127.0.0.1", 0))
    await AdminServer(app(), sock).stop()
    sock.close()
