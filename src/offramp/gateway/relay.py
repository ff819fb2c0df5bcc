"""Relay: pass the answer on, by the stream contract of `exchange.py`. Fifth phase.

Only whole events travel, so an error event never lands inside another one. Before the commit every event is read;
after it only blocks that may carry usage, an error, a finish reason or the end.
"""

from offramp.errors import WireError
from offramp.gateway import answers
from offramp.gateway.exchange import Exchange, Mode, Stage
from offramp.policy.failover import Failure
from offramp.wire import answer, sse
from offramp.wire.envelope import ErrorFacts, error_event, is_context_overflow, normalise
from offramp.wire.http import AnswerHead, chunk
from offramp.wire.operation import Operation
from offramp.wire.stream import DONE_EVENT, Kind, StreamEvent, is_notable, read_event

MAX_HELD_BYTES = 8 * 1024 * 1024
"""A whole answer longer than this is committed as it stands."""
MAX_PRIMED_BYTES = 256 * 1024
"""A stream without content longer than this is committed as it stands."""
MAX_KEPT_BYTES = 1024 * 1024
"""Longest answer that is kept for the cache or a capture."""
_WHOLE, _STREAM, _THROUGH = Mode.WHOLE, Mode.STREAM, Mode.THROUGH
_PRIMED, _COMMITTED = Stage.PRIMED, Stage.COMMITTED
EVENT_STREAM = b"text/event-stream"


def begin(exchange: Exchange, head: AnswerHead) -> Failure | None:
    """The head of an answer: how it will travel, or why it cannot."""
    status = exchange.status = head.status
    exchange.answer = head
    exchange.parts = []
    exchange.parts_bytes = 0
    exchange.tail = b""
    if exchange.mode is _THROUGH:
        return None
    request = exchange.request
    fields = head.fields
    is_stream = fields.get(b"content-type", b"").startswith(EVENT_STREAM)
    if status == 200 and is_stream is not (request is not None and request.streaming):
        return Failure.NOT_PROTOCOL
    if fields.get(b"content-encoding", b"identity") != b"identity":
        return Failure.NOT_PROTOCOL
    exchange.mode = _STREAM if status == 200 and is_stream else _WHOLE
    if exchange.mode is _STREAM:
        exchange.stage = _PRIMED
    return None


def forget_attempt(exchange: Exchange) -> None:
    """What an attempt said that failed before the commit is no part of the answer that follows."""
    exchange.usage = None
    exchange.finish_reason = exchange.model_served = exchange.service_tier = exchange.response_id = ""
    exchange.error_code = ""
    exchange.deltas = exchange.finishes = 0
    exchange.done_seen = exchange.answer_failed = False


# --- streams ------------------------------------------------------------------------------------


def stream_block(exchange: Exchange, block: bytes, now_s: float) -> Failure | None:
    """More of an event stream."""
    scanned = len(exchange.tail)
    if scanned:
        block = exchange.tail + block
        exchange.tail = b""
    if not block.endswith(b"\n\n"):
        end = sse.cut(block, scanned)
        exchange.tail = block[end:]
        block = block[:end]
        if len(exchange.tail) > sse.MAX_EVENT_BYTES:
            return Failure.NOT_PROTOCOL
    if not block or exchange.done_seen or exchange.answer_failed:
        return None  # Nothing follows an end.
    if exchange.stage is not _COMMITTED:
        return _before_commit(exchange, block, now_s)
    exchange.last_read_s = now_s
    if not is_notable(block):
        exchange.deltas += block.count(b"\n\n")
        _pass_on(exchange, block)
    else:
        kept = _read_notable(exchange, block)
        if kept:
            _pass_on(exchange, kept)
    return None


