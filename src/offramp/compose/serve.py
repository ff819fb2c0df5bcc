"""`offramp serve` as one process: data plane, admin port, the ledger's writer, signals."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from offramp import __version__
from offramp.compose.admin import AdminServer
from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import open_socket
from offramp.compose.loops import new_event_loop
from offramp.config.load import Loaded, load
from offramp.config.upstreams import Upstream
from offramp.errors import ConfigError, OfframpError
from offramp.store import hash_key as hash_keys
from offramp.store.writer import LedgerWriter
from offramp.telemetry.logs import Log
from offramp.telemetry.metrics import Snapshot

CLOSE_LEDGER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the command line says."""

    config: Path | None
    host: str | None
    port: int | None
    admin_host: str | None
    admin_port: int | None
    workers: int
    state_dir: Path

    @property
    def flags(self) -> Mapping[str, object]:
        """The flags that win over the file's `listen`."""
        return {
            "host": self.host,
            "port": self.port,
            "admin_host": self.admin_host,
            "admin_port": self.admin_port,
        }

    def load(self) -> Loaded:
        """Read the configuration with the flags on top.

        Raises:
            ConfigError: With everything that is wrong.
        """
        return load(self.config, flags=self.flags)


def make_log(loaded: Loaded) -> tuple[Log, bool]:
    """The log that the configuration asks for, and whether every exchange is a line in it."""
    part = loaded.settings.log
    on_terminal = sys.stderr.isatty()
    human = part.format == "human" or (part.format == "auto" and on_terminal)
    exchanges = part.exchanges == "on" or (part.exchanges == "auto" and on_terminal)
    return Log(sys.stderr, "human" if human else "json", part.level), exchanges


def ledger_hash_key(loaded: Loaded, state_dir: Path, log: Log) -> bytes:
    """The key of the ledger's hashes: from the configuration, else from the state folder, else one for this run only."""
    configured = loaded.settings.ledger.hash_key
    if configured is not None:
        return hashlib.sha256(configured.reveal().encode()).digest()
    try:
        return hash_keys.load_or_create(state_dir)
    except OfframpError as error:
        log.event("ledger", level="warning", problem=error.message)
        return secrets.token_bytes(32)


def refuse_own_address(loaded: Loaded, host: str, port: int) -> None:
    """Refuse to start where an upstream is this gateway itself.

    Raises:
        ConfigError: Naming the upstream, and what to set instead.
    """
    own = _addresses(host, port)
    for name, upstream in loaded.settings.upstreams.items():
        for url, place in _places(upstream):
            if place[1] == port and (own & _addresses(*place)):
                msg = (
                    f"upstream {name!r} ({url}) is this gateway's own address, so requests would go round in circles; "
                    "set OFFRAMP_UPSTREAM or the upstream's base_url to the model server"
                )
                raise ConfigError(msg)


def _places(upstream: Upstream) -> list[tuple[str, tuple[str, int]]]:
    from urllib.parse import urlsplit

    places: list[tuple[str, tuple[str, int]]] = []
    for url in upstream.base_urls:
        parts = urlsplit(url)
        places.append((url, (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))))
    return places


