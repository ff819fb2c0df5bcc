"""What one GPU carries: the closed form against the worked values, and what does not fit."""

import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.capacity.step_time import step_time_model
from offramp.errors import UsageError
from offramp.migrate.plan import sizing
from offramp.migrate.plan.sizing import size

LOAD = Fraction("0.6")


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(sizing).failed == 0


@pytest.mark.parametrize(("concurrency", "requests_per_s"), [(16, 1.9), (32, 2.4), (48, 2.6)])
def test_the_closed_form_gives_the_worked_values(concurrency: int, requests_per_s: float) -> None:
    """Row 12 of the recheck: a 7B model on an A10G at 700 tokens in and 100 out."""
    steps = step_time_model("A10G", "mistral-7b")
    batch_s = concurrency * steps.prefill_s(700) + 100 * steps.step_s(concurrency, concurrency * 750)

    assert round(concurrency / batch_s, 1) == requests_per_s


def test_one_small_machine_carries_four_to_six_million_requests_not_way_more_than_five() -> None:
    """Row 12 of the recheck, and row 19: 54 sequences of 800 tokens whatever the ceiling."""
    mean = size("A10G", "mistral-7b", input_tokens=700, output_tokens=100, max_load=LOAD)
    full = size("A10G", "mistral-7b", input_tokens=700, output_tokens=100, max_load=Fraction(1))

    assert mean.concurrency == 54
    assert 3_700_000 < mean.max_requests_per_month < 4_300_000
    assert 6_200_000 < full.max_requests_per_month < 7_100_000


@given(st.integers(1, 4_000), st.integers(1, 2_000), st.sampled_from(["L4", "A10G", "L40S", "A100-80", "H100"]))
def test_longer_requests_are_never_more(input_tokens: int, output_tokens: int, gpu: str) -> None:
    """More tokens in or out means fewer requests; one token more may not matter to whole blocks, never help."""
    short = size(gpu, "llama-3.1-8b", input_tokens=input_tokens, output_tokens=output_tokens, max_load=LOAD)
    longer = size(gpu, "llama-3.1-8b", input_tokens=2 * input_tokens, output_tokens=output_tokens, max_load=LOAD)
    wordier = size(gpu, "llama-3.1-8b", input_tokens=input_tokens, output_tokens=2 * output_tokens, max_load=LOAD)

    assert longer.requests_per_s <= short.requests_per_s
    assert wordier.requests_per_s <= short.requests_per_s


def test_a_faster_card_carries_more() -> None:
    rates = [
        size(gpu, "llama-3.1-8b", input_tokens=700, output_tokens=100, max_load=LOAD).requests_per_s
        for gpu in ("A10G", "L40S", "A100-80", "H100")
    ]

    assert rates == sorted(rates, key=lambda rate: rate)
    assert rates[-1] > 5 * rates[0]


@pytest.mark.parametrize(
    ("gpu", "model", "tokens", "said"),
    [
        ("A10G", "llama-3.1-70b", 700, "take a larger card"),
        ("A10G", "llama-2-13b", 700, "take a larger card"),
        ("H100", "llama-3.3-70b", 700, "does not fit on one H100: .* which puts a model on several"),
        ("A100-80", "llama-2-13b", 5_000, "takes at most 4096 tokens"),
        ("TPU", "llama-3.1-8b", 700, "no hardware is called 'TPU'"),
        ("A10G", "gpt-4o", 700, "no model is called 'gpt-4o'"),
    ],
)
def test_what_does_not_fit_says_why(gpu: str, model: str, tokens: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        size(gpu, model, input_tokens=tokens, output_tokens=100, max_load=LOAD)
