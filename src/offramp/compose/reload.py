"""Reload: read the configuration again, use it as a whole or keep the old one and say why. One at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from offramp.compose.startup import ServeOptions, refuse_own_address
from offramp.config.load import Loaded
from offramp.config.model import Listen, Settings
from offramp.errors import OfframpError
from offramp.telemetry.logs import Log
from offramp.telemetry.metrics import Counter, Family

LOOK_EVERY_S = 0.5
"""How often the files are looked at. A change counts once it has stood for two looks: editors write in pieces."""


class Reloader:
    """Who knows the configuration in use, and puts a new one in its place."""

    def __init__(
        self,
        options: ServeOptions,
        loaded: Loaded,
        *,
        port: int,
        log: Log,
        counts: Family[Counter],
        swap: Callable[[Loaded], Awaitable[Sequence[str]]],
    ) -> None:
        """Use `loaded` for now.

        Args:
            options: The command line's; its flags win over the file.
            loaded: The configuration that is served by.
            port: The main port.
            log: Where the result of every reload is said.
            counts: Reloads by result.
            swap: Serves by another configuration from now on and gives warnings; or raises an `OfframpError` and
                changes nothing.
        """
        self.loaded = loaded
        self._port = port
        self._options = options
        self._log = log
        self._counts = counts
        self._swap = swap
        self._lock = asyncio.Lock()
        self._stamps = _stamps(loaded)

    async def reload(self, why: str) -> str:
        """Read the files and serve by them; gives the hash in use.

        Raises:
            OfframpError: If the new configuration cannot be used; then the old one stays.
        """
        async with self._lock:
            before, stamps = self.loaded, _stamps(self.loaded)
            try:
                # In a thread: a large file takes a tenth of a second, in which requests go on.
                loaded, later = await asyncio.to_thread(self._read)
                warnings = await self._swap(loaded)
            except OfframpError as error:
                self._stamps = stamps
                self._counts.child("kept").inc()
                self._log.event(
                    "reload", level="error", why=why, result="the old configuration stays", problem=error.message
                )
                raise
            self.loaded = loaded
            # A change while it was being read is another one.
            self._stamps = stamps if loaded.files == before.files else _stamps(loaded)
            self._counts.child("swapped").inc()
            self._log.event("reload", why=why, result="swapped", config=loaded.hash)
            warnings = (*loaded.warnings, *warnings, *(f"{key}: takes effect at the next start" for key in later))
            for warning in warnings:
                self._log.event("configuration", level="warning", problem=warning)
            self._log.flush()
            return loaded.hash

    async def try_reload(self, why: str) -> None:
        """The same for those who do not wait for the result: the log has it, whatever it is."""
        try:
            await self.reload(why)
        except OfframpError:
            return
        except Exception as error:  # noqa: BLE001 - a bug in reading a file must not end the watch over it
            self._log.event("bug", level="error", why=why, problem=f"{type(error).__name__}: {error}")

    async def watch(self) -> None:
        """Reload whenever one of the files has changed. Ends only when it is cancelled."""
        changed: object = None
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = _stamps(self.loaded)
            if now == self._stamps:
                changed = None
            elif now == changed:
                self._stamps = now
                await self.try_reload("a file of the configuration changed")
            else:
                changed = now

    def _read(self) -> tuple[Loaded, list[str]]:
        """The files' configuration with the addresses that are in use, and which keys wait for the next start."""
        before = self.loaded.settings
        loaded = self._options.load()
        later = _later(before, loaded.settings)
        if _address(loaded.settings.listen) != _address(before.listen):
            # The sockets are open: whether keys are needed is judged by where they are, not by where they would be.
            loaded = self._options.bound(before.listen).load()
        refuse_own_address(loaded, before.listen.host, self._port)
        return loaded, later


def _address(listen: Listen) -> dict[str, object]:
    return listen.model_dump(include={"host", "port", "admin_host", "admin_port"})


def _later(before: Settings, after: Settings) -> list[str]:
    """Keys that differ and that a running process cannot follow."""
    old, new = _address(before.listen), _address(after.listen)
    found = [f"listen.{key}" for key, value in new.items() if value != old[key]]
    if (before.listen.tls is None) != (after.listen.tls is None):
        found.append("listen.tls")
    found += [key for key in ("admin", "ledger", "log") if getattr(before, key) != getattr(after, key)]
    return found


def _stamps(loaded: Loaded) -> list[tuple[str, int, int]]:
    """When the configuration's files were last changed, to see that one of them was."""
    found: list[tuple[str, int, int]] = []
    for path in loaded.files:
        try:
            status = path.stat()
        except OSError:
            found.append((str(path), 0, 0))
        else:
            found.append((str(path), status.st_mtime_ns, status.st_size))
    return found
