"""Route: which tiers may answer an exchange, in which order. Third phase."""

from urllib.parse import unquote_to_bytes

from offramp.gateway.exchange import Exchange, Mode
from offramp.gateway.plan import Route, Tier
from offramp.gateway.refusals import UnknownPathError, unknown_model
from offramp.gateway.services import Services
from offramp.wire.operation import OPERATIONS, Operation

ENGINE_CONTROLS = frozenset(
    {
        b"sleep",
        b"wake_up",
        b"is_sleeping",
        b"pause",
        b"resume",
        b"is_paused",
        b"reset_prefix_cache",
        b"reset_mm_cache",
        b"reset_encoder_cache",
        b"collective_rpc",
        b"scale_elastic_ep",
        b"is_scaling_elastic_ep",
        b"update_weights",
        b"init_weight_transfer_engine",
        b"load_lora_adapter",
        b"unload_lora_adapter",
        b"start_profile",
        b"stop_profile",
        b"server_info",
        b"abort_requests",
    }
)
"""Controls of an engine that must never be reachable through the gateway (vLLM's development and management paths)."""


def choose(exchange: Exchange, services: Services) -> None:
    """Find the route; from here on `exchange.route` stands.

    Raises:
        UnknownModelError: If no route names the model and nothing takes what no route names.
        UnknownPathError: If the path is not served here.
    """
    plan = exchange.plan
    if exchange.request is not None:
        exchange.route = plan.route_for(exchange.request.model)
        if exchange.route is None:
            raise unknown_model(exchange)
        if exchange.request.sticky_id:
            exchange.owner = services.chains.owner(exchange.request.sticky_id)
    else:
        exchange.route = plan.passthrough
        _check_path(exchange, plan.passthrough)
        if exchange.facts.path.startswith(b"/v1/responses/"):
            _follow_chain(exchange, services)
    if exchange.owner:
        _stick(exchange)


def _check_path(exchange: Exchange, passthrough: Route | None) -> None:
    path = exchange.facts.path
    shown = path.decode("latin-1")[:100]
    if not path.startswith(b"/v1/") and path != b"/v1":
        msg = f"nothing is served under {shown!r}; the API begins with /v1"
        raise UnknownPathError(msg)
    if passthrough is None and exchange.operation is not Operation.MODELS:
        msg = f"{shown!r} belongs to no route; name an upstream under passthrough to relay it"
        raise UnknownPathError(msg)
    meant = _plain(path)
    if exchange.facts.method == b"POST" and meant != path and meant in OPERATIONS:
        msg = f"{shown!r} is an unusual way to write {meant.decode()}; use that"
        raise UnknownPathError(msg)
    if any(segment in ENGINE_CONTROLS for segment in meant.split(b"/")[2:3]):
        msg = f"{shown!r} controls the engine and is not served through the gateway"
        raise UnknownPathError(msg)
    if exchange.operation is Operation.OTHER:
        exchange.mode = Mode.THROUGH


def _plain(path: bytes) -> bytes:
    """The path as a server may read it that decodes, ignores case and empty segments."""
    segments = unquote_to_bytes(path).lower().split(b"/")
    return b"/" + b"/".join(segment for segment in segments if segment not in (b"", b"."))


def _follow_chain(exchange: Exchange, services: Services) -> None:
    response_id = exchange.facts.path.split(b"/")[3].decode("latin-1")
    exchange.owner = services.chains.owner(response_id)


def _stick(exchange: Exchange) -> None:
    """A chain's state lies with one upstream: only its tier is asked."""
    plan = exchange.plan
    routes = [exchange.route, *plan.exact.values(), plan.passthrough]
    for route in routes:
        for tier in route.tiers if route is not None else ():
            if tier.name == exchange.owner:
                exchange.route = Route(
                    name=exchange.route.name if exchange.route is not None else tier.name,
                    tiers=(_same_model(tier, exchange),),
                    deadline_s=route.deadline_s if route is not None else 0.0,
                    baseline=exchange.route.baseline if exchange.route is not None else None,
                )
                return


def _same_model(tier: Tier, exchange: Exchange) -> Tier:
    if exchange.route is not None and tier not in exchange.route.tiers:
        return Tier(name=tier.name, upstream=tier.upstream, model=None, lacking=tier.lacking)
    return tier
