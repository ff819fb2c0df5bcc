"""Settle: account for an exchange, always and once. Last phase.

Everything here runs once per request, so what every request would look up again is kept in module constants.
"""

import time

from offramp.gateway.exchange import Exchange, Mode, Stage
from offramp.gateway.plan import NONE, Principal
from offramp.gateway.services import Services
from offramp.policy.failover import Failure
from offramp.store.cache import CachedAnswer
from offramp.store.fingerprint import named_site, request_hash, site_of, tenant_key
from offramp.store.rows import ExchangeRow, Outcome
from offramp.upstream.upstream import Upstream
from offramp.wire.operation import Operation
from offramp.wire.request import Request
from offramp.wire.usage import Usage

NO_REQUEST = Request(Operation.OTHER, "")
NOBODY = Principal(name="", team=NONE)
_CLIENTS_OWN = (None, Failure.CLIENT, Failure.CONTEXT_OVERFLOW)
_STREAM, _DONE, _PENDING = Mode.STREAM, Stage.DONE, Stage.PENDING
_OK, _RESPONSES = Outcome.OK, Operation.RESPONSES


def tenant_of(exchange: Exchange) -> bytes:
    """Whose request it is, as far as hashes and the cache must keep tenants apart."""
    principal = exchange.principal
    return principal.tenant if principal is not None and principal.name else exchange.facts.token


def outcome_of(exchange: Exchange) -> Outcome:
    """How the exchange ended."""
    stage = exchange.stage
    if exchange.status < 400 and stage is _DONE:
        return _OK
    if stage is Stage.CANCELLED:
        return Outcome.CANCELLED
    if stage is Stage.TRUNCATED:
        return Outcome.TRUNCATED
    if exchange.refused:
        return Outcome.REFUSED
    if exchange.last_failure in _CLIENTS_OWN and exchange.status < 500:
        return Outcome.CLIENT_ERROR
    return Outcome.UPSTREAM_ERROR


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
    if exchange.kept is not None and exchange.cache_key and outcome is _OK:
        _keep(exchange, now_s)
    row = _row(exchange, services, outcome, _measure(exchange, services, outcome), now_s)
    _count(exchange, services, row)
    services.ledger.row(row)
    if exchange.captured and services.capture is not None:
        services.capture.take(row, exchange.body, exchange.kept, streamed=exchange.mode is _STREAM)
    return row


def _measure(exchange: Exchange, services: Services, outcome: Outcome) -> str:
    """Learn from measured usage, or estimate what never came; says which."""
    request, usage = exchange.request, exchange.usage
    if request is None:
        return "none"
    if usage is None:
        return _estimate(exchange, services, request)
    if exchange.tier is not None and exchange.tier.upstream is not None:  # An old answer teaches nothing new.
        ratios = services.estimates.learning(request.model)
        if ratios is not None:
            ratios.input.observe(len(exchange.body), usage.input_tokens)
            if outcome is _OK:
                whole_or_stream = ratios.stream if exchange.mode is _STREAM else ratios.whole
                whole_or_stream.observe(exchange.bytes_out, usage.output_tokens)
    return "measured"


def _estimate(exchange: Exchange, services: Services, request: Request) -> str:
    """Put estimated usage in where an answer came without."""
    if exchange.stage is _PENDING or exchange.attempts == 0 or exchange.status != 200:
        return "none"
    streamed = exchange.mode is _STREAM
    tier = exchange.tier
    counts = tier is not None and tier.upstream is not None and tier.upstream.counts_deltas
    ratios = services.estimates.of(request.model)
    exchange.usage_ratio = ratios.input.ratio
    if streamed and counts:
        output = exchange.deltas
    else:
        ratio = ratios.stream if streamed else ratios.whole
        exchange.usage_ratio = ratio.ratio
        output = ratio.tokens(exchange.bytes_out)
    exchange.usage = Usage(input_tokens=ratios.input.tokens(len(exchange.body)), output_tokens=output)
    return "estimated"


