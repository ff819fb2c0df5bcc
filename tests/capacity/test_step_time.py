"""The step-time model against figures that were worked out by hand."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.capacity import step_time
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.step_time import (
    DemoStepTime,
    MeasuredStepTime,
    StepCost,
    StepTimeModel,
    roofline,
    step_time_model,
)
from offramp.errors import UsageError


def requests_per_s(model: StepTimeModel, batch: int, prompt_tokens: int, answer_tokens: int) -> float:
    """Requests a second of a batch that is always full: prefill one by one, decode together."""
    kv_tokens = batch * (prompt_tokens + answer_tokens // 2)
    return 1 / (model.prefill_s(prompt_tokens) + answer_tokens * model.step_s(batch, kv_tokens) / batch)


@pytest.fixture
def a10g() -> StepTimeModel:
    """A 7B model in bf16 on the card of a g5.xlarge."""
    return step_time_model("A10G", "mistral-7b")


@pytest.mark.parametrize(("batch", "rate_per_s"), [(16, 1.9), (32, 2.4), (48, 2.6)])
def test_an_a10g_carries_what_the_roofline_says(a10g: StepTimeModel, batch: int, rate_per_s: float) -> None:
    """700 tokens in, 100 out: the sizing example of a 7B model on a g5.xlarge."""
    assert requests_per_s(a10g, batch, 700, 100) == pytest.approx(rate_per_s, abs=0.05)


def test_a_full_batch_needs_over_four_seconds_for_a_hundred_tokens(a10g: StepTimeModel) -> None:
    """So a total timeout of five seconds fires for ever under load."""
    assert 100 * a10g.step_s(32, 32 * 750) == pytest.approx(4.2, abs=0.05)
    assert a10g.prefill_s(700) == pytest.approx(0.3, abs=0.02)


def test_the_cache_of_an_a10g_holds_54_sequences_of_800_tokens(a10g: StepTimeModel) -> None:
    """5.3 GiB are free, whatever the longest context is."""
    assert a10g.kv_blocks * BLOCK_TOKENS // 800 == 54


def test_a_single_stream_stays_below_bandwidth_over_weights(a10g: StepTimeModel) -> None:
    """600 GB/s over 14.5 GB is 41 tokens a second; no engine is faster than that for one client."""
    assert 1 / a10g.step_s(1, 0) < 600 / 14.5


def test_the_demo_has_no_slow_down_below_300() -> None:
    """TTFT 30 ms and 5 ms per token are promised."""
    demo = DemoStepTime()

    assert demo.prefill_s(1) == demo.prefill_s(100_000) == 0.030
    assert demo.step_s(1, 0) == demo.step_s(299, 1_000_000) == 0.005


def test_the_demo_slows_beyond_300() -> None:
    """Its throughput has a ceiling: 60,000 tokens a second."""
    demo = DemoStepTime()

    assert 450 / demo.step_s(450, 0) == pytest.approx(60_000)


@given(batch=st.integers(1, 500), kv_tokens=st.integers(0, 10**6), more=st.integers(0, 10**5))
def test_more_work_never_takes_less_time(batch: int, kv_tokens: int, more: int) -> None:
    """A planner searches over load and needs a monotone model."""
    for hardware in ("demo", "A10G", "H100"):
        model = step_time_model(hardware)

        assert model.step_s(batch, kv_tokens) <= model.step_s(batch + more, kv_tokens + more)
        assert model.prefill_s(batch) <= model.prefill_s(batch + more)


def test_a_large_batch_is_bound_by_arithmetic() -> None:
    """With short contexts the cache no longer decides: a step of 4,000 sequences takes as long as their arithmetic."""
    model = step_time_model("T4", "qwen2.5-0.5b")

    assert model.step_s(4000, 0) == model.prefill_s(4000)


def test_weights_that_do_not_fit_are_refused() -> None:
    """A 70B model on one A10G cannot start, and the message says by how much."""
    with pytest.raises(UsageError, match=r"131\.4 GiB.*A10G"):
        step_time_model("A10G", "llama-3.1-70b")


def test_a_context_beyond_the_cache_is_refused() -> None:
    """VLLM refuses to start where one sequence of that length would not fit."""
    with pytest.raises(UsageError, match=r"--max-model-len 131072.*at most"):
        step_time_model("L4", "llama-3.1-8b", max_model_len=131_072)


def test_the_context_is_limited_by_what_was_asked_for() -> None:
    """`--max-model-len` is a ceiling and reserves nothing."""
    limited = step_time_model("A10G", max_model_len=2048)

    assert limited.context_tokens == 2048
    assert limited.kv_blocks == step_time_model("A10G").kv_blocks
    assert step_time_model("demo", max_model_len=256).context_tokens == 256


def test_the_context_never_exceeds_what_the_cache_holds() -> None:
    """Else a single long prompt would wait for blocks that never come."""
    model = step_time_model("A10", "qwen3-8b")

    assert model.context_tokens <= model.kv_blocks * BLOCK_TOKENS


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(step_time).failed == 0


def test_a_prompt_shares_the_reading_of_the_weights_with_those_that_decode() -> None:
    """Charged alone it takes a full pass, at least; beside others it adds its arithmetic and nothing more."""
    a10g = roofline("A10G", "mistral-7b")
    short, long = 20, 700

    assert a10g.step_s(0, 0, short) == a10g.cost.read_s > a10g.prefill_s(short)
    assert a10g.step_s(0, 0, long) == a10g.prefill_s(long) > a10g.cost.read_s
    assert a10g.step_s(8, 6000, short) - a10g.step_s(8, 6000) == pytest.approx(a10g.prefill_s(short))


@given(
    batch=st.integers(0, 256),
    kv_tokens=st.integers(0, 10**5),
    prompt_tokens=st.integers(1, 2048),
    overhead_s=st.floats(0, 0.1),
)
def test_a_step_is_no_longer_than_its_parts_one_after_the_other(
    batch: int, kv_tokens: int, prompt_tokens: int, overhead_s: float
) -> None:
    """Batching never costs: together takes at most what a step of decoding and a step of prompts take."""
    cost = StepCost(read_s=0.03, kv_token_s=3e-7, prompt_token_s=4e-4, sequence_token_s=4e-4, overhead_s=overhead_s)
    together = cost.of(batch, kv_tokens, prompt_tokens)

    assert together <= cost.of(batch, kv_tokens) + cost.of(0, 0, prompt_tokens) + 1e-12
    assert together >= cost.of(0, 0, prompt_tokens) - 1e-12 if not batch else together > cost.of(batch, kv_tokens)


def test_cards_that_hold_a_model_together_are_faster_and_never_as_many_times_as_they_are() -> None:
    """Four L40S hold 70B in 16 bits; what they exchange is taken off."""
    one, two = (roofline("H100", "llama-3.1-8b", gpus=gpus) for gpus in (1, 2))

    assert two.name == "llama-3.1-8b on H100 × 2"
    assert 1.5 < one.step_s(8, 8000) / two.step_s(8, 8000) < 2.0
    assert two.kv_blocks > 2 * one.kv_blocks
    with pytest.raises(UsageError, match="3 GPUs cannot hold"):
        roofline("H100", "llama-3.1-8b", gpus=3)


def test_a_measured_engine_follows_its_line() -> None:
    """What was calibrated is used as it stands, with an overhead that nothing hides."""
    cost = StepCost(
        read_s=0.0, kv_token_s=1e-7, prompt_token_s=1e-5, sequence_token_s=0.0, overhead_s=0.004, sequence_s=2e-4
    )
    measured = MeasuredStepTime(name="tiny", cost=cost, max_running=16, kv_blocks=100, context_tokens=1024)

    assert measured.step_s(10, 1000) == pytest.approx(0.004 + 0.002 + 0.0001)
    assert measured.step_s(0, 0, 100) == pytest.approx(0.005)
    assert measured.prefill_s(100) == pytest.approx(0.001)
