"""Langfuse's observations: the generations among them, as its API or an export gives them. No I/O here.

Source: Langfuse public API, schema Observation (`usageDetails`, `costDetails` and the older `usage`).
"""

from offramp.migrate.imports.notes import UnusableError
from offramp.migrate.imports.row import FAILED, NONE, counts, exchange
from offramp.migrate.imports.values import NS_PER_S, Record, count, first, moment_ns, nano_usd, record, text
from offramp.store.rows import ExchangeRow
from offramp.wire.features import Feature
from offramp.wire.operation import Operation

_KINDS = {"GENERATION": Operation.CHAT, "EMBEDDING": Operation.EMBEDDINGS}
_CACHED = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "cached_tokens")
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def row_of(entry: Record, number: int) -> ExchangeRow | None:
    """One observation; `None` for those that are no call of a model.

    Raises:
        UnusableError: If it has no time.
    """
    operation = _KINDS.get(text(first(entry, "type")).upper())
    if operation is None:
        return None
    started_ns = moment_ns(first(entry, "startTime", "start_time"))
    ended = first(entry, "endTime", "end_time")
    ended_ns = moment_ns(ended) if ended is not None else None
    if ended_ns is not None and ended_ns < started_ns:
        raise UnusableError("it ends before it begins")
    first_token = first(entry, "completionStartTime", "completion_start_time")
    first_ns = moment_ns(first_token) if first_token is not None else None
    details = record(first(entry, "usageDetails", "usage_details"))
    older = record(entry.get("usage"))
    cached = _sum(details, _CACHED)
    reasoning = _sum(details, _REASONING)
    fresh, said = count(first(details, "input", "input_tokens")), count(first(details, "output", "output_tokens"))
    # In details each kind stands for itself; the ledger's input includes what was cached, its output what was thought.
    input_tokens = (
        fresh + cached if fresh is not None else count(first(older, "input", "promptTokens", "prompt_tokens"))
    )
    output_tokens = said + reasoning if said is not None else count(first(older, "output", "completionTokens"))
    failed = text(entry.get("level")).upper() == "ERROR"
    parameters = record(first(entry, "modelParameters", "model_parameters"))
    features = Feature.STREAMING.value if first_ns is not None else 0
    return exchange(
        id=text(entry.get("id")) or f"langfuse-{number}",
        started_ns=started_ns,
        feature=text(first(entry, "traceName", "trace_name", "name")),
        team=text(entry.get("environment")) or NONE,
        operation=operation.value,
        features=features,
        max_tokens=count(first(parameters, "max_tokens", "max_completion_tokens", "maxTokens")),
        model_asked=text(first(entry, "model", "providedModelName", "provided_model_name")),
        **(FAILED if failed else {}),
        error_code="error" if failed else "",
        **counts(input_tokens, output_tokens, cached, reasoning),
        ttft_s=(first_ns - started_ns) / NS_PER_S if first_ns is not None and first_ns >= started_ns else None,
        total_s=(ended_ns - started_ns) / NS_PER_S if ended_ns is not None else 0.0,
        cost_nano=_cost(entry),
    )


def _sum(details: Record, names: tuple[str, ...]) -> int:
    return sum(count(details.get(name)) or 0 for name in names)


def _cost(entry: Record) -> int | None:
    details = record(first(entry, "costDetails", "cost_details"))
    said = first(details, "total")
    return nano_usd(first(entry, "calculatedTotalCost", "totalCost", "total_cost") if said is None else said)
