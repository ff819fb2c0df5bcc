"""How many replicas of what carry the load at its peak: simulations side by side, pruned where that is safe.

A group of GPUs is tried from the fewest replicas that its bound allows, doubled until the service level is met in the
busiest window, then halved back. A group is not tried if even its fewest replicas cost more than what was found.
"""

import signal
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from multiprocessing import get_context

import numpy as np

from offramp.capacity.bounds import best_attainment, fewest_replicas, max_rate_per_s
from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import Load
from offramp.capacity.simulation import Result, simulate
from offramp.capacity.slo import Slo
from offramp.migrate.plan.machines import Group
from offramp.migrate.plan.traffic import WINDOW_S

HEADROOM_PRECISION = 1.02
"""The headroom lies between two loads of which one is at most so many times the other; two figures of it are shown."""

HEADROOM_S = WINDOW_S
"""A faster load lasts at least as long as the busiest window, by which the search judges; one that is over sooner is
repeated, whether it has few requests or many.

What is too much shows only with time: places have to fill before anybody waits, and then, at 1 + x times what machines
carry, whoever comes after t seconds waits x · t: with a limit of 2 s and five in a hundred that may wait longer, 0.4 %
too much is found out in ten minutes. A number of requests would be over in a minute on many machines, and in an hour on
a slow one.
"""

HEADROOM_MOST = 200_000
"""Requests of a load that is repeated: seconds of simulating. More than 330 a second are over before `HEADROOM_S`."""

FEW_REQUESTS = 1_500
"""Below it starting further processes takes longer than the simulations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """What is simulated."""

    busiest: Load
    usual: Load
    slo: Slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What one simulation says."""

    replicas: int
    attainment: float
    ttft_p95_s: float
    token_p95_s: float
    total_p50_s: float
    ttft_p50_s: float
    token_p50_s: float
    utilisation: float
    in_flight: float
    """Sequences running on one replica, on average while it ran."""
    kv_peak_share: float
    preemptions: int
    prefix_hit_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a group needs."""

    peak: Measures | None
    """With the fewest replicas that meet the service level; `None` if no number of them does."""
    usual: Measures | None
    why: str
    """Why there is none; empty if there is."""
    fewest: int
    """Replicas below which the upper bound allows none."""
    tried: tuple[Measures, ...]
    """Every configuration that was simulated at the peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group with what it needs and costs."""

    group: Group
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Everything that was tried."""

    candidates: tuple[Candidate, ...]
    """Those that meet the service level."""
    left_out: tuple[tuple[str, str], ...]
    """The others, with the reason."""
    considered: int
    """Groups that could run the model at all."""
    simulated: int
    """Configurations, a group with a number of replicas each."""
    pruned: int
    """Configurations that a bound ruled out without simulating them."""


NOTHING = Search(candidates=(), left_out=(), considered=0, simulated=0, pruned=0)
"""Where nothing may be tried."""


def search(groups: Sequence[Group], loads: Loads, *, spare: int, most_machines: int, jobs: int) -> Search:
    """Try all groups.

    Args:
        groups: What could be tried.
        loads: What it must carry.
        spare: Machines to spare, for the comparison of costs.
        most_machines: More of them are not looked at.
        jobs: Processes.
    """
    queue = _Queue(groups, loads, spare, most_machines)
    if jobs == 1 or loads.busiest.requests < FEW_REQUESTS:
        while (task := queue.take()) is not None:
            queue.put(task.group, smallest(task))
    else:
        _side_by_side(queue, jobs)
    return queue.result()


def headroom(group: Group, loads: Loads, replicas: int) -> float:
    """How many times the load the same replicas carry at their peak, at least 1.

    It is looked for between the load itself and what no engine can exceed.
    """
    load = loads.busiest
    most_per_s = max_rate_per_s(group.engine, load) * replicas
    low, high = 1.0, max(1.0, most_per_s * _period_s(load) / load.requests)
    while high > low * HEADROOM_PRECISION:
        middle = (low * high) ** 0.5
        lasting = _repeated(load, HEADROOM_S * middle).faster(middle)
        met = _measure(group.engine, lasting, loads.slo, replicas).attainment >= loads.slo.share
        low, high = (middle, high) if met else (low, middle)
    return low


