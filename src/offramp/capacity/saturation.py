"""What one replica carries when it is never without work and all requests are alike: closed form. Pure."""

from dataclasses import dataclass

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """A replica whose batch is always full."""

    concurrency: int
    """Sequences at once: what the KV cache holds, or the engine's limit."""
    requests_per_s: float
    answer_s: float
    """From the admission of a request to the end of its answer."""


def saturation(engine: Engine, *, input_tokens: int, output_tokens: int, concurrency: int | None = None) -> Saturation:
    """Work off requests of one length, a full batch of them all the time.

    Each request needs its prompt's arithmetic once and `chunks + output tokens − 1` steps, which it shares with the
    others of its batch, but no fewer than its prompt takes of the steps' token budget. With k steps per request, all
    requests together, each step decodes (output tokens − 1) ÷ k sequences.

    Args:
        engine: The replica.
        input_tokens: Of each request.
        output_tokens: Of each answer.
        concurrency: Requests at once; as many as fit if not given.

    >>> from offramp.capacity.step_time import roofline
    >>> a10g = Engine(steps=roofline("A10G", "mistral-7b"))
    >>> at = [saturation(a10g, input_tokens=700, output_tokens=100, concurrency=n) for n in (16, 32, 48)]
    >>> [round(one.requests_per_s, 1) for one in at]
    [1.9, 2.4, 2.6]
    """
    steps, cost = engine.steps, engine.steps.cost
    held = -(-(input_tokens + output_tokens - 1) // BLOCK_TOKENS)
    batch = max(1, min(concurrency or engine.running_limit, engine.running_limit, steps.kv_blocks // held))
    budget = engine.max_batched_tokens
    chunks = -(-input_tokens // budget)
    each = chunks + output_tokens - 1
    if batch == 1:
        alone_s = sum(cost.of(0, 0, min(budget, input_tokens - done)) for done in range(0, input_tokens, budget))
        answer_s = alone_s + (output_tokens - 1) * cost.of(1, input_tokens + output_tokens / 2)
        return Saturation(concurrency=1, requests_per_s=1 / answer_s, answer_s=answer_s)
    shared = max(each / batch, input_tokens / budget)
    decoding = (output_tokens - 1) / shared
    # A sequence holds its prompt from the beginning and half of its answer on average.
    kv_tokens = decoding * (input_tokens + output_tokens / 2)
    with_others_s = cost.of(max(1.0, decoding), kv_tokens, input_tokens / shared)
    share = min(1.0, decoding)
    request_s = shared * (share * with_others_s + (1 - share) * cost.of(0, 0, input_tokens / shared))
    return Saturation(concurrency=batch, requests_per_s=1 / request_s, answer_s=request_s * batch)
