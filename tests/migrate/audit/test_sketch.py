"""Quantiles from buckets: within half a percent of the exact ones, and the same in SQL and in Python."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.audit import sketch, traffic
from offramp.migrate.audit.sketch import Measure, bucket_of, value_of
from offramp.migrate.ledger.selection import Selection
from tests.migrate.audit.related import NOW_NS, audited, related
from tests.store.samples import row


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_bucket_is_within_half_a_percent_of_its_values(value: float) -> None:
    """That is the whole error there is."""
    assert value_of(bucket_of(value)) == pytest.approx(value, rel=0.00502)


def test_zero_stays_zero() -> None:
    """It has no logarithm, and half of nothing is nothing."""
    assert value_of(bucket_of(0)) == 0


@settings(max_examples=12)
@given(st.lists(st.floats(min_value=1e-6, max_value=1e5), min_size=1, max_size=60))
def test_quantiles_are_those_of_a_sorted_list(seconds: list[float]) -> None:
    """Compared with the definition itself: the least value with at least that share at or below it."""
    rows = [row(number, total_s=one, ttft_s=one / 2) for number, one in enumerate(seconds)]
    exact = sorted(seconds)
    with related(*rows) as connection:
        traffic.prepare(connection, Selection(), now_ns=NOW_NS)
        sketch.prepare(connection)
        total = sketch.spread(connection, Measure.TOTAL)
    assert total is not None

    for share, value in ((0.5, total.p50), (0.95, total.p95), (0.99, total.p99)):
        assert value == pytest.approx(exact[ceil(share * len(exact)) - 1], rel=0.00502)
    assert total.count == len(seconds)


def test_only_whole_answers_count_and_streams_are_told_apart() -> None:
    """A refusal in a millisecond would make everything look fast."""
    found = audited(
        row(1, features=1, ttft_s=0.2, total_s=1.2, output_tokens=11),
        row(2, features=0, ttft_s=3.0, total_s=3.0, model_served="big", operation="responses", tier="openai"),
        row(3, features=1, outcome="refused", ttft_s=None, total_s=0.001),
        row(4, features=1, ttft_s=None, total_s=1.0),
    ).latency

    assert {measure: spread and spread.count for measure, spread in found.all.items()} == {
        Measure.TTFT: 2,
        Measure.TTFT_STREAMED: 1,
        Measure.TOKEN: 1,
        Measure.TOTAL: 3,
    }
    token = found.all[Measure.TOKEN]
    assert token is not None
    assert token.p50 == pytest.approx(0.1, rel=0.006)
    assert set(found.by["model"][Measure.TOTAL]) == {"tiny", "big"}
    assert set(found.by["tier"][Measure.TTFT_STREAMED]) == {"local"}


def test_histograms_hold_every_value() -> None:
    """Edges rise, and the counts are all there."""
    rows = [row(number, total_s=0.001 * 3**number) for number in range(9)]
    found = audited(*rows).bars[Measure.TOTAL]

    assert sum(found.counts) == 9
    assert len(found.edges) == len(found.counts) + 1
    assert found.edges == sorted(found.edges)
    assert found.edges[0] <= 0.001 * 1.01
    assert found.edges[-1] >= 0.99 * 0.001 * 3**8


def test_headroom_is_how_much_was_left_against_the_most() -> None:
    """OpenAI says what remains; the limit itself is in no answer's row."""
    left = [10_000, 9_000, 5_000, 900, 0]
    rows = [row(number, tier="openai", ratelimit_requests=one) for number, one in enumerate(left)]
    (found,) = audited(*rows, row(9)).headrooms[Measure.RATELIMIT_REQUESTS]

    assert (found.tier, found.answers, found.lowest) == ("openai", 5, 0)
    assert found.highest == pytest.approx(10_000, rel=0.006)
    assert found.below_tenth == 0.4


def test_a_quantile_is_never_above_the_greatest_value() -> None:
    """`p95 29.1, most 29` makes a reader doubt every other figure."""
    found = audited(*(row(number, input_tokens=29, output_tokens=20) for number in range(3)))

    for measure, most in ((Measure.INPUT, 29), (Measure.OUTPUT, 20), (Measure.CONTEXT, 49)):
        spread = found.lengths[measure]
        assert spread is not None
        assert max(spread.p50, spread.p95, spread.p99) <= most


def test_a_duration_that_nobody_recorded_is_unknown_and_not_nothing() -> None:
    """An import without durations would else have answers after 0 s."""
    found = audited(row(1, total_s=0.0), row(2, total_s=2.0)).latency.all[Measure.TOTAL]

    assert found is not None
    assert (found.count, round(found.p50, 1)) == (1, 2.0)
