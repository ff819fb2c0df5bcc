"""One address of an upstream: its pool of connections, its queue, its breaker, and whether it is well."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from offramp.errors import UnavailableError
from offramp.policy.breaker import Breaker, BreakerSettings, State
from offramp.policy.failover import Failure, blames_upstream
from offramp.upstream.base import Attempt
from offramp.upstream.connection import UpstreamConnection
from offramp.upstream.dial import Address, dial
from offramp.wire.http import AnswerHead
from offramp.wire.known_head import KnownHead

IDLE_CONNECTION_S = 60.0
"""An idle connection older than this is closed by us, before a load balancer in between forgets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The four timeouts of an upstream, in seconds."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    silence_s: float = 30.0
    total_s: float = 540.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds of one instance."""

    max_connections: int = 1024
    max_queue: int = 1024


class Instance:
    """One `host:port` of an upstream.

    `name` is `host:port`; `compute` is what the ledger's compute bill calls it, `upstream@host:port`, or empty where
    the instance has no compute price.
    """

    def __init__(
        self,
        upstream: str,
        address: Address,
        *,
        timeouts: Timeouts,
        limits: PoolLimits,
        breaker: BreakerSettings,
        compute_priced: bool,
        base_path: bytes,
        identity: object = None,
    ) -> None:
        """An instance that nobody has asked yet; no connection is opened before it is needed."""
        self.name = f"{address.host}:{address.port}"
        self.upstream = upstream
        self.compute = f"{upstream}@{self.name}" if compute_priced else ""
        self.address = address
        self.timeouts = timeouts
        self.limits = limits
        self.breaker = Breaker(breaker)
        self.identity = identity
        """What it was made from; equal ones are the same instance after a reload."""
        self.base_path = base_path
        """Path that stands for `/v1`, without a slash at its end."""
        self.key = f"{upstream}@{self.name}"
        """Names it among all instances of all upstreams."""
        self.in_flight = 0
        self.elsewhere = 0
        """What other workers have in flight here, as of about a second ago."""
        self.resting_until_s = 0.0
        self.healthy = True
        self._idle: list[UpstreamConnection] = []
        self._all: set[UpstreamConnection] = set()
        self._waiting: deque[Attempt] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self.retired = False
        self.answer_head: AnswerHead | None = None
        """Of its last answer; the same fields again need not be read again."""
        self.known_answer: KnownHead[AnswerHead] | None = None
        """A head that came twice in a row. With the instance and not the connection, since most servers say the time:
        the head of one second comes on all connections."""

    @property
    def load(self) -> int:
        """Attempts under way, in all workers."""
        return self.in_flight + self.elsewhere

    # --- admission ------------------------------------------------------------------------------

    def would_admit(self, now_s: float) -> bool:
        """Whether the breaker would let a request through."""
        return self.breaker.state is State.CLOSED or self.breaker.would_admit(now_s)

    def rest(self, until_s: float) -> None:
        """Send nothing more before `until_s` (monotonic): the instance asked for it with Retry-After."""
        self.resting_until_s = max(self.resting_until_s, until_s)

    def judge(self, attempt: Attempt, failure: Failure | None, now_s: float) -> None:
        """Tell the breaker how an attempt ended; `None` is success."""
        ticket, attempt.admission = attempt.admission, None
        if ticket is None:
            return
        if failure is None:
            self.breaker.succeeded(ticket, now_s)
        elif blames_upstream(failure):
            self.breaker.failed(ticket, now_s)
        else:
            self.breaker.released(ticket, now_s)

    def release(self, attempt: Attempt, now_s: float) -> None:
        """The attempt ended without a verdict (the client left): a leased probe is given back."""
        ticket, attempt.admission = attempt.admission, None
        if ticket is not None:
            self.breaker.released(ticket, now_s)

    # --- the pool -------------------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """Attempts that wait for a connection."""
        return len(self._waiting)

    @property
    def open_connections(self) -> int:
        """Connections open or being opened."""
        return len(self._all)

    def start(self, attempt: Attempt) -> bool:
        """Send an attempt on an idle connection, a new one, or queue it.

        Returns:
            False if the queue is full; the attempt was not taken and nobody will hear of it.
        """
        idle = self._idle
        if not attempt.fresh_only:
            while idle:
                connection = idle.pop()
                if not connection.closed:
                    connection.send(attempt)
                    return True
        if len(self._all) < self.limits.max_connections:
            self._open(attempt)
            return True
        if len(self._waiting) >= self.limits.max_queue:
            return False
        self._waiting.append(attempt)
        return True

    def _open(self, attempt: Attempt) -> None:
        connection = UpstreamConnection(self)
        self._all.add(connection)
        task = asyncio.get_running_loop().create_task(self._connect(connection, attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, connection: UpstreamConnection, attempt: Attempt) -> None:
        try:
            await dial(connection, self.address, timeout_s=self.timeouts.connect_s)
        except UnavailableError as error:
            self._all.discard(connection)
            if not attempt.done:
                attempt.done = True
                attempt.listener.on_lost(attempt, Failure.CONNECT, error.message)
            self._serve_waiting()
            return
        if attempt.done:
            self.give_back(connection)
        else:
            connection.send(attempt)

    def give_back(self, connection: UpstreamConnection) -> None:
        """A connection is free again: it serves who waits, or rests in the pool, the last one used first."""
        if connection.closed:
            return
        while self._waiting:
            attempt = self._waiting.popleft()
            if not attempt.done:
                connection.send(attempt)
                return
        if self.retired:
            connection.close()
            self._all.discard(connection)
            return
        connection.idle_since_s = time.monotonic()
        self._idle.append(connection)

    def gone(self, connection: UpstreamConnection) -> None:
        """A connection was closed: another may take its place."""
        if connection in self._all:
            self._all.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._serve_waiting()

    def forget(self, attempt: Attempt) -> None:
        """An attempt was given up before it was sent."""
        if attempt in self._waiting:
            self._waiting.remove(attempt)

    def _serve_waiting(self) -> None:
        while self._waiting and len(self._all) < self.limits.max_connections:
            attempt = self._waiting.popleft()
            if not attempt.done:
                self._open(attempt)

    def sweep(self, now_s: float) -> None:
        """Close connections that were idle for too long; the oldest are at the bottom of the list."""
        idle = self._idle
        while idle and (idle[0].closed or now_s - idle[0].idle_since_s > IDLE_CONNECTION_S):
            connection = idle.pop(0)
            self._all.discard(connection)
            connection.close()

    def retire(self) -> None:
        """The configuration no longer names this instance: close what is idle, let the rest finish."""
        self.retired = True
        while self._idle:
            connection = self._idle.pop()
            self._all.discard(connection)
            connection.close()
