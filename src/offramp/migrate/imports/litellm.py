"""LiteLLM's spend logs, as its database or its API gives them. No I/O here.

Source: the table LiteLLM_SpendLogs of the LiteLLM proxy.
"""

from offramp.migrate.imports.notes import UnusableError
from offramp.migrate.imports.row import FAILED, NONE, counts, exchange
from offramp.migrate.imports.values import NS_PER_S, Record, count, first, moment_ns, nano_usd, record, text
from offramp.store.rows import ExchangeRow
from offramp.wire.features import Feature
from offramp.wire.operation import Operation

_OPERATIONS = {
    "completion": Operation.CHAT,
    "text_completion": Operation.COMPLETIONS,
    "embedding": Operation.EMBEDDINGS,
    "responses": Operation.RESPONSES,
}
_PREFIXES = ("a", "async_", "")


def row_of(entry: Record, number: int) -> ExchangeRow:
    """One entry.

    Raises:
        UnusableError: If it has no time.
    """
    started_ns = moment_ns(first(entry, "startTime", "start_time"))
    ended = first(entry, "endTime", "end_time")
    ended_ns = moment_ns(ended) if ended is not None else started_ns
    if ended_ns < started_ns:
        raise UnusableError("it ends before it begins")
    first_token = first(entry, "completionStartTime", "completion_start_time")
    first_ns = moment_ns(first_token) if first_token is not None else None
    metadata = record(entry.get("metadata"))
    failed = text(first(entry, "status")) == "failure" or text(metadata.get("status")) == "failure"
    input_tokens, output_tokens = count(entry.get("prompt_tokens")), count(entry.get("completion_tokens"))
    has_usage = not (failed and not input_tokens)
    # LiteLLM says the end where there was no stream.
    streamed = first_ns is not None and started_ns < first_ns < ended_ns
    return exchange(
        id=text(entry.get("request_id")) or f"litellm-{number}",
        started_ns=started_ns,
        key=text(metadata.get("user_api_key_alias")) or text(entry.get("api_key"))[:8],
        team=text(metadata.get("user_api_key_team_alias")) or text(entry.get("team_id")) or NONE,
        operation=_operation(text(entry.get("call_type"))).value,
        features=Feature.STREAMING.value if streamed else 0,
        tier=text(entry.get("custom_llm_provider")) or NONE,
        instance=text(entry.get("api_base")),
        model_asked=text(entry.get("model_group")) or text(entry.get("model")),
        model_served=text(entry.get("model")),
        **(FAILED if failed else {}),
        **counts(input_tokens if has_usage else None, output_tokens, _cached(metadata)),
        ttft_s=(first_ns - started_ns) / NS_PER_S if first_ns is not None and first_ns >= started_ns else None,
        total_s=(ended_ns - started_ns) / NS_PER_S,
        cost_nano=nano_usd(entry.get("spend")),
    )


def _operation(call_type: str) -> Operation:
    for prefix in _PREFIXES:
        if call_type.startswith(prefix) and call_type.removeprefix(prefix) in _OPERATIONS:
            return _OPERATIONS[call_type.removeprefix(prefix)]
    return Operation.OTHER


def _cached(metadata: Record) -> int:
    usage = record(metadata.get("usage_object"))
    details = record(usage.get("prompt_tokens_details"))
    return count(first(details, "cached_tokens")) or count(usage.get("cache_read_input_tokens")) or 0
