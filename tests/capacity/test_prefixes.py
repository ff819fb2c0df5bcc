"""What the prefix cache keeps, pins and forgets, and what it saves in a simulation."""

import numpy as np
import pytest

from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.prefixes import Prefixes
from offramp.capacity.replica import Replica, Requests
from offramp.capacity.simulation import simulate
from offramp.capacity.step_time import roofline

STEPS = roofline("A10G", "mistral-7b")


def test_what_is_used_is_pinned_and_what_is_not_can_be_forgotten_from_its_end() -> None:
    """The dialogue of one beginning."""
    kept = Prefixes()

    assert kept.grow(1, 10, user=False) == 10
    assert (kept.kept(1), kept.to_pin(1), kept.evictable) == (10, 0, 0)
    assert kept.leave(1) == 10
    assert (kept.to_pin(1), kept.evictable) == (10, 10)

    kept.shrink_to(6)

    assert (kept.kept(1), kept.evictable) == (6, 6)

    kept.use(1)

    assert (kept.to_pin(1), kept.evictable) == (0, 0)
    assert kept.grow(1, 8, user=True) == 2
    assert kept.leave(1) == 8


def test_what_was_unused_the_longest_goes_first() -> None:
    kept = Prefixes()
    for group in (1, 2, 3):
        kept.grow(group, 10, user=False)
    for group in (2, 1, 3):
        kept.leave(group)

    kept.shrink_to(15)

    assert [kept.kept(group) for group in (1, 2, 3)] == [5, 0, 10]


def test_a_copy_beside_what_is_kept_stays_its_own() -> None:
    """Two sequences that came together both work off the beginning; only one copy is shared."""
    kept = Prefixes()
    kept.grow(1, 10, user=False)

    assert kept.grow(1, 10, user=False) == 0


def test_a_shared_system_prompt_is_worked_off_once() -> None:
    """The first token of the second request comes as if its prompt were only its own part."""
    load = Load.of([0.0, 10.0], [1000, 1000], [10, 10], prefix=[4, 4], prefix_tokens=[960, 960])
    with_cache = simulate(load, Engine(steps=STEPS, prefix_cache=True))
    without = simulate(load, Engine(steps=STEPS))

    assert with_cache.prefix_hit_tokens == 960
    assert [with_cache.ttft_s[0], without.ttft_s[1]] == pytest.approx([STEPS.prefill_s(1000)] * 2)
    assert with_cache.ttft_s[1] == pytest.approx(STEPS.cost.of(0, 0, 40))


def test_a_prompt_that_is_shared_to_its_end_still_gives_its_first_token() -> None:
    """At least one token is always worked off, as in vLLM; here the last whole block."""
    load = Load.of([0.0, 10.0], [960, 960], [2, 2], prefix=[0, 0], prefix_tokens=[960, 960])

    assert simulate(load, Engine(steps=STEPS, prefix_cache=True)).prefix_hit_tokens == 944


def test_a_conversation_finds_its_own_beginning_grown() -> None:
    """Each turn begins with all turns before it."""
    load = Load.of([0.0, 10.0, 20.0], [200, 400, 600], [10] * 3, prefix=[1] * 3, prefix_tokens=[0, 192, 400])

    assert simulate(load, Engine(steps=STEPS, prefix_cache=True)).prefix_hit_tokens == 0 + 0 + 192


@pytest.mark.parametrize("seed", range(6))
def test_no_block_is_lost_or_doubled_however_beginnings_come_and_go(seed: int) -> None:
    """A cache that is far too small: all is shared, evicted, preempted; at the end every block is free."""
    chance = np.random.default_rng(seed)
    count = 300
    prompts = chance.integers(100, 900, count)
    load = Load.of(
        np.cumsum(chance.exponential(0.25, count)),
        prompts,
        chance.integers(1, 300, count),
        prefix=chance.integers(-1, 12, count),
        prefix_tokens=np.minimum(prompts, chance.choice([50, 333, 700], count)),
    )
    small = Engine(steps=roofline("A10G", "llama-3.1-8b"), prefix_cache=True)
    requests = Requests(
        prompt=load.input_tokens.tolist(),
        wanted=load.output_tokens.tolist(),
        blocks=(-(-(load.input_tokens + load.output_tokens - 1) // 16)).tolist(),
        prefix=load.prefix.tolist(),
        prefix_blocks=(
            np.where(load.prefix >= 0, np.minimum(load.prefix_tokens, load.input_tokens - 1), 0) // 16
        ).tolist(),
        admitted_s=[-1.0] * count,
        first_s=[0.0] * count,
        done_s=[0.0] * count,
    )
    replica = Replica(small, requests)
    for request, at_s in enumerate(load.arrived_s.tolist()):
        replica.run_until(at_s)
        replica.arrive(request, at_s)
        assert 0 <= replica._free <= replica.blocks
    while replica.end_s < float("inf"):
        replica.run_until(replica.end_s)

    assert min(requests.done_s) > 0
    assert (replica.in_flight, replica._free) == (0, replica.blocks)
    assert replica.prefix_hit_tokens > 10_000
    assert replica.preemptions > 0
