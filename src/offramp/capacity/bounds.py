"""What no scheduling could beat: upper bounds in closed form, so that a search need not simulate the hopeless. Pure.

All of it follows from the step-time rule alone. However requests are batched, each prompt token costs its arithmetic
once (but for what the prefix cache saves), each decoded token the reading of its own cache, and each step a pass over
the weights, which is shared by no more sequences than run at once, and by no more blocks than there are.
"""

from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import Floats, Load
from offramp.capacity.slo import Slo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Work:
    """Seconds that each request takes of a replica at the very least."""

    prompt_s: Floats
    by_places_s: Floats
    """All of it, if the number of sequences is what limits the batch."""
    by_blocks_s: Floats
    """All of it, if the KV cache is."""
    by_arithmetic_s: Floats
    """All of it, if batches are so large that their arithmetic outlasts the reading."""


def max_rate_per_s(engine: Engine, load: Load) -> float:
    """Requests per second that one replica cannot exceed for long with requests of these lengths.

    >>> from offramp.capacity.step_time import roofline
    >>> load = Load.of([0.0], [700], [100])
    >>> round(max_rate_per_s(Engine(steps=roofline("A10G", "mistral-7b")), load), 1)
    2.7
    """
    work = _work(engine, load)
    return load.requests / max(
        float(each_s.sum()) for each_s in (work.by_places_s, work.by_blocks_s, work.by_arithmetic_s)
    )


def fewest_replicas(engine: Engine, load: Load, slo: Slo) -> int:
    """Replicas below which the service level cannot be met; with so many it may or may not be.

    The share that must be kept is taken to be the requests with the least work, and their work may be done until the
    last moment that the service level allows.
    """
    work = _work(engine, load)
    kept = ceil(slo.share * load.requests - 1e-9)
    answered_s = _answered_within_s(load, slo)
    needed_s = [(work.prompt_s, slo.ttft_s)] if slo.ttft_s is not None else []
    if answered_s < inf:
        needed_s += [(each_s, answered_s) for each_s in (work.by_places_s, work.by_blocks_s, work.by_arithmetic_s)]
    most = max(
        (float(np.sort(each_s)[:kept].sum()) / (load.duration_s + limit_s) for each_s, limit_s in needed_s), default=0.0
    )
    return max(1, ceil(most - 1e-9))


def best_attainment(engine: Engine, load: Load, slo: Slo) -> float:
    """Share of the requests that could keep the service level if each had a replica to itself."""
    cost, budget = engine.steps.cost, engine.max_batched_tokens
    prompt = load.input_tokens - _cached(engine, load)
    full = prompt // budget
    last = prompt - full * budget
    ttft_s = full * cost.of(0, 0, budget) + np.where(last > 0, cost.overhead_s + _prompt_s(engine, last), 0.0)
    more = load.output_tokens - 1
    each_s = cost.overhead_s + np.maximum(
        cost.read_s + cost.sequence_s + cost.kv_token_s * (load.input_tokens + (more + 1) / 2), cost.sequence_token_s
    )
    most = min(engine.steps.context_tokens, engine.steps.kv_blocks * BLOCK_TOKENS)
    kept = load.input_tokens + load.output_tokens <= most
    # A hair of tolerance: these sums are rounded otherwise than those of the simulation.
    for measured_s, limit_s in ((ttft_s, slo.ttft_s), (ttft_s + more * each_s, slo.total_s)):
        if limit_s is not None:
            kept &= measured_s <= limit_s * (1 + 1e-9)
    if slo.token_s is not None:
        kept &= (each_s <= slo.token_s * (1 + 1e-9)) | (more == 0)
    return float(kept.mean())


def _prompt_s(engine: Engine, tokens: Floats) -> Floats:
    cost = engine.steps.cost
    return np.maximum(cost.read_s, cost.prompt_token_s * tokens)


def _cached(engine: Engine, load: Load) -> Floats:
    """Prompt tokens that the prefix cache saves at best."""
    if not engine.prefix_cache:
        return np.zeros(load.requests)
    shared = np.where(load.prefix >= 0, np.minimum(load.prefix_tokens, load.input_tokens - 1), 0)
    return (shared // BLOCK_TOKENS * BLOCK_TOKENS).astype(np.float64)


def _work(engine: Engine, load: Load) -> _Work:
    steps, cost = engine.steps, engine.steps.cost
    cached = _cached(engine, load)
    decoded = load.output_tokens - 1
    prompt_s = cost.prompt_token_s * (load.input_tokens - cached)
    # Token j of an answer reads its prompt and j tokens: an arithmetic series over the answer.
    read = decoded * load.input_tokens + decoded * (decoded + 1) / 2
    own_s = prompt_s + cost.sequence_s * decoded + cost.kv_token_s * read
    step_s = cost.read_s + cost.overhead_s
    held = (read - decoded * cached) / BLOCK_TOKENS
    return _Work(
        prompt_s=prompt_s,
        by_places_s=own_s + step_s * decoded / engine.running_limit,
        by_blocks_s=own_s + step_s * held / steps.kv_blocks,
        by_arithmetic_s=prompt_s + cost.sequence_token_s * decoded,
    )


def _answered_within_s(load: Load, slo: Slo) -> float:
    """How long after its arrival the last token of a request that keeps the service level may come."""
    total_s = inf if slo.total_s is None else slo.total_s
    if slo.ttft_s is None or slo.token_s is None:
        return total_s
    return min(total_s, slo.ttft_s + slo.token_s * float(load.output_tokens.max() - 1))
