"""The report for everybody who pays: complete, harmless, and honest about what it leaves out."""

import re

import pytest

from offramp.migrate.audit.callsites import ScanSite
from offramp.migrate.audit.page import page
from tests.migrate.audit.related import audited
from tests.store.samples import attempt, row

HOSTILE = "<script>alert(1)</script>\x00"
TRIES = (attempt("local", failure=HOSTILE, status=0), attempt(HOSTILE))


def test_every_part_has_its_figures() -> None:
    """What was asked of an audit is on the page."""
    rows = [
        row(1, features=1, request_hash=b"a" * 16, system_hash=b"system-1", system_bytes=400, cost_nano=2 * 10**9),
        row(2, features=1, request_hash=b"a" * 16, system_hash=b"system-1", system_bytes=400, team="sales"),
        row(3, tier="openai", ratelimit_tokens=500, client_retries=2),
        row(4, outcome="truncated", error_code="upstream_stream_broken", cost_nano=None),
    ]
    html = page(audited(*rows, dropped=3, idle_nano=5 * 10**9), sources=[".offramp"])

    for expected in (
        "4 requests between 2026-11-21 and 2026-11-21, from 2 teams, to 1 model, for $2.",
        "What an exact-match cache would save",
        "upstream_stream_broken",
        "Rate limits",
        "1 request without a known cost",
        "3 requests more, answered but not recorded",
        "a further $5 while nothing ran",
        "p50 / p95 / p99",
        b"system-1".hex(),
        "from .offramp.",
    ):
        assert expected in html


@pytest.mark.parametrize(
    "field",
    ["team", "feature", "key", "model_asked", "model_served", "tier", "error_code", "operation", "service_tier"],
)
def test_no_name_of_a_client_becomes_markup(field: str) -> None:
    """The report is opened by a finance team, and the names come from whoever sends requests."""
    rows = [row(1, **{field: HOSTILE}), row(2, outcome="refused", attempts=2, tries=TRIES, **{field: HOSTILE})]
    sites = [ScanSite(id=HOSTILE, file=HOSTILE, line=1, operation=HOSTILE, model=HOSTILE)]
    html = page(audited(*rows, sites=sites), sources=[HOSTILE])

    assert "<script" not in html
    assert "\x00" not in html
    assert not re.search(r"https?:", html)


def test_nothing_is_said_to_be_nothing() -> None:
    """An empty page would look broken."""
    assert "No requests match" in page(audited(), sources=["x"])
