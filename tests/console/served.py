"""The admin server on a free loopback port, for the tests of the console."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from offramp.console.server import AdminServer


@dataclass(frozen=True)
class Served:
    """Where it listens."""

    port: int


@contextmanager
def serve(app: ASGIApp) -> Iterator[Served]:
    """Serve in a thread of its own while the test asks."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        server = AdminServer(app, sock)
        await server.start()
        ready.set()
        await over.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    try:
        assert ready.wait(10)
        yield Served(port)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
