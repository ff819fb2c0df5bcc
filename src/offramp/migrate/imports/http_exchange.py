"""One HTTP exchange, as a proxy or a browser has recorded it, as a row of the ledger. No I/O here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from offramp.errors import BadRequestError, WireError
from offramp.migrate.imports.row import exchange, outcome_of
from offramp.store.fingerprint import named_site, request_hash, site_of, tenant_key
from offramp.store.rows import ExchangeRow, Outcome
from offramp.wire import answer, envelope, request, sse, stream
from offramp.wire.operation import OPERATIONS, Operation
from offramp.wire.usage import Usage

_PATHS = {path.removeprefix(b"/v1").decode(): operation for path, operation in OPERATIONS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was recorded."""

    id: str
    method: str
    url: str
    request_headers: Sequence[tuple[str, str]]
    request: bytes
    status: int
    """0 if no answer came."""
    answer_headers: Sequence[tuple[str, str]]
    answer: bytes
    started_ns: int
    ttft_s: float | None
    total_s: float


def operation_of(method: str, url: str) -> Operation | None:
    """The operation, whatever stands before it in the path (`/v1`, Azure's deployments …); `None` for other traffic."""
    path = urlsplit(url).path.rstrip("/")
    if method.upper() != "POST":
        return None
    # The longest first: a chat's path ends like that of a completion.
    for ending in sorted(_PATHS, key=len, reverse=True):
        if path.endswith(ending):
            return _PATHS[ending]
    return None


def row_of(recorded: Recorded, operation: Operation, hash_key: bytes) -> ExchangeRow:
    """The exchange as the ledger would have it; `hash_key` is that of the ledger's fingerprints."""
    headers = {name.lower(): value for name, value in recorded.request_headers}
    fields = {name.lower(): value for name, value in recorded.answer_headers}
    token = _token(headers)
    try:
        asked = request.decode(operation, recorded.request)
    except BadRequestError:
        asked = request.Request(operation, "")
    told = _told(operation, recorded, streamed=fields.get("content-type", "").startswith("text/event-stream"))
    named = headers.get("x-offramp-site", "").encode()
    site = site_of(hash_key, asked.site_parts)
    return exchange(
        id=recorded.id,
        started_ns=recorded.started_ns,
        key=hashlib.sha256(token.encode()).hexdigest()[:8] if token else "",
        feature=headers.get("x-offramp-feature", "")[:128],
        site=named_site(hash_key, named) if named else site.site,
        site_named=bool(named),
        request_hash=request_hash(tenant_key(hash_key, token.encode()[:64]), recorded.request),
        operation=operation.value,
        features=asked.features,
        n=asked.n,
        max_tokens=asked.max_tokens,
        service_tier=told.service_tier or asked.service_tier,
        messages=asked.messages,
        tools=asked.tools,
        system_hash=site.system,
        system_bytes=len(asked.system),
        instance=urlsplit(recorded.url).netloc[:128],
        model_asked=asked.model,
        model_served=told.model,
        status=recorded.status,
        outcome=told.outcome,
        error_code=told.error_code,
        finish_reason=told.finish_reason,
        **_counts(told.usage),
        bytes_in=len(recorded.request),
        bytes_out=len(recorded.answer),
        ttft_s=recorded.ttft_s,
        total_s=recorded.total_s,
        client_retries=_number(headers.get("x-stainless-retry-count")) or 0,
        ratelimit_requests=_number(fields.get("x-ratelimit-remaining-requests")),
        ratelimit_tokens=_number(fields.get("x-ratelimit-remaining-tokens")),
    )


@dataclass(slots=True, kw_only=True)
class _Told:
    """What the answer says."""

    outcome: str
    model: str = ""
    finish_reason: str = ""
    service_tier: str = ""
    error_code: str = ""
    usage: Usage | None = None


def _counts(usage: Usage | None) -> dict[str, int | str]:
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "usage": "measured",
    }


def _told(operation: Operation, recorded: Recorded, *, streamed: bool) -> _Told:
    if recorded.status == 0:
        return _Told(outcome=Outcome.CANCELLED.value, error_code="no_answer")
    told = _Told(outcome=outcome_of(recorded.status))
    if recorded.status >= 400:
        facts = envelope.read(recorded.answer)
        told.error_code = (facts.code or facts.type or "")[:128] if facts is not None else ""
    elif streamed:
        _read_stream(operation, recorded.answer, told)
    else:
        try:
            whole = answer.decode(operation, recorded.answer)
        except WireError:
            return told
        told.model, told.finish_reason, told.service_tier = whole.model, whole.finish_reason, whole.service_tier
        told.usage = whole.usage
    return told


def _read_stream(operation: Operation, body: bytes, told: _Told) -> None:
    done = False
    for event in sse.split(body):
        facts = stream.read_event(operation, event)
        told.model = told.model or facts.model
        told.finish_reason = facts.finish_reason or told.finish_reason
        told.service_tier = facts.service_tier or told.service_tier
        told.usage = facts.usage or told.usage
        done = done or facts.kind is stream.Kind.DONE or bool(facts.finish_reason)
        if facts.kind is stream.Kind.ERROR:
            told.error_code = (facts.error.code or facts.error.type or "error")[:128] if facts.error else "error"
            told.outcome = Outcome.TRUNCATED.value
    if not done and told.outcome == Outcome.OK.value:
        told.outcome = Outcome.TRUNCATED.value


def _token(headers: dict[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("api-key", "")


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdigit() and value.isascii() and len(value) < 16 else None
