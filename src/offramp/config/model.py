"""The settings: what `offramp.yaml` says, typed and frozen. `load.load()` makes them and finds what is wrong.

Every key is documented under itself; `docs/configuration.md` and the JSON Schema are checked against this module.
"""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from offramp.config.parts import (
    SHA256,
    Bytes,
    CardName,
    Count,
    Expression,
    ModelPattern,
    Name,
    Part,
    Port,
    Seconds,
    Text,
)
from offramp.config.secret import SecretText
from offramp.config.upstreams import Capabilities, TokenPrices, Upstream

LOOPBACK_HOST = "127.0.0.1"


class Tls(Part):
    """Certificate of the listening side, where no load balancer does TLS."""

    cert: Text
    """File with the certificate and its chain, PEM."""
    key: Text
    """File with the private key, PEM."""


class Listen(Part):
    """Where offramp answers. The flags of `offramp serve` win."""

    host: Text = LOOPBACK_HOST
    """Address of the main port. Anything but loopback needs `keys` as soon as an upstream has an `api_key`."""
    port: Port = 8484
    """The main port: `/v1` for the clients."""
    admin_host: Text = LOOPBACK_HOST
    """Address of the admin port. Anything but loopback needs `admin.token`."""
    admin_port: Port = 8485
    """The admin port: dashboard, `/metrics`, admin API."""
    tls: Tls | None = None
    """TLS on the main port."""


class UpstreamTier(Part):
    """A tier that asks an upstream; it is called by the upstream's name."""

    upstream: Name
    """Name of the upstream."""
    model: Text | None = None
    """Model to ask it for. Default: the one the client asked for."""
    max_input_tokens: Count | None = None
    """Longest input of this tier in tokens. Default: the upstream's."""
    capabilities: Capabilities | None = None
    """What the model of this tier cannot do. Default: the upstream's."""

    @property
    def name(self) -> str:
        """What the tier is called in `x-offramp-tier`, metrics and ledger."""
        return self.upstream


class CacheTier(Part):
    """The tier `cache`: the last good answer to the same request, when every tier before it failed."""

    cache: Literal["stale"]
    """`stale`: only when nothing else answers."""
    max_age_s: Seconds | None = None
    """Oldest answer to give. Default: `cache.max_age_s`."""

    @property
    def name(self) -> str:
        """What the tier is called in `x-offramp-tier`, metrics and ledger."""
        return "cache"


def _tier_kind(value: object) -> str:
    if isinstance(value, CacheTier) or (isinstance(value, dict) and "cache" in value):
        return "<cache>"
    return "<upstream>"


Tier = Annotated[
    Annotated[UpstreamTier, Tag("<upstream>")] | Annotated[CacheTier, Tag("<cache>")], Discriminator(_tier_kind)
]


class Route(Part):
    """Which models it answers for, and who is asked, in order."""

    models: tuple[ModelPattern, ...] = Field(min_length=1)
    """What clients ask for. One `*` at the end stands for any ending; the longest match wins."""
    tiers: tuple[Tier, ...] = Field(min_length=1)
    """Who is asked, one after the other until one answers."""
    baseline: CardName | None = None
    """Price card that the ledger compares with, such as `openai/gpt-4o-mini`."""
    deadline_s: Seconds = 550.0
    """One deadline for all attempts together."""
    feature: Name | None = None
    """Feature of the application that its requests are booked on, where neither key nor header says."""


def _token_hash(token: object) -> object:
    if not isinstance(token, str):
        return token
    if not token:
        raise ValueError("expected a key, got an empty text")
    return hashlib.sha256(token.encode()).hexdigest()


class Key(Part):
    """One of offramp's own keys. Only its SHA-256 is kept."""

    token_sha256: Annotated[str, BeforeValidator(_token_hash)] | None = Field(default=None, alias="key")
    """The key itself, better as a reference: `${TEAM_KEY}`, `env:TEAM_KEY`, `file:/run/secrets/team`."""
    key_sha256: Annotated[str, Field(pattern=SHA256)] | None = None
    """Or the SHA-256 of the key, 64 hexadecimal digits."""
    team: Name
    """Team that its requests are booked on."""
    feature: Name | None = None
    """Feature of the application that its requests are booked on."""
    name: Name | None = None
    """Name of the key in the ledger. Default: the first 8 digits of its SHA-256."""
    routes: tuple[Name, ...] | None = None
    """Routes it may use. Default: all, and what passes through."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.token_sha256 is None) == (self.key_sha256 is None):
            raise ValueError("expected either `key` or `key_sha256`")
        return self

    @property
    def sha256(self) -> str:
        """SHA-256 of the key, 64 hexadecimal digits."""
        return self.token_sha256 or self.key_sha256 or ""

    @property
    def label(self) -> str:
        """What the ledger calls it."""
        return self.name or self.sha256[:8]


class Limits(Part):
    """What a client may ask of the gateway's memory and patience."""

    body_bytes: Bytes = 32 * 1024**2
    """Longest body of an inference request, as it arrives; longer is 413."""
    unpacked_bytes: Bytes = 32 * 1024**2
    """Longest body of an inference request once it is unpacked (gzip, zstd)."""
    header_bytes: Bytes = 64 * 1024
    """All header lines of a request together; more is 431."""
    headers: Count = 100
    """Number of header lines of a request; more is 431."""
    connections: Count = 10_000
    """Open connections of clients to one process; further ones are turned away."""
    pipeline: Count = 32
    """Requests that may wait on one connection; then it is not read any further."""
    header_s: Seconds = 10.0
    """Time for the head of a request to arrive."""
    upload_idle_s: Seconds = 30.0
    """Time that an upload may stand still."""
    idle_s: Seconds = 75.0
    """Time that an idle connection is kept open, and that a client may leave an answer untaken."""


