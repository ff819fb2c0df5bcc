"""OpenTelemetry spans of calls to models, as OTLP in JSON: what a collector's file exporter writes. No I/O here.

Source: OTLP 1.x, ExportTraceServiceRequest in its JSON form; OpenTelemetry semantic conventions for generative AI,
`gen_ai.*` (status: development), with the older `gen_ai.system` and `gen_ai.usage.prompt_tokens`.
"""

from collections.abc import Iterator

from offramp.migrate.imports.notes import Notes, UnusableError, usable
from offramp.migrate.imports.row import FAILED, NONE, counts, exchange
from offramp.migrate.imports.values import NS_PER_S, Record, count, first, moment_ns, record, text
from offramp.store.rows import ExchangeRow
from offramp.wire.features import Feature
from offramp.wire.operation import Operation

_OPERATIONS = {
    "chat": Operation.CHAT,
    "generate_content": Operation.CHAT,
    "text_completion": Operation.COMPLETIONS,
    "embeddings": Operation.EMBEDDINGS,
}
_FAILED = (2, "STATUS_CODE_ERROR")
_USED = {
    "gen_ai.request.seed": Feature.SEED,
    "gen_ai.openai.request.seed": Feature.SEED,
    "gen_ai.request.stop_sequences": Feature.STOP,
    "gen_ai.tool.definitions": Feature.TOOLS,
}


def rows(documents: Iterator[tuple[int, object]], notes: Notes) -> Iterator[ExchangeRow]:
    """The spans that are calls of a model; the others are passed over."""
    return usable(_spans(documents), lambda found, _: _row(*found), notes)


def _spans(documents: Iterator[tuple[int, object]]) -> Iterator[tuple[int, tuple[Record, Record]]]:
    """Each span with the attributes of what it was made by, and the number of its document."""
    for number, document in documents:
        for resource in _list(record(document), "resourceSpans", "resource_spans"):
            about = _attributes(record(resource.get("resource")))
            for scope in _list(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
                for span in _list(scope, "spans"):
                    yield number, (span, about)


def _row(span: Record, about: Record) -> ExchangeRow | None:
    said = _attributes(span)
    operation = _OPERATIONS.get(text(said.get("gen_ai.operation.name")))
    model = text(said.get("gen_ai.request.model"))
    if operation is None and not model:
        return None
    started_ns = moment_ns(first(span, "startTimeUnixNano", "start_time_unix_nano"))
    ended_ns = moment_ns(first(span, "endTimeUnixNano", "end_time_unix_nano"))
    if ended_ns < started_ns:
        raise UnusableError("it ends before it begins")
    input_tokens = count(first(said, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"))
    output_tokens = count(first(said, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"))
    cached = count(first(said, "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")) or 0
    reasons = said.get("gen_ai.response.finish_reasons")
    failed = record(span.get("status")).get("code") in _FAILED or "error.type" in said
    ttft = said.get("gen_ai.response.time_to_first_chunk")
    features = sum({feature.value for name, feature in _USED.items() if said.get(name)})
    if said.get("gen_ai.output.type") == "json":
        features |= Feature.STRUCTURED_OUTPUT.value
    if ttft is not None or said.get("gen_ai.request.stream") is True:
        features |= Feature.STREAMING.value
    choices = count(said.get("gen_ai.request.choice.count")) or 1
    return exchange(
        id=text(first(span, "spanId", "span_id")) or f"span-{started_ns}",
        started_ns=started_ns,
        team=text(about.get("service.namespace")) or NONE,
        feature=text(about.get("service.name")),
        operation=(operation or Operation.CHAT).value,
        features=features | (Feature.N.value if choices > 1 else 0),
        n=choices,
        max_tokens=count(said.get("gen_ai.request.max_tokens")),
        service_tier=text(first(said, "openai.response.service_tier", "gen_ai.openai.response.service_tier")),
        tier=text(first(said, "gen_ai.provider.name", "gen_ai.system")) or NONE,
        instance=text(first(said, "server.address")),
        model_asked=model,
        model_served=text(said.get("gen_ai.response.model")),
        **(FAILED if failed else {}),
        error_code=text(said.get("error.type")),
        finish_reason=text(reasons[0]) if isinstance(reasons, list) and reasons else "",
        **counts(input_tokens, output_tokens, cached),
        ttft_s=ttft if isinstance(ttft, float) and ttft >= 0 else None,
        total_s=(ended_ns - started_ns) / NS_PER_S,
    )


def _list(source: Record, *names: str) -> list[Record]:
    members = first(source, *names)
    return [record(member) for member in members] if isinstance(members, list) else []


def _attributes(source: Record) -> dict[str, object]:
    """The attributes by name, out of OTLP's pairs of key and typed value."""
    return {text(pair.get("key")): _value(record(pair.get("value"))) for pair in _list(source, "attributes")}


def _value(value: Record) -> object:
    for kind, inner in value.items():
        if kind in ("intValue", "int_value"):
            return count(inner)
        if kind in ("arrayValue", "array_value"):
            return [_value(member) for member in _list(record(inner), "values")]
        if kind in ("stringValue", "string_value", "doubleValue", "double_value", "boolValue", "bool_value"):
            return inner
    return None
