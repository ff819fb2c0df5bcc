"""Settings -> plan: what the gateway does with each request."""

import time
from collections.abc import Mapping

from offramp.catalog.prices import PriceBook
from offramp.config.checks import is_loopback
from offramp.config.load import Loaded
from offramp.config.model import CacheTier, Route, Settings, UpstreamTier
from offramp.gateway.plan import CACHE_TIER, Limits, Plan, Principal
from offramp.gateway.plan import Route as PlanRoute
from offramp.gateway.plan import Tier as PlanTier
from offramp.store.cache import AnswerCache
from offramp.upstream.upstream import Upstream

PASSTHROUGH = "passthrough"
"""What the route is called that takes what no other one names."""
PASSTHROUGH_DEADLINE_S = 550.0
"""Below the 600 s after which the OpenAI client gives up by itself."""


def build_plan(
    loaded: Loaded, fleet: Mapping[str, Upstream], book: PriceBook, *, cache: AnswerCache, instance_id: bytes
) -> Plan:
    """The plan of a configuration.

    Args:
        loaded: The validated configuration.
        fleet: Its upstreams.
        book: Token prices, for baselines.
        cache: Answers that are kept over reloads.
        instance_id: This gateway's name in `Via`.
    """
    settings = loaded.settings
    exact: dict[str, PlanRoute] = {}
    prefixes: list[tuple[str, PlanRoute]] = []
    for name, part in settings.routes.items():
        route = _route(name, part, settings, fleet, book)
        for model in part.models:
            if model.endswith("*"):
                prefixes.append((model[:-1], route))
            else:
                exact[model] = route
    prefixes.sort(key=lambda entry: len(entry[0]), reverse=True)
    return Plan(
        exact=exact,
        prefixes=prefixes,
        passthrough=_passthrough(settings, fleet),
        keys=_keys(settings),
        client_key_upstream=_client_key_upstream(settings, fleet),
        limits=Limits(**settings.limits.model_dump()),
        aliases=list(exact),
        cache=cache,
        config_hash=loaded.hash,
        loopback_only=not settings.keys and is_loopback(settings.listen.host),
        origins=frozenset(origin.encode() for origin in settings.cors.origins),
        instance_id=instance_id,
        loaded_unix_s=time.time_ns() // 10**9,
    )


def _route(name: str, part: Route, settings: Settings, fleet: Mapping[str, Upstream], book: PriceBook) -> PlanRoute:
    tiers = [_tier(tier, settings, fleet) for tier in part.tiers]
    return PlanRoute(
        name=name,
        tiers=tiers,
        deadline_s=part.deadline_s,
        baseline=book.card(part.baseline) if part.baseline is not None else None,
        feature=part.feature or "",
        caches=any(tier.upstream is None for tier in tiers),
        capture_share=_capture_share(name, settings),
    )


def _tier(tier: UpstreamTier | CacheTier, settings: Settings, fleet: Mapping[str, Upstream]) -> PlanTier:
    if isinstance(tier, CacheTier):
        return PlanTier(name=CACHE_TIER, upstream=None, max_age_s=tier.max_age_s or settings.cache.max_age_s)
    upstream = fleet[tier.upstream]
    return PlanTier(
        name=tier.upstream,
        upstream=upstream,
        model=tier.model,
        lacking=upstream.lacking if tier.capabilities is None else tier.capabilities.lacks,
        max_input_tokens=tier.max_input_tokens or upstream.max_input_tokens,
    )


def _passthrough(settings: Settings, fleet: Mapping[str, Upstream]) -> PlanRoute | None:
    if settings.passthrough is None:
        return None
    upstream = fleet[settings.passthrough]
    tier = PlanTier(
        name=upstream.name, upstream=upstream, lacking=upstream.lacking, max_input_tokens=upstream.max_input_tokens
    )
    share = _capture_share(PASSTHROUGH, settings)
    return PlanRoute(name=PASSTHROUGH, tiers=[tier], deadline_s=PASSTHROUGH_DEADLINE_S, capture_share=share)


def _capture_share(route: str, settings: Settings) -> float:
    capture = settings.capture
    return capture.share if capture.routes is None or route in capture.routes else 0.0


def _client_key_upstream(settings: Settings, fleet: Mapping[str, Upstream]) -> Upstream | None:
    if settings.keys or settings.passthrough is None or fleet[settings.passthrough].own_key:
        return None
    return fleet[settings.passthrough]


def _keys(settings: Settings) -> dict[bytes, Principal] | None:
    if not settings.keys:
        return None
    return {
        bytes.fromhex(key.sha256): Principal(
            name=key.label,
            team=key.team,
            feature=key.feature or "",
            tenant=key.label.encode(),
            routes=None if key.routes is None else frozenset(key.routes),
        )
        for key in settings.keys
    }