def _keep(exchange: Exchange, now_s: float) -> None:
    """Keep a good answer for the time when nobody else answers."""
    cached = CachedAnswer(
        content_type=exchange.answer.fields.get(b"content-type", b""),
        body=b"".join(exchange.kept or ()),
        streamed=exchange.mode is _STREAM,
        model=exchange.model_served,
        finish_reason=exchange.finish_reason,
        usage=exchange.usage,
        stored_s=now_s,
    )
    exchange.plan.cache.put(exchange.cache_key, cached)


def _cost(exchange: Exchange, upstream: Upstream | None) -> int | None:
    """Token-priced actual cost in nano-dollars; 0 where nothing was asked or the bill is by time, `None` if unknown."""
    if exchange.attempts == 0:
        return 0
    if upstream is None:
        return 0 if exchange.tier is not None else None
    if upstream.by_time:
        return 0
    usage, request, tier = exchange.usage, exchange.request, exchange.tier
    if usage is None:
        refused = exchange.status >= 400 and exchange.stage is not Stage.CANCELLED
        return 0 if refused else None
    asked = request.model if request is not None else ""
    card = upstream.card_for((tier.model if tier is not None else None) or asked)
    if card is None and exchange.model_served:
        card = upstream.card_for(exchange.model_served)
    return card.cost_nano(usage, exchange.service_tier) if card is not None else None


def _row(exchange: Exchange, services: Services, outcome: Outcome, measured: str, now_s: float) -> ExchangeRow:
    """The ledger's row. Positional, in the order of the fields: by keyword it costs four times as much."""
    facts, usage, route, tier = exchange.facts, exchange.usage, exchange.route, exchange.tier
    request, principal = exchange.request or NO_REQUEST, exchange.principal or NOBODY
    key, answer = services.hash_key, exchange.answer
    first_s, started_s = exchange.first_content_s, exchange.started_s
    site = site_of(key, request.site_parts)
    baseline = route.baseline if route is not None else None
    tokens: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    if usage is not None:
        tokens = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens)
    # One line for each group of fields that belong together.
    # fmt: off
    return ExchangeRow(
        exchange.id, exchange.started_ns, principal.name, principal.team,
        principal.feature or facts.feature or (route.feature if route is not None else ""),
        named_site(key, facts.site) if facts.site else site.site, bool(facts.site),
        request_hash(tenant_key(key, tenant_of(exchange)), exchange.body) if exchange.body else b"",
        exchange.operation, request.features, request.n, request.max_tokens,
        exchange.service_tier or request.service_tier, request.messages, request.tools,
        site.system, len(request.system),
        route.name if route is not None else NONE, tier.name if tier is not None else NONE,
        exchange.tried[-1].name if exchange.tried else "",
        request.model, exchange.model_served, exchange.status, outcome, exchange.error_code, exchange.finish_reason,
        *tokens, measured, exchange.bytes_in, exchange.bytes_out,
        first_s - started_s if first_s else None, now_s - started_s,
        exchange.attempts, facts.client_retries,
        answer.requests_left, answer.tokens_left,
        _cost(exchange, tier.upstream if tier is not None else None),
        baseline.cost_nano(usage) if baseline is not None and usage is not None else None,
        exchange.tries if exchange.attempts > 1 else (), exchange.usage_ratio,
    )
    # fmt: on


def _count(exchange: Exchange, services: Services, row: ExchangeRow) -> None:
    metrics = services.metrics
    streamed = exchange.mode is _STREAM
    metrics.series(row.route, row.tier, row.operation, row.outcome).record(
        row.status // 100,
        row.total_s,
        row.ttft_s if streamed else None,
        row.input_tokens,
        row.output_tokens,
        row.cost_nano,
        row.baseline_nano,
    )
    if not streamed:
        return
    if exchange.deltas > 1 and exchange.first_content_s:
        gap_s = (exchange.last_read_s - exchange.first_content_s) / (exchange.deltas - 1)
        metrics.inter_token.child(row.route, row.tier).observe(gap_s)
    if row.outcome == Outcome.CANCELLED and row.output_tokens:
        metrics.cancelled_tokens.child().inc(row.output_tokens)


def remember_chain(exchange: Exchange, services: Services) -> None:
    """A stored response ties what follows it to this upstream."""
    if exchange.operation is _RESPONSES and exchange.response_id:
        services.chains.remember(exchange.response_id, exchange.tier_name)
