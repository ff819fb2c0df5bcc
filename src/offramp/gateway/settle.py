"""Settle: account for an exchange, always and once. Last phase.

Hashes tell audits which requests and call sites are the same without keeping a word of them: keyed BLAKE2b, so that
nobody without the key can try texts out.
"""

import time
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from offramp.gateway.exchange import Exchange, Mode, Stage
from offramp.gateway.plan import NONE, Principal
from offramp.gateway.services import Services
from offramp.policy.failover import Failure
from offramp.store.cache import CachedAnswer
from offramp.store.rows import ExchangeRow, Outcome
from offramp.wire.http import field
from offramp.wire.operation import Operation
from offramp.wire.request import Request, canonical
from offramp.wire.usage import Usage

HASHED_WHOLE_BYTES = 4096
HASHED_START_BYTES = 1024
HASHED_END_BYTES = 3072
NO_REQUEST = Request(Operation.OTHER, "")
NOBODY = Principal(name="", team=NONE)
_CLIENTS_OWN = (None, Failure.CLIENT)
MEMO_PROMPTS = 512
"""System prompts, tools and schemas whose hash is remembered; the same few come with nearly every request."""
MEMO_TENANTS = 4096
MEMO_PART_BYTES = 64 * 1024
"""Longer parts are hashed anew, so that the memory stays bounded."""


def request_hash(key: bytes, body: bytes) -> bytes:
    """Tells the same request of the same tenant again: length, and the whole body or its two ends (16 bytes).

    Args:
        key: The tenant's own key, see `tenant_key`.
        body: As the client sent it.
    """
    if len(body) > HASHED_WHOLE_BYTES:
        body = b"%d\n%b%b" % (len(body), body[:HASHED_START_BYTES], body[-HASHED_END_BYTES:])
    return blake2b(body, digest_size=16, key=key).digest()


@lru_cache(maxsize=MEMO_TENANTS)
def tenant_key(key: bytes, tenant: bytes) -> bytes:
    """A key of a tenant's own, so that two tenants' equal requests do not look alike (32 bytes)."""
    return blake2b(tenant, digest_size=32, key=key, person=b"tenant").digest()


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


class Site(NamedTuple):
    """The hashes of what makes a call site."""

    site: bytes
    """8 bytes; empty for none."""
    system: bytes
    """Of the system prompt, 8 bytes; empty without one."""


NO_SITE = Site(b"", b"")


def _site_of(key: bytes, parts: tuple[bytes, bytes, bytes]) -> Site:
    hashes = [_part_hash(key, part) for part in parts]
    joined = b"".join(part.ljust(8, b"\0") for part in hashes)
    return Site(blake2b(joined, digest_size=8, key=key).digest(), hashes[0])


_remembered_site_of = lru_cache(maxsize=MEMO_PROMPTS)(_site_of)


def site_of(key: bytes, parts: tuple[bytes, bytes, bytes]) -> Site:
    """The call site by keyed hashes of system prompt, tool names and schema in canonical form."""
    if not any(parts):
        return NO_SITE
    if len(parts[0]) + len(parts[1]) + len(parts[2]) > MEMO_PART_BYTES:
        return _site_of(key, parts)
    return _remembered_site_of(key, parts)


@lru_cache(maxsize=MEMO_PROMPTS)
def named_site(key: bytes, header: bytes) -> bytes:
    """The call site by its name in `x-offramp-site` (8 bytes)."""
    return blake2b(header, digest_size=8, key=key, person=b"site").digest()


def tenant_of(exchange: Exchange) -> bytes:
    """Whose request it is, as far as hashes and the cache must keep tenants apart."""
    principal = exchange.principal
    return principal.tenant if principal is not None and principal.name else exchange.facts.token


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
    return (
        Outcome.CLIENT_ERROR
        if exchange.last_failure in _CLIENTS_OWN and exchange.status < 500
        else Outcome.UPSTREAM_ERROR
    )


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
    _read_rate_limits(exchange)
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


def _read_rate_limits(exchange: Exchange) -> None:
    """What the upstream says is left of its limits, for the audit's headroom."""
    for name, value in exchange.answer_headers:
        if name.startswith(b"x-ratelimit-remaining-") and value.isdigit() and len(value) < 16:
            if name == b"x-ratelimit-remaining-requests":
                exchange.ratelimit_requests = int(value)
            elif name == b"x-ratelimit-remaining-tokens":
                exchange.ratelimit_tokens = int(value)


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


def _costs(exchange: Exchange) -> tuple[int | None, int | None]:
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
    """The ledger's row. Positional, in the order of the fields: by keyword it costs four times as much."""
    request, principal, facts, usage = exchange.request, exchange.principal, exchange.facts, exchange.usage
    route, key, first_s, started_s = exchange.route, services.hash_key, exchange.first_content_s, exchange.started_s
    asked = request if request is not None else NO_REQUEST
    site = site_of(key, asked.site_parts)
    cost, baseline = _costs(exchange)
    feature = facts.feature or (route.feature if route is not None else "")
    if principal is None:
        principal = NOBODY
    return ExchangeRow(
        exchange.id,
        exchange.started_ns,
        principal.name,
        principal.team,
        principal.feature or feature,
        named_site(key, facts.site) if facts.site else site.site,
        bool(facts.site),
        request_hash(tenant_key(key, tenant_of(exchange)), exchange.body) if exchange.body else b"",
        exchange.operation,
        asked.features,
        asked.n,
        asked.max_tokens,
        exchange.service_tier or asked.service_tier,
        asked.messages,
        asked.tools,
        site.system,
        len(asked.system),
        route.name if route is not None else NONE,
        exchange.tier.name if exchange.tier is not None else NONE,
        exchange.tried[-1].name if exchange.tried else "",
        asked.model,
        exchange.model_served,
        exchange.status,
        outcome,
        exchange.error_code,
        exchange.finish_reason,
        None if usage is None else usage.input_tokens,
        None if usage is None else usage.output_tokens,
        None if usage is None else usage.cached_tokens,
        None if usage is None else usage.reasoning_tokens,
        measured,
        exchange.bytes_in,
        exchange.bytes_out,
        first_s - started_s if first_s else None,
        now_s - started_s,
        exchange.attempts,
        facts.client_retries,
        exchange.ratelimit_requests,
        exchange.ratelimit_tokens,
        cost,
        baseline,
        exchange.tries if exchange.attempts > 1 else (),
        exchange.usage_ratio,
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
