"""Settle: account for an exchange, always and once. Last phase.

Hashes tell audits which requests and call sites are the same without keeping a word of them: keyed BLAKE2b, so that nobody
without the key can try texts out.
"""

import time
from functools import lru_cache
from hashlib import blake2b

from offramp.gateway.exchange import Exchange, Mode, Stage
from offramp.gateway.plan import NONE
from offramp.gateway.services import Services
from offramp.policy.failover import Failure
from offramp.store.cache import CachedAnswer
from offramp.store.rows import ExchangeRow, Outcome
from offramp.wire.http import field
from offramp.wire.operation import Operation
from offramp.wire.request import canonical
from offramp.wire.usage import Usage

HASHED_WHOLE_BYTES = 4096
HASHED_START_BYTES = 1024
HASHED_END_BYTES = 3072
_CLIENTS_OWN = (None, Failure.CLIENT)
MEMO_PROMPTS = 512
"""System prompts, tools and schemas whose hash is remembered; the same few come with nearly every request."""
MEMO_PART_BYTES = 64 * 1024
"""Longer parts are hashed anew, so that the memory stays bounded."""


def request_hash(key: bytes, tenant: bytes, body: bytes) -> bytes:
    """Tells the same request of the same tenant again: key, length, and the whole body or its two ends (16 bytes)."""
    digest = blake2b(tenant, digest_size=16, key=key)
    if len(body) <= HASHED_WHOLE_BYTES:
        digest.update(body)
    else:
        digest.update(b"%d\n" % len(body))
        digest.update(body[:HASHED_START_BYTES])
        digest.update(body[-HASHED_END_BYTES:])
    return digest.digest()


def cache_key(key: bytes, tenant: bytes, route: str, body: bytes) -> bytes:
    """Under which an answer is kept: tenant, route and every byte of the request (32 bytes)."""
    digest = blake2b(key=key, digest_size=32)
    for part in (tenant, route.encode()):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    digest.update(body)
    return digest.digest()


def _part_hash(key: bytes, part: bytes) -> bytes:
    return blake2b(canonical(part), digest_size=8, key=key).digest() if part else b""


_remembered_part_hash = lru_cache(maxsize=MEMO_PROMPTS)(_part_hash)


def part_hash(key: bytes, part: bytes) -> bytes:
    """Keyed hash of a prompt, of tool names or of a schema in canonical form (8 bytes; empty for none)."""
    return _remembered_part_hash(key, part) if len(part) <= MEMO_PART_BYTES else _part_hash(key, part)


def site_of(key: bytes, header: bytes, parts: tuple[bytes, bytes, bytes]) -> bytes:
    """The call site: hash of the header, else of system prompt, tool names and schema (8 bytes; empty for none)."""
    if header:
        return blake2b(header, digest_size=8, key=key, person=b"site").digest()
    if not any(parts):
        return b""
    hashes = b"".join(part_hash(key, part).ljust(8, b"\0") for part in parts)
    return blake2b(hashes, digest_size=8, key=key).digest()


def tenant_of(exchange: Exchange) -> bytes:
    """Whose request it is, as far as hashes and the cache must keep tenants apart."""
    principal, facts = exchange.principal, exchange.facts
    if principal is not None and principal.name:
        return principal.name.encode()
    return facts.token if facts is not None else b""


def outcome_of(exchange: Exchange) -> Outcome:
    """How the exchange ended."""
    stage = exchange.stage
    if stage is Stage.CANCELLED:
        return Outcome.CANCELLED
    if stage is Stage.TRUNCATED:
        return Outcome.TRUNCATED
    if exchange.status < 400:
        return Outcome.OK
    if exchange.refused:
        return Outcome.REFUSED
    return Outcome.CLIENT_ERROR if exchange.last_failure in _CLIENTS_OWN and exchange.status < 500 else Outcome.UPSTREAM_ERROR


def settle(exchange: Exchange, services: Services) -> ExchangeRow | None:
    """Account for the exchange: metrics, ledger, cache, estimates.

    Returns:
        The row, for the log; `None` if it was settled before.
    """
    if exchange.settled:
        return None
    exchange.settled = True
    outcome = outcome_of(exchange)
    now_s = time.monotonic()
    measured = _measure(exchange, services, outcome)
    if exchange.kept is not None and outcome is Outcome.OK:
        _keep(exchange, now_s)
    row = _row(exchange, services, outcome, measured, now_s)
    _count(exchange, services, row)
    services.ledger.row(row)
    return row


def _measure(exchange: Exchange, services: Services, outcome: Outcome) -> str:
    """Learn from measured usage, or estimate what never came; says which."""
    request = exchange.request
    if request is None:
        return "none"
    usage = exchange.usage
    direction = "stream" if exchange.mode is Mode.STREAM else "whole"
    if usage is not None and exchange.attempts:
        services.estimates.observe(request.model, "input", len(exchange.body), usage.input_tokens)
        if outcome is Outcome.OK:
            services.estimates.observe(request.model, direction, exchange.bytes_out, usage.output_tokens)
    if usage is not None:
        return "measured"
    if exchange.stage is Stage.PENDING or exchange.attempts == 0 or exchange.status != 200:
        return "none"
    tier = exchange.tier
    counts = tier is not None and tier.upstream is not None and tier.upstream.counts_deltas
    if direction == "stream" and counts:
        output = exchange.deltas
    else:
        ratio = services.estimates.of(request.model, direction)
        exchange.usage_ratio = ratio.ratio
        output = ratio.tokens(exchange.bytes_out)
    input_ratio = services.estimates.of(request.model, "input")
    exchange.usage_ratio = exchange.usage_ratio or input_ratio.ratio
    exchange.usage = Usage(input_tokens=input_ratio.tokens(len(exchange.body)), output_tokens=output)
    return "estimated"


