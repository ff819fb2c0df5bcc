"""The event simulation against one that makes every step by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.simulation import Result, simulate
from offramp.capacity.step_time import MeasuredStepTime, StepCost, roofline
from tests.capacity import naive


def engine(
    *, kv_blocks: int = 1000, max_running: int = 8, budget: int = 64, arithmetic_s: float = 0.0, overhead_s: float = 0.0
) -> Engine:
    """A small one, whose step times show every part of the rule."""
    cost = StepCost(
        read_s=0.0201,
        kv_token_s=0.0000317,
        prompt_token_s=0.00053,
        sequence_token_s=arithmetic_s,
        overhead_s=overhead_s,
        sequence_s=0.00011,
    )
    steps = MeasuredStepTime(
        name="small", cost=cost, max_running=max_running, kv_blocks=kv_blocks, context_tokens=kv_blocks * 16
    )
    return Engine(steps=steps, max_batched_tokens=budget)


def random_load(seed: int, *, requests: int, rate_per_s: float, longest_prompt: int, longest_answer: int) -> Load:
    """Requests that come at random."""
    chance = np.random.default_rng(seed)
    return Load.of(
        np.cumsum(chance.exponential(1 / rate_per_s, requests)),
        chance.integers(1, longest_prompt + 1, requests),
        chance.integers(1, longest_answer + 1, requests),
    )


def compare(load: Load, small: Engine, replicas: int = 1) -> Result:
    """Every time and every count must be the same."""
    result = simulate(load, small, replicas=replicas)
    plain, fleet = naive.run(load, small, replicas)

    np.testing.assert_allclose(result.wait_s, [one.admitted_s for one in plain] - load.arrived_s, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.ttft_s, [one.first_s for one in plain] - load.arrived_s, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.total_s, [one.done_s for one in plain] - load.arrived_s, rtol=0, atol=1e-6)
    assert result.preemptions == sum(one.preemptions for one in fleet)
    assert result.tokens_recomputed == sum(one.recomputed for one in fleet)
    assert result.busy_s == pytest.approx(sum(one.busy_s for one in fleet))
    assert result.running_s == pytest.approx(sum(one.running_s for one in fleet))
    assert result.kv_peak_share == pytest.approx(max(one.most_used for one in fleet) / small.steps.kv_blocks)
    return result


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32),
    rate_per_s=st.sampled_from([0.3, 2.0, 10.0, 200.0]),
    longest_prompt=st.sampled_from([1, 30, 200]),
    longest_answer=st.sampled_from([1, 40, 150]),
    kv_blocks=st.sampled_from([25, 40, 1000]),
    max_running=st.sampled_from([1, 3, 16]),
    budget=st.sampled_from([16, 64, 2048]),
    arithmetic_s=st.sampled_from([0.0, 0.004]),
    replicas=st.sampled_from([1, 1, 3]),
)
def test_many_steps_at_once_are_the_same_as_one_after_the_other(
    *,
    seed: int,
    rate_per_s: float,
    longest_prompt: int,
    longest_answer: int,
    kv_blocks: int,
    max_running: int,
    budget: int,
    arithmetic_s: float,
    replicas: int,
) -> None:
    """The short cut must not change one figure: idle or overloaded, with preemption, long prompts, several replicas."""
    load = random_load(
        seed, requests=60, rate_per_s=rate_per_s, longest_prompt=longest_prompt, longest_answer=longest_answer
    )
    small = engine(kv_blocks=kv_blocks, max_running=max_running, budget=budget, arithmetic_s=arithmetic_s)

    compare(load, small, replicas)


def test_a_cache_that_is_too_small_preempts_the_youngest_and_recomputes() -> None:
    """The comparison above must have met preemptions, and many of them."""
    load = random_load(7, requests=300, rate_per_s=20.0, longest_prompt=100, longest_answer=150)

    result = compare(load, engine(kv_blocks=40, max_running=16))

    assert result.preemptions > 100
    assert result.tokens_recomputed > 10_000
    assert result.kv_peak_share == 1.0


@pytest.mark.parametrize(("card", "llm", "rate_per_s"), [("A10G", "mistral-7b", 1.5), ("H100", "llama-3.1-8b", 20.0)])
def test_real_sizes_are_the_same_as_well(card: str, llm: str, rate_per_s: float) -> None:
    """Hundreds of tokens and steps of milliseconds: rounding must not add up."""
    load = random_load(3, requests=400, rate_per_s=rate_per_s, longest_prompt=3000, longest_answer=300)

    compare(load, Engine(steps=roofline(card, llm)))


def test_an_overhead_counts_once_in_each_step() -> None:
    """What a real engine's scheduler costs is part of no roofline."""
    load = random_load(5, requests=50, rate_per_s=3.0, longest_prompt=50, longest_answer=50)
    small = engine(overhead_s=0.013)

    slow = compare(load, small)

    assert slow.total_s.mean() > simulate(load, engine()).total_s.mean()
