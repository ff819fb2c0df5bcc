"""Opens the admin port in the serving process; its libraries are loaded once the main port is open."""

import asyncio
import importlib
import socket
from typing import TYPE_CHECKING, Any

from offramp.compose.listening import authority, open_socket
from offramp.config.model import Settings
from offramp.errors import OfframpError
from offramp.telemetry.logs import Log

if TYPE_CHECKING:
    from offramp.console.admin import AdminState
    from offramp.console.server import AdminServer


class AdminPort:
    """The admin port, from opening to closing."""

    def __init__(self, state: "AdminState", settings: Settings, log: Log) -> None:
        """A port that is not open yet."""
        self._state = state
        self._settings = settings
        self._log = log
        self._server: AdminServer | None = None

    async def open(self) -> None:
        """Serve until closed. A port that is taken costs the admin port alone: requests are relayed without it."""
        listen = self._settings.listen
        try:
            listener = open_socket(listen.admin_host, listen.admin_port)
        except OfframpError as error:
            problem = error.message.replace("--port", "--admin-port")
            self._log.event("admin", level="error", problem=problem, result="no admin port; requests are relayed")
            return
        try:
            await self._serve(listener)
        except (ImportError, OSError, OfframpError) as error:
            listener.close()
            self._server = None
            self._log.event("admin", level="error", problem=str(error), result="no admin port; requests are relayed")
            return
        self._log.event("admin", url=f"http://{authority(listen.admin_host, listener.getsockname()[1])}/metrics")
        self._log.flush()

    async def _serve(self, listener: socket.socket) -> None:
        # In a thread, because importing takes a fifth of a second and requests are being served.
        console, server = await asyncio.to_thread(_libraries)
        token = self._settings.admin.token
        app = console.create_app(
            self._state,
            host=self._settings.listen.admin_host,
            token=token.reveal() if token is not None else None,
            on_bug=self._bug,
        )
        self._server = server.AdminServer(app, listener)
        await self._server.start()

    def _bug(self, error: Exception) -> None:
        self._log.event("admin", level="error", problem=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """End it."""
        if self._server is not None:
            await self._server.stop()


def _libraries() -> tuple[Any, Any]:
    return importlib.import_module("offramp.console.admin"), importlib.import_module("offramp.console.server")
