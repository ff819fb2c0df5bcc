"""The step-time model against figures that were worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.step_time import DemoStepTime, StepTimeModel, step_time_model
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
