"""An audit for programs: values for JSON. Money is exact decimal text, unknown is null, what is missing is counted."""

from collections.abc import Mapping

from offramp.migrate.audit.advice import advise
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.callsites import CallSites, ScanSite
from offramp.migrate.audit.captures_document import captured
from offramp.migrate.audit.groups import Group, Groups
from offramp.migrate.audit.repeats import Cache, SystemPrompts
from offramp.migrate.audit.sketch import Headroom, Measure, Spread
from offramp.migrate.ledger.report import values
from offramp.migrate.ledger.selection import instant
from offramp.pricing.money import text, text_or_none
from offramp.wire.operation import Operation

TOKENS = (Measure.INPUT, Measure.OUTPUT, Measure.CONTEXT)

_MOST_UNKNOWN = 100
_BY = ("team", "feature", "site", "tier", "key", "service_tier", "day")
_MODALITIES: tuple[str, ...] = ("vision", "audio", "files")


def document(audit: Audit) -> dict[str, object]:
    """All of it."""
    found = _totals(audit) | _use(audit) | _groups_by_name(audit) | _behaviour(audit)
    found["advice"] = [{"finding": one.text, "todo": one.todo} for one in advise(audit)]
    return found | ({"note": audit.note} if audit.note else {})


def _totals(audit: Audit) -> dict[str, object]:
    """How much there is, and what is missing in it."""
    whole = audit.whole
    return {
        "requests": whole.group.requests,
        "first": None if whole.first_ns is None else instant(whole.first_ns),
        "last": None if whole.last_ns is None else instant(whole.last_ns),
        "sources": whole.sources,
        **{name: value for name, value in _group(whole.group).items() if name != "requests"},
        "saved_usd": text_or_none(whole.group.sums.saved_nano(audit.idle_nano)),
        "idle_usd": text_or_none(audit.idle_nano),
        "estimated": whole.group.sums.estimated,
        "dropped": audit.dropped,
        "problems": {
            "impossible_durations": whole.bad_time,
            "impossible_usage": whole.bad_usage,
            "impossible_clocks": whole.bad_clock,
            "without_usage": whole.group.requests - whole.counted,
            "without_request_hash": whole.group.requests - whole.hashed,
            "unread_files": [{"file": one.file, "message": one.message, "rows": one.rows} for one in audit.unread],
        },
    }


def _use(audit: Audit) -> dict[str, object]:
    """What of the API is used."""
    by = audit.by
    return {
        "operations": _groups(by["operation"]),
        "models": _groups(by["model"]),
        "models_served": _groups(by["model_served"]),
        "features": {name: _group(group) for name, group in audit.features.items()},
        "modalities": modalities(audit),
        "parameters": _parameters(audit),
        "tokens": {measure.value: _tokens(audit, measure) for measure in TOKENS},
        "above_context": {str(limit): requests for limit, requests in audit.whole.above.items()},
        "usage": _groups(by["usage"]),
        "endings": {
            name: {"ends": str(notice.ends), "instead": notice.instead, "source": notice.source}
            for name, notice in audit.endings.items()
        },
    }


def _groups_by_name(audit: Audit) -> dict[str, object]:
    """Sums by everything one could save on."""
    by = audit.by
    places = audit.places
    found: dict[str, object] = {f"by_{name}": _groups(by[name]) for name in _BY}
    found["by_site"] = {
        name: _group(group) | ({"call_site": places[name]} if name in places else {})
        for name, group in by["site"].named.items()
    }
    found["left_out"] = {name: _left_out(groups) for name, groups in by.items() if groups.left_out}
    return found


def _behaviour(audit: Audit) -> dict[str, object]:
    """How fast, when, how often again, and what went wrong."""
    return {
        "latency_s": _latency(audit),
        "errors": [
            {"outcome": e.outcome, "code": e.code, "status": e.status, "tier": e.tier, "requests": e.requests}
            for e in audit.errors
        ],
        "retries": _retries(audit),
        "rate_limits": {
            measure.value.removeprefix("ratelimit_"): [_headroom(one) for one in found]
            for measure, found in audit.headrooms.items()
        },
        "arrivals": _arrivals(audit),
        "cache": _cache(audit),
        "system_prompts": _prompts(audit.prompts),
        "captures": captured(audit),
        "call_sites": None if audit.call_sites is None else _call_sites(audit.call_sites),
    }


def modalities(audit: Audit) -> dict[str, int]:
    """Requests by what they carry; text is what has no part of any other kind."""
    counts: dict[str, int] = {name: audit.features[name].requests for name in _MODALITIES if name in audit.features}
    asking = sum(
        group.requests
        for name, group in audit.by["operation"].named.items()
        if name not in {Operation.MODELS.value, Operation.OTHER.value}
    )
    return {"text": max(0, asking - sum(counts.values())), **counts}


def _group(group: Group) -> dict[str, object]:
    return {
        **values(group.sums),
        "failed": group.failed,
        "cancelled": group.cancelled,
        "streamed": group.streamed,
        "client_retries": group.retried,
        "failed_over": group.failed_over,
    }


def _groups(groups: Groups) -> dict[str, object]:
    return {name: _group(group) for name, group in groups.named.items()}


def _left_out(groups: Groups) -> dict[str, object]:
    return {"groups": groups.left_out, **_group(groups.rest)}


def _parameters(audit: Audit) -> dict[str, object]:
    whole = audit.whole
    return {
        "n_above_1": whole.several,
        "largest_n": whole.most_n,
        "with_max_tokens": whole.limited,
        "largest_max_tokens": whole.most_max_tokens,
        "cut_at_max_tokens": whole.cut,
        "most_tools": whole.most_tools,
        "mean_messages": whole.messages / whole.group.requests if whole.group.requests else None,
        "most_messages": whole.most_messages,
    }


