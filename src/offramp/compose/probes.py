"""Free health probes: they cost no tokens, see an instance go and come back, and are no rows of the ledger."""

import asyncio
from collections.abc import Mapping

from offramp.config.model import Settings
from offramp.config.upstreams import Health
from offramp.errors import UnavailableError
from offramp.policy.breaker import State
from offramp.telemetry.logs import Log
from offramp.upstream.ask import ask
from offramp.upstream.instance import Instance
from offramp.upstream.upstream import Upstream

PROBE_TIMEOUT_S = 2.0
FAILURES_UNTIL_ILL = 2
"""One lost probe may be chance."""


class Probes:
    """One task for each instance that has a health path."""

    def __init__(self, log: Log) -> None:
        """Nobody is watched yet."""
        self._log = log
        self._tasks: dict[Instance, asyncio.Task[None]] = {}

    def watch(self, settings: Settings, fleet: Mapping[str, Upstream]) -> None:
        """Watch the instances of these upstreams, and no others."""
        self.stop()
        loop = asyncio.get_running_loop()
        for name, part in settings.upstreams.items():
            for instance in fleet[name].instances:
                if part.health is None:
                    self._well(instance)  # Nobody would see it come back.
                else:
                    self._tasks[instance] = loop.create_task(self._probe_for_ever(instance, part.health))

    def stop(self) -> None:
        """Watch nobody."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    async def _probe_for_ever(self, instance: Instance, health: Health) -> None:
        failures = 0
        while True:
            await asyncio.sleep(health.interval_s)
            if instance.in_flight >= instance.limits.max_connections:
                continue  # It has its hands full; a probe would wait behind its requests and be lost.
            status = await probe(instance, health.path)
            if status is not None and status not in range(200, 300) and status not in range(500, 600):
                # No such path: this server says nothing about its health, so neither do we.
                failures = 0
                self._well(instance)
            elif status is not None and status < 300:
                failures = 0
                self._well(instance)
                if instance.breaker.state is State.OPEN:
                    instance.breaker.forced(State.HALF_OPEN)
            else:
                failures += 1
                if failures >= FAILURES_UNTIL_ILL and instance.healthy:
                    instance.healthy = False
                    self._log.event(
                        "health", level="warning", upstream=instance.upstream, instance=instance.name, healthy=False
                    )

    def _well(self, instance: Instance) -> None:
        if not instance.healthy:
            instance.healthy = True
            self._log.event("health", upstream=instance.upstream, instance=instance.name, healthy=True)


async def probe(instance: Instance, path: str) -> int | None:
    """The status of one probe; `None` if there was no answer."""
    address = instance.address
    head = b"GET %b HTTP/1.1\r\nhost: %b:%d\r\nuser-agent: offramp-health\r\n\r\n" % (
        path.encode(),
        address.host.encode(),
        address.port,
    )
    try:
        reply = await ask(instance, head, timeout_s=PROBE_TIMEOUT_S, silence_s=PROBE_TIMEOUT_S)
        await reply.read()
    except UnavailableError:
        return None
    return reply.status
