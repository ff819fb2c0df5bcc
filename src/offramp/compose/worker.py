"""One of several workers: the data plane on an inherited socket, everything else with the supervisor.

Started as `python -m offramp.compose.worker LISTEN_FD CONTROL_FD`.
"""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

import msgspec

from offramp.compose.breakers import BreakerWatch
from offramp.compose.control import (
    BreakerSet,
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
    unpacked,
)
from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import let_nobody_in
from offramp.compose.loops import Ending, log_bugs, new_event_loop, on_signals
from offramp.compose.startup import open_log
from offramp.errors import OfframpError
from offramp.store.carry import Carry
from offramp.store.rows import Batch
from offramp.telemetry.logs import Log

COUNTS_EVERY_S = 0.5
BREAKERS_EVERY_S = 0.05
TOLD_TO_END_REST_S = 0.15
"""How long a worker goes on accepting after a TERM of its own: where the whole process group was told, its supervisor
first shuts the door, and who waits behind it is still let in."""
FLUSH_S = 5.0
FAILED = 3


class Worker:
    """A worker's side of things."""

    def __init__(self, listener: socket.socket, control: socket.socket) -> None:
        """Nothing is served before the supervisor's `Hello`."""
        self._listener = listener
        self._control_socket = control
        self._encode = msgspec.msgpack.Encoder().encode
        self._control = Control(self._heard, self._supervisor_gone)
        self._ending = Ending()
        self._rest_s = TOLD_TO_END_REST_S
        self._drain_timeout_s: float | None = None
        self._exit_code = 0
        self._log: Log | None = None
        self._plane: DataPlane | None = None
        self._ledger: LedgerBuffer | NoLedger = NoLedger()
        self._breakers = BreakerWatch()
        self._tasks: list[asyncio.Task[None]] = []
        self._carry = Carry()
        self._undelivered = 0

    async def run(self) -> int:
        """Serve until told to drain, or until the supervisor is gone; gives the exit code."""
        loop = asyncio.get_running_loop()
        ending = self._ending
        on_signals({"SIGTERM": ending.ask, "SIGINT": ending.interrupt, "SIGHUP": _nothing, "SIGUSR2": _nothing})
        await loop.create_connection(lambda: self._control, sock=self._control_socket)
        await ending.asked.wait()
        if self._plane is not None:
            await self._drain(self._plane)
        for task in self._tasks:
            task.cancel()
        if not await self._control.flush(FLUSH_S):
            # What was not delivered is lost, and the supervisor is to know.
            self._exit_code = self._exit_code or FAILED
        self._control.close()
        if self._log is not None:
            self._log.close()
        return self._exit_code

    async def _drain(self, plane: DataPlane) -> None:
        self._control.send(Leaving())
        await asyncio.sleep(self._rest_s)
        plane.close_servers()
        configured_s = plane.loaded.settings.drain_timeout_s
        await plane.drain(
            configured_s if self._drain_timeout_s is None else self._drain_timeout_s, self._ending.hurried
        )
        plane.stop()
        self._send_counts(plane)

    def _supervisor_gone(self) -> None:
        """Without it there is no ledger and no successor: whoever waits is still served."""
        if not self._ending.asked.is_set():
            let_nobody_in(self._listener)
            self._exit_code = FAILED
            self._ending.ask()

    def _heard(self, message: Message) -> None:
        plane = self._plane
        if isinstance(message, Hello):
            self._begin(message)
        elif isinstance(message, Drain):
            self._told_to_drain(message.timeout_s)
        elif plane is None:
            return
        elif isinstance(message, Reload):
            self._reload(plane, message)
        elif isinstance(message, BreakerSet):
            self._breakers.follow(plane.instances(), message, time.monotonic())
        elif isinstance(message, Chain):
            for response_id, upstream in message.owners.items():
                plane.pipeline.services.chains.learn(response_id, upstream)
        elif isinstance(message, Elsewhere):
            for instance in plane.instances():
                instance.elsewhere = message.in_flight.get(instance.key, 0)

    def _told_to_drain(self, timeout_s: float) -> None:
        if timeout_s <= 0:
            self._ending.hurried.set()
        self._drain_timeout_s = timeout_s
        self._rest_s = 0.0
        self._ending.ask()

    def _begin(self, hello: Hello) -> None:
        loaded = unpacked(hello.config)
        self._log = log = open_log(loaded).log
        log_bugs(log)
        if loaded.settings.ledger.enabled:
            self._ledger = LedgerBuffer(hello.serial, self._deliver)
        try:
            plane = DataPlane(
                loaded,
                ledger=self._ledger,
                log=log,
                hash_key=hello.hash_key,
                log_exchanges=hello.log_exchanges,
                state_dir=Path(hello.state_dir),
                instance_id=hello.instance_id,
            )
        except OfframpError as error:
            self._fail(error.message)
            return
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(plane)))

    async def _serve(self, plane: DataPlane) -> None:
        self._plane = plane
        try:
            await plane.start(self._listener)
        except OSError as error:
            self._fail(f"cannot serve on the inherited socket: {error}")
            return
        if self._ending.asked.is_set():
            plane.close_servers()
            return
        control = self._control
        plane.pipeline.services.chains.tell = lambda response_id, upstream: control.send(Chain({response_id: upstream}))
        loop = asyncio.get_running_loop()
        self._tasks += [loop.create_task(self._tell_counts(plane)), loop.create_task(self._tell_breakers(plane))]
        self._control.send(Ready(os.getpid(), plane.loaded.hash))

    def _fail(self, problem: str) -> None:
        if self._log is not None:
            self._log.event("worker", level="error", problem=problem)
        self._exit_code = FAILED
        self._ending.ask()

    def _reload(self, plane: DataPlane, message: Reload) -> None:
        problem = ""
        try:
            plane.reload(unpacked(message.config))
        except OfframpError as error:
            problem = error.message
        self._breakers.forget()
        self._control.send(Reloaded(plane.loaded.hash, problem))

    def _deliver(self, batch: Batch) -> None:
        """Hand a batch to the supervisor; rows that it does not take are counted, and told with the next batch."""
        if self._carry:
            batch = self._carry.join(batch)
        if not self._control.send(Rows(self._encode(batch), len(batch.rows))):
            self._undelivered += len(batch.rows)
            self._carry.keep(msgspec.structs.replace(batch, dropped=batch.dropped + len(batch.rows)))

    async def _tell_breakers(self, plane: DataPlane) -> None:
        while True:
            await asyncio.sleep(BREAKERS_EVERY_S)
            for change in self._breakers.changed(plane.instances()):
                self._control.send(change)

    async def _tell_counts(self, plane: DataPlane) -> None:
        while True:
            await asyncio.sleep(COUNTS_EVERY_S)
            self._send_counts(plane)

    def _send_counts(self, plane: DataPlane) -> None:
        plane.refresh_gauges()
        plane.metrics.ledger_dropped.child().value = self._ledger.dropped + self._undelivered
        in_flight = {instance.key: instance.in_flight for instance in plane.instances()}
        snapshot = self._encode(plane.registry.snapshot())
        self._control.send(Counts(snapshot, msgspec.json.encode(plane.state()), in_flight))


def _nothing() -> None:
    """Told to the whole group, but meant for the supervisor."""


def main(arguments: list[str]) -> int:
    """Serve on the inherited sockets."""
    listener = socket.socket(fileno=int(arguments[0]))
    control = socket.socket(fileno=int(arguments[1]))
    control.setblocking(False)  # noqa: FBT003 - the socket library's own signature
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_run(listener, control))


async def _run(listener: socket.socket, control: socket.socket) -> int:
    return await Worker(listener, control).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
