"""What an import gives: exchanges as the ledger has them, or totals of many that nobody has one by one. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offramp.store.rows import ExchangeRow, Outcome

NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Totals of many requests over a time, as bills have them."""

    model: str
    """Empty where the source does not tell models apart."""
    requests: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_nano: int | None
    """`None` where the source says no costs."""


def exchange(**known: Any) -> ExchangeRow:  # noqa: ANN401 - the columns, each of its own type
    """A row of the ledger with what is known; the rest is what the ledger says where nothing is known."""
    return ExchangeRow(**{**_UNKNOWN, **known})


def counts(
    input_tokens: int | None, output_tokens: int | None, cached_tokens: int, reasoning_tokens: int | None = None
) -> Mapping[str, Any]:
    """The columns of a usage; without a number of tokens in, nothing of it is known."""
    if input_tokens is None:
        return {}
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens or 0,
        "cached_tokens": min(cached_tokens, input_tokens),
        "reasoning_tokens": reasoning_tokens,
        "usage": "measured",
    }


FAILED: Mapping[str, Any] = {"status": 500, "outcome": Outcome.UPSTREAM_ERROR.value}
"""The columns of a failure of which no status was recorded."""

_UNKNOWN: Mapping[str, Any] = {
    "key": "",
    "team": NONE,
    "feature": "",
    "site": b"",
    "site_named": False,
    "request_hash": b"",
    "operation": "other",
    "features": 0,
    "n": 1,
    "max_tokens": None,
    "service_tier": "",
    "messages": 0,
    "tools": 0,
    "system_hash": b"",
    "system_bytes": 0,
    "route": NONE,
    "tier": NONE,
    "instance": "",
    "model_asked": "",
    "model_served": "",
    "status": 200,
    "outcome": Outcome.OK.value,
    "error_code": "",
    "finish_reason": "",
    "input_tokens": None,
    "output_tokens": None,
    "cached_tokens": None,
    "reasoning_tokens": None,
    "usage": "none",
    "bytes_in": 0,
    "bytes_out": 0,
    "ttft_s": None,
    "total_s": 0.0,
    "attempts": 1,
    "client_retries": 0,
    "ratelimit_requests": None,
    "ratelimit_tokens": None,
    "cost_nano": None,
    "baseline_nano": None,
}


def outcome_of(status: int) -> str:
    """How an exchange ended, by its HTTP status."""
    if status < 400:
        return Outcome.OK.value
    return Outcome.CLIENT_ERROR.value if status < 500 and status != 429 else Outcome.UPSTREAM_ERROR.value
