"""`offramp serve --workers N`: one supervisor with the listening socket, the admin port, the ledger, and N workers.

The listening socket is inherited, so a worker's death loses no connection that waits on it. Signals: HUP reloads all
workers in place, USR2 replaces them one by one, TERM accepts what waits, drains and exits 0. A worker that dies is
replaced.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field

import msgspec

from offramp import __version__
from offramp.compose.admin import AdminPort
from offramp.compose.control import (
    BreakerSeen,
    BreakerSet,
    Control,
    Counts,
    Drain,
    Elsewhere,
    Hello,
    Message,
    Ready,
    Reload,
    Reloaded,
    Rows,
)
from offramp.compose.fleet import compute_prices
from offramp.compose.listening import let_nobody_in, open_socket, server_tls
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
from offramp.errors import OfframpError, UnavailableError
from offramp.policy.breaker import State
from offramp.store.writer import LedgerWriter
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.metrics import Registry, Snapshot, merge, without_gauges

ACCEPT_REST_S = 0.1
"""How long workers still accept what waits at the listening socket after TERM."""
GRACE_S = 2.0
"""Beyond the drain timeout, before a worker that does not end is killed."""
RESTART_REST_S = 1.0
"""Between two starts of the same worker, so that one that cannot start does not spin."""


@dataclass(slots=True, kw_only=True, eq=False)
class WorkerProcess:
    """One worker as the supervisor sees it."""

    number: int
    process: subprocess.Popen[bytes]
    control: Control
    started_s: float
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    told_to_end: bool = False
    counts: Counts | None = None
    snapshot: Snapshot | None = None
    config: str = ""
    reload_problem: str = ""
    reloaded: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """N workers and what they share (console.admin.AdminState)."""

    def __init__(self, options: ServeOptions) -> None:
        """Load the configuration and open the main port.

        Raises:
            OfframpError: If the configuration is wrong or the port is taken.
        """
        self.options = options
        self.loaded = options.load()
        self.log, self._log_exchanges = make_log(self.loaded)
        settings = self.loaded.settings
        server_tls(settings.listen.tls)
        self._computes = compute_prices(settings)
        self._hash_key = ledger_hash_key(self.loaded, options.state_dir, self.log)
        self._instance_id = f"offramp-{secrets.token_hex(4)}"
        self.listener = open_socket(settings.listen.host, settings.listen.port)
        self.port: int = self.listener.getsockname()[1]
        refuse_own_address(self.loaded, settings.listen.host, self.port)
        self.writer: LedgerWriter | None = None
        self._registry = Registry()
        self._metrics = GatewayMetrics(self._registry)
        self._workers: dict[int, WorkerProcess] = {}
        self._left_behind: Snapshot | None = None
        self._problems: list[str] = []
        self._probers: dict[str, int] = {}
        self._stopping = False
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()

    def run(self) -> int:
        """Serve until told to end; gives the exit code."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._supervise())

    async def _supervise(self) -> int:
        loop = asyncio.get_running_loop()
        for ending in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(ending, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._try_reload("SIGHUP")))
        loop.add_signal_handler(signal.SIGUSR2, lambda: self._spawn(self._replace_all()))
        if self.loaded.settings.ledger.enabled:
            self.writer = LedgerWriter(
                self.options.state_dir,
                on_error=self._problems.append,
                computes=self._computes,
                workers=self.options.workers,
            )
        for number in range(self.options.workers):
            self._start_worker(number)
        await self._first_ready()
        announce(self.log, self.loaded, port=self.port, state_dir=self.options.state_dir, workers=self.options.workers)
        admin = AdminPort(self, self.loaded.settings, self.log)
        opening = loop.create_task(admin.open())
        watch = loop.create_task(self._watch())
        await self._stop.wait()
        code = await self._end()
        watch.cancel()
        await opening
        await admin.close()
        self.log.event("stopped")
        self.log.close()
        return code

    async def _first_ready(self) -> None:
        waits = [asyncio.create_task(worker.ready.wait()) for worker in self._workers.values()]  # noqa: TID251 - gathered here
        stop = asyncio.create_task(self._stop.wait())  # noqa: TID251 - awaited here
        await asyncio.wait([*waits, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in [*waits, stop]:
            task.cancel()

    def _spawn(self, coroutine: Coroutine[None, None, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- workers --------------------------------------------------------------------------------

    def _start_worker(self, number: int) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the socket library's own signature
        descriptors = (self.listener.fileno(), theirs.fileno())
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "offramp.compose.worker", *map(str, descriptors), self.options.encoded()],
            pass_fds=descriptors,
        )
        theirs.close()
        control = Control(
            lambda message: self._on_message(worker, message), lambda: self._spawn(self._worker_ended(worker))
        )
        worker = WorkerProcess(number=number, process=process, control=control, started_s=time.monotonic())
        self._workers[number] = worker
        self._spawn(self._greet(worker, ours))
        return worker

    async def _greet(self, worker: WorkerProcess, pair: socket.socket) -> None:
        await asyncio.get_running_loop().create_connection(lambda: worker.control, sock=pair)
        worker.control.send(Hello(worker.number, self._instance_id, self._hash_key, self._log_exchanges))

    def _on_message(self, worker: WorkerProcess, message: Message) -> None:
        if isinstance(message, Rows):
            if self.writer is not None:
                self.writer.submit_encoded(message.batch, rows=message.rows)
        elif isinstance(message, Counts):
            worker.counts = message
            worker.snapshot = msgspec.msgpack.decode(message.snapshot, type=Snapshot)
            self._share_in_flight()
        elif isinstance(message, BreakerSeen):
            self._share_breaker(worker, message)
        elif isinstance(message, Ready):
            worker.config = message.config
            worker.ready.set()
        elif isinstance(message, Reloaded):
            worker.config, worker.reload_problem = message.config, message.problem
            worker.reloaded.set()

    def _share_in_flight(self) -> None:
        for worker in self._workers.values():
            others: dict[str, int] = {}
            for other in self._workers.values():
                if other is not worker and other.counts is not None:
                    for instance, count in other.counts.in_flight.items():
                        others[instance] = others.get(instance, 0) + count
            worker.control.send(Elsewhere(others))

    def _share_breaker(self, worker: WorkerProcess, seen: BreakerSeen) -> None:
        """What one worker has found out holds for all. The one that opened a breaker also probes it."""
        state = State(seen.state)
        if state is State.CLOSED:
            self._probers.pop(seen.instance, None)
        elif self._probers.setdefault(seen.instance, worker.number) != worker.number:
            return
        if state is State.HALF_OPEN:
            return
        for other in self._workers.values():
            if other is not worker:
                other.control.send(BreakerSet(seen.instance, state))

    async def _worker_ended(self, worker: WorkerProcess) -> None:
        """A worker is gone: account for it, and start another one unless it was told to go."""
        code = await asyncio.to_thread(worker.process.wait)
        worker.ended.set()
        if worker.snapshot is not None:
            remains = without_gauges(worker.snapshot)
            self._left_behind = remains if self._left_behind is None else merge([self._left_behind, remains])
            worker.snapshot = None
        if self.writer is not None:
            self.writer.lost(worker.number)
        self._hand_probes_on(worker)
        if self._stopping or self._workers.get(worker.number) is not worker:
            return
        self.log.event(
            "worker",
            level="info" if code == 0 else "error",
            number=worker.number,
            pid=worker.process.pid,
            exit_code=code,
        )
        if time.monotonic() - worker.started_s < RESTART_REST_S:
            await asyncio.sleep(RESTART_REST_S)
        if not self._stopping:
            self._start_worker(worker.number)

    def _hand_probes_on(self, worker: WorkerProcess) -> None:
        """Breakers that a dead worker was to probe are probed by another one."""
        for instance, prober in list(self._probers.items()):
            if prober == worker.number:
                del self._probers[instance]
                for other in self._workers.values():
                    if other is not worker and other.control.send(BreakerSet(instance, State.HALF_OPEN)):
                        self._probers[instance] = other.number
                        break

    async def _replace_all(self) -> None:
        """Start a new worker, then end the old one, one after the other: no request is lost."""
        for number in range(self.options.workers):
            old = self._workers[number]
            new = self._start_worker(number)
            async with asyncio.timeout(30.0):
                await new.ready.wait()
            old.control.send(Drain())
            await old.ended.wait()
            self.log.event("worker", number=number, replaced=old.process.pid, pid=new.process.pid)

    async def _end(self) -> int:
        """Accept what waits, drain, write the last rows."""
        self._stopping = True
        self.log.event("stopping", workers=len(self._workers))
        let_nobody_in(self.listener)
        await asyncio.sleep(ACCEPT_REST_S)
        workers = list(self._workers.values())
        for worker in workers:
            worker.control.send(Drain())
        limit_s = self.loaded.settings.drain_timeout_s + GRACE_S
        try:
            async with asyncio.timeout(limit_s):
                for worker in workers:
                    await worker.ended.wait()
        except TimeoutError:
            for worker in workers:
                if not worker.ended.is_set():
                    worker.process.kill()
        self.listener.close()
        if self.writer is not None:
            await asyncio.to_thread(self.writer.close, CLOSE_LEDGER_S)
        self._tell_problems()
        return 0

    # --- configuration --------------------------------------------------------------------------

    async def _watch(self) -> None:
        seen = stamps(self.loaded)
        while True:
            await asyncio.sleep(1.0)
            self._tell_problems()
            if seen != (seen := stamps(self.loaded)):
                await self._try_reload("a file of the configuration changed")

    def _tell_problems(self) -> None:
        while self._problems:
            self.log.event("ledger", level="warning", problem=self._problems.pop(0))
        self.log.flush()

    async def _try_reload(self, why: str) -> None:
        with contextlib.suppress(OfframpError):
            await self._reload(why)

    async def _reload(self, why: str) -> str:
        try:
            loaded = self.options.load()
            refuse_own_address(loaded, loaded.settings.listen.host, self.port)
            computes = compute_prices(loaded.settings)
            await self._reload_workers()
        except OfframpError as error:
            self._metrics.reloads.child("kept").inc()
            self.log.event(
                "reload", level="error", why=why, result="the old configuration stays", problem=error.message
            )
            raise
        self._metrics.reloads.child("swapped").inc()
        self.loaded = loaded
        if self.writer is not None:
            self.writer.set_computes(computes)
        self.log.event("reload", why=why, result="swapped", config=loaded.hash)
        return loaded.hash

    async def _reload_workers(self) -> None:
        workers = [worker for worker in self._workers.values() if worker.ready.is_set()]
        for worker in workers:
            worker.reloaded.clear()
            worker.control.send(Reload())
        try:
            async with asyncio.timeout(10.0):
                for worker in workers:
                    await worker.reloaded.wait()
        except TimeoutError as error:
            msg = "a worker did not answer the reload within 10 s"
            raise UnavailableError(msg) from error
        problems = {worker.reload_problem for worker in workers if worker.reload_problem}
        if problems:
            raise UnavailableError("; ".join(problems))

    # --- console.admin.AdminState ---------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The metrics of all workers, living and dead, and of the ledger."""
        writer = self.writer
        if writer is not None:
            self._metrics.ledger_dropped.child().value = writer.dropped
            self._metrics.ledger_queue.child().set(writer.queued)
        own = self._registry.snapshot()
        living = [worker.snapshot for worker in self._workers.values() if worker.snapshot is not None]
        return merge([own, *living, *([self._left_behind] if self._left_behind is not None else [])])

    def state(self) -> Mapping[str, object]:
        """What is going on, worker by worker."""
        writer = self.writer
        workers = [
            {
                "number": worker.number,
                "pid": worker.process.pid,
                "ready": worker.ready.is_set(),
                **(msgspec.json.decode(worker.counts.state) if worker.counts is not None else {}),
            }
            for worker in self._workers.values()
        ]
        ledger = {"dropped": writer.dropped, "queued": writer.queued, "failing": writer.failing} if writer else None
        return {
            "version": __version__,
            "config": self.loaded.hash,
            "draining": self._stopping,
            "workers": workers,
            "ledger": ledger,
            "pid": os.getpid(),
        }

    def not_ready(self) -> str:
        """Why no traffic should come here."""
        if self._stopping:
            return "draining"
        return "" if any(worker.ready.is_set() for worker in self._workers.values()) else "starting"

    async def reload(self) -> str:
        """Read the configuration again and use it."""
        return await self._reload("the admin API")
