"""Runs the admin port inside the serving process; its libraries are loaded once the main port is open."""

import asyncio
import contextlib
import importlib
import socket
from typing import TYPE_CHECKING, Any

from offramp.compose.listening import open_socket
from offramp.config.model import Settings
from offramp.errors import OfframpError
from offramp.telemetry.logs import Log

if TYPE_CHECKING:
    from offramp.console.admin import AdminState


class AdminServer:
    """uvicorn with the console's application."""

    def __init__(self, state: "AdminState", settings: Settings, log: Log) -> None:
        """An admin server that does not run yet."""
        self._state = state
        self._settings = settings
        self._log = log
        self._server: Any = None

    async def run(self) -> None:
        """Serve until stopped. A port that is taken is said and costs the admin port alone: requests are relayed on."""
        listen, admin = self._settings.listen, self._settings.admin
        try:
            listener = open_socket(listen.admin_host, listen.admin_port)
        except OfframpError as error:
            problem = error.message.replace("--port", "--admin-port")
            self._log.event("admin", level="error", problem=problem, result="no admin port; requests are relayed")
            return
        # In a thread, because importing takes a fifth of a second and requests are being served.
        console, uvicorn = await asyncio.to_thread(_libraries)
        token = admin.token.reveal() if admin.token is not None else None
        app = console.create_app(self._state, host=listen.admin_host, token=token, on_bug=self._bug)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None
        port = listener.getsockname()[1]
        self._log.event("admin", url=f"http://{listen.admin_host}:{port}/metrics")
        self._log.flush()
        await self._serve(listener)

    async def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._server._serve([listener])  # noqa: SLF001 - `serve` would take the signals from us

    def _bug(self, error: Exception) -> None:
        self._log.event("admin", level="error", problem=f"{type(error).__name__}: {error}")

    async def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.should_exit = True
            self._server.force_exit = True


def _libraries() -> tuple[Any, Any]:
    return importlib.import_module("offramp.console.admin"), importlib.import_module("uvicorn")
