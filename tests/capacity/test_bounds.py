"""Bounds are bounds: the simulation never does better."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.capacity import bounds as module
from offramp.capacity.arrivals import CHAT, CODE, generate
from offramp.capacity.bounds import best_attainment, fewest_replicas, max_rate_per_s
from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.saturation import saturation
from offramp.capacity.simulation import simulate
from offramp.capacity.slo import Slo
from offramp.capacity.step_time import roofline


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def load_of(seed: int, rate_per_s: float, *, shared: bool = False) -> Load:
    """Some minutes of chat or code, with shared beginnings if asked for."""
    load = generate(seed, requests=150, rate_per_s=rate_per_s, shape=CHAT if seed % 2 else CODE)
    if not shared:
        return load
    groups = np.random.default_rng(seed).integers(-1, 3, load.requests)
    return Load.of(load.arrived_s, load.input_tokens, load.output_tokens, prefix=groups, prefix_tokens=[500] * 150)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    hardware=st.sampled_from(["A10G", "L40S", "H100"]),
    rate_per_s=st.sampled_from([0.2, 2.0, 20.0]),
    replicas=st.sampled_from([1, 2, 3]),
    shared=st.booleans(),
    slo=st.builds(
        Slo,
        ttft_s=st.sampled_from([None, 0.3, 2.0, 20.0]),
        token_s=st.sampled_from([None, 0.03, 0.06, 0.2]),
        total_s=st.sampled_from([None, 5.0, 60.0]),
        share=st.sampled_from([0.5, 0.95, 1.0]),
    ),
)
def test_no_configuration_that_a_bound_rules_out_meets_the_service_level(
    *, seed: int, hardware: str, rate_per_s: float, replicas: int, shared: bool, slo: Slo
) -> None:
    """A search may then skip what is ruled out, and finds the same answer."""
    load = load_of(seed, rate_per_s, shared=shared)
    engine = Engine(steps=roofline(hardware, "llama-3.1-8b"), prefix_cache=shared)
    result = simulate(load, engine, replicas=replicas)

    assert result.attainment(slo) <= best_attainment(engine, load, slo)
    assert not (result.meets(slo) and replicas < fewest_replicas(engine, load, slo))
    if not result.refused:
        assert load.requests / result.busy_s <= max_rate_per_s(engine, load) * (1 + 1e-9)


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(700, 100), (50, 500), (4000, 20)])
def test_the_bound_is_near_what_a_full_batch_does(input_tokens: int, output_tokens: int) -> None:
    """A bound that is far above prunes nothing; short prompts with long answers leave it the most room."""
    engine = Engine(steps=roofline("A10G", "mistral-7b"))
    most = max_rate_per_s(engine, Load.of([0.0], [input_tokens], [output_tokens]))
    full = saturation(engine, input_tokens=input_tokens, output_tokens=output_tokens).requests_per_s

    assert full <= most <= 1.6 * full


def test_a_load_far_beyond_one_replica_needs_several() -> None:
    """What ten carry with some to spare is not simulated with one to six."""
    engine = Engine(steps=roofline("A10G", "mistral-7b"))
    load = generate(1, requests=9_000, rate_per_s=15.0)
    slo = Slo(ttft_s=5.0, token_s=0.2)

    fewest = fewest_replicas(engine, load, slo)

    assert fewest >= 7
    assert not simulate(load, engine, replicas=fewest - 1).meets(slo)


def test_a_card_that_is_too_slow_for_one_token_is_ruled_out_whatever_the_number() -> None:
    """An L4 reads 16 GB in 76 ms: 50 ms a token is out of reach."""
    load = generate(1, requests=200, rate_per_s=1.0)

    assert best_attainment(Engine(steps=roofline("L4", "llama-3.1-8b")), load, Slo(token_s=0.05)) < 0.1
    assert best_attainment(Engine(steps=roofline("H100", "llama-3.1-8b")), load, Slo(token_s=0.05)) == 1.0


def test_no_batch_is_so_large_that_its_arithmetic_is_free() -> None:
    """Short prompts and answers fit by the hundred; on 165 TFLOPS at half each of the 35 tokens takes 0.176 ms."""
    engine = Engine(steps=roofline("RTX-4090", "mistral-7b"))
    load = Load.of([0.0], [11], [24])
    token_s = engine.steps.cost.prompt_token_s

    assert max_rate_per_s(engine, load) == pytest.approx(1 / (11 * token_s + 23 * token_s))
    assert max_rate_per_s(engine, load) < 170
