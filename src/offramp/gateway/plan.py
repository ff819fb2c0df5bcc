"""What the gateway does by its present configuration: routes, tiers, keys, limits. Swapped as a whole at a reload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from offramp.store.cache import AnswerCache
from offramp.upstream.upstream import Card, Upstream

CACHE_TIER = "cache"
NONE = "none"
"""What a route, tier or team is called where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One rung of a route: an upstream, or the cache."""

    name: str
    """The upstream's name, or `cache`."""
    upstream: Upstream | None
    """`None` for the cache."""
    model: str | None = None
    """What the upstream calls the model; `None` leaves the client's word."""
    lacking: int = 0
    """Bits of `wire.features.Feature` that it does not have."""
    max_input_tokens: int | None = None
    max_age_s: float = 0.0
    """Cache only: the oldest answer it gives."""
    head_lines: bytes = field(init=False)
    """What answers of this tier say of it, as header lines."""
    takes_all: bool = field(init=False)
    """Nothing of a request need be looked at to know that the tier may serve it."""

    def __post_init__(self) -> None:
        """Work out what every request would have to."""
        object.__setattr__(self, "head_lines", b"x-offramp-tier: %b\r\n" % self.name.encode())
        object.__setattr__(self, "takes_all", not self.lacking and self.max_input_tokens is None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """The tiers that answer for certain models."""

    name: str
    tiers: Sequence[Tier]
    deadline_s: float
    baseline: Card | None = None
    feature: str = ""
    caches: bool = False
    """Whether a tier is the cache, so that good answers are kept."""
    capture_share: float = 0.0
    """Share of its requests that are captured with what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a key belongs to."""

    name: str
    team: str
    feature: str = ""
    routes: frozenset[str] | None = None
    """Routes the key may use; `None` for all, the passthrough among them."""
    tenant: bytes = b""
    """`name` as bytes: keeps hashes and cached answers of tenants apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may ask of the gateway."""

    body_bytes: int = 32 * 1024 * 1024
    unpacked_bytes: int = 64 * 1024 * 1024
    header_bytes: int = 64 * 1024
    headers: int = 100
    connections: int = 10_000
    pipeline: int = 32
    header_s: float = 10.0
    upload_idle_s: float = 30.0
    idle_s: float = 75.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Everything a request needs to know of the configuration it began with."""

    exact: Mapping[str, Route]
    """Route by the model's whole name."""
    prefixes: Sequence[tuple[str, Route]]
    """Route by the beginning of a model's name, the longest first."""
    passthrough: Route | None
    """A route of one tier for everything that no route names."""
    keys: Mapping[bytes, Principal] | None
    """Principal by the SHA-256 of the token; `None` where the gateway has no keys of its own."""
    client_key_upstream: Upstream | None
    """The one upstream that gets the client's own credential; `None` where clients have offramp's keys."""
    limits: Limits
    aliases: Sequence[str]
    """Models that routes answer for, as `/v1/models` lists them."""
    cache: AnswerCache
    config_hash: str
    loopback_only: bool
    """Our upstream keys are lent without keys of our own: only a loopback `Host` is served."""
    origins: frozenset[bytes] = field(default_factory=frozenset)
    """Foreign `Origin`s that browsers may send."""
    instance_id: bytes = b""
    """The name of this gateway in `Via`."""
    loaded_unix_s: int = 0
    head_lines: bytes = field(init=False)
    """What every answer says of the configuration, as header lines."""

    def __post_init__(self) -> None:
        """Work out what every request would have to."""
        object.__setattr__(self, "head_lines", b"x-offramp-config: %b\r\n" % self.config_hash.encode())

    def route_for(self, model: str) -> Route | None:
        """The route that answers for a model."""
        route = self.exact.get(model)
        if route is not None:
            return route
        for prefix, candidate in self.prefixes:
            if model.startswith(prefix):
                return candidate
        return self.passthrough