def _before_commit(exchange: Exchange, block: bytes, now_s: float) -> Failure | None:
    """Hold events back until one has content; then commit with all that was held."""
    request, held = exchange.request, exchange.parts
    assert request is not None
    assert held is not None
    events = sse.split(block)
    for position, event in enumerate(events):
        facts = read_event(exchange.operation, event)
        if facts.kind is Kind.ERROR:
            exchange.error_code = _error_code(facts.error)
            return _failure_of_error(facts.error)
        _note(exchange, facts)
        exchange.parts_bytes += len(event)
        if facts.kind is Kind.USAGE and not request.include_usage:
            continue
        held.append(event)
        if facts.kind is Kind.CONTENT or facts.finishes or exchange.parts_bytes > MAX_PRIMED_BYTES:
            _commit(exchange, now_s)
            rest = b"".join(events[position + 1 :])
            if rest:
                rest = _read_notable(exchange, rest)
            _pass_on(exchange, b"".join(held) + rest)
            exchange.parts = None
            return None
        if facts.kind is Kind.DONE:
            return Failure.EMPTY
    return None


def _commit(exchange: Exchange, now_s: float) -> None:
    exchange.stage = _COMMITTED
    exchange.first_content_s = exchange.last_read_s = now_s
    if exchange.keeps:
        exchange.kept = []
    exchange.client.write(answers.head(exchange, exchange.answer.forwarded, None))


def _pass_on(exchange: Exchange, block: bytes) -> None:
    exchange.bytes_out += len(block)
    exchange.client.write(chunk(block) if exchange.chunked else block)
    if exchange.kept is not None:
        exchange.kept.append(block)
        exchange.kept_bytes += len(block)
        if exchange.kept_bytes > MAX_KEPT_BYTES:
            exchange.kept = None


def _read_notable(exchange: Exchange, block: bytes) -> bytes:
    """Read the events that say something, and take the usage out that only we asked for."""
    request = exchange.request
    assert request is not None
    kept: list[bytes] = []
    for event in sse.split(block):
        if exchange.done_seen or exchange.answer_failed:
            break
        if not is_notable(event):
            exchange.deltas += 1
        else:
            facts = read_event(exchange.operation, event)
            _note(exchange, facts)
            if facts.kind is Kind.USAGE and not request.include_usage:
                continue
            if facts.kind is Kind.ERROR:
                kept.append(_shown_error(exchange.operation, event))
                break
        kept.append(event)
    return b"".join(kept)


def _shown_error(operation: Operation, event: bytes) -> bytes:
    """An upstream's error event in OpenAI's shape: vLLM gives a number as its code."""
    told = sse.data_of(event)
    if told is None or operation is Operation.RESPONSES:
        return event
    shown = normalise(told, 500)
    return event if shown == told else b"data: %b\n\n" % shown


def _note(exchange: Exchange, facts: StreamEvent) -> None:
    """Keep what an event says for the ledger and for the end of the stream."""
    if facts.kind is Kind.CONTENT:
        exchange.deltas += 1
    if facts.usage is not None:
        exchange.usage = facts.usage
    if facts.finish_reason:
        exchange.finish_reason = facts.finish_reason
        exchange.finishes += facts.finishes
    if facts.model and not exchange.model_served:
        exchange.model_served = facts.model
    if facts.service_tier:
        exchange.service_tier = facts.service_tier
    if facts.response_id and not exchange.response_id:
        exchange.response_id = facts.response_id
    if facts.kind is Kind.DONE:
        exchange.done_seen = True
    elif facts.kind is Kind.ERROR:
        exchange.answer_failed = True
        exchange.error_code = _error_code(facts.error)


def _error_code(error: ErrorFacts | None) -> str:
    return (error.code or error.type or "error") if error is not None else "error"


def _failure_of_error(error: ErrorFacts | None) -> Failure:
    return Failure.CONTEXT_OVERFLOW if is_context_overflow(error) else Failure.STREAM_ERROR


