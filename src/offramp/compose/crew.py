"""The workers of a supervisor: started, greeted, replaced when they die, drained; what they report is put together."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec

from offramp.compose.breakers import BreakerBoard, News
from offramp.compose.control import (
    BreakerSeen,
    Chain,
    Control,
    Counts,
    Drain,
    Elsewhere,
    Hello,
    Leaving,
    Message,
    Ready,
    Reload,
    Reloaded,
    Rows,
)
from offramp.compose.loops import first_of
from offramp.errors import UnavailableError
from offramp.gateway.services import Chains
from offramp.telemetry.logs import Log
from offramp.telemetry.metrics import Snapshot, merge, without_gauges

GRACE_S = 5.0
"""Beyond the drain timeout, before a worker that does not end is killed."""
START_S = 30.0
"""How long a worker may take until it serves."""
FIRST_REST_S = 1.0
LONGEST_REST_S = 30.0
"""A worker that fails soon after its start is started again after 1, 2, 4 … and at most so many seconds."""
STEADY_S = 10.0
"""A worker that served so long is replaced at once when it dies."""
HOPELESS_STARTS = 3
"""Starts of each worker after which serving is given up, if none of them has ever served."""


@dataclass(slots=True, kw_only=True, eq=False)
class WorkerProcess:
    """One worker as the supervisor sees it."""

    number: int
    """Its place: 0 to N-1. A successor takes the same one."""
    serial: int
    """Its own among all processes that were ever started here."""
    process: subprocess.Popen[bytes]
    control: Control
    started_s: float
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: bool = False
    """It takes no new connections."""
    succeeded: bool = False
    """Another one has its place, or is about to take it."""
    counts: Counts | None = None
    snapshot: Snapshot | None = None
    config: str = ""
    """Hash of the configuration that it serves by."""
    reloaded: asyncio.Event = field(default_factory=asyncio.Event)
    reload_problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What the crew asks its supervisor."""

    hello: Callable[[int], Hello]
    """The greeting for the worker of that serial."""
    config: Callable[[], tuple[str, bytes]]
    """Hash and packed form of the configuration in use."""
    rows: Callable[[Rows], object]
    """Takes what goes to the ledger."""
    lost: Callable[[int], object]
    """A worker of that serial died with what it had in flight."""
    drain_timeout_s: Callable[[], float]


