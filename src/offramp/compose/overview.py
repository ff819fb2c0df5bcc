"""What is going on, as the admin port and the log show it: upstreams and their instances, one line per exchange."""

from collections.abc import Iterable, Mapping
from typing import Any

from offramp.config.model import Settings
from offramp.policy.breaker import State
from offramp.store.rows import ExchangeRow
from offramp.telemetry.logs import Log
from offramp.upstream.instance import Instance
from offramp.upstream.upstream import Upstream

_WORST_FIRST = (State.OPEN, State.HALF_OPEN, State.CLOSED)
_ADDED = ("in_flight", "queued", "connections")


def overview(fleet: Mapping[str, Upstream], now_s: float) -> dict[str, Any]:
    """Every upstream with its instances, as one process sees them."""
    return {
        name: {
            "in_flight": upstream.in_flight,
            "instances": [_instance(instance, now_s) for instance in upstream.instances],
        }
        for name, upstream in fleet.items()
    }


def _instance(instance: Instance, now_s: float) -> dict[str, Any]:
    return {
        "name": instance.name,
        "breaker": instance.breaker.state,
        "healthy": instance.healthy,
        "resting_s": max(0.0, round(instance.resting_until_s - now_s, 3)),
        "in_flight": instance.in_flight,
        "queued": instance.queued,
        "connections": instance.open_connections,
    }


def merged(overviews: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same of several processes: counts add up, of breakers and health the worst is shown."""
    found: dict[str, Any] = {}
    for one in overviews:
        for name, upstream in one.items():
            total = found.setdefault(name, {"in_flight": 0, "instances": []})
            total["in_flight"] += upstream["in_flight"]
            for instance in upstream["instances"]:
                same = next((other for other in total["instances"] if other["name"] == instance["name"]), None)
                if same is None:
                    total["instances"].append(dict(instance))
                else:
                    _add(same, instance)
    return found


def _add(total: dict[str, Any], instance: Mapping[str, Any]) -> None:
    for name in _ADDED:
        total[name] += instance[name]
    total["breaker"] = min(total["breaker"], instance["breaker"], key=_WORST_FIRST.index)
    total["healthy"] = total["healthy"] and instance["healthy"]
    total["resting_s"] = max(total["resting_s"], instance["resting_s"])


def routes(settings: Settings) -> dict[str, list[str]]:
    """The tiers of every route, in order."""
    return {name: [tier.name for tier in route.tiers] for name, route in settings.routes.items()}


class ExchangeLines:
    """One line of the log for each exchange."""

    def __init__(self, log: Log) -> None:
        """Write to `log`."""
        self._log = log

    def __call__(self, row: ExchangeRow) -> None:
        """An exchange was settled."""
        self._log.event(
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
