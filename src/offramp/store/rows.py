"""The rows of the ledger: what is known of an exchange once it is settled. No I/O here.

A row is encoded as an array, so the order of the fields is the order in the journal; new fields go at the end with a
default. Money is integer nano-dollars, time is nanoseconds since the epoch or seconds as float, `None` is unknown.
"""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How an exchange ended. Exactly one per row."""

    OK = "ok"
    """Answered in full, from whatever tier."""
    REFUSED = "refused"
    """Refused by offramp itself: key, limit, malformed request, unknown model."""
    CLIENT_ERROR = "client_error"
    """An upstream's 4xx that was the client's own and was passed on."""
    UPSTREAM_ERROR = "upstream_error"
    """Every tier failed before the first content; the client got an error."""
    TRUNCATED = "truncated"
    """The upstream broke after the first content; the client got an explicit error event or a cut body."""
    CANCELLED = "cancelled"
    """The client left before the end."""


class AttemptRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One try at one upstream, kept apart where an exchange had more than one."""

    tier: str
    """The upstream's name, or `cache`."""
    instance: str
    """`host:port` of the instance that was asked; empty for the cache."""
    started_ns: int
    ended_ns: int
    status: int
    """HTTP status the upstream answered with; 0 if none came."""
    failure: str
    """The reason it moved on (a value of `policy.failover.Failure`); empty if this attempt answered."""
    cost_nano: int | None = None
    """Its share of the exchange's actual cost; `None` if unknown."""


class ExchangeRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request of a client with everything known about it once it is settled."""

    id: str
    """The `x-request-id` that the client saw."""
    started_ns: int
    """Arrival of the request's head, nanoseconds since the epoch."""
    key: str
    """Name or short hash of offramp's key; empty without keys."""
    team: str
    """`none` where there is no team."""
    feature: str
    """The application's feature: the key's, else `x-offramp-feature`, else empty."""
    site: bytes
    """Call site: first 8 bytes of the keyed hash of `x-offramp-site`, or of system prompt, tool names and schema."""
    site_named: bool
    """Whether `site` comes from the header."""
    request_hash: bytes
    """First 16 bytes of the keyed hash of the request: length and body, of a long body its two ends."""
    operation: str
    """`chat.completions`, `completions`, `embeddings`, `responses`, `models`, or `other`."""
    features: int
    """Bits of `wire.features.Feature`."""
    n: int
    max_tokens: int | None
    service_tier: str
    """What the answer says, else what was asked; empty if neither."""
    messages: int
    tools: int
    system_hash: bytes
    """First 8 bytes of the keyed hash of the system prompt; empty without one."""
    system_bytes: int
    route: str
    """`none` where no route named the model."""
    tier: str
    """Who answered, or was asked last where nobody did: the upstream's name, `cache`, or `none` if nobody was asked."""
    instance: str
    model_asked: str
    model_served: str
    status: int
    """What the client saw."""
    outcome: str
    """A value of `Outcome`."""
    error_code: str
    """Stable code of offramp's or the upstream's error; empty if none."""
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    """Part of `input_tokens`."""
    reasoning_tokens: int | None
    """Part of `output_tokens`."""
    usage: str
    """`measured`, `estimated` or `none`."""
    bytes_in: int
    bytes_out: int
    ttft_s: float | None
    """Arrival to first content; for answers that are not streamed, to the whole answer."""
    total_s: float
    attempts: int
    client_retries: int
    """`x-stainless-retry-count`: how often the client itself had already tried."""
    ratelimit_requests: int | None
    """`x-ratelimit-remaining-requests` of the upstream that answered."""
    ratelimit_tokens: int | None
    cost_nano: int | None
    """Token-priced part of the actual cost: 0 if every attempt was compute-priced, `None` if a price or usage is
    unknown. The ledger's fold adds the shares of compute-priced instances (`ComputeEnded` with this row's id)."""
    baseline_nano: int | None
    """What the same usage would have cost on the route's baseline card; `None` without baseline or usage."""
    tries: tuple[AttemptRow, ...] = ()
    """Filled only where there was more than one attempt."""
    usage_ratio: float | None = None
    """Bytes per token that an estimated usage was made with; `None` where usage was measured or counted by deltas."""


class ComputeStarted(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An attempt began to occupy a compute-priced instance."""

    instance: str
    """`upstream@host:port`."""
    at_ns: int


class ComputeEnded(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An attempt stopped occupying it; the row that pays is named by its id."""

    instance: str
    started_ns: int
    at_ns: int
    row_id: str


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one worker hands to the ledger's writer at a time."""

    worker: int
    started: list[ComputeStarted]
    ended: list[ComputeEnded]
    rows: list[ExchangeRow]
    dropped: int
    """Rows this worker had to drop since its last batch, because the queue was full."""