def _repeated(load: Load, length_s: float) -> Load:
    """The load as often as that time takes, one after the other, but no longer than can be simulated."""
    period_s = _period_s(load)
    times = min(ceil(length_s / period_s), max(1, HEADROOM_MOST // load.requests))
    if times == 1:
        return load
    starts_s = np.repeat(np.arange(times) * period_s, load.requests)
    return Load.of(
        np.tile(load.arrived_s, times) + starts_s,
        np.tile(load.input_tokens, times),
        np.tile(load.output_tokens, times),
        prefix=np.tile(load.prefix, times),
        prefix_tokens=np.tile(load.prefix_tokens, times),
    )


def _period_s(load: Load) -> float:
    """How long the load takes with one mean interval after its last request."""
    return load.requests / load.rate_per_s * load.requests / max(1, load.requests - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One group to be tried, as it is sent to another process."""

    group: Group
    loads: Loads
    fewest: int
    most: int
    """Replicas beyond which it is given up."""


class _Queue:
    """Which group is next: the one that could be the cheapest, unless its bound says that it cannot be any more."""

    def __init__(self, groups: Sequence[Group], loads: Loads, spare: int, most_machines: int) -> None:
        """Put them in order."""
        self._loads = loads
        self._spare = spare
        self._most_machines = most_machines
        self._considered = len(groups)
        self._best: Fraction | None = None
        self._candidates: list[Candidate] = []
        self._left_out: list[tuple[str, str]] = []
        self._simulated = self._pruned = 0
        fewest = [(group, fewest_replicas(group.engine, loads.busiest, loads.slo)) for group in groups]
        self._waiting = sorted(fewest, key=lambda each: (self._at_least(*each) or Fraction(0), each[0].name))

    def take(self) -> Task | None:
        """The next one to be simulated; those that a bound rules out are told so on the way."""
        while self._waiting:
            group, fewest = self._waiting.pop(0)
            each = max(offer.gpus // group.gpus for offer in (*group.rented, *group.serverless))
            task = Task(group=group, loads=self._loads, fewest=fewest, most=self._most_machines * each)
            why = self._ruled_out(task)
            if not why:
                return task
            self._pruned += task.fewest
            self._left_out.append((group.name, why))
        return None

    def put(self, group: Group, found: Found) -> None:
        """Keep what was found."""
        self._simulated += len(found.tried)
        self._pruned += found.fewest - 1
        if found.peak is None:
            self._left_out.append((group.name, found.why))
            return
        self._candidates.append(Candidate(group=group, found=found))
        rented = group.cheapest(found.peak.replicas, spare=self._spare)
        if rented is not None:
            self._best = rented[0] if self._best is None else min(self._best, rented[0])

    def result(self) -> Search:
        """All of it."""
        return Search(
            candidates=tuple(self._candidates),
            left_out=tuple(self._left_out),
            considered=self._considered,
            simulated=self._simulated,
            pruned=self._pruned,
        )

    def _ruled_out(self, task: Task) -> str:
        why = _too_slow(task.group.engine, self._loads)
        if why or task.fewest > task.most:
            return why or f"needs {task.fewest:,} replicas at least, more than {task.most:,}"
        at_least = self._at_least(task.group, task.fewest)
        if at_least is None or self._best is None or task.group.serverless or at_least <= self._best:
            return ""
        return f"costs ${float(at_least):,.0f} a month at least, more than what was found"

    def _at_least(self, group: Group, fewest: int) -> Fraction | None:
        """What a group costs at least; `None` if it is not rented around the clock."""
        found = group.cheapest(fewest, spare=self._spare)
        return None if found is None else found[0]


def _side_by_side(queue: _Queue, jobs: int) -> None:
    """Several groups at once, each in a process of its own."""
    # An interruption is the parent's to answer: a child that is told too would print where it was.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=signal.signal, initargs=ignore) as pool:
        running: dict[Future[Found], Group] = {}
        while True:
            while len(running) < jobs and (task := queue.take()) is not None:
                running[pool.submit(smallest, task)] = task.group
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                queue.put(running.pop(future), future.result())


def smallest(task: Task) -> Found:
    """The fewest replicas of a group that meet the service level in the busiest window."""
    engine, loads = task.group.engine, task.loads
    tried: dict[int, Measures] = {}

    def met(replicas: int) -> bool:
        tried[replicas] = _measure(engine, loads.busiest, loads.slo, replicas)
        return tried[replicas].attainment >= loads.slo.share

    low, high = task.fewest - 1, task.fewest
    while not met(high):
        low = high
        if high >= task.most:
            why = f"{high} replicas still miss it: {tried[high].attainment:.0%} of the answers in the busiest window"
            return Found(peak=None, usual=None, why=why, fewest=task.fewest, tried=tuple(tried.values()))
        high = min(2 * high, task.most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if met(middle) else (middle, high)
    usual = _measure(engine, loads.usual, loads.slo, high)
    return Found(peak=tried[high], usual=usual, why="", fewest=task.fewest, tried=tuple(tried.values()))


def _too_slow(engine: Engine, loads: Loads) -> str:
    """Why no number of replicas would do: too few requests keep the service level even if each has one to itself."""
    best = best_attainment(engine, loads.busiest, loads.slo)
    if best >= loads.slo.share:
        return ""
    load = loads.busiest
    most = min(engine.steps.context_tokens, engine.steps.kv_blocks * BLOCK_TOKENS)
    long = float(((load.input_tokens + load.output_tokens) > most).mean())
    if long > 1 - loads.slo.share:
        return f"{long:.0%} of the requests are longer than the {most:,} tokens it holds"
    return f"too slow even for requests alone: {best:.0%} of them within the service level"


def _measure(engine: Engine, load: Load, slo: Slo, replicas: int) -> Measures:
    result = simulate(load, engine, replicas=replicas)
    quantiles = result.quantiles()
    ttft_p95_s, token_p95_s = _of(result)
    return Measures(
        replicas=replicas,
        attainment=result.attainment(slo),
        ttft_p95_s=ttft_p95_s,
        token_p95_s=token_p95_s,
        total_p50_s=quantiles.total_s[0.5],
        ttft_p50_s=quantiles.ttft_s[0.5],
        token_p50_s=quantiles.token_s[0.5],
        utilisation=result.utilisation,
        in_flight=result.running_s / result.span_s / replicas if result.span_s else 0.0,
        kv_peak_share=result.kv_peak_share,
        preemptions=result.preemptions,
        prefix_hit_tokens=result.prefix_hit_tokens,
    )


def _of(result: Result) -> tuple[float, float]:
    """95th percentiles of the first token and of the time per token."""
    quantiles = result.quantiles()
    return quantiles.ttft_s[0.95], quantiles.token_s[0.95]
