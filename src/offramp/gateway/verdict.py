"""What an upstream's error answer means for the exchange, and what the client is told when nobody answered."""

import email.utils
import time
from math import isnan

from offramp.errors import OfframpError
from offramp.gateway.exchange import Exchange, Rejection
from offramp.policy.failover import Failure, failure_of_status
from offramp.wire import envelope
from offramp.wire.http import AnswerHead, Headers, field

MAX_REST_S = 60.0
"""An instance rests no longer than this, whatever its Retry-After says."""


class UpstreamFailedError(OfframpError):
    """Nobody answered."""

    status_hint = 502
    code = "upstream_failed"
    retriable = True


class UpstreamKeyRefusedError(UpstreamFailedError):
    """The upstream does not accept the key it was called with, which is not the client's."""

    code = "upstream_key_refused"
    retriable = False


class UpstreamTimeoutError(UpstreamFailedError):
    """Nobody answered in time."""

    status_hint = 504
    code = "upstream_timeout"
    retriable = False


_TIMEOUTS = frozenset({Failure.FIRST_TOKEN, Failure.SILENCE, Failure.TOTAL, Failure.DEADLINE})


def lends_client_key(exchange: Exchange) -> bool:
    """Whether the client's own key was used: then a limit or a refusal is that client's alone."""
    upstream = exchange.tier.upstream if exchange.tier is not None else None
    return upstream is exchange.plan.client_key_upstream


def read_rejection(exchange: Exchange, body: bytes) -> Failure:
    """Judge an error status; the answer is kept for the client in case nobody else does better.

    Returns:
        The failure. One of the client's own is `CLIENT`, which moves nowhere.
    """
    status = exchange.status
    shown = envelope.normalise(body, status)
    facts = envelope.read(shown)
    own = envelope.read(body) or facts
    failure = failure_of_status(
        status,
        own_key=not lends_client_key(exchange),
        context_overflow=own is not None and envelope.is_context_overflow(own),
        unsupported=own is not None and envelope.is_unsupported(own, status),
        unknown_model=own is not None and envelope.is_unknown_model(own, status),
    )
    if failure is not Failure.KEY_REFUSED:  # The client would take it for a word about its own key.
        headers = [(name, value) for name, value in exchange.answer.headers if name != b"content-type"]
        head = AnswerHead(status, [*headers, (b"content-type", b"application/json")])
        code = (facts.code or facts.type or "") if facts is not None else ""
        exchange.rejection = Rejection(head=head, body=shown, code=code)
    return Failure.CLIENT if failure is None else failure


def retry_after_s(headers: Headers) -> float | None:
    """Seconds that an upstream asks to be left alone; `None` if it does not say.

    Source: RFC 9110, section 10.2.3; `retry-after-ms` is OpenAI's.
    """
    milliseconds = field(headers, b"retry-after-ms").strip()
    value = field(headers, b"retry-after").decode("latin-1").strip()
    try:
        if milliseconds:
            wait_s = float(milliseconds) / 1000
        elif value.replace(".", "", 1).isdigit():
            wait_s = float(value)
        elif value:
            wait_s = email.utils.parsedate_to_datetime(value).timestamp() - time.time_ns() / 1e9
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return None if isnan(wait_s) else min(max(wait_s, 0.0), MAX_REST_S)


def all_failed(exchange: Exchange, failure: Failure, reason: str) -> OfframpError:
    """The error of an exchange that nobody answered, with every attempt and why."""
    tried = [f"{row.tier}: {row.failure}" + (f" {row.status}" if row.status else "") for row in exchange.tries]
    story = "; ".join([*tried, *exchange.skipped])
    detail = f" ({reason})" if reason and len(tried) <= 1 else ""
    kind = UpstreamTimeoutError if failure in _TIMEOUTS else UpstreamFailedError
    if failure is Failure.KEY_REFUSED:
        kind = UpstreamKeyRefusedError
    return kind(f"no upstream answered: {story}{detail}")
