"""What went wrong with an attempt, whose fault it was, and whether the exchange may move on. Pure.

An exchange goes through its tiers in order. A failure before the first content may move it to another instance of the
same upstream (paid from the retry budget) or to the next tier (always allowed); after the first content nothing moves.

Failure             | moves on            | counts against the breaker
--------------------|---------------------|---------------------------
connect             | yes                 | yes
first_token_timeout | yes                 | yes
silence             | yes                 | yes
total_timeout       | yes                 | yes
broken              | yes                 | yes
server_error        | yes                 | yes
not_protocol        | yes                 | yes
stream_error        | yes                 | yes
empty               | yes                 | yes
request_timeout 408 | yes                 | yes
rate_limited 429    | yes                 | no: the instance rests for Retry-After
context_overflow    | to a larger tier    | no
key_refused         | if the key was ours | no
unsupported         | yes                 | no
busy                | yes                 | no: our own queue for it is full
skipped             | yes                 | no: breaker open, resting, lacking a feature or too small
deadline            | to the cache only   | no: the client's time is up, whoever used it
client              | no                  | no: the request itself is at fault
"""

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """Why an attempt did not answer. The values stand in the ledger and in the metrics."""

    CONNECT = "connect"
    FIRST_TOKEN = "first_token_timeout"  # noqa: S105 - a token of text
    SILENCE = "silence"
    TOTAL = "total_timeout"
    BROKEN = "broken"
    SERVER_ERROR = "server_error"
    NOT_PROTOCOL = "not_protocol"
    STREAM_ERROR = "stream_error"
    EMPTY = "empty"
    REQUEST_TIMEOUT = "request_timeout"
    RATE_LIMITED = "rate_limited"
    CONTEXT_OVERFLOW = "context_overflow"
    KEY_REFUSED = "key_refused"
    UNSUPPORTED = "unsupported"
    BUSY = "busy"
    SKIPPED = "skipped"
    DEADLINE = "deadline"
    CLIENT = "client"


_BLAMELESS = frozenset(
    {
        Failure.RATE_LIMITED,
        Failure.CONTEXT_OVERFLOW,
        Failure.KEY_REFUSED,
        Failure.UNSUPPORTED,
        Failure.BUSY,
        Failure.SKIPPED,
        Failure.DEADLINE,
        Failure.CLIENT,
    }
)

_FINAL = frozenset({Failure.DEADLINE, Failure.CLIENT})

_NEVER_SENT = frozenset({Failure.CONNECT, Failure.BUSY, Failure.SKIPPED})
"""After these the upstream has not seen the request, so even one that may be sent only once may go elsewhere."""

_INSTANCE_MAY_DIFFER = frozenset(
    {
        Failure.CONNECT,
        Failure.FIRST_TOKEN,
        Failure.SILENCE,
        Failure.BROKEN,
        Failure.SERVER_ERROR,
        Failure.NOT_PROTOCOL,
        Failure.STREAM_ERROR,
        Failure.EMPTY,
        Failure.REQUEST_TIMEOUT,
        Failure.RATE_LIMITED,
        Failure.BUSY,
    }
)
"""Failures after which another instance of the same upstream may well answer."""


def blames_upstream(failure: Failure) -> bool:
    """Whether the failure counts against the upstream's breaker."""
    return failure not in _BLAMELESS


class Move(StrEnum):
    """What an exchange does after a failure."""

    INSTANCE = "instance"
    """Another instance of the same tier."""
    TIER = "tier"
    """The next tier."""
    STAY = "stay"
    """Nothing more: the client gets what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where an exchange stands when an attempt has failed."""

    committed: bool
    """Content has reached the client."""
    sent_once: bool
    """The operation must not be sent twice (it changes state at the upstream)."""
    time_left_s: float
    """Until the exchange's one deadline, in seconds."""
    other_instances: bool
    """The tier has an admitted instance that was not tried yet."""
    tiers_left: bool
    """A later tier exists."""


def next_move(failure: Failure, situation: Situation, *, retry_allowed: bool) -> Move:
    """Decide where an exchange goes after a failure.

    Args:
        failure: Why the attempt did not answer.
        situation: Where the exchange stands.
        retry_allowed: Whether the retry budget has something left for the same upstream.
    """
    if situation.committed or situation.time_left_s <= 0 or failure in _FINAL:
        return Move.STAY
    if situation.sent_once and failure not in _NEVER_SENT:
        return Move.STAY
    if situation.other_instances and retry_allowed and failure in _INSTANCE_MAY_DIFFER:
        return Move.INSTANCE
    return Move.TIER if situation.tiers_left else Move.STAY


def failure_of_status(
    status: int, *, own_key: bool, context_overflow: bool, unsupported: bool, unknown_model: bool
) -> Failure | None:
    """The failure that an HTTP error status means, or `None` where it is the client's own and is passed on.

    Args:
        status: The upstream's status, 400 or above.
        own_key: Whether the upstream was called with a key of ours.
        context_overflow: The error says that the prompt is too long for this model.
        unsupported: The error says that the upstream does not have this operation.
        unknown_model: The error says that the upstream does not have this model.
    """
    if status >= 500:
        return Failure.UNSUPPORTED if status == 501 else Failure.SERVER_ERROR
    if status == 408:
        return Failure.REQUEST_TIMEOUT
    if status == 429:
        return Failure.RATE_LIMITED
    if context_overflow:
        return Failure.CONTEXT_OVERFLOW
    if status in (401, 403):
        return Failure.KEY_REFUSED if own_key else None
    if unsupported or (unknown_model and own_key):
        return Failure.UNSUPPORTED
    return None
