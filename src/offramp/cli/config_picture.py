"""What a configuration does, as a picture for people."""

from decimal import Decimal

from offramp.catalog.prices import PriceBook
from offramp.cli.terminal import table
from offramp.compose.fleet import provider_of
from offramp.compose.listening import authority
from offramp.config.load import Loaded
from offramp.config.model import CacheTier, Listen, Route, Settings, UpstreamTier
from offramp.config.upstreams import Price, PriceKind, Upstream

_HOUR_S = 3600


def picture(loaded: Loaded) -> list[str]:
    """The lines: where it listens, whom it can ask, who answers for which model, and what looks odd."""
    settings = loaded.settings
    source = str(loaded.source) if loaded.source else "no configuration file: the client's own key goes through"
    lines = [f"{source}  (version {loaded.hash})", ""]
    lines += table([("listens", _address(settings.listen)), ("", _access(settings))], indent="", gap="   ")
    lines += ["", "upstreams", *table([_upstream(name, item) for name, item in settings.upstreams.items()])]
    lines += ["", "routes"]
    for name, route in settings.routes.items():
        lines += _route(name, route)
    rest = f"-> {settings.passthrough}" if settings.passthrough else "-> refused: 404, model_not_found"
    lines.append(f"  {'every other model' if settings.routes else 'every model'}  {rest}")
    if loaded.warnings:
        lines += ["", "probably not meant", *(f"  {warning}" for warning in loaded.warnings)]
    return lines


def _address(listen: Listen) -> str:
    scheme = "https" if listen.tls else "http"
    admin = f"http://{authority(listen.admin_host, listen.admin_port)}"
    return f"{scheme}://{authority(listen.host, listen.port)}/v1, admin {admin}"


def _access(settings: Settings) -> str:
    if not settings.keys:
        return "for everyone who can reach it, without a key of offramp's"
    teams = dict.fromkeys(key.team for key in settings.keys)
    word = "key" if len(settings.keys) == 1 else "keys"
    return f"with one of {len(settings.keys)} {word} ({', '.join(teams)})"


def _upstream(name: str, upstream: Upstream) -> tuple[str, ...]:
    first, *more = upstream.base_urls
    where = first + (f" (+{len(more)})" if more else "")
    key = "own key" if upstream.api_key else "no key"
    return (
        name,
        upstream.engine.value,
        where,
        key,
        _price(upstream.price) if upstream.price else _found(name, upstream),
    )


def _found(name: str, upstream: Upstream) -> str:
    """Whose token prices apply where the configuration has none."""
    provider = provider_of(name, upstream, PriceBook.load())
    return f"token prices of {provider}" if provider else "no price: give it a `price`, or a `provider`"


def _price(price: Price) -> str:
    if price.kind is PriceKind.CARD:
        return f"card {price.card}"
    if price.kind is PriceKind.PARTS:
        return "GPU, vCPU and memory by the second"
    if price.kind is PriceKind.TOKENS:
        return f"${_plain(price.input_usd_per_mtok)} in, ${_plain(price.output_usd_per_mtok)} out per million tokens"
    amounts = ((price.usd_per_hour, "hour"), (price.usd_per_second, "second"), (price.usd_per_month, "month"))
    return next(f"${_plain(amount)} per {unit}" for amount, unit in amounts if amount is not None)


def _plain(amount: Decimal | None) -> str:
    return "0" if amount is None else f"{amount:f}"


def _route(name: str, route: Route) -> list[str]:
    tiers = " -> ".join(_tier(tier) for tier in route.tiers)
    compared = f"   (compared with {route.baseline})" if route.baseline else ""
    return [f"  {name}: {', '.join(route.models)}{compared}", f"    -> {tiers}"]


def _tier(tier: UpstreamTier | CacheTier) -> str:
    if isinstance(tier, CacheTier):
        return "cache (the last good answer)"
    return f"{tier.upstream} ({tier.model})" if tier.model else tier.upstream
