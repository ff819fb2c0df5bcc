"""Who tries again, and how requests end that get no answer."""

import pytest

from tests.migrate.audit.related import audited
from tests.store.samples import attempt, row


def test_failed_attempts_are_told_by_upstream_and_reason() -> None:
    """The one that answered is none of them; what a failure cost all the same is told."""
    tries = (attempt("local", failure="timeout", cost_nano=500), attempt("openai"))
    found = audited(
        row(1, attempts=2, tries=tries),
        row(2, attempts=2, tries=tries, team="sales"),
        row(3, attempts=2, tries=(attempt("local", failure="connect", cost_nano=None), attempt("openai"))),
    )

    assert [(one.tier, one.failure, one.attempts, one.cost_nano) for one in found.attempts] == [
        ("local", "timeout", 2, 1_000),
        ("local", "connect", 1, 0),
    ]
    assert found.attempts[0].lost_s == pytest.approx(2.0)
    assert found.whole.group.failed_over == 3


def test_errors_are_told_by_their_codes() -> None:
    """A code is what one looks up."""
    found = audited(
        row(1),
        *(row(number, outcome="refused", error_code="rate_limited", status=429, tier="none") for number in (2, 3)),
        row(4, outcome="truncated", error_code="", status=200),
    ).errors

    assert [(one.outcome, one.code, one.status, one.tier, one.requests) for one in found] == [
        ("refused", "rate_limited", 429, "none", 2),
        ("truncated", "none", 200, "local", 1),
    ]


def test_clients_that_ask_again_are_known_by_team_and_key() -> None:
    """The SDK counts its own retries in a header."""
    by = audited(row(1, client_retries=2), row(2), row(3, team="sales", key="k2", client_retries=1)).by

    assert {name: group.retried for name, group in by["team"].named.items()} == {"support": 1, "sales": 1}
    assert by["key"].named["k2"].retried == 1
