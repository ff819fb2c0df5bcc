"""One of several workers: the data plane on an inherited socket, everything else with the supervisor.

Started as `python -m offramp.compose.worker LISTEN_FD CONTROL_FD OPTIONS`.
"""

import asyncio
import os
import signal
import socket
import sys

import msgspec

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
from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.loops import new_event_loop
from offramp.compose.startup import ServeOptions, make_log
from offramp.errors import OfframpError
from offramp.policy.breaker import State
from offramp.store.rows import Batch

COUNTS_EVERY_S = 0.5
BREAKERS_EVERY_S = 0.05


class Worker:
    """A worker's side of things."""

    def __init__(self, options: ServeOptions, listener: socket.socket, control: socket.socket) -> None:
        """Load the configuration; nothing is served before the supervisor's `Hello`."""
        self.options = options
        self.loaded = options.load()
        self.log, _ = make_log(self.loaded)
        self._listener = listener
        self._control_socket = control
        self._encode = msgspec.msgpack.Encoder().encode
        self._control = Control(self._on_message, self._on_gone)
        self._plane: DataPlane | None = None
        self._stopping = asyncio.Event()
        self._seen: dict[str, State] = {}
        self._dropped = 0

    def _deliver(self, batch: Batch) -> None:
        """Hand a batch to the supervisor; what it does not take is counted and told with the next one."""
        if self._dropped:
            batch = msgspec.structs.replace(batch, dropped=batch.dropped + self._dropped)
        if self._control.send(Rows(self._encode(batch), len(batch.rows))):
            self._dropped = 0
        else:
            self._dropped += len(batch.rows)

    async def run(self) -> int:
        """Serve until told to drain, or until the supervisor is gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        await loop.create_connection(lambda: self._control, sock=self._control_socket)
        tellers = [loop.create_task(self._tell_counts()), loop.create_task(self._tell_breakers())]
        await self._stopping.wait()
        plane = self._plane
        if plane is not None:
            plane.close_servers()
            await plane.drain(self.loaded.settings.drain_timeout_s)
            plane.stop()
            self._send_counts(plane)
        for teller in tellers:
            teller.cancel()
        await self._control.flush()
        self._control.close()
        self.log.close()
        return 0

    def _on_gone(self) -> None:
        self._stopping.set()

    def _on_message(self, message: Message) -> None:
        plane = self._plane
        if isinstance(message, Hello):
            self._start(message)
        elif isinstance(message, Drain):
            self._stopping.set()
        elif plane is None:
            return
        elif isinstance(message, Reload):
            self._reload(plane)
        elif isinstance(message, BreakerSet):
            self._set_breaker(plane, message)
        elif isinstance(message, Elsewhere):
            for upstream in plane.fleet.values():
                for instance in upstream.instances:
                    instance.elsewhere = message.in_flight.get(instance.key, 0)

    def _start(self, hello: Hello) -> None:
        ledger = LedgerBuffer(hello.worker, self._deliver) if self.loaded.settings.ledger.enabled else NoLedger()
        self._plane = DataPlane(
            self.loaded,
            ledger=ledger,
            log=self.log,
            hash_key=hello.hash_key,
            log_exchanges=hello.log_exchanges,
            state_dir=self.options.state_dir,
            instance_id=hello.instance_id,
        )
        task = asyncio.get_running_loop().create_task(self._serve(self._plane))
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.log.event("worker", level="error", problem=str(task.exception()))
            self._stopping.set()

    async def _serve(self, plane: DataPlane) -> None:
        await plane.start(self._listener)
        self._control.send(Ready(os.getpid(), self.loaded.hash))

    def _reload(self, plane: DataPlane) -> None:
        problem = ""
        try:
            loaded = self.options.load()
            plane.reload(loaded)
            self.loaded = loaded
        except OfframpError as error:
            problem = error.message
        self._seen.clear()
        self._control.send(Reloaded(self.loaded.hash, problem))

    def _set_breaker(self, plane: DataPlane, message: BreakerSet) -> None:
        """Follow another worker: a breaker that it opened is held open here until it has probed."""
        for upstream in plane.fleet.values():
            for instance in upstream.instances:
                state = State(message.state)
                if instance.key == message.instance and instance.breaker.state is not state:
                    instance.breaker.forced(state)
                    self._seen[instance.key] = state

    async def _tell_breakers(self) -> None:
        while True:
            await asyncio.sleep(BREAKERS_EVERY_S)
            for upstream in self._plane.fleet.values() if self._plane is not None else ():
                for instance in upstream.instances:
                    state = instance.breaker.state
                    if self._seen.get(instance.key, State.CLOSED) is not state:
                        self._seen[instance.key] = state
                        self._control.send(BreakerSeen(instance.key, state))

    async def _tell_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNTS_EVERY_S)
            if self._plane is not None:
                self._send_counts(self._plane)

    def _send_counts(self, plane: DataPlane) -> None:
        plane.refresh_gauges()
        in_flight = {i.key: i.in_flight for upstream in plane.fleet.values() for i in upstream.instances}
        snapshot = self._encode(plane.registry.snapshot())
        self._control.send(Counts(snapshot, msgspec.json.encode(plane.state()), in_flight))


def main(arguments: list[str]) -> int:
    """Serve on the inherited sockets."""
    listener = socket.socket(fileno=int(arguments[0]))
    control = socket.socket(fileno=int(arguments[1]))
    control.setblocking(False)  # noqa: FBT003 - the socket library's own signature
    options = ServeOptions.decoded(arguments[2])
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_run(options, listener, control))
    except OfframpError as error:
        sys.stderr.write(f"offramp: {error.message}\n")
        return error.exit_code


async def _run(options: ServeOptions, listener: socket.socket, control: socket.socket) -> int:
    return await Worker(options, listener, control).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
