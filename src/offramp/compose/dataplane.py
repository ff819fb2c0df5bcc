"""The data plane of one process: pipeline, listening server, sweeps, probes, reload, drain."""

import asyncio
import gc
import secrets
import socket
import time
from pathlib import Path

from offramp import __version__
from offramp.catalog.prices import PriceBook
from offramp.compose.fleet import build_fleet
from offramp.compose.ledger import LedgerBuffer, NoLedger
from offramp.compose.listening import let_nobody_in, server_tls
from offramp.compose.plan import build_plan
from offramp.compose.probes import Probes
from offramp.config.load import Loaded
from offramp.gateway import patience
from offramp.gateway.connection import ClientConnection
from offramp.gateway.pipeline import Pipeline
from offramp.gateway.services import Services
from offramp.policy.breaker import State
from offramp.policy.retry import RetryBudget
from offramp.pricing.compute import ComputePrice
from offramp.store.cache import AnswerCache
from offramp.store.rows import ExchangeRow
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.logs import Log
from offramp.telemetry.metrics import Registry
from offramp.upstream.upstream import Upstream

TICK_S = 0.1
"""How often alarms are looked at and rows are handed to the ledger's writer."""
SLOW_TICKS = 10
"""Every so many ticks connections, pools and gauges are looked at."""
ACCEPT_REST_S = 0.05
"""How long what waits at the listening socket is still accepted when the process is told to end."""
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
        self.book = self._load_book(loaded)
        self.fleet: dict[str, Upstream] = {}
        self.computes: dict[str, ComputePrice] = {}
        self.fleet, self.computes = build_fleet(settings, self.book, via=self._via)
        plan = build_plan(loaded, self.fleet, self.book, cache=self._cache, instance_id=self._instance_id)
        services = Services(
            metrics=self.metrics,
            ledger=ledger,
            retry_budget=RetryBudget(settings.retry_budget.ratio, settings.retry_budget.min_per_s),
            hash_key=hash_key,
            id_prefix=f"req-{secrets.token_hex(5)}-",
        )
        self.pipeline = Pipeline(plan, services, log_row=self._log_row if log_exchanges else None)
        self.probes = Probes(log)
        self._servers: list[tuple[asyncio.Server, socket.socket]] = []
        self._ticks = 0
        self._ticker: asyncio.TimerHandle | None = None
        self.metrics.build_info.child(__version__).set(1)
        self.metrics.config_info.child(loaded.hash).set(1)

    def _load_book(self, loaded: Loaded) -> PriceBook:
        overrides = {name: price.model_dump(exclude_defaults=True) for name, price in loaded.settings.prices.items()}
        return PriceBook.load(overrides, updated=self.state_dir / "prices.json")

    # --- running --------------------------------------------------------------------------------

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket."""
        loop = asyncio.get_running_loop()
        tls = server_tls(self.loaded.settings.listen.tls)
        server = await loop.create_server(lambda: ClientConnection(self.pipeline), sock=listener, ssl=tls)
        self._servers.append((server, listener))
        self.probes.watch(self.loaded.settings, self.fleet)
        # What lives from here to the end need not be looked at by every collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._ticker = loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now_s = time.monotonic()
        self.pipeline.sweep(now_s)
        self.ledger.flush()
        self._ticks += 1
        if self._ticks % SLOW_TICKS == 0:
            self._slow_tick(now_s)
        self.log.flush()
        self._ticker = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _slow_tick(self, now_s: float) -> None:
        draining = self.pipeline.draining
        for connection in list(self.pipeline.connections):
            patience.sweep(connection, now_s, draining=draining)
        for upstream in self.fleet.values():
            for instance in upstream.instances:
                instance.sweep(now_s)

    def refresh_gauges(self) -> None:
        """Bring the gauges up to now, before somebody reads them."""
        metrics = self.metrics
        metrics.connections.child().set(len(self.pipeline.connections))
        metrics.log_dropped.child().value = self.log.dropped
        metrics.retries_refused.child().value = self.pipeline.services.retry_budget.refused
        for name, upstream in self.fleet.items():
            metrics.in_flight.child(name).set(upstream.in_flight)
            metrics.queue.child(name).set(sum(instance.queued for instance in upstream.instances))
            for instance in upstream.instances:
                metrics.breaker_state.child(name, instance.name).set(_STATES[instance.breaker.state])
                metrics.breaker_refused.child(name, instance.name).value = instance.breaker.refused

    async def stop_accepting(self) -> None:
        """Take no new connections; those that the kernel holds ready are accepted first."""
        self.pipeline.draining = True
        for _, listener in self._servers:
            let_nobody_in(listener)
        if self._servers:
            await asyncio.sleep(ACCEPT_REST_S)
        self.close_servers()

    def close_servers(self) -> None:
        """Close this process's listening sockets."""
        for server, _ in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, timeout_s: float) -> int:
        """Let open requests finish.

        Returns:
            How many connections were still open when the time was over; they are cut.
        """
        self.pipeline.draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self.pipeline.nobody_connected()
        except TimeoutError:
            left = list(self.pipeline.connections)
            for connection in left:
                connection.abort()
            await asyncio.sleep(0)
            return len(left)
        return 0

    def stop(self) -> None:
        """End the sweeps and hand the last rows over."""
        if self._ticker is not None:
            self._ticker.cancel()
        self.probes.stop()
        self.ledger.flush()
        self.log.flush()

    # --- reload ---------------------------------------------------------------------------------

    def reload(self, loaded: Loaded) -> None:
        """Swap the configuration; requests under way finish on the one they began with.

        Raises:
            ConfigError: If something that it names cannot be used; then the old one stays.
        """
        book = self._load_book(loaded)
        fleet, computes = build_fleet(loaded.settings, book, via=self._via, kept=self.fleet)
        plan = build_plan(loaded, fleet, book, cache=self._cache, instance_id=self._instance_id)
        kept = {id(instance) for upstream in fleet.values() for instance in upstream.instances}
        before, self.fleet = self.fleet, fleet
        self.book, self.computes, self.loaded = book, computes, loaded
        self.pipeline.replace_plan(plan)
        for upstream in before.values():
            for instance in upstream.instances:
                if id(instance) not in kept:
                    instance.retire()
        self.probes.watch(loaded.settings, fleet)
        self.metrics.config_info.clear()
        self.metrics.config_info.child(loaded.hash).set(1)
        for gauge in (self.metrics.breaker_state, self.metrics.in_flight, self.metrics.queue):
            gauge.clear()
        self.metrics.breaker_refused.clear()

    # --- what can be seen -----------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """Tiers, breakers, and what is in flight."""
        now_s = time.monotonic()
        upstreams = {
            name: {
                "in_flight": upstream.in_flight,
                "instances": [
                    {
                        "name": instance.name,
                        "breaker": instance.breaker.state,
                        "healthy": instance.healthy,
                        "resting_s": max(0.0, round(instance.resting_until_s - now_s, 3)),
                        "in_flight": instance.in_flight,
                        "queued": instance.queued,
                        "connections": instance.open_connections,
                    }
                    for instance in upstream.instances
                ],
            }
            for name, upstream in self.fleet.items()
        }
        routes = {name: [tier.name for tier in route.tiers] for name, route in self.loaded.settings.routes.items()}
        return {
            "version": __version__,
            "config": self.loaded.hash,
            "draining": self.pipeline.draining,
            "connections": len(self.pipeline.connections),
            "upstreams": upstreams,
            "routes": routes,
        }

    def _log_row(self, row: ExchangeRow) -> None:
        self.log.event(
            "exchange",
            level="info" if row.status < 500 else "warning",
            id=row.id,
            operation=row.operation,
            model=row.model_asked,
            route=row.route,
            tier=row.tier,
            status=row.status,
            outcome=row.outcome,
            error_code=row.error_code,
            streaming=bool(row.features & 1),
            attempts=row.attempts,
            team=row.team,
            total_s=round(row.total_s, 4),
            ttft_s=None if row.ttft_s is None else round(row.ttft_s, 4),
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost_nano=row.cost_nano,
        )
