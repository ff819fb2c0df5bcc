"""`offramp serve` as one process: data plane, admin port, the ledger's writer, signals."""

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Mapping

from offramp.compose.admin import AdminPort
from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import open_socket
from offramp.compose.loops import new_event_loop
from offramp.compose.startup import (
    CLOSE_LEDGER_S,
    ServeOptions,
    announce,
    ledger_hash_key,
    make_log,
    refuse_own_address,
    stamps,
)
from offramp.errors import OfframpError
from offramp.store.rows import Batch
from offramp.store.writer import LedgerWriter
from offramp.telemetry.metrics import Snapshot


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

    def _deliver(self, batch: Batch) -> None:
        if self.writer is not None:
            self.writer.submit(batch)

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
        announce(self.log, self.loaded, port=self.port, state_dir=self.options.state_dir, workers=1)
        admin = AdminPort(self, self.loaded.settings, self.log)
        opening = loop.create_task(admin.open())
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
        await opening
        await admin.close()
        self._tell_problems()
        self.log.event("stopped", cut_connections=cut, after_s=round(time.monotonic() - started_s, 3))
        self.log.close()
        return 0

    async def _watch(self) -> None:
        """Reload when a file of the configuration changes; say what the writer's thread reports."""
        seen = stamps(self.loaded)
        while True:
            await asyncio.sleep(1.0)
            self._tell_problems()
            if seen != (seen := stamps(self.loaded)):
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
            self.log.event(
                "reload", level="error", why=why, result="the old configuration stays", problem=error.message
            )
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
