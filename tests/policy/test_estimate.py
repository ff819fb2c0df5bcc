"""Bytes per token, learned from what was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.policy.estimate import DEFAULT_BYTES_PER_TOKEN, MEASURED_ENOUGH, BytesPerToken


def learned(bytes_per_token: int, answers: int) -> BytesPerToken:
    """A ratio after so many measured answers of 100 tokens."""
    ratio = BytesPerToken()
    for _ in range(answers):
        ratio.observe(100 * bytes_per_token, 100)
    return ratio


def test_the_usual_rule_stands_until_enough_was_measured() -> None:
    """Two answers say little about a model; fifty say more than a rule of thumb."""
    assert learned(7, 0).ratio == DEFAULT_BYTES_PER_TOKEN
    assert learned(7, MEASURED_ENOUGH - 1).ratio == DEFAULT_BYTES_PER_TOKEN
    assert learned(7, MEASURED_ENOUGH).ratio == 7.0


def test_answers_without_tokens_or_without_bytes_teach_nothing() -> None:
    """An empty answer has no ratio; it must not bring the average to nothing, by which nobody can divide."""
    ratio = learned(5, MEASURED_ENOUGH)
    ratio.observe(10_000, 0)
    ratio.observe(0, 10_000)

    assert ratio.ratio == 5.0
    assert ratio.samples == MEASURED_ENOUGH


@pytest.mark.parametrize(("size_bytes", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4000, 1000), (4001, 1001)])
def test_part_of_a_token_counts_as_one(size_bytes: int, tokens: int) -> None:
    """An estimate that rounds down lets inputs through that are too long."""
    assert BytesPerToken().tokens(size_bytes) == tokens


def test_what_was_measured_is_estimated_to_be_exactly_that() -> None:
    """A ratio that is no round number must not make one token more of it."""
    ratio = BytesPerToken()
    for _ in range(MEASURED_ENOUGH):
        ratio.observe(116, 7)

    assert ratio.tokens(116) == 7


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), max_size=120), st.integers(0, 10**7))
def test_an_estimate_is_never_negative_and_never_more_than_the_ratio_says(
    answers: list[tuple[int, int]], size_bytes: int
) -> None:
    """Whatever upstreams claim, what is billed and limited stays a sensible number."""
    ratio = BytesPerToken()
    for seen in answers:
        ratio.observe(*seen)
    tokens = ratio.tokens(size_bytes)

    assert tokens >= 0
    assert tokens <= size_bytes / ratio.ratio + 1
