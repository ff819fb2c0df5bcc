"""Answers: how anything goes to the client, and the answers of the gateway's own making. Used by several phases."""

from offramp.errors import OfframpError
from offramp.gateway.exchange import Exchange, Rejection, Stage
from offramp.gateway.refusals import PREFLIGHT_FIELDS, cors_fields, error_body, refusal_bytes
from offramp.store.cache import CachedAnswer
from offramp.wire import models
from offramp.wire.http import LAST_CHUNK, AnswerHead, chunk, status_line

NO_TIER_LINES = b"x-offramp-tier: none\r\n"
BODILESS = frozenset({101, 204, 304})
"""Statuses whose answer has no body and says no length (RFC 9110, section 8.6)."""
_COMMITTED, _DONE = Stage.COMMITTED, Stage.DONE
_JSON = AnswerHead(200, [(b"content-type", b"application/json")])
_TEXT = AnswerHead(200, [(b"content-type", b"text/plain")])


def head(exchange: Exchange, fields: bytes, length: int | None) -> bytes:
    """The head of an answer to the client.

    Args:
        exchange: What is answered.
        fields: Header lines of the upstream that travel on.
        length: Bytes of the body; `None` where it is not known beforehand, or the status says that there is none.
    """
    request_id = exchange.id.encode()
    if b"x-request-id:" not in fields:
        fields += b"x-request-id: %b\r\n" % request_id
    facts = exchange.facts
    if length is not None:
        framing = b"content-length: %d\r\n" % length
    elif exchange.status in BODILESS:
        framing = b""
    elif facts.version_11:
        exchange.chunked = True
        framing = b"transfer-encoding: chunked\r\n"
    else:
        exchange.keep_alive = False
        framing = b""
    if not exchange.keep_alive:
        switched = exchange.status == 101
        framing += b"connection: upgrade\r\nupgrade: %b\r\n" % facts.upgrade if switched else b"connection: close\r\n"
    elif not facts.version_11:
        framing += b"connection: keep-alive\r\n"
    if facts.origin:
        framing += cors_fields(facts, exchange.plan)
    exchange.head_sent = True
    return b"%b%bx-offramp-id: %b\r\n%bx-offramp-attempts: %d\r\n%b%b\r\n" % (
        status_line(exchange.status),
        fields,
        request_id,
        exchange.tier.head_lines if exchange.tier is not None else NO_TIER_LINES,
        exchange.attempts,
        exchange.plan.head_lines,
        framing,
    )


def write_body(exchange: Exchange, block: bytes) -> None:
    """Put body bytes on the wire in the framing that the head announced."""
    exchange.bytes_out += len(block)
    exchange.client.write(chunk(block) if exchange.chunked else block)


def end_body(exchange: Exchange) -> None:
    """The body is complete."""
    if exchange.chunked:
        exchange.client.write(LAST_CHUNK)


def send_whole(exchange: Exchange, body: bytes) -> None:
    """A body that is complete goes to the client with the upstream's header fields."""
    exchange.stage = _COMMITTED
    exchange.bytes_out = len(body)
    exchange.client.write_whole(head(exchange, exchange.answer.forwarded, len(body)), body)


def send_cached(exchange: Exchange, cached: CachedAnswer, now_s: float) -> None:
    """The last good answer, with its age."""
    exchange.stage = _COMMITTED
    exchange.status = 200
    exchange.first_content_s = now_s
    exchange.model_served = cached.model
    exchange.finish_reason = cached.finish_reason
    exchange.usage = cached.usage
    age_s = max(0, int(now_s - cached.stored_s))
    fields = b"content-type: %b\r\nage: %d\r\n" % (cached.content_type, age_s)
    exchange.bytes_out = len(cached.body)
    exchange.client.write_whole(head(exchange, fields, len(cached.body)), cached.body)


def send_rejection(exchange: Exchange, rejection: Rejection) -> None:
    """An upstream's own error goes to the client."""
    exchange.status, exchange.answer = rejection.head.status, rejection.head
    exchange.error_code = rejection.code
    send_whole(exchange, rejection.body)
    exchange.stage = _DONE


def send_error(exchange: Exchange, error: OfframpError) -> None:
    """An error of the gateway's own goes to the client."""
    exchange.status, exchange.error_code = error.status_hint, error.code
    lines = cors_fields(exchange.facts, exchange.plan) if exchange.facts.origin else b""
    lines += b"x-offramp-tier: %b\r\nx-offramp-attempts: %d\r\n" % (exchange.tier_name.encode(), exchange.attempts)
    to_head = exchange.facts.method == b"HEAD"
    exchange.bytes_out = 0 if to_head else len(error_body(error))
    keep_alive = exchange.keep_alive = exchange.keep_alive and exchange.upload_done
    answer = refusal_bytes(error, request_id=exchange.id, keep_alive=keep_alive, extra=lines, to_head=to_head)
    exchange.client.write(answer)
    exchange.stage = _DONE


def send_models(exchange: Exchange, upstream_body: bytes | None) -> None:
    """The models that routes answer for, and those that the passthrough upstream lists, if it was asked."""
    plan = exchange.plan
    bodies = [] if upstream_body is None else [upstream_body]
    if upstream_body is None:
        exchange.status = 200
        exchange.answer = _JSON
    exchange.keep_alive = exchange.keep_alive and exchange.upload_done
    send_whole(exchange, models.merge(bodies, list(plan.aliases), plan.loaded_unix_s))
    exchange.stage = _DONE


def send_health(exchange: Exchange, *, draining: bool) -> None:
    """A constant answer that costs no upstream anything and is no row of the ledger."""
    exchange.status, exchange.settled = 503 if draining else 200, True
    exchange.answer = _TEXT
    exchange.keep_alive = exchange.keep_alive and exchange.upload_done
    body = b"draining\n" if draining else b"ok\n"
    send_whole(exchange, b"" if exchange.facts.method == b"HEAD" else body)


def send_preflight(exchange: Exchange) -> None:
    """A browser asks whether it may ask: yes for allowed origins, without a key, and no row of the ledger."""
    allowed = cors_fields(exchange.facts, exchange.plan)
    exchange.status, exchange.settled = 204 if allowed else 403, True
    exchange.keep_alive = exchange.keep_alive and exchange.upload_done
    exchange.client.write(head(exchange, PREFLIGHT_FIELDS if allowed else b"", None if allowed else 0))
