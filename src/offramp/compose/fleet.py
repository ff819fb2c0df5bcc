"""Settings -> upstreams: instances with their pools and breakers, prices, credentials."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from urllib.parse import urlsplit

from offramp.catalog.compute import compute_card
from offramp.catalog.overrides import override_card
from offramp.catalog.prices import PriceBook
from offramp.config.environment import environment
from offramp.config.model import Settings
from offramp.config.upstreams import Price, PriceKind
from offramp.config.upstreams import Upstream as UpstreamSettings
from offramp.policy.breaker import BreakerSettings
from offramp.policy.routing import Balance
from offramp.pricing.compute import Billed, ComputePart, ComputePrice, from_parts, per_hour, per_month, per_second
from offramp.upstream.dial import Address, proxy_for, tls_context
from offramp.upstream.instance import Instance, PoolLimits, Timeouts
from offramp.upstream.upstream import Card, Upstream
from offramp.wire.engine import Engine


def build_fleet(
    settings: Settings, book: PriceBook, *, via: bytes, kept: Mapping[str, Upstream] | None = None
) -> tuple[dict[str, Upstream], dict[str, ComputePrice]]:
    """Every upstream of the settings, and the price of each compute-priced instance by `upstream@host:port`.

    Args:
        settings: A validated configuration.
        book: Token prices.
        via: Value of `Via` on requests to upstreams.
        kept: The upstreams in use: instances that did not change keep their pool and their breaker.

    Raises:
        ConfigError: If a certificate bundle, a proxy or a price card cannot be used.
    """
    fleet: dict[str, Upstream] = {}
    computes: dict[str, ComputePrice] = {}
    for name, part in settings.upstreams.items():
        price = compute_price(part.price)
        before = kept.get(name) if kept is not None else None
        instances = [_instance(name, part, url, before, compute_priced=price is not None) for url in part.base_urls]
        if price is not None:
            computes.update({instance.compute: price for instance in instances})
        fleet[name] = Upstream(
            name=name,
            engine=part.engine,
            instances=instances,
            credentials=_credentials(part),
            extra_fields=_extra_fields(part),
            find_card=None if price is not None else _card_finder(name, part, book),
            by_time=price is not None,
            lacking=part.capabilities.lacks,
            max_input_tokens=part.max_input_tokens,
            balance=Balance(part.balance),
            base_query=b"api-version=" + part.api_version.encode() if part.api_version else b"",
            deployments=part.deployments,
            azure_deployments=part.engine == Engine.AZURE and bool(part.api_version),
            via=via,
        )
    return fleet, computes


def compute_prices(settings: Settings) -> dict[str, ComputePrice]:
    """The price of each compute-priced instance by `upstream@host:port`, without building anything."""
    found: dict[str, ComputePrice] = {}
    for name, part in settings.upstreams.items():
        price = compute_price(part.price)
        if price is None:
            continue
        for url in part.base_urls:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            found[f"{name}@{parts.hostname or ''}:{port}"] = price
    return found


def _instance(
    name: str, part: UpstreamSettings, url: str, before: Upstream | None, *, compute_priced: bool
) -> Instance:
    parts = urlsplit(url)
    host = parts.hostname or ""
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    timeouts = Timeouts(**part.timeouts.model_dump())
    limits = PoolLimits(max_connections=part.max_connections, max_queue=part.max_queue)
    rules = part.breaker.model_dump(exclude={"mode"})
    breaker = BreakerSettings(**rules, observe=part.breaker.mode == "observe")
    identity = (url, timeouts, limits, breaker, part.ca_bundle, part.verify, compute_priced)
    for instance in before.instances if before is not None else ():
        if instance.identity == identity:
            return instance
    address = Address(
        host=host,
        port=port,
        tls=tls_context(ca_bundle=part.ca_bundle, verify=part.verify) if tls else None,
        proxy=proxy_for(host, tls=tls, environment=environment()),
    )
    return Instance(
        name,
        address,
        timeouts=timeouts,
        limits=limits,
        breaker=breaker,
        compute_priced=compute_priced,
        base_path=parts.path.rstrip("/").encode(),
        identity=identity,
    )


def _credentials(part: UpstreamSettings) -> bytes | None:
    if part.api_key is None:
        return None
    key = part.api_key.reveal().encode()
    if part.engine == Engine.AZURE:
        return b"api-key: %b\r\n" % key
    return b"authorization: Bearer %b\r\n" % key


def _extra_fields(part: UpstreamSettings) -> bytes:
    return b"".join(
        b"%b: %b\r\n" % (name.lower().encode(), value.reveal().encode()) for name, value in part.headers.items()
    )


def _card_finder(name: str, part: UpstreamSettings, book: PriceBook) -> Callable[[str], Card | None]:
    price = part.price
    if price is not None and price.kind is PriceKind.TOKENS:
        own = override_card(name, "*", price.token_prices)
        return lambda _model: own
    if price is not None and price.card is not None:
        card = book.card(price.card)
        return lambda _model: card
    provider = provider_of(name, part, book)
    if provider is None:
        return lambda _model: None
    return lambda model: book.token_card(provider, model) if model else None


def provider_of(name: str, part: UpstreamSettings, book: PriceBook) -> str | None:
    """Whose token prices apply to an upstream: as said, else whoever its host belongs to, else its own name."""
    return part.provider or book.provider_of(part.base_urls[0]) or book.provider_id(name)


def compute_price(price: Price | None) -> ComputePrice | None:
    """The price by time that a setting means; `None` where it is a price per token or none.

    Raises:
        ConfigError: If it names a compute card that is not in the catalog.
    """
    if price is None:
        return None
    found = _compute_price(price)
    if found is None or price.billed is None:
        return found
    return replace(found, billed=Billed(price.billed))


def _compute_price(price: Price) -> ComputePrice | None:
    if price.usd_per_hour is not None:
        return per_hour(price.usd_per_hour)
    if price.usd_per_second is not None:
        return per_second(price.usd_per_second)
    if price.usd_per_month is not None:
        return per_month(price.usd_per_month)
    if price.kind is PriceKind.PARTS:
        return _from_parts(price)
    if price.card is None:
        return None
    return compute_card(
        price.card, gpus=_fraction(price.gpus), vcpus=_fraction(price.cpus), memory_gb=_fraction(price.memory_gb)
    )


def _fraction(number: Decimal | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def _from_parts(price: Price) -> ComputePrice:
    rows = (
        ("GPU", price.gpus if price.gpus is not None else 1, price.gpu_usd_per_second),
        ("vCPU", price.cpus or 0, price.cpu_usd_per_second),
        ("GB memory", price.memory_gb or 0, price.memory_usd_per_gb_second),
    )
    return from_parts(
        [
            ComputePart(name=name, units=Fraction(units), usd_per_second=Fraction(usd))
            for name, units, usd in rows
            if usd
        ]
    )
