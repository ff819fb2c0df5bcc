"""What a row says and cannot mean, and so was counted as unknown: negative tokens, other currencies. No I/O here."""

from collections.abc import Iterator, Mapping

from offramp.migrate.imports.kinds import Kind
from offramp.migrate.imports.values import Record, count, currency, first, nano_usd, record

_COSTS = ("cost_usd", "cost", "spend", "calculatedTotalCost", "totalCost", "total_cost")
_FLAT = (
    *("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cached_tokens"),
    *("tokens_in", "tokens_out", "ContextTokens", "GeneratedTokens"),
)
_PLACES: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    Kind.LITELLM: {"": _FLAT},
    Kind.LINES: {"": _FLAT},
    Kind.LANGFUSE: {
        "usage": ("input", "output", "promptTokens", "completionTokens"),
        "usageDetails": ("input", "output", "input_cached_tokens", "output_reasoning_tokens"),
    },
}
"""Where each kind has its counts: members of an object in the record, or of the record itself."""


def oddities(entry: Record, kind: Kind) -> Iterator[str]:
    """What is wrong with a row that is counted nevertheless, one sentence each.

    >>> list(oddities({"prompt_tokens": -5, "spend": "0.5 EUR"}, Kind.LITELLM))
    ['its prompt_tokens -5 is no number of tokens: unknown', "its spend '0.5 EUR' is no amount of dollars: unknown"]
    """
    for place, names in _PLACES.get(kind, {}).items():
        source = record(entry.get(place)) if place else entry
        for name in names:
            value = source.get(name)
            if value is not None and value != "" and count(value) is None:
                yield f"its {name} {value!r:.40} is no number of tokens: unknown"
    if kind is Kind.LINES and currency(entry) and first(entry, *_COSTS) is not None:
        yield f"its costs are in {currency(entry)[:20]}; only dollars can be added up: unknown"
        return
    for name in _COSTS:
        value = entry.get(name)
        if value is not None and value != "" and nano_usd(value) is None:
            yield f"its {name} {value!r:.40} is no amount of dollars: unknown"
