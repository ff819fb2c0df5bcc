"""The data plane of one process: pipeline, listening server, sweeps, probes, reload, drain."""

import asyncio
import gc
import secrets
import socket
import time
from pathlib import Path

from offramp import __version__
from offramp.catalog.prices import PriceBook
from offramp.compose.capture import CaptureFeed, Order
from offramp.compose.fleet import build_fleet
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import renew_tls, server_tls
from offramp.compose.overview import ExchangeLines, overview
from offramp.compose.plan import build_plan
from offramp.compose.probes import Probes
from offramp.config.load import Loaded
from offramp.config.model import Settings
from offramp.gateway import patience
from offramp.gateway.connection import ClientConnection
from offramp.gateway.pipeline import Pipeline
from offramp.gateway.services import Services
from offramp.policy.breaker import State
from offramp.policy.retry import RetryBudget
from offramp.pricing.compute import ComputePrice
from offramp.store.cache import AnswerCache
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.logs import Log
from offramp.telemetry.metrics import Registry
from offramp.upstream.instance import Instance
from offramp.upstream.upstream import Upstream

TICK_S = 0.1
"""How often alarms are looked at and rows are handed to the ledger's writer."""
SLOW_TICKS = 10
"""Every so many ticks connections, pools and gauges are looked at."""
CUT_S = 1.0
"""How long clients that are cut off have to read why, before their connections are broken."""
GC_THRESHOLDS = (10_000, 20, 50)
"""Requests leave next to no cycles behind, so the collector may look less often than every 700 objects."""
_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class DataPlane:
    """Everything that serves requests in one process."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        ledger: LedgerBuffer | NoLedger,
        log: Log,
        hash_key: bytes,
        log_exchanges: bool,
        state_dir: Path,
        instance_id: str,
    ) -> None:
        """Build what the configuration says; nothing listens yet.

        Raises:
            ConfigError: If something that the configuration names cannot be used.
        """
        self.loaded = loaded
        self.registry = Registry()
        self.metrics = GatewayMetrics(self.registry)
        self.log = log
        self.ledger = ledger
        self.state_dir = state_dir
        self._via = f"1.1 {instance_id}".encode()
        self._instance_id = instance_id.encode()
        settings = loaded.settings
        self._cache = AnswerCache(max_bytes=settings.cache.max_bytes)
        self.book = load_book(loaded, self.state_dir)
        self.fleet: dict[str, Upstream] = {}
        self.computes: dict[str, ComputePrice] = {}
        self.fleet, self.computes = build_fleet(settings, self.book, via=self._via)
        plan = build_plan(loaded, self.fleet, self.book, cache=self._cache, instance_id=self._instance_id)
        self._tls = server_tls(settings.listen.tls)
        self._problems: list[str] = []
        self._capture: CaptureFeed | None = None
        services = Services(
            metrics=self.metrics,
            ledger=ledger,
            retry_budget=_retry_budget(settings),
            hash_key=hash_key,
            id_prefix=f"req-{secrets.token_hex(5)}-",
        )
        self.pipeline = Pipeline(plan, services, log_row=ExchangeLines(log) if log_exchanges else None)
        self._set_capture(settings)
        self.probes = Probes(log)
        self._servers: list[asyncio.Server] = []
        self._draining_since_s: float | None = None
        self._ticks = 0
        self._ticker: asyncio.TimerHandle | None = None
        self.metrics.build_info.child(__version__).set(1)
        self.metrics.config_info.child(loaded.hash).set(1)

    # --- running --------------------------------------------------------------------------------

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: ClientConnection(self.pipeline), sock=listener, ssl=self._tls)
        self._servers.append(server)
        self.probes.watch(self.loaded.settings, self.fleet)
        # What lives from here to the end need not be looked at by every collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._ticker = loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        # First, so that a bug in what follows is logged every time and does not end the sweeps.
        self._ticker = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        now_s = time.monotonic()
        self.ledger.flush()
        self.log.flush()
        self.pipeline.sweep(now_s)
        self._ticks += 1
        if self._ticks % SLOW_TICKS == 0 or self._draining_since_s is not None:
            self._slow_tick(now_s)

    def _slow_tick(self, now_s: float) -> None:
        for connection in list(self.pipeline.connections):
            patience.sweep(connection, now_s, draining_since_s=self._draining_since_s)
        for instance in self.instances():
            instance.sweep(now_s)
        while self._problems:
            self.log.event("capture", level="warning", problem=self._problems.pop(0))

    def _set_capture(self, settings: Settings) -> None:
        """Capture as the settings say from now on; what an earlier feed still has is written beside the loop."""
        old, capture = self._capture, settings.capture
        self._capture = None
        if capture.share:
            order = Order(str(self.state_dir.absolute()), capture.retention_days, capture.max_bytes, capture.mask)
            self._capture = CaptureFeed(order, on_error=self._problems.append, after=old)
        elif old is not None:
            old.end()
        self.pipeline.services.capture = self._capture

    def refresh_gauges(self) -> None:
        """Bring the gauges up to now, before somebody reads them."""
        metrics = self.metrics
        metrics.connections.child().set(len(self.pipeline.connections))
        metrics.log_dropped.child().value = self.log.dropped
        if self._capture is not None:
            metrics.captured.child().value = self._capture.taken
            metrics.capture_dropped.child().value = self._capture.dropped
        metrics.retries_refused.child().value = self.pipeline.services.retry_budget.refused
        for name, upstream in self.fleet.items():
            metrics.in_flight.child(name).set(upstream.in_flight)
            metrics.queue.child(name).set(sum(instance.queued for instance in upstream.instances))
            for instance in upstream.instances:
                metrics.breaker_state.child(name, instance.name).set(_STATES[instance.breaker.state])
                metrics.breaker_refused.child(name, instance.name).value = instance.breaker.refused

    def close_servers(self) -> None:
        """Take no new connections in this process; answers from now on tell their clients to leave."""
        self._draining_since_s = time.monotonic()
        self.pipeline.draining = True
        for connection in self.pipeline.connections:
            patience.begin_to_drain(connection)
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, timeout_s: float, hurried: asyncio.Event) -> int:
        """Let open requests finish, once the servers are closed.

        Args:
            timeout_s: How long they may take.
            hurried: Ends the wait at once.

        Returns:
            How many connections were still open when the time was over; they are cut.
        """
        loop = asyncio.get_running_loop()
        empty, hurry = loop.create_task(self.pipeline.nobody_connected()), loop.create_task(hurried.wait())
        await asyncio.wait({empty, hurry}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        left = list(self.pipeline.connections)
        for connection in left:
            self.pipeline.cut(connection)
        await asyncio.wait({empty}, timeout=CUT_S)
        for connection in list(self.pipeline.connections):
            connection.abort()
        await asyncio.wait({empty}, timeout=CUT_S)
        empty.cancel()
        return len(left)

    def stop(self) -> None:
        """End the sweeps and hand the last rows over."""
        if self._ticker is not None:
            self._ticker.cancel()
        self.probes.stop()
        self.ledger.flush()
        self.log.flush()
        if self._capture is not None:
            self._capture.close()  # Last, since it may take a moment: rows are worth more.

    # --- reload ---------------------------------------------------------------------------------

    def reload(self, loaded: Loaded) -> None:
        """Swap the configuration; requests under way finish on the one they began with.

        Raises:
            ConfigError: If something that it names cannot be used; then the old one stays.
        """
        settings, before = loaded.settings, self.loaded.settings
        book = load_book(loaded, self.state_dir)
        fleet, computes = build_fleet(settings, book, via=self._via, kept=self.fleet)
        cache = self._cache
        if settings.cache.max_bytes != before.cache.max_bytes:
            cache = AnswerCache(max_bytes=settings.cache.max_bytes)
        plan = build_plan(loaded, fleet, book, cache=cache, instance_id=self._instance_id)
        renew_tls(self._tls, settings.listen.tls)
        self._cache = cache
        if settings.retry_budget != before.retry_budget:
            refused = self.pipeline.services.retry_budget.refused
            self.pipeline.services.retry_budget = _retry_budget(settings)
            self.pipeline.services.retry_budget.refused = refused
        kept = {id(instance) for upstream in fleet.values() for instance in upstream.instances}
        fleet_before, self.fleet = self.fleet, fleet
        self.book, self.computes, self.loaded = book, computes, loaded
        self.pipeline.replace_plan(plan)
        if settings.capture != before.capture:
            self._set_capture(settings)
        for upstream in fleet_before.values():
            for instance in upstream.instances:
                if id(instance) not in kept:
                    instance.retire()
        self.probes.watch(loaded.settings, fleet)
        self.metrics.config_info.clear()
        self.metrics.config_info.child(loaded.hash).set(1)
        for gauge in (self.metrics.breaker_state, self.metrics.in_flight, self.metrics.queue):
            gauge.clear()
        self.metrics.breaker_refused.clear()

    def instances(self) -> list[Instance]:
        """Every instance of every upstream."""
        return [instance for upstream in self.fleet.values() for instance in upstream.instances]

    def state(self) -> dict[str, object]:
        """Tiers, breakers, and what is in flight."""
        return {
            "config": self.loaded.hash,
            "draining": self.pipeline.draining,
            "connections": len(self.pipeline.connections),
            "upstreams": overview(self.fleet, time.monotonic()),
        }


def load_book(loaded: Loaded, state_dir: Path) -> PriceBook:
    """The token prices that hold under a configuration.

    Raises:
        OfframpError: If one of the price files or an own price cannot be read.
    """
    overrides = {name: price.model_dump(exclude_defaults=True) for name, price in loaded.settings.prices.items()}
    return PriceBook.load(overrides, updated=state_dir / "prices.json")


def try_out(loaded: Loaded, state_dir: Path) -> PriceBook:
    """Build everything that a configuration says and let it go again: a supervisor's look before its workers' leap.

    Raises:
        OfframpError: If something that it names cannot be used.
    """
    book = load_book(loaded, state_dir)
    fleet, _ = build_fleet(loaded.settings, book, via=b"")
    build_plan(loaded, fleet, book, cache=AnswerCache(max_bytes=0), instance_id=b"")
    server_tls(loaded.settings.listen.tls)
    return book


def _retry_budget(settings: Settings) -> RetryBudget:
    return RetryBudget(settings.retry_budget.ratio, settings.retry_budget.min_per_s)