def _addresses(host: str, port: int) -> set[str]:
    """Addresses that a host means; those of every interface where it listens everywhere."""
    wildcard = host in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
    names = ["localhost", socket.gethostname()] if wildcard else [host]
    found: set[str] = {"127.0.0.1", "::1"} if wildcard else set()
    for name in names:
        with contextlib.suppress(OSError):
            found.update(str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    return found


class SingleProcess:
    """One process that does everything (console.admin.AdminState)."""

    def __init__(self, options: ServeOptions) -> None:
        """Load the configuration and open the main port.

        Raises:
            OfframpError: If the configuration is wrong or the port is taken.
        """
        self.options = options
        self.loaded = options.load()
        self.log, log_exchanges = make_log(self.loaded)
        settings = self.loaded.settings
        self._problems: list[str] = []
        self.writer: LedgerWriter | None = None
        ledger: LedgerBuffer | NoLedger = NoLedger()
        if settings.ledger.enabled:
            ledger = LedgerBuffer(0, self._deliver)
        self.plane = DataPlane(
            self.loaded,
            ledger=ledger,
            log=self.log,
            hash_key=ledger_hash_key(self.loaded, options.state_dir, self.log),
            log_exchanges=log_exchanges,
            state_dir=options.state_dir,
            instance_id=f"offramp-{secrets.token_hex(4)}",
        )
        listen = settings.listen
        self.listener = open_socket(listen.host, listen.port)
        self.port: int = self.listener.getsockname()[1]
        refuse_own_address(self.loaded, listen.host, self.port)
        self._stopping: asyncio.Event | None = None

    def _deliver(self, batch: object) -> None:
        if self.writer is not None:
            self.writer.submit(batch)  # type: ignore[arg-type]

    def run(self) -> int:
        """Serve until told to end; gives the exit code."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._serve())

    async def _serve(self) -> int:
        loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        if self.loaded.settings.ledger.enabled:
            self.writer = LedgerWriter(
                self.options.state_dir, on_error=self._problems.append, computes=self.plane.computes
            )
        await self.plane.start(self.listener)
        self._announce()
        admin = AdminServer(self, self.loaded.settings, self.log)
        admin_task = loop.create_task(admin.run())
        watch = loop.create_task(self._watch())
        await self._stopping.wait()
        started_s = time.monotonic()
        self.log.event("stopping", connections=len(self.plane.pipeline.connections))
        await self.plane.stop_accepting()
        cut = await self.plane.drain(self.loaded.settings.drain_timeout_s)
        watch.cancel()
        self.plane.stop()
        if self.writer is not None:
            await asyncio.to_thread(self.writer.close, CLOSE_LEDGER_S)
        await admin.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await admin_task
        self._tell_problems()
        self.log.event("stopped", cut_connections=cut, after_s=round(time.monotonic() - started_s, 3))
        self.log.flush(wait_s=0.5)
        return 0

    def _announce(self) -> None:
        settings = self.loaded.settings
        for warning in self.loaded.warnings:
            self.log.event("configuration", level="warning", problem=warning)
        host = settings.listen.host if ":" not in settings.listen.host else f"[{settings.listen.host}]"
        scheme = "https" if settings.listen.tls is not None else "http"
        self.log.event(
            "listening",
            base_url=f"{scheme}://{host}:{self.port}/v1",
            routes=len(settings.routes),
            upstreams=len(settings.upstreams),
            config=self.loaded.hash,
            source=str(self.loaded.source or "no file"),
            state=str(self.options.state_dir),
            version=__version__,
            pid=os.getpid(),
        )
        self.log.flush()

    async def _watch(self) -> None:
        """Reload when a file of the configuration changes; say what the writer's thread reports."""
        stamps = _stamps(self.loaded)
        while True:
            await asyncio.sleep(1.0)
            self._tell_problems()
            if stamps != (stamps := _stamps(self.loaded)):
                self._try_reload("a file of the configuration changed")

    def _tell_problems(self) -> None:
        while self._problems:
            self.log.event("ledger", level="warning", problem=self._problems.pop(0))

    def _hang_up(self) -> None:
        self._try_reload("SIGHUP")

    def _try_reload(self, why: str) -> None:
        with contextlib.suppress(OfframpError):
            self._reload(why)

    def _reload(self, why: str) -> str:
        metrics = self.plane.metrics.reloads
        try:
            loaded = self.options.load()
            refuse_own_address(loaded, loaded.settings.listen.host, self.port)
            self.plane.reload(loaded)
        except OfframpError as error:
            metrics.child("kept").inc()
            self.log.event("reload", level="error", why=why, result="the old configuration stays", problem=error.message)
            raise
        metrics.child("swapped").inc()
        self.loaded = loaded
        if self.writer is not None:
            self.writer.set_computes(self.plane.computes)
        self.log.event("reload", why=why, result="swapped", config=loaded.hash)
        return loaded.hash

    # --- console.admin.AdminState ---------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The metrics, brought up to now."""
        self.plane.refresh_gauges()
        metrics, writer = self.plane.metrics, self.writer
        if writer is not None:
            metrics.ledger_dropped.child().value = writer.dropped + self.plane.ledger.dropped
            metrics.ledger_queue.child().set(writer.queued)
        return self.plane.registry.snapshot()

    def state(self) -> Mapping[str, object]:
        """What is going on."""
        writer = self.writer
        ledger = {"dropped": writer.dropped, "queued": writer.queued, "failing": writer.failing} if writer else None
        return {**self.plane.state(), "ledger": ledger, "workers": 1, "pid": os.getpid()}

    def not_ready(self) -> str:
        """Why no traffic should come here."""
        return "draining" if self.plane.pipeline.draining else ""

    def reload(self) -> str:
        """Read the configuration again and use it."""
        return self._reload("the admin API")


def _stamps(loaded: Loaded) -> list[tuple[str, int, int]]:
    stamps: list[tuple[str, int, int]] = []
    for path in loaded.files:
        try:
            status = path.stat()
        except OSError:
            stamps.append((str(path), 0, 0))
        else:
            stamps.append((str(path), status.st_mtime_ns, status.st_size))
    return stamps


