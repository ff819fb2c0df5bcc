"""Rows and events for tests: one ordinary exchange, of which a test changes what it is about."""

from msgspec.structs import replace

from offramp.store.rows import AttemptRow, Batch, ComputeEnded, ComputeStarted, ExchangeRow

START_NS = 1_795_246_200_000_000_000
"""2026-11-21 07:30 UTC: in the middle of an hour."""

SECOND_NS = 1_000_000_000
INSTANCE = "local@127.0.0.1:9001"


_ROW = ExchangeRow(
    id="",
    started_ns=0,
    key="support-key",
    team="support",
    feature="",
    site=b"\x01\x02\x03\x04\x05\x06\x07\x08",
    site_named=False,
    request_hash=bytes(16),
    operation="chat.completions",
    features=3,
    n=1,
    max_tokens=100,
    service_tier="default",
    messages=2,
    tools=0,
    system_hash=b"",
    system_bytes=0,
    route="support-chat",
    tier="local",
    instance="127.0.0.1:9001",
    model_asked="gpt-4o-mini",
    model_served="tiny",
    status=200,
    outcome="ok",
    error_code="",
    finish_reason="stop",
    input_tokens=700,
    output_tokens=100,
    cached_tokens=0,
    reasoning_tokens=0,
    usage="measured",
    bytes_in=1_200,
    bytes_out=1_500,
    ttft_s=0.031,
    total_s=0.53,
    attempts=1,
    client_retries=0,
    ratelimit_requests=None,
    ratelimit_tokens=None,
    cost_nano=0,
    baseline_nano=165_000,
)


def row(number: int = 0, **changes: object) -> ExchangeRow:
    """An answered chat of 700 tokens in and 100 out on the compute-priced tier `local`."""
    return replace(_ROW, **({"id": f"req-{number}", "started_ns": START_NS + number * 1_000_000} | changes))


_ATTEMPT = AttemptRow(
    tier="",
    instance="127.0.0.1:9001",
    started_ns=START_NS,
    ended_ns=START_NS + SECOND_NS,
    status=200,
    failure="",
    cost_nano=0,
)


def attempt(tier: str, **changes: object) -> AttemptRow:
    """A try that answered."""
    return replace(_ATTEMPT, tier=tier, **changes)


def batch(
    *rows: ExchangeRow,
    worker: int = 0,
    started: list[ComputeStarted] | None = None,
    ended: list[ComputeEnded] | None = None,
    dropped: int = 0,
) -> Batch:
    """What a worker hands over."""
    return Batch(worker=worker, started=started or [], ended=ended or [], rows=list(rows), dropped=dropped)


def ran(row_id: str, begin_s: float, end_s: float, *, instance: str = INSTANCE) -> tuple[ComputeStarted, ComputeEnded]:
    """An attempt on a shared machine, in seconds after `START_NS`."""
    begin_ns, end_ns = (START_NS + round(seconds * SECOND_NS) for seconds in (begin_s, end_s))
    return ComputeStarted(instance, begin_ns), ComputeEnded(instance, begin_ns, end_ns, row_id)
