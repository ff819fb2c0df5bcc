"""`offramp serve` as one process: data plane, admin port, the ledger's writer, signals."""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence

from offramp import __version__
from offramp.compose.admin import AdminPort
from offramp.compose.announce import announce, announce_stop
from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import let_nobody_in, open_socket
from offramp.compose.loops import Ending, log_bugs, new_event_loop, on_signals
from offramp.compose.overview import routes
from offramp.compose.price_checks import price_warnings
from offramp.compose.reload import Reloader
from offramp.compose.startup import (
    CLOSE_LEDGER_S,
    INTERRUPTED,
    ServeOptions,
    allow_open_files,
    ledger_hash_key,
    ledger_keeping,
    open_log,
    refuse_own_address,
)
from offramp.config.load import Loaded
from offramp.store.rows import Batch
from offramp.store.writer import LedgerWriter
from offramp.telemetry.metrics import Snapshot

ACCEPT_REST_S = 0.05
"""How long what waits at the listening socket is still accepted when the process is told to end."""
TELL_PROBLEMS_S = 0.5


class SingleProcess:
    """One process that does everything (console.admin.AdminState)."""

    def __init__(self, options: ServeOptions) -> None:
        """Load the configuration and open the main port.

        Raises:
            OfframpError: If the configuration is wrong or the port is taken.
        """
        loaded = options.load()
        self.options = options = options.pinned(loaded)
        self.output = open_log(loaded)
        self.log = self.output.log
        settings = loaded.settings
        self._problems: list[str] = []
        self.writer: LedgerWriter | None = None
        ledger: LedgerBuffer | NoLedger = NoLedger()
        if settings.ledger.enabled:
            ledger = LedgerBuffer(0, self._deliver)
        self.plane = DataPlane(
            loaded,
            ledger=ledger,
            log=self.log,
            hash_key=ledger_hash_key(loaded, options.state_dir, self.log),
            log_exchanges=self.output.exchanges,
            state_dir=options.state_dir,
            instance_id=f"offramp-{secrets.token_hex(4)}",
        )
        self.listener = open_socket(settings.listen.host, settings.listen.port)
        self.port: int = self.listener.getsockname()[1]
        refuse_own_address(loaded, settings.listen.host, self.port)
        self._ending = Ending()
        self._reloader = Reloader(
            options, loaded, port=self.port, log=self.log, counts=self.plane.metrics.reloads, swap=self._swap
        )
        self._tasks: set[asyncio.Task[None]] = set()

    def _deliver(self, batch: Batch) -> None:
        if self.writer is not None:
            self.writer.submit(batch)

    def run(self) -> int:
        """Serve until told to end; gives the exit code."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._serve())

    async def _serve(self) -> int:
        loop = asyncio.get_running_loop()
        log_bugs(self.log)
        ending, plane = self._ending, self.plane
        on_signals(
            {
                "SIGTERM": ending.ask,
                "SIGINT": ending.interrupt,
                "SIGHUP": self._hang_up,
                "SIGUSR2": self._cannot_replace,
            }
        )
        settings = plane.loaded.settings
        if settings.ledger.enabled:
            self.writer = LedgerWriter(
                self.options.state_dir,
                on_error=self._problems.append,
                computes=plane.computes,
                keeping=ledger_keeping(settings),
            )
        await plane.start(self.listener)
        warnings = [*allow_open_files(settings), *price_warnings(settings, plane.book)]
        announce(
            self.output,
            plane.loaded,
            port=self.port,
            state_dir=self.options.state_dir,
            workers=1,
            warnings=warnings,
        )
        admin = AdminPort(self, settings, self.log)
        opening = loop.create_task(admin.open())
        tasks = [loop.create_task(self._tell_problems()), loop.create_task(self._reloader.watch())]
        await ending.asked.wait()
        cut = await self._drain()
        for task in tasks:
            task.cancel()
        await opening
        await admin.close()
        self._flush_problems()
        self.log.event("stopped", cut_connections=cut)
        self.log.close()
        return INTERRUPTED if ending.hurried.is_set() else 0

    async def _drain(self) -> int:
        """Accept what waits, let open requests finish, write the last rows; gives how many connections were cut."""
        plane = self.plane
        announce_stop(self.output, len(plane.pipeline.connections))
        let_nobody_in(self.listener)
        await asyncio.sleep(ACCEPT_REST_S)
        plane.close_servers()
        cut = await plane.drain(plane.loaded.settings.drain_timeout_s, self._ending.hurried)
        plane.stop()
        if self.writer is not None:
            await asyncio.to_thread(self.writer.close, CLOSE_LEDGER_S)
        return cut

    async def _tell_problems(self) -> None:
        """Say what the writer's thread reports."""
        while True:
            await asyncio.sleep(TELL_PROBLEMS_S)
            self._flush_problems()

    def _flush_problems(self) -> None:
        while self._problems:
            self.log.event("ledger", level="warning", problem=self._problems.pop(0))

    def _hang_up(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reloader.try_reload("SIGHUP"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cannot_replace(self) -> None:
        problem = "SIGUSR2 replaces workers one by one, and there are none: start with --workers 2 or more"
        self.log.event("signal", level="warning", problem=problem)

    async def _swap(self, loaded: Loaded) -> Sequence[str]:
        self.plane.reload(loaded)
        if self.writer is not None:
            self.writer.set_computes(self.plane.computes)
        return price_warnings(loaded.settings, self.plane.book)

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
        writer, plane = self.writer, self.plane
        ledger = {"dropped": writer.dropped, "queued": writer.queued, "failing": writer.failing} if writer else None
        return {
            "version": __version__,
            **plane.state(),
            "routes": routes(plane.loaded.settings),
            "workers": [],
            "ledger": ledger,
            "pid": os.getpid(),
        }

    def not_ready(self) -> str:
        """Why no traffic should come here."""
        return "draining" if self._ending.asked.is_set() else ""

    async def reload(self) -> str:
        """Read the configuration again and use it."""
        return await self._reloader.reload("the admin API")
