"""`offramp serve --workers N`: one supervisor with the listening socket, the admin port, the ledger, and N workers.

The listening socket is inherited, so a worker's death loses no connection that waits on it. Signals: HUP reloads all
workers in place, USR2 replaces them one by one, TERM accepts what waits, drains and exits 0. A worker that dies is
replaced.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence

from offramp import __version__
from offramp.compose.admin import AdminPort
from offramp.compose.announce import announce, announce_stop
from offramp.compose.control import Hello, Rows, packed
from offramp.compose.crew import Crew, Office
from offramp.compose.dataplane import try_out
from offramp.compose.fleet import compute_prices
from offramp.compose.listening import let_nobody_in, open_socket
from offramp.compose.loops import Ending, first_of, log_bugs, new_event_loop, on_signals
from offramp.compose.overview import merged, routes
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
from offramp.errors import UnavailableError
from offramp.store.writer import LedgerWriter
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.metrics import Registry, Snapshot, merge

ACCEPT_REST_S = 0.1
"""How long workers still accept what waits at the listening socket after TERM."""
TELL_PROBLEMS_S = 0.5


class Supervisor:
    """N workers and what they share (console.admin.AdminState)."""

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
        book = try_out(loaded, options.state_dir)
        self._warnings = [*allow_open_files(settings), *price_warnings(settings, book)]
        self._hash_key = ledger_hash_key(loaded, options.state_dir, self.log)
        self._instance_id = f"offramp-{secrets.token_hex(4)}"
        self.listener = open_socket(settings.listen.host, settings.listen.port)
        self.port: int = self.listener.getsockname()[1]
        refuse_own_address(loaded, settings.listen.host, self.port)
        self._problems: list[str] = []
        self.writer: LedgerWriter | None = None
        self._registry = Registry()
        self._metrics = GatewayMetrics(self._registry)
        self._ending = Ending()
        self._reloader = Reloader(
            options, loaded, port=self.port, log=self.log, counts=self._metrics.reloads, swap=self._swap
        )
        office = Office(
            hello=self._hello,
            config=lambda: (self.loaded.hash, packed(self.loaded)),
            rows=self._rows,
            lost=self._lost,
            drain_timeout_s=lambda: self.loaded.settings.drain_timeout_s,
        )
        self.crew = Crew(options.workers, self.listener, self.log, office)

    @property
    def loaded(self) -> Loaded:
        """The configuration in use."""
        return self._reloader.loaded

    def run(self) -> int:
        """Serve until told to end; gives the exit code."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._supervise())

    async def _supervise(self) -> int:
        loop = asyncio.get_running_loop()
        log_bugs(self.log)
        crew, ending, reloader = self.crew, self._ending, self._reloader
        on_signals(
            {
                "SIGTERM": ending.ask,
                "SIGINT": ending.interrupt,
                "SIGHUP": lambda: crew.spawn(reloader.try_reload("SIGHUP")),
                "SIGUSR2": lambda: crew.spawn(crew.replace_all()),
            }
        )
        settings = self.loaded.settings
        if settings.ledger.enabled:
            computes = compute_prices(settings)
            self.writer = LedgerWriter(
                self.options.state_dir,
                on_error=self._problems.append,
                computes=computes,
                workers=self.options.workers,
                keeping=ledger_keeping(settings),
            )
        crew.start()
        await first_of(crew.serving, crew.hopeless, ending.asked)
        if crew.serving.is_set():
            announce(
                self.output,
                self.loaded,
                port=self.port,
                state_dir=self.options.state_dir,
                workers=self.options.workers,
                warnings=self._warnings,
            )
        admin = AdminPort(self, settings, self.log)
        tasks = [loop.create_task(self._tell_problems()), loop.create_task(reloader.watch())]
        opening = loop.create_task(admin.open())
        await first_of(ending.asked, crew.hopeless)
        await self._end()
        for task in tasks:
            task.cancel()
        await opening
        await admin.close()
        self._flush_problems()
        self.log.event("stopped")
        self.log.close()
        if crew.hopeless.is_set():
            msg = "no worker could be started; what they said stands above"
            raise UnavailableError(msg)
        return INTERRUPTED if ending.hurried.is_set() else 0

    async def _end(self) -> None:
        """Accept what waits, drain, write the last rows."""
        announce_stop(self.output, sum(worker.get("connections", 0) for worker in self.crew.states()))
        let_nobody_in(self.listener)
        await asyncio.sleep(ACCEPT_REST_S)
        await self.crew.end_all(self._ending.hurried)
        self.listener.close()
        if self.writer is not None:
            await asyncio.to_thread(self.writer.close, CLOSE_LEDGER_S)

    async def _tell_problems(self) -> None:
        while True:
            await asyncio.sleep(TELL_PROBLEMS_S)
            self._flush_problems()

    def _flush_problems(self) -> None:
        while self._problems:
            self.log.event("ledger", level="warning", problem=self._problems.pop(0))
        self.log.flush()

    # --- what the crew asks ---------------------------------------------------------------------

    def _hello(self, serial: int) -> Hello:
        return Hello(
            serial=serial,
            instance_id=self._instance_id,
            hash_key=self._hash_key,
            log_exchanges=self.output.exchanges,
            state_dir=str(self.options.state_dir),
            config=packed(self.loaded),
        )

    def _rows(self, rows: Rows) -> None:
        if self.writer is not None:
            self.writer.submit_encoded(rows.batch, rows=rows.rows)

    def _lost(self, serial: int) -> None:
        if self.writer is not None:
            self.writer.lost(serial)

    async def _swap(self, loaded: Loaded) -> Sequence[str]:
        book = try_out(loaded, self.options.state_dir)
        computes = compute_prices(loaded.settings)
        self._reloader.loaded = loaded
        await self.crew.reload(packed(loaded))
        if self.writer is not None:
            self.writer.set_computes(computes)
        return price_warnings(loaded.settings, book)

    # --- console.admin.AdminState ---------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The metrics of all workers, living and dead, and of the ledger."""
        writer, metrics = self.writer, self._metrics
        if writer is not None:
            metrics.ledger_dropped.child().value = writer.dropped
            metrics.ledger_queue.child().set(writer.queued)
        metrics.log_dropped.child().value = self.log.dropped
        return merge([self._registry.snapshot(), self.crew.snapshot()])

    def state(self) -> Mapping[str, object]:
        """What is going on, in all and worker by worker."""
        writer = self.writer
        workers = self.crew.states()
        ledger = {"dropped": writer.dropped, "queued": writer.queued, "failing": writer.failing} if writer else None
        return {
            "version": __version__,
            "config": self.loaded.hash,
            "draining": self._ending.asked.is_set(),
            "connections": sum(worker.get("connections", 0) for worker in workers),
            "upstreams": merged(worker.get("upstreams", {}) for worker in workers),
            "routes": routes(self.loaded.settings),
            "workers": workers,
            "ledger": ledger,
            "pid": os.getpid(),
        }

    def not_ready(self) -> str:
        """Why no traffic should come here."""
        if self._ending.asked.is_set():
            return "draining"
        return "" if self.crew.ready else "starting"

    async def reload(self) -> str:
        """Read the configuration again and use it."""
        return await self._reloader.reload("the admin API")
