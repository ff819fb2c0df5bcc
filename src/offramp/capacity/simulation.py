"""A load on replicas of an engine: when each request gets its first and its last token. Pure.

A discrete-event simulation of continuous batching; how a replica schedules stands in `replica.py`. A request goes to
the replica with the fewest requests in flight, as a load balancer in front of them does it.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import Floats, Load
from offramp.capacity.replica import Replica, Requests
from offramp.capacity.slo import Slo
from offramp.errors import UsageError

QUANTILES = (0.5, 0.9, 0.95, 0.99)
"""What `Result.quantiles` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """One measure over all requests that were answered, by quantile (`QUANTILES`)."""

    ttft_s: dict[float, float]
    total_s: dict[float, float]
    token_s: dict[float, float]
    wait_s: dict[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """What became of each request, in the order of the load, and of the engine."""

    ttft_s: Floats
    """From its arrival to its first token; infinite where the engine refuses the request because it is too long."""
    total_s: Floats
    """From its arrival to its last token."""
    token_s: Floats
    """Between two tokens, on average over the answer; not a number for answers of one token."""
    wait_s: Floats
    """In the queue, before it was first admitted."""
    refused: int
    """Requests that do not fit into the context or the KV cache; they count as missed."""
    preemptions: int
    tokens_recomputed: int
    """Prompt and answer tokens that were worked off again after a preemption."""
    prefix_hit_tokens: int
    """Prompt tokens that the prefix cache saved."""
    busy_s: float
    """Time in which a replica made steps, all replicas together."""
    running_s: float
    """Sequences running, summed up over time: divided by `span_s` it is the mean batch, all replicas together."""
    span_s: float
    """From the first arrival to the last token."""
    replicas: int
    kv_peak_share: float
    """Largest share of the KV cache in use, of any replica."""
    queue_peak: int
    """Most requests that waited to be admitted for the first time, all replicas together."""

    @property
    def utilisation(self) -> float:
        """Share of the time in which the replicas made steps."""
        return self.busy_s / (self.span_s * self.replicas) if self.span_s else 0.0

    def attainment(self, slo: Slo) -> float:
        """Share of the requests that kept all limits of a service level.

        An answer of one token keeps every limit per token.
        """
        kept = np.isfinite(self.total_s)
        if slo.ttft_s is not None:
            kept &= self.ttft_s <= slo.ttft_s
        if slo.total_s is not None:
            kept &= self.total_s <= slo.total_s
        if slo.token_s is not None:
            kept &= ~(self.token_s > slo.token_s)
        return float(kept.mean())

    def meets(self, slo: Slo) -> bool:
        """Whether enough requests kept it."""
        return self.attainment(slo) >= slo.share

    def quantiles(self) -> Quantiles:
        """Of the requests that were answered; not a number where there is none."""

        def of(values_s: Floats) -> dict[float, float]:
            finite = values_s[np.isfinite(values_s)]
            found = np.quantile(finite, QUANTILES) if len(finite) else np.full(len(QUANTILES), np.nan)
            return dict(zip(QUANTILES, found.tolist(), strict=True))

        return Quantiles(
            ttft_s=of(self.ttft_s), total_s=of(self.total_s), token_s=of(self.token_s), wait_s=of(self.wait_s)
        )


def simulate(load: Load, engine: Engine, *, replicas: int = 1) -> Result:
    """Run a load.

    Args:
        load: Requests in the order of their arrival.
        engine: One replica.
        replicas: How many of it, each with its own queue.

    Raises:
        UsageError: If there is no replica.

    >>> from offramp.capacity.step_time import roofline
    >>> load = Load.of([0.0, 0.0], [700, 700], [100, 100])
    >>> result = simulate(load, Engine(steps=roofline("A10G", "mistral-7b")))
    >>> [round(float(ttft_s), 2) for ttft_s in result.ttft_s], result.preemptions
    ([0.29, 0.61], 0)
    """
    if replicas < 1:
        raise UsageError(f"{replicas} replicas carry nothing; take 1 or more", param="replicas")
    fitting = np.flatnonzero(_fits(load, engine))
    requests = _requests(load, fitting)
    fleet = [Replica(engine, requests) for _ in range(replicas)]
    _run(fleet, load.arrived_s[fitting].tolist())
    return _result(load, fitting, requests, fleet)


def _fits(load: Load, engine: Engine) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which requests the engine takes."""
    most = min(engine.steps.context_tokens, engine.steps.kv_blocks * BLOCK_TOKENS)
    return load.input_tokens + load.output_tokens <= most


def _requests(load: Load, fitting: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Requests:
    prompt, wanted = load.input_tokens[fitting], load.output_tokens[fitting]
    # One token at least is always worked off: it gives the first token of the answer.
    shared = np.where(load.prefix[fitting] >= 0, np.minimum(load.prefix_tokens[fitting], prompt - 1), 0)
    empty = [0.0] * len(fitting)
    return Requests(
        prompt=prompt.tolist(),
        wanted=wanted.tolist(),
        blocks=(-(-(prompt + wanted - 1) // BLOCK_TOKENS)).tolist(),
        prefix=load.prefix[fitting].tolist(),
        prefix_blocks=(shared // BLOCK_TOKENS).tolist(),
        admitted_s=[-1.0] * len(fitting),
        first_s=empty.copy(),
        done_s=empty,
    )


def _run(fleet: list[Replica], arrived_s: list[float]) -> None:
    only = fleet[0]
    alone = len(fleet) == 1
    for request, at_s in enumerate(arrived_s):
        chosen = only
        if alone:
            if only.end_s <= at_s:
                only.run_until(at_s)
        else:
            for replica in fleet:
                if replica.end_s <= at_s:
                    replica.run_until(at_s)
                if replica.in_flight < chosen.in_flight:
                    chosen = replica
        chosen.arrive(request, at_s)
    for replica in fleet:
        # An idle replica's run ends never, so this stops when all is done.
        while replica.end_s < inf:
            replica.run_until(replica.end_s)


def _result(
    load: Load, fitting: np.ndarray[tuple[int], np.dtype[np.int64]], requests: Requests, fleet: list[Replica]
) -> Result:
    arrived_s = load.arrived_s[fitting]
    ttft_s, total_s, wait_s = (np.full(load.requests, inf) for _ in range(3))
    ttft_s[fitting] = np.asarray(requests.first_s) - arrived_s
    total_s[fitting] = np.asarray(requests.done_s) - arrived_s
    admitted_s = np.asarray(requests.admitted_s)
    wait_s[fitting] = admitted_s - arrived_s
    more = load.output_tokens - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        token_s = np.where(np.isfinite(total_s) & (more > 0), (total_s - ttft_s) / more, np.nan)
    # Who has been admitted until a moment is known from the sorted times of admission.
    waiting = np.arange(1, len(fitting) + 1) - np.searchsorted(np.sort(admitted_s), arrived_s, side="right")
    blocks = fleet[0].blocks
    return Result(
        ttft_s=ttft_s,
        total_s=total_s,
        token_s=token_s,
        wait_s=wait_s,
        refused=load.requests - len(fitting),
        preemptions=sum(replica.preemptions for replica in fleet),
        tokens_recomputed=sum(replica.recomputed_tokens for replica in fleet),
        prefix_hit_tokens=sum(replica.prefix_hit_tokens for replica in fleet),
        busy_s=sum(replica.busy_s for replica in fleet),
        running_s=sum(replica.running_s for replica in fleet),
        span_s=float(max(requests.done_s, default=0.0)),
        replicas=len(fleet),
        kv_peak_share=1 - min(replica.least_free for replica in fleet) / blocks,
        queue_peak=int(waiting.max(initial=0)),
    )