def _keep(exchange: Exchange, now_s: float) -> None:
    """Keep a good answer for the time when nobody else answers."""
    kept = exchange.kept or []
    cached = CachedAnswer(
        content_type=field(exchange.answer_headers, b"content-type"),
        body=b"".join(kept),
        streamed=exchange.mode is Mode.STREAM,
        model=exchange.model_served,
        finish_reason=exchange.finish_reason,
        usage=exchange.usage,
        stored_s=now_s,
    )
    exchange.plan.cache.put(exchange.cache_key, cached)


def _costs(exchange: Exchange, services: Services) -> tuple[int | None, int | None]:
    """Token-priced actual cost and baseline cost in nano-dollars; `None` where unknown."""
    route, tier, usage = exchange.route, exchange.tier, exchange.usage
    upstream = tier.upstream if tier is not None else None
    baseline: int | None = None
    if route is not None and route.baseline is not None and usage is not None:
        baseline = route.baseline.cost_nano(usage, "")
    if exchange.attempts == 0:
        return 0, baseline
    if upstream is None:
        return 0 if tier is not None else None, baseline
    if upstream.instances[0].compute:
        return 0, baseline
    if usage is None:
        nothing_served = exchange.status >= 400 and exchange.stage is not Stage.CANCELLED
        return 0 if nothing_served else None, baseline
    asked = tier.model if tier is not None else None
    card = upstream.card_for(asked or (exchange.request.model if exchange.request is not None else ""))
    if card is None and exchange.model_served:
        card = upstream.card_for(exchange.model_served)
    return (card.cost_nano(usage, exchange.service_tier) if card is not None else None), baseline


def _row(exchange: Exchange, services: Services, outcome: Outcome, measured: str, now_s: float) -> ExchangeRow:
    request, principal, facts, usage = exchange.request, exchange.principal, exchange.facts, exchange.usage
    route, attempt_count = exchange.route, exchange.attempts
    key = services.hash_key
    site_header = facts.site if facts is not None else b""
    parts = request.site_parts if request is not None else (b"", b"", b"")
    cost, baseline = _costs(exchange, services)
    feature = principal.feature if principal is not None else ""
    first_s = exchange.first_content_s
    return ExchangeRow(
        id=exchange.id,
        started_ns=exchange.started_ns,
        key=principal.name if principal is not None else "",
        team=principal.team if principal is not None else NONE,
        feature=feature or (facts.feature if facts is not None else "") or (route.feature if route is not None else ""),
        site=site_of(key, site_header, parts),
        site_named=bool(site_header),
        request_hash=request_hash(key, tenant_of(exchange), exchange.body) if exchange.body else b"",
        operation=exchange.operation,
        features=request.features if request is not None else 0,
        n=request.n if request is not None else 1,
        max_tokens=request.max_tokens if request is not None else None,
        service_tier=exchange.service_tier or (request.service_tier if request is not None else ""),
        messages=request.messages if request is not None else 0,
        tools=request.tools if request is not None else 0,
        system_hash=part_hash(key, parts[0]),
        system_bytes=len(request.system) if request is not None else 0,
        route=route.name if route is not None else NONE,
        tier=exchange.tier_name,
        instance=exchange.tried[-1].name if exchange.tried else "",
        model_asked=request.model if request is not None else "",
        model_served=exchange.model_served,
        status=exchange.status,
        outcome=outcome,
        error_code=exchange.error_code,
        finish_reason=exchange.finish_reason,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        cached_tokens=usage.cached_tokens if usage is not None else None,
        reasoning_tokens=usage.reasoning_tokens if usage is not None else None,
        usage=measured,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        ttft_s=first_s - exchange.started_s if first_s else None,
        total_s=now_s - exchange.started_s,
        attempts=attempt_count,
        client_retries=facts.client_retries if facts is not None else 0,
        ratelimit_requests=exchange.ratelimit_requests,
        ratelimit_tokens=exchange.ratelimit_tokens,
        cost_nano=cost,
        baseline_nano=baseline,
        tries=exchange.tries if attempt_count > 1 else (),
        usage_ratio=exchange.usage_ratio,
    )


def _count(exchange: Exchange, services: Services, row: ExchangeRow) -> None:
    metrics = services.metrics
    streamed = exchange.mode is Mode.STREAM
    series = metrics.series(row.route, row.tier, row.operation, row.outcome)
    series.record(
        row.status // 100,
        row.total_s,
        row.ttft_s if streamed else None,
        row.input_tokens,
        row.output_tokens,
        row.cost_nano,
        row.baseline_nano,
    )
    if streamed and exchange.deltas > 1 and exchange.first_content_s:
        gap_s = (exchange.last_read_s - exchange.first_content_s) / (exchange.deltas - 1)
        metrics.inter_token.child(row.route, row.tier).observe(gap_s)
    if row.outcome == Outcome.CANCELLED and row.output_tokens:
        metrics.cancelled_tokens.child().inc(row.output_tokens)


def remember_chain(exchange: Exchange, services: Services) -> None:
    """A stored response ties what follows it to this upstream."""
    if exchange.operation is Operation.RESPONSES and exchange.response_id:
        services.chains.remember(exchange.response_id, exchange.tier_name)
