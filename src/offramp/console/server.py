"""uvicorn inside a loop that is already running, on a socket that is already bound.

It touches neither signals nor logging: both belong to the process, and the process is the gateway's.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

_CONNECTIONS = 128
"""Requests to the admin port at a time; more get 503. A scraper, a dashboard and a probe need a handful."""


class AdminServer:
    """Serves an application until it is stopped."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        """Serve `app` on `sock`, which is bound and is closed at the end."""
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._socket = sock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it accepts connections.

        Raises:
            OSError: If it cannot listen on the socket.
        """
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._server.serve(sockets=[self._socket]), name="admin port")
        listening = loop.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Accept nothing more, let what is being answered end within a second, and return."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, and with a moment one can wait for."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
