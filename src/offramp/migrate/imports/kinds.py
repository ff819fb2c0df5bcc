"""Which program wrote a file: said by the user, or recognised by what is in it. No I/O here."""

import re
from collections.abc import Mapping
from enum import StrEnum

from offramp.migrate.imports.values import first, record, text

_FLOW = re.compile(rb"\d{1,12}:.{0,64}", re.DOTALL)
_WORDS_OF_HAR = re.compile(rb'"log"\s*:\s*\{')


class Kind(StrEnum):
    """What can be imported."""

    OPENAI = "openai"
    """OpenAI's usage and costs exports."""
    LITELLM = "litellm"
    """LiteLLM's spend logs."""
    LANGFUSE = "langfuse"
    """Langfuse's observations."""
    OTEL = "otel"
    """OpenTelemetry spans of calls to models, as OTLP in JSON."""
    HAR = "har"
    """HAR files of browsers and debugging proxies."""
    MITMPROXY = "mitmproxy"
    """Flows of mitmproxy."""
    LINES = "lines"
    """Records of one's own: JSON, JSON lines or CSV."""


def by_beginning(start: bytes) -> Kind | None:
    """The kinds that show in their first bytes; `None` where the first record must be looked at."""
    if _WORDS_OF_HAR.match(start.lstrip(b"{ \r\n\t")):
        return Kind.HAR
    if _FLOW.match(start):
        return Kind.MITMPROXY
    return None


def by_record(entry: object) -> Kind:
    """The kind of a file by its first record."""
    found = record(entry)
    if "resourceSpans" in found or "resource_spans" in found:
        return Kind.OTEL
    if found.get("object") in ("page", "bucket") or "results" in found:
        return Kind.OPENAI
    if "spend" in found and first(found, "request_id", "startTime", "call_type") is not None:
        return Kind.LITELLM
    if _is_observation(found):
        return Kind.LANGFUSE
    return Kind.LINES


def _is_observation(found: Mapping[str, object]) -> bool:
    traced = first(found, "traceId", "trace_id") is not None
    return traced and text(found.get("type")).upper() in {"GENERATION", "SPAN", "EVENT", "EMBEDDING", "AGENT", "TOOL"}
