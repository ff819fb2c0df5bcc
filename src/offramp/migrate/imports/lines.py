"""Records of one's own: captures, requests with their answers, or flat records. No I/O here.

Flat records name what they have: a time, a model, tokens in and out; everything else is optional. Names are those of
the ledger's columns, or what other logs call the same.
"""

import re

import msgspec

from offramp.migrate.imports.http_exchange import Recorded, row_of
from offramp.migrate.imports.notes import UnusableError
from offramp.migrate.imports.row import NONE, counts, exchange, outcome_of
from offramp.migrate.imports.values import Record, count, currency, first, moment_ns, nano_usd, record, text
from offramp.store.rows import ExchangeRow
from offramp.wire.features import Feature
from offramp.wire.operation import Operation

_TIMES = ("started_at", "timestamp", "time", "created_at", "created", "started_ns", "start_time", "date", "ts")
_INPUTS = ("input_tokens", "prompt_tokens", "tokens_in", "ContextTokens")
_OUTPUTS = ("output_tokens", "completion_tokens", "tokens_out", "GeneratedTokens")
COSTS = ("cost_usd", "cost", "spend")
_SITE = re.compile(r"[0-9a-f]{16}")
_CODES = {operation.value: operation for operation in Operation}


def row_of_pair(entry: Record, number: int, hash_key: bytes) -> ExchangeRow:
    """A record with `request` and `answer` (or `response`) as JSON, such as a capture.

    Raises:
        UnusableError: If it has no time, or its request is none of an operation that is known.
    """
    asked, answered = first(entry, "request", "body"), first(entry, "answer", "response")
    operation = _operation(entry, record(asked))
    started_ns = moment_ns(first(entry, *_TIMES))
    status = count(first(entry, "status", "status_code")) or 200
    recorded = Recorded(
        id=text(entry.get("id")) or f"line-{number}",
        method="POST",
        url="",
        request_headers=(),
        request=msgspec.json.encode(asked),
        status=status,
        answer_headers=(("content-type", "application/json"),),
        answer=msgspec.json.encode(record(answered).get("body") or answered),
        started_ns=started_ns,
        ttft_s=_seconds(entry, "ttft"),
        total_s=_seconds(entry, "total", "latency", "duration") or 0.0,
    )
    row = row_of(recorded, operation, hash_key)
    if _SITE.fullmatch(text(entry.get("site"))):
        row = msgspec.structs.replace(row, site=bytes.fromhex(text(entry.get("site"))))
    team, feature = text(entry.get("team")), text(entry.get("feature"))
    return msgspec.structs.replace(row, team=team or NONE, feature=feature or row.feature)


def row_of_flat(entry: Record, number: int) -> ExchangeRow:
    """A flat record.

    Raises:
        UnusableError: If it has no time, or neither model nor tokens.
    """
    started_ns = moment_ns(first(entry, *_TIMES))
    model = text(first(entry, "model", "model_asked", "model_name"))
    input_tokens, output_tokens = count(first(entry, *_INPUTS)), count(first(entry, *_OUTPUTS))
    if not model and input_tokens is None:
        raise UnusableError("it has neither a model nor tokens")
    status = count(first(entry, "status", "status_code", "http_status")) or 200
    streamed = first(entry, "stream", "streaming", "streamed") in (True, "true", "True", 1, "1")
    return exchange(
        id=text(first(entry, "id", "request_id")) or f"line-{number}",
        started_ns=started_ns,
        key=text(first(entry, "key", "api_key_name")),
        team=text(first(entry, "team", "team_id", "project")) or NONE,
        feature=text(first(entry, "feature", "service", "application")),
        operation=_CODES.get(text(entry.get("operation")), Operation.CHAT).value,
        features=Feature.STREAMING.value if streamed else 0,
        max_tokens=count(entry.get("max_tokens")),
        tier=text(first(entry, "tier", "provider")) or NONE,
        model_asked=model,
        model_served=text(entry.get("model_served")),
        status=status,
        outcome=outcome_of(status),
        error_code=text(first(entry, "error_code", "error")),
        finish_reason=text(entry.get("finish_reason")),
        **counts(input_tokens, output_tokens, count(entry.get("cached_tokens")) or 0),
        ttft_s=_seconds(entry, "ttft"),
        total_s=_seconds(entry, "total", "latency", "duration") or 0.0,
        cost_nano=None if currency(entry) else nano_usd(first(entry, *COSTS)),
    )


def _operation(entry: Record, asked: Record) -> Operation:
    named = _CODES.get(text(entry.get("operation")))
    if named is not None:
        return named
    for operation, field in (
        (Operation.CHAT, "messages"),
        (Operation.COMPLETIONS, "prompt"),
        (Operation.RESPONSES, "input"),
    ):
        if field in asked:
            return operation
    raise UnusableError("its request is none of a chat, a completion or a response")


def _seconds(entry: Record, *names: str) -> float | None:
    """A time span under one of its names, in seconds (`_s`, `_seconds` or none) or milliseconds (`_ms`)."""
    for name in names:
        for ending, unit in (("_s", 1.0), ("_seconds", 1.0), ("", 1.0), ("_ms", 1000.0)):
            value = entry.get(name + ending)
            if isinstance(value, str):
                try:
                    value = float(value)
                except ValueError:
                    continue
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
                return value / unit
    return None