def stream_end(exchange: Exchange) -> Failure | None:
    """The upstream has ended the body: whether the stream is whole; if so the client's is ended too.

    A stream is whole with its end marker; a chat stream that lacks only the marker, with every choice finished and the
    body properly ended, gets the marker from us.
    """
    if exchange.tail:
        last, exchange.tail = exchange.tail + b"\n\n", b""
        if exchange.stage is _COMMITTED and read_event(exchange.operation, last).kind is not Kind.OTHER:
            passed = _read_notable(exchange, last)
            if passed:
                _pass_on(exchange, passed)
    if exchange.stage is not _COMMITTED:
        return Failure.EMPTY
    if exchange.answer_failed:
        return Failure.STREAM_ERROR
    if not exchange.done_seen:
        request = exchange.request
        choices = request.n if request is not None else 1
        if exchange.operation is Operation.RESPONSES or exchange.finishes < choices:
            return Failure.BROKEN
        _pass_on(exchange, DONE_EVENT)
    answers.end_body(exchange)
    return None


def stream_broken(exchange: Exchange, reason: str) -> None:
    """After the commit: say in the stream that it is not whole, and end it without an end marker."""
    message = f"the answer is cut off: {exchange.tier_name} failed after it had begun ({reason})"
    end_in_error(exchange, message, "upstream_stream_broken")


def end_in_error(exchange: Exchange, message: str, code: str) -> None:
    """End a stream in an explicit error, unless it has had one, and without an end marker."""
    if not exchange.answer_failed:
        exchange.error_code = code
        event = error_event(exchange.operation, message=message, type="api_error", code=code)
        answers.write_body(exchange, event)
    answers.end_body(exchange)


# --- whole answers ------------------------------------------------------------------------------


def whole_block(exchange: Exchange, block: bytes) -> None:
    """More of an answer that is held until it is whole, or that is too long to be held."""
    parts = exchange.parts
    if exchange.stage is _COMMITTED or parts is None:
        answers.write_body(exchange, block)
        return
    parts.append(block)
    exchange.parts_bytes += len(block)
    if exchange.parts_bytes > MAX_HELD_BYTES:
        exchange.stage = _COMMITTED
        exchange.client.write(answers.head(exchange, exchange.answer.forwarded, None))
        for part in parts:
            answers.write_body(exchange, part)
        exchange.parts = None


def whole_body(exchange: Exchange) -> bytes:
    """The body that was held."""
    parts = exchange.parts or []
    return parts[0] if len(parts) == 1 else b"".join(parts)


def models_end(exchange: Exchange, body: bytes) -> Failure | None:
    """The upstream's list of models: merge the aliases into it, or say why not."""
    try:
        answer.decode(Operation.MODELS, body)
    except WireError:
        return Failure.NOT_PROTOCOL
    answers.send_models(exchange, body)
    return None


def whole_end(exchange: Exchange, body: bytes, now_s: float) -> Failure | None:
    """A whole answer of status 200: recognise it and pass it on, or say why not."""
    if exchange.stage is _COMMITTED:
        answers.end_body(exchange)
        return None
    try:
        facts = answer.decode(exchange.operation, body)
    except WireError:
        return Failure.NOT_PROTOCOL
    exchange.usage = facts.usage
    exchange.finish_reason = facts.finish_reason
    exchange.model_served = facts.model
    exchange.service_tier = facts.service_tier
    exchange.response_id = facts.id
    exchange.first_content_s = now_s
    if exchange.keeps and len(body) <= MAX_KEPT_BYTES:
        exchange.kept = [body]
    answers.send_whole(exchange, body)
    return None


# --- what streams through -----------------------------------------------------------------------


def through_head(exchange: Exchange, length: int | None) -> None:
    """Pass a head on as soon as it is there; from now on nothing can be taken back.

    Args:
        exchange: What is answered.
        length: What the upstream says of the body's length in bytes; `None` if nothing.
    """
    exchange.stage = _COMMITTED
    if not exchange.upload_done:
        exchange.keep_alive = False  # The rest of the upload may never be read.
    if exchange.status in answers.BODILESS:
        length = None
    exchange.client.write(answers.head(exchange, exchange.answer.forwarded, length))
    if exchange.facts.method == b"HEAD":
        exchange.chunked = False


def through_block(exchange: Exchange, block: bytes, now_s: float) -> None:
    """More of it."""
    if not exchange.first_content_s:
        exchange.first_content_s = now_s
    exchange.last_read_s = now_s
    answers.write_body(exchange, block)