class RetryBudget(Part):
    """How many attempts beyond the first are allowed, so that retries cannot pile up on a failing upstream."""

    ratio: Annotated[float, Field(ge=0, le=10)] = 0.2
    """Further attempts per request."""
    min_per_s: Annotated[float, Field(ge=0, le=10**6)] = 10.0
    """Further attempts per second that are always allowed."""


class Cache(Part):
    """The memory of good answers behind the tier `cache`."""

    max_bytes: Bytes = 64 * 1024**2
    """Size of all answers together."""
    max_age_s: Seconds = 86_400.0
    """Oldest answer to give."""


class Cors(Part):
    """Browsers: requests with a foreign `Origin` are refused unless it is listed here."""

    origins: tuple[Text, ...] = ()
    """Origins such as `https://app.example.org`, or `*` for all."""


class Ledger(Part):
    """The record of every exchange. It never holds prompt content."""

    enabled: bool = True
    """Whether exchanges are recorded."""
    hash_key: SecretText | None = None
    """Key of the hashes for call sites and requests, the same on several machines. Default: a key file in the state."""
    history_after_h: Annotated[int, Field(ge=1, le=8_760)] = 6
    """Hours that ended so many hours ago are moved out of the database, into compressed files beside it."""
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which single requests are deleted; the sums per hour stay. Default: never."""


class Capture(Part):
    """What clients and models said, kept for tests: sampled, masked, compressed. Off without a `share`."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the requests that are captured: 0.05 is one in twenty."""
    routes: tuple[Name, ...] | None = None
    """Routes that are captured; `passthrough` is what no route names. Default: all."""
    retention_days: Annotated[float, Field(gt=0, le=3650)] = 30.0
    """How long captures are kept."""
    max_bytes: Bytes = 1024**3
    """Size of all captures on the disk; beyond it the oldest go first."""
    mask: dict[Name, Expression] = Field(default_factory=dict)
    """Further forms to mask, as regular expressions by kind. Keys, card numbers and e-mail addresses always are."""


class Log(Part):
    """What is written to standard error."""

    format: Literal["auto", "json", "human"] = "auto"
    """`auto`: for people on a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important level that is written."""
    exchanges: Literal["auto", "on", "off"] = "auto"
    """A line for every exchange; `auto`: on a terminal only."""


class Admin(Part):
    """The admin port's own credential."""

    token: SecretText | None = None
    """Bearer token of the admin port; needed as soon as it is not on loopback."""


class Settings(Part):
    """Everything that `offramp.yaml` can say."""

    version: Literal[1] = 1
    """Version of this format."""
    passthrough: Name | None = None
    """Upstream for everything that no route names. Without `keys` the client's own key goes through to it."""
    listen: Listen = Listen()
    """Where offramp answers."""
    upstreams: dict[Name, Upstream] = Field(min_length=1)
    """The model servers, by name."""
    routes: dict[Name, Route] = Field(default_factory=dict)
    """Which models are answered by whom, by name."""
    keys: tuple[Key, ...] = ()
    """offramp's own keys; with at least one, every client needs one."""
    limits: Limits = Limits()
    """Limits of the listening side."""
    retry_budget: RetryBudget = RetryBudget()
    """Limit of further attempts, for the whole gateway."""
    cache: Cache = Cache()
    """The cache of good answers."""
    cors: Cors = Cors()
    """Access for browsers."""
    ledger: Ledger = Ledger()
    """The record of exchanges."""
    capture: Capture = Capture()
    """What was said, for a sample of the requests."""
    prices: dict[CardName, TokenPrices] = Field(default_factory=dict)
    """Own token prices by `PROVIDER/MODEL`; they win over the catalog's."""
    log: Log = Log()
    """Logging."""
    admin: Admin = Admin()
    """The admin port."""
    drain_timeout_s: Seconds = 30.0
    """Longest wait for open requests when a process ends."""
