"""The ledger as traffic: counted by hand on a few rows, and what does not belong is told."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pytest

from offramp.capacity.slo import Slo
from offramp.errors import UnavailableError
from offramp.migrate.plan.observed import observed
from offramp.migrate.plan.traffic import Kind, Traffic
from tests.migrate.plan.cases import NOON

S = 10**9
SLO = Slo(ttft_s=1.0, token_s=0.05)

COLUMNS = {
    "started_ns": "BIGINT",
    "operation": "VARCHAR",
    "route": "VARCHAR",
    "tier": "VARCHAR",
    "model_asked": "VARCHAR",
    "model_served": "VARCHAR",
    "service_tier": "VARCHAR",
    "outcome": "VARCHAR",
    "system_hash": "BLOB",
    "system_bytes": "INTEGER",
    "ttft_s": "DOUBLE",
    "total_s": "DOUBLE",
    "compute_nano": "BIGINT",
    "cost_nano": "BIGINT",
    "ratelimit_requests": "INTEGER",
    "ratelimit_tokens": "INTEGER",
    "input_tokens": "INTEGER",
    "output_tokens": "INTEGER",
    "cached_tokens": "INTEGER",
}
ROW: dict[str, object] = {
    "operation": "chat.completions",
    "route": "chat",
    "tier": "openai",
    "model_asked": "gpt-4o",
    "model_served": "gpt-4o-2024-08-06",
    "service_tier": "",
    "outcome": "ok",
    "system_hash": b"",
    "system_bytes": 0,
    "ttft_s": 0.3,
    "total_s": 2.0,
    "compute_nano": 0,
    "cost_nano": 2_750_000,
    "ratelimit_requests": None,
    "ratelimit_tokens": None,
    "input_tokens": 700,
    "output_tokens": 100,
    "cached_tokens": 64,
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with an empty table of exchanges."""
    with duckdb.connect() as opened:
        opened.execute(f"CREATE TABLE exchanges ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        yield opened


def fill(connection: duckdb.DuckDBPyConnection, *rows: dict[str, Any]) -> Traffic:
    """Put rows in, one a second unless they say otherwise, and look at them."""
    for number, row in enumerate(rows):
        whole = {**ROW, "started_ns": NOON - 3_600 * S + number * S, **row}
        values = [whole[name] for name in COLUMNS]
        connection.execute(f"INSERT INTO exchanges VALUES ({', '.join('?' * len(COLUMNS))})", values)  # noqa: S608
    return observed(connection, name="the ledger in .offramp", thresholds=(1_000,), slo=SLO, now_ns=NOON)


def test_sums_and_volume_are_those_of_the_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Five requests in five seconds: 2,628,000 in 730 hours."""
    found = fill(connection, {}, {}, {}, {"input_tokens": 1_001}, {"model_asked": "gpt-4o-mini"})

    assert found.kind is Kind.LEDGER
    assert found.requests == 5
    assert found.requests_per_month == 730 * 3_600
    sums = {
        (tally.model, tally.over): (tally.requests, tally.input_tokens, tally.cached_tokens, tally.output_tokens)
        for tally in found.tallies
    }
    assert sums == {
        ("gpt-4o", 0): (3, 2_100, 192, 300),
        ("gpt-4o", 1_000): (1, 1_001, 64, 100),
        ("gpt-4o-mini", 0): (1, 700, 64, 100),
    }
    assert sum(block.requests for block in found.blocks) == 5


def test_a_model_that_nobody_named_is_the_one_that_answered(connection: duckdb.DuckDBPyConnection) -> None:
    assert {tally.model for tally in fill(connection, {"model_asked": ""}, {}).tallies} == {
        "gpt-4o",
        "gpt-4o-2024-08-06",
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"outcome": "refused"}, "refused, or wrong in themselves"),
        ({"tier": "cache"}, "answered from the cache"),
        ({"operation": "embeddings"}, "of operations that are planned apart (embeddings)"),
        ({"started_ns": 5}, "with a clock that is wrong"),
        ({"started_ns": NOON + 30 * 86_400 * S}, "with a clock that is wrong"),
    ],
)
def test_rows_that_do_not_belong_are_counted_with_the_reason(
    row: dict[str, Any], reason: str, connection: duckdb.DuckDBPyConnection
) -> None:
    found = fill(connection, {}, {}, row)

    assert found.requests == 2
    assert found.left_out == ((reason, 1),)


def test_rows_without_tokens_are_in_the_volume_and_not_in_the_sums(connection: duckdb.DuckDBPyConnection) -> None:
    """They are as long as the others where they are simulated."""
    found = fill(connection, {}, {"input_tokens": None}, {"output_tokens": -1}, {"input_tokens": 900})

    assert found.requests == 4
    assert sum(tally.requests for tally in found.tallies) == 2
    assert found.busiest.input_tokens.tolist() == [700, 800, 800, 900]
    assert found.left_out == (("without usable token counts: in the volume, not in the sums", 2),)


def test_more_cached_tokens_than_input_are_believed_up_to_it(connection: duckdb.DuckDBPyConnection) -> None:
    found = fill(connection, {"cached_tokens": 9_999}, {"cached_tokens": -5}, {"cached_tokens": None})

    assert sum(tally.cached_tokens for tally in found.tallies) == 700


def test_requests_with_the_same_system_prompt_share_a_prefix(connection: duckdb.DuckDBPyConnection) -> None:
    """A system prompt of 400 bytes is about 100 tokens."""
    system = {"system_hash": b"\x01" * 8, "system_bytes": 400}
    other = {"system_hash": b"\x02" * 8, "system_bytes": 40_000}
    load = fill(connection, system, system, other, {}).busiest

    assert load.prefix[0] == load.prefix[1] != load.prefix[2]
    assert load.prefix[3] == -1
    assert load.prefix_tokens.tolist() == [100, 100, 700, 0]


def test_the_incumbents_answers_are_held_to_the_service_level(connection: duckdb.DuckDBPyConnection) -> None:
    """99 further tokens may take 4.95 s after the first one; an answer that came whole may take both together."""
    found = fill(
        connection,
        {},
        {"ttft_s": 1.1},
        {"total_s": 5.3},
        {"ttft_s": None, "total_s": 5.9},
        {"ttft_s": None, "total_s": 6.0},
        {"outcome": "truncated"},
        {"ratelimit_requests": 17},
    )

    assert found.measured.attainment_mean == pytest.approx(3 / 7)
    assert found.measured.attainment_peak == pytest.approx(3 / 7)
    assert found.measured.least_left_requests == 17
    assert found.measured.paid_usd == 7 * Fraction("0.00275")


def test_answers_without_a_duration_keep_no_service_level(connection: duckdb.DuckDBPyConnection) -> None:
    """Imports that know none would else be in time, all of them."""
    rows = [{"total_s": 0.0, "ttft_s": None}] * 3

    assert fill(connection, *rows).measured.attainment_mean is None
    assert fill(connection, {"total_s": 2.0, "ttft_s": 0.3}).measured.attainment_mean == 1.0


def test_what_own_machines_passed_on_is_measured(connection: duckdb.DuckDBPyConnection) -> None:
    """Three of four came from the own tier; the fallback's row still carries computing time of the try that failed."""
    own = {"tier": "local", "model_served": "Mistral-7B", "compute_nano": 50_000, "cost_nano": 50_000}
    fallen = {"compute_nano": 10_000, "cost_nano": 2_760_000}
    elsewhere = {"route": "other", "outcome": "ok"}
    found = fill(connection, own, own, own, fallen, elsewhere).measured

    assert found.fallback_share == Fraction(1, 4)
    assert found.own_model == "Mistral-7B"
    assert found.own_share == pytest.approx(0.6)
    assert found.served == {"gpt-4o": "gpt-4o-2024-08-06"}


def test_without_own_machines_nothing_is_known_of_a_fallback(connection: duckdb.DuckDBPyConnection) -> None:
    found = fill(connection, {}, {}).measured

    assert found.fallback_share is None
    assert found.own_model == ""


def test_of_many_requests_a_piece_of_each_hour_is_metered(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nights and days keep their share; the time is shorter by as much as the requests are fewer."""
    monkeypatch.setattr("offramp.migrate.plan.observed.METERED_REQUESTS", 42)
    rows = [
        {"started_ns": NOON - 9_000 * S + second * S} for second in (*range(0, 3_600, 10), *range(3_600, 7_200, 60))
    ]
    found = fill(connection, *rows)

    assert found.metered.requests == pytest.approx(42, abs=2)
    assert found.metered_s == pytest.approx(found.span_s / 10, rel=0.01)
    assert np.count_nonzero(found.metered.arrived_s < 360) == 36


def test_an_empty_ledger_says_what_to_do(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UnavailableError, match="relay some with `offramp serve`"):
        fill(connection)
    with pytest.raises(UnavailableError, match="no answered request with its tokens"):
        fill(connection, {"input_tokens": None})


def test_hours_and_windows_follow_the_clock(connection: duckdb.DuckDBPyConnection) -> None:
    """Three hours with one request a minute, then an hour's fourth minute with a hundred."""
    slow = [{"started_ns": NOON - 5 * 3_600 * S + minute * 60 * S} for minute in range(240)]
    burst = [{"started_ns": NOON - 5 * 3_600 * S + 200 * 60 * S + number * S // 2} for number in range(100)]
    found = fill(connection, *slow, *burst)

    assert found.hours == (60, 60, 60, 160)
    assert found.busiest.requests >= 100
    assert 8 <= found.usual.requests <= 20
    assert len(found.blocks) == 240