class Crew:
    """N workers on one listening socket."""

    def __init__(self, count: int, listener: socket.socket, log: Log, office: Office) -> None:
        """Nobody is started yet."""
        self.count = count
        self.serving = asyncio.Event()
        """One of them has served."""
        self.hopeless = asyncio.Event()
        """None of them could be started, several times over."""
        self._listener = listener
        self._log = log
        self._office = office
        self._serial = 0
        self._chains = Chains()
        self._workers: dict[int, WorkerProcess] = {}
        """All that live, by serial; more than N while they are being replaced."""
        self._places: dict[int, WorkerProcess] = {}
        """Who holds each place, or held it last."""
        self._failures = [0] * count
        """Starts in a row, of each place, that came to nothing."""
        self._left_behind = Snapshot()
        self._board = BreakerBoard()
        self._replacing = False
        self._ending = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> list[WorkerProcess]:
        """Those that serve and are to go on."""
        return [worker for worker in self._workers.values() if worker.ready.is_set() and not worker.leaving]

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run something beside everything else, and keep it until it is done."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start(self) -> None:
        """Start all.

        Raises:
            UnavailableError: If the system does not allow it.
        """
        try:
            for number in range(self.count):
                self._places[number] = self._launch(number)
        except OSError as error:
            raise UnavailableError(f"cannot start {self.count} workers: {error.strerror}") from error

    # --- one worker's life ----------------------------------------------------------------------

    def _launch(self, number: int) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the socket library's own signature
        descriptors = (self._listener.fileno(), theirs.fileno())
        command = [sys.executable, "-P", "-m", "offramp.compose.worker", *map(str, descriptors)]
        try:
            process = subprocess.Popen(command, pass_fds=descriptors)  # noqa: S603 - our own module, no shell
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._serial += 1
        control = Control(lambda message: self._heard(worker, message), lambda: self.spawn(self._gone(worker)))
        worker = WorkerProcess(
            number=number, serial=self._serial, process=process, control=control, started_s=time.monotonic()
        )
        self._workers[worker.serial] = worker
        self.spawn(self._greet(worker, ours))
        return worker

    async def _greet(self, worker: WorkerProcess, pair: socket.socket) -> None:
        await asyncio.get_running_loop().create_connection(lambda: worker.control, sock=pair)
        worker.control.send(self._office.hello(worker.serial))

    def _heard(self, worker: WorkerProcess, message: Message) -> None:
        if isinstance(message, Rows):
            self._office.rows(message)
        elif isinstance(message, Counts):
            worker.counts = message
            worker.snapshot = msgspec.msgpack.decode(message.snapshot, type=Snapshot)
            self._share_in_flight()
        elif isinstance(message, BreakerSeen):
            self._tell(self._board.seen(worker.serial, message, self._workers))
        elif isinstance(message, Chain):
            self._pass_on(worker, message)
        elif isinstance(message, Ready):
            self._joined(worker, message)
        elif isinstance(message, Reloaded):
            worker.config, worker.reload_problem = message.config, message.problem
            worker.reloaded.set()
        elif isinstance(message, Leaving):
            self._leaves(worker)

    def _pass_on(self, worker: WorkerProcess, chain: Chain) -> None:
        """Every worker knows every chain, those that start later as well."""
        for response_id, upstream in chain.owners.items():
            self._chains.learn(response_id, upstream)
        for other in self._workers.values():
            if other is not worker:
                other.control.send(chain)

    def _leaves(self, worker: WorkerProcess) -> None:
        """Its successor starts while it drains."""
        worker.leaving = True
        if not (self._ending or worker.succeeded):
            worker.succeeded = True
            self._log.event("worker", number=worker.number, pid=worker.process.pid, result="another one is started")
            self.spawn(self._fill(worker.number))

    def _joined(self, worker: WorkerProcess, message: Ready) -> None:
        worker.config = message.config
        worker.ready.set()
        worker.control.send(Chain(self._chains.owners()))
        self.serving.set()
        config, packed = self._office.config()
        if worker.config != config:
            # The configuration changed while it was starting.
            worker.control.send(Reload(packed))
        self._tell(self._board.joined(worker.serial))

    def _tell(self, news: list[News]) -> None:
        for one in news:
            worker = self._workers.get(one.worker)
            if worker is not None:
                worker.control.send(one.message)

    def _share_in_flight(self) -> None:
        counted = [worker for worker in self._workers.values() if worker.counts is not None]
        total: dict[str, int] = {}
        for worker in counted:
            for instance, count in worker.counts.in_flight.items() if worker.counts is not None else ():
                total[instance] = total.get(instance, 0) + count
        for worker in self._workers.values():
            own = worker.counts.in_flight if worker.counts is not None else {}
            others = {instance: count - own.get(instance, 0) for instance, count in total.items()}
            worker.control.send(Elsewhere(others))

    async def _gone(self, worker: WorkerProcess) -> None:
        """A worker has ended: account for it, and start another one unless it was told to go."""
        code = await asyncio.to_thread(worker.process.wait)
        if worker.snapshot is not None:
            self._left_behind = merge([self._left_behind, without_gauges(worker.snapshot)])
        del self._workers[worker.serial]
        self._board.left(worker.serial)
        if code != 0:
            self._office.lost(worker.serial)
        worker.ended.set()
        if self._ending or worker.succeeded:
            return
        self._log.event(
            "worker",
            level="error",
            number=worker.number,
            pid=worker.process.pid,
            exit_code=code,
            result="another one is started",
        )
        await self._succeed(worker)

    async def _succeed(self, worker: WorkerProcess) -> None:
        """Start a successor: at once after a good life, else after a rest that grows."""
        number = worker.number
        if worker.ready.is_set() and time.monotonic() - worker.started_s >= STEADY_S:
            self._failures[number] = 0
        else:
            self._failures[number] += 1
            if not self.serving.is_set() and min(self._failures) >= HOPELESS_STARTS:
                self.hopeless.set()
            await asyncio.sleep(self._rest_s(number))
        await self._fill(number)

    async def _fill(self, number: int) -> None:
        """Start a worker for a place; where the system does not allow it, as soon as it does."""
        while not self._ending:
            try:
                self._places[number] = self._launch(number)
            except OSError as error:
                self._failures[number] += 1
                problem = f"cannot start a worker: {error.strerror}"
                self._log.event("worker", level="error", number=number, problem=problem, result="tried again")
                await asyncio.sleep(self._rest_s(number))
            else:
                return

    def _rest_s(self, number: int) -> float:
        return min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** (self._failures[number] - 1))

    # --- all of them ----------------------------------------------------------------------------

    async def replace_all(self) -> None:
        """Start a new worker, then end the old one, one after the other: no request is lost."""
        if self._replacing or self._ending:
            return
        self._replacing = True
        try:
            for number in range(self.count):
                if not await self._replace(self._places[number]):
                    break
        finally:
            self._replacing = False

    async def _replace(self, old: WorkerProcess) -> bool:
        if old.succeeded or not old.ready.is_set() or old.ended.is_set():
            return True  # It is new, or a new one is on its way.
        try:
            new = self._launch(old.number)
        except OSError as error:
            problem = f"cannot start a worker: {error.strerror}"
            self._log.event("worker", level="error", number=old.number, problem=problem, result="the old one stays")
            return False
        old.succeeded = True
        await first_of(new.ready, new.ended, timeout_s=START_S)
        if self._ending:
            return False
        if new.ready.is_set():
            self._places[old.number] = new
            await self._end(old)
            self._log.event("worker", number=old.number, replaced=old.process.pid, pid=new.process.pid)
            return True
        problem, result = "the new worker does not serve", "the old one stays"
        self._log.event("worker", level="error", number=old.number, problem=problem, result=result)
        new.succeeded, old.succeeded = True, False
        new.process.kill()
        if old.ended.is_set():
            await self._succeed(old)
        return False

    async def _end(self, worker: WorkerProcess) -> None:
        """Drain one, and kill it if that takes too long."""
        timeout_s = self._office.drain_timeout_s()
        worker.leaving = True
        worker.control.send(Drain(timeout_s))
        await first_of(worker.ended, timeout_s=timeout_s + GRACE_S)
        if not worker.ended.is_set():
            worker.process.kill()
            await worker.ended.wait()

    async def end_all(self, hurried: asyncio.Event) -> None:
        """Drain all at the same time; at once when hurried."""
        self._ending = True
        workers = list(self._workers.values())
        hurry = asyncio.get_running_loop().create_task(self._hurry(workers, hurried))
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(self._end(worker))
        hurry.cancel()

    @staticmethod
    async def _hurry(workers: list[WorkerProcess], hurried: asyncio.Event) -> None:
        await hurried.wait()
        for worker in workers:
            worker.control.send(Drain(0.0))
        await asyncio.sleep(GRACE_S)
        for worker in workers:
            if not worker.ended.is_set():
                worker.process.kill()

    async def reload(self, packed: bytes) -> None:
        """Tell all to serve by another configuration; one that cannot is replaced by one that begins with it."""
        self._board.clear()
        workers = self.ready
        for worker in workers:
            worker.reloaded.clear()
            worker.control.send(Reload(packed))
        for worker in workers:
            await first_of(worker.reloaded, worker.ended, timeout_s=START_S)
            if not worker.ended.is_set() and (worker.reload_problem or not worker.reloaded.is_set()):
                problem = worker.reload_problem or f"no answer within {START_S:g} s"
                self._log.event("worker", level="error", number=worker.number, problem=problem, result="it is replaced")
                self.spawn(self._end(worker))

    # --- what can be seen -----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The metrics of all workers, living and dead."""
        living = [worker.snapshot for worker in self._workers.values() if worker.snapshot is not None]
        return merge([*living, self._left_behind])

    def states(self) -> list[dict[str, Any]]:
        """What each worker says of itself."""
        return [
            {
                "number": worker.number,
                "pid": worker.process.pid,
                "ready": worker.ready.is_set() and not worker.leaving,
                **(msgspec.json.decode(worker.counts.state) if worker.counts is not None else {}),
            }
            for worker in self._workers.values()
        ]