def _tokens(audit: Audit, measure: Measure) -> dict[str, object]:
    spread = audit.lengths[measure]
    most = {
        Measure.INPUT: audit.whole.most_input,
        Measure.OUTPUT: audit.whole.most_output,
        Measure.CONTEXT: audit.whole.most_context,
    }
    quantiles: dict[str, object] = {"count": 0, "p50": None, "p95": None, "p99": None}
    if spread is not None:
        quantiles = {"count": spread.count, **{q: round(getattr(spread, q)) for q in ("p50", "p95", "p99")}}
    return quantiles | {"most": most[measure]}


def _latency(audit: Audit) -> dict[str, object]:
    return {
        **{measure.value: _spread(spread) for measure, spread in audit.latency.all.items()},
        **{f"by_{column}": _turned(measures) for column, measures in audit.latency.by.items()},
    }


def _turned(measures: Mapping[Measure, Mapping[str, Spread]]) -> dict[str, dict[str, object]]:
    """By group and then by measure, as one looks things up."""
    found: dict[str, dict[str, object]] = {}
    for measure, spreads in measures.items():
        for name, spread in spreads.items():
            found.setdefault(name, {})[measure.value] = _spread(spread)
    return found


def _spread(spread: Spread | None) -> dict[str, object]:
    if spread is None:
        return {"count": 0, "p50": None, "p95": None, "p99": None}
    return {"count": spread.count, **{name: float(f"{getattr(spread, name):.4g}") for name in ("p50", "p95", "p99")}}


def _retries(audit: Audit) -> dict[str, object]:
    return {
        "by_clients": audit.whole.group.retried,
        "by_team": {name: group.retried for name, group in audit.by["team"].named.items() if group.retried},
        "by_key": {name: group.retried for name, group in audit.by["key"].named.items() if group.retried},
        "failed_attempts": [
            {
                "tier": one.tier,
                "failure": one.failure,
                "attempts": one.attempts,
                "cost_usd": text(one.cost_nano),
                "lost_s": round(one.lost_s, 3),
            }
            for one in audit.attempts
        ],
    }


def _headroom(one: Headroom) -> dict[str, object]:
    return {
        "tier": one.tier,
        "model": one.model,
        "answers": one.answers,
        "lowest": round(one.lowest),
        "highest": round(one.highest),
        "share_below_tenth": round(one.below_tenth, 6),
    }


def _arrivals(audit: Audit) -> dict[str, object]:
    found = audit.arrivals
    return {
        "windows": [
            {
                "length_s": window.length_s,
                "mean": round(window.mean, 6),
                "peak": window.peak,
                "peak_at": instant(window.peak_at_s * 10**9),
                "peak_over_mean": round(window.peak_over_mean, 3),
                "index_of_dispersion": round(window.dispersion, 3),
            }
            for window in found.windows
        ],
        "concurrency": None
        if found.concurrency is None
        else {
            "mean": round(found.concurrency.mean, 4),
            "peak": found.concurrency.peak,
            "peak_at": instant(found.concurrency.peak_at_s * 10**9),
        },
        "by_weekday_and_hour": found.week,
    }


def _cache(audit: Audit) -> dict[str, object]:
    found = audit.repeats
    return {
        "comparable": found.comparable,
        "repeated": found.repeated,
        "lifetimes": [_lifetime(cache, found.comparable) for cache in found.caches],
        "hits_in_a_day_by_site": found.by_site,
    }


def _lifetime(cache: Cache, comparable: int) -> dict[str, object]:
    return {
        "lifetime_s": cache.lifetime_s,
        "hits_at_least": cache.hits,
        "share": round(cache.hits / comparable, 6) if comparable else None,
        "saved_usd": text(cache.saved_nano),
        "saved_s": round(cache.saved_s, 3),
    }


def _prompts(found: SystemPrompts) -> dict[str, object]:
    return {
        "different": found.different,
        "requests": found.requests,
        "input_tokens": found.input_tokens,
        "cached_tokens": found.cached_tokens,
        "repeated_tokens": found.repeated_tokens,
        "wasted_tokens": found.wasted_tokens,
        "top": [
            {
                "system": one.fingerprint,
                "requests": one.requests,
                "tokens": one.tokens,
                "repeated_tokens": one.repeated_tokens,
                "cached_tokens": one.cached_tokens,
                "wasted_tokens": one.wasted_tokens,
            }
            for one in found.top
        ],
    }


def _call_sites(found: CallSites) -> dict[str, object]:
    return {
        "seen": [
            {
                **_site(one.site),
                "matched_by": None if one.match is None else one.match.value,
                "models": list(one.models),
                "fingerprints": list(one.fingerprints),
                "features_seen": one.by_feature,
                **_group(one.group),
            }
            for one in found.seen
        ],
        "never_seen": [_site(one) for one in found.never_seen],
        "undecided": [{"sites": list(one.sites), **_group(one.group)} for one in found.undecided],
        "without_call_site": [
            {
                "site": piece.site.hex() or "none",
                "operation": piece.operation,
                "model": piece.model,
                **_group(piece.group),
            }
            for piece in found.unknown[:_MOST_UNKNOWN]
        ],
        "requests_without_call_site": sum(piece.group.requests for piece in found.unknown),
    }


def _site(site: ScanSite) -> dict[str, object]:
    return {
        "id": site.id,
        "file": site.file,
        "line": site.line,
        "function": site.function,
        "operation": site.operation,
        "model": site.model,
    }
