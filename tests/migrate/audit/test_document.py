"""The form that other programs rely on."""

from decimal import Decimal
from typing import Any

import msgspec

from offramp.migrate.audit.callsites import ScanSite
from offramp.migrate.audit.document import document
from offramp.migrate.audit.page import page
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.related import audited
from tests.store.samples import attempt, row

TRIES = (attempt("local", failure="connect", status=0), attempt("openai", cost_nano=165_000))
ROWS = [
    row(1, features=1, site=b"\xab" * 8, request_hash=b"a" * 16, system_hash=b"system-1", system_bytes=400),
    row(
        2, features=8, team="sales", feature="search", request_hash=b"a" * 16, system_hash=b"system-1", system_bytes=400
    ),
    row(3, tier="openai", attempts=2, tries=TRIES, cost_nano=165_000, ratelimit_requests=9_000, client_retries=1),
    row(4, cost_nano=None, baseline_nano=None, operation="embeddings", model_asked="text-embedding-3-small"),
    row(5, outcome="refused", status=429, error_code="rate_limited", tier="none", input_tokens=None),
]


def amounts(value: object, name: str = "") -> list[object]:
    """Everything that is called an amount of money, at any depth."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in amounts(one, key)]
    if isinstance(value, list):
        return [found for one in value for found in amounts(one, name)]
    return [value] if name.endswith("_usd") else []


def told(*rows: ExchangeRow, **more: Any) -> Any:  # noqa: ANN401 - JSON
    """The document of these rows as a program reads it."""
    return msgspec.json.decode(msgspec.json.encode(document(audited(*rows, **more))))


def test_it_has_what_was_promised() -> None:
    """These names are an interface."""
    found = told(*ROWS)
    promised = [
        "requests",
        "operations",
        "models",
        "features",
        "latency_s",
        "cost_usd",
        "by_team",
        "by_feature",
        "by_site",
    ]

    assert [name for name in promised if name not in found] == []
    assert found["requests"] == 5
    assert found["cost_usd"] == "0.000165"
    assert set(found["operations"]) == {"chat.completions", "embeddings"}
    assert set(found["by_site"]) == {"0102030405060708", "abababababababab"}
    assert found["latency_s"]["total"]["count"] == 4
    assert set(found["latency_s"]["by_model"]["tiny"]) == {"ttft", "ttft_streamed", "token", "total"}


def test_money_is_exact_text_or_unknown() -> None:
    """A float has no cents."""
    found = amounts(document(audited(*ROWS, sites=[])))

    assert len(found) > 40
    assert all(amount is None or str(Decimal(str(amount))) == amount or isinstance(amount, str) for amount in found)
    assert not any(isinstance(amount, float | int) for amount in found)


def test_it_is_json_and_so_is_the_empty_one() -> None:
    """No number that JSON does not know."""
    sites = [ScanSite(id="a", file="a.py", line=1, operation="embeddings", model="text-embedding-3-small")]
    for audit in (audited(*ROWS, sites=sites), audited()):
        text = msgspec.json.encode(document(audit))

        assert b"NaN" not in text
        assert b"nfinity" not in text
        assert msgspec.json.decode(text)["requests"] == audit.whole.group.requests


def test_what_is_missing_is_counted() -> None:
    """Totals say what they leave out."""
    found = told(*ROWS, row(6, total_s=-1.0), dropped=7)

    assert (found["unpriced"], found["dropped"]) == (1, 7)
    assert found["problems"] == {
        "impossible_durations": 1,
        "impossible_usage": 0,
        "impossible_clocks": 0,
        "without_usage": 1,
        "without_request_hash": 0,
        "unread_files": [],
    }


def test_modalities_tell_what_is_no_text() -> None:
    """A model without eyes cannot take over what has pictures."""
    assert document(audited(*ROWS))["modalities"] == {"text": 4, "vision": 1}


def test_call_sites_say_how_they_were_recognised() -> None:
    """A guess must be seen to be one."""
    sites = [
        ScanSite(id="a", file="a.py", line=1, operation="chat.completions", fingerprint="ab" * 8),
        ScanSite(id="b", file="b.py", line=2, operation="responses"),
    ]
    found = told(*ROWS, sites=sites)["call_sites"]

    assert [(one["id"], one["matched_by"], one["requests"]) for one in found["seen"]] == [("a", "fingerprint", 1)]
    assert [one["id"] for one in found["never_seen"]] == ["b"]
    assert found["requests_without_call_site"] == 4


def test_a_fingerprint_that_the_scan_knows_gets_its_place() -> None:
    """Sixteen digits tell nobody where to look."""
    site = ScanSite(id="a", file="a.py", line=1, operation="chat.completions", fingerprint="ab" * 8)
    audit = audited(*ROWS, sites=[site])
    by_site = told(*ROWS, sites=[site])["by_site"]

    assert by_site["ab" * 8]["call_site"] == "a.py:1"
    assert "call_site" not in by_site["0102030405060708"]
    assert "a.py:1" in page(audit, sources=["test"]).partition("By call site")[2]
