"""One request with everything known about it until it is settled.

Stage of an exchange that carries model traffic (the stream contract):

from      | event                               | to
----------|-------------------------------------|-----------
PENDING   | head of a stream, role-only events  | PRIMED
PENDING   | whole answer, recognised            | COMMITTED
PENDING   | failure, another candidate left     | PENDING
PRIMED    | first content                       | COMMITTED
PRIMED    | failure, another candidate left     | PENDING
PENDING   | failure, nobody left                | DONE (an error answer)
PRIMED    | failure, nobody left                | DONE (an error answer)
COMMITTED | end marker, or the whole body       | DONE
COMMITTED | failure                             | TRUNCATED (an explicit error event)
any       | the client leaves                   | CANCELLED
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from offramp.gateway.plan import NONE, Plan, Principal, Route, Tier
from offramp.policy.failover import Failure
from offramp.store.rows import AttemptRow
from offramp.upstream.base import Attempt
from offramp.upstream.instance import Instance
from offramp.wire.http import NO_ANSWER, AnswerHead, Headers
from offramp.wire.operation import Operation
from offramp.wire.request import Request
from offramp.wire.usage import Usage


class Stage(IntEnum):
    """How far the answer has come."""

    PENDING = 0
    PRIMED = 1
    COMMITTED = 2
    DONE = 3
    TRUNCATED = 4
    CANCELLED = 5


class Mode(IntEnum):
    """How the upstream's answer travels."""

    WHOLE = 0
    """Held until it is whole and recognised."""
    STREAM = 1
    """Event by event."""
    THROUGH = 2
    """As it comes, unread."""
    TUNNEL = 3
    """Raw bytes both ways after a 101."""


class Client(Protocol):
    """What the phases may do with the client's connection."""

    paused: bool
    """The client does not keep up with reading."""

    def write(self, block: bytes) -> None:
        """Put bytes on the wire."""

    def write_whole(self, head: bytes, body: bytes) -> None:
        """Put head and body on the wire in one go."""

    def finish(self, exchange: "Exchange") -> None:
        """The answer is complete: keep the connection or close it, and go on with the next request."""

    def abort(self) -> None:
        """Break the connection off, so that the client sees that its answer is not whole."""

    def pause_upload(self, *, paused: bool) -> None:
        """Stop or resume reading the client's upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFacts:
    """What a request's target and header fields say; the same ones on the same connection are read once."""

    method: bytes
    path: bytes
    """Path without query, beginning with a slash."""
    query: bytes
    operation: Operation
    headers: Headers
    """All but `content-length`, which changes from request to request."""
    version_11: bool
    token: bytes
    """The client's credential, without its scheme."""
    authorization: bytes
    """The header line that hands the credential on, with its line end; empty without one."""
    host: bytes
    origin: bytes
    via: bytes
    content_type: bytes
    content_encoding: bytes
    accept_encoding: bytes
    expects: bool
    """The body waits for `100 Continue`."""
    offers: bool
    """It has an `Upgrade` field, of whatever kind."""
    upgrade: bytes
    """`websocket`, or empty: other protocols (a Java client's `h2c`) are offers that may be passed over."""
    chunked: bool
    site: bytes
    feature: str
    client_retries: int
    refusal: str
    """Why such a request is refused, whatever it asks: empty if it is not."""
    forward_own: bytes
    """Header lines for an upstream that is called with our key."""
    forward_client: bytes
    """Header lines for an upstream that is called with the client's key."""
    names_request_id: bool
    buffered: bool
    """The body is read whole before anything is decided; else it streams through."""

    @property
    def repeatable(self) -> bool:
        """Whether requests with this head differ in nothing but their bodies, which say their length."""
        return self.buffered and not (self.expects or self.offers)


NO_HEAD = HeadFacts(
    method=b"",
    path=b"",
    query=b"",
    operation=Operation.OTHER,
    headers=[],
    version_11=True,
    token=b"",
    authorization=b"",
    host=b"",
    origin=b"",
    via=b"",
    content_type=b"",
    content_encoding=b"",
    accept_encoding=b"",
    expects=False,
    offers=False,
    upgrade=b"",
    chunked=False,
    site=b"",
    feature="",
    client_retries=0,
    refusal="",
    forward_own=b"",
    forward_client=b"",
    names_request_id=False,
    buffered=False,
)
"""Of a request that was refused before its head could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An upstream's error answer, kept in case nobody else does better."""

    head: AnswerHead
    body: bytes
    code: str
    """Stable code of the error, else its type."""


@dataclass(slots=True, eq=False)
class Exchange:
    """The state of one request."""

    client: Client
    plan: Plan
    id: str
    facts: HeadFacts
    operation: Operation
    started_s: float
    """Monotonic seconds at which the head was whole."""
    started_ns: int
    """The same moment, nanoseconds since the epoch."""

    # What was asked.
    keep_alive: bool = True
    content_length: int | None = None
    body: bytes = b""
    upload_done: bool = True
    upload_pieces: list[bytes] | None = None
    early: bytes = b""
    """What the client sent in the new protocol before the upstream has changed to it."""
    request: Request | None = None
    principal: Principal | None = None
    route: Route | None = None
    bytes_in: int = 0

    # Where it goes.
    deadline_s: float = 0.0
    input_tokens: int = 0
    """Estimated."""
    overflowed: int = 0
    """Input limit of the largest tier that has found the input too long; 0 for none that is known."""
    tier_index: int = 0
    tier: Tier | None = None
    attempt: Attempt | None = None
    attempts: int = 0
    tried: tuple[Instance, ...] = ()
    tries: tuple[AttemptRow, ...] = ()
    skipped: tuple[str, ...] = ()
    """`tier: reason` of the tiers that were not asked."""
    rejection: Rejection | None = None
    last_failure: Failure | None = None
    cache_key: bytes = b""
    owner: str = ""
    """Upstream that holds the state of the chain this request continues; empty for none."""

    # What came back.
    stage: Stage = Stage.PENDING
    mode: Mode = Mode.WHOLE
    status: int = 0
    answer: AnswerHead = NO_ANSWER
    """The head of the last answer that came from an upstream, or of the gateway's own."""
    parts: list[bytes] | None = None
    parts_bytes: int = 0
    tail: bytes = b""
    deltas: int = 0
    finishes: int = 0
    done_seen: bool = False
    answer_failed: bool = False
    """An error event came after the commit; nothing that follows it is a good end."""
    captured: bool = False
    """Whether what is said is to be captured."""
    kept: list[bytes] | None = None
    """What goes to the cache or into the capture."""
    kept_bytes: int = 0
    refused: bool = False
    """The error is of our own making and the client's fault; no upstream was to blame."""
    usage: Usage | None = None
    usage_ratio: float | None = None
    """Bytes per token that an estimate was made with."""
    finish_reason: str = ""
    model_served: str = ""
    service_tier: str = ""
    response_id: str = ""
    error_code: str = ""
    first_content_s: float = 0.0
    last_read_s: float = 0.0
    bytes_out: int = 0
    chunked: bool = False
    head_sent: bool = False
    settled: bool = False

    @property
    def keeps(self) -> bool:
        """Whether what the client is sent is kept: for the cache, or because it is captured."""
        return self.captured or bool(self.cache_key)

    @property
    def tier_name(self) -> str:
        """Who answers: a tier's name or `none`."""
        return self.tier.name if self.tier is not None else NONE
