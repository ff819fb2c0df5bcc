"""How close generated requests come to a real trace: their figures, and what planning with them would say.

    python -m tools.arrivals --trace requests.csv

The trace has the columns TIMESTAMP,ContextTokens,GeneratedTokens, as Azure's of 2023. Takes a quarter of a minute.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from offramp.capacity.arrivals import CHAT, SHAPES, Shape, generate
from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.simulation import simulate
from offramp.capacity.slo import Slo
from offramp.capacity.step_time import roofline
from offramp.migrate.plan.traces import read_trace

SEEDS = range(1, 16)
"""Of the figures; the simulation takes the first three."""
SIMULATED = 3
SLO = Slo(ttft_s=2.0, token_s=0.1)
FLEETS = (
    ("A100-80", "llama-3.1-8b", 2),
    ("L40S", "llama-3.1-8b", 2),
    ("A10G", "mistral-7b", 8),
    ("A10G", "mistral-7b", 6),
)
"""Card, model, replicas."""

MINUTE_S = 60.0


def per_minute(load: Load) -> float:
    """Requests of a minute, their variance over their mean: 1 where the rate is constant."""
    counts = np.bincount((load.arrived_s / MINUTE_S).astype(np.int64))[:-1]
    return float(counts.var() / counts.mean())


FIGURES: dict[str, Callable[[Load], float]] = {
    "prompt tokens, mean": lambda load: float(load.input_tokens.mean()),
    "p50": lambda load: float(np.quantile(load.input_tokens, 0.5)),
    "p95 (not fitted)": lambda load: float(np.quantile(load.input_tokens, 0.95)),
    "p99": lambda load: float(np.quantile(load.input_tokens, 0.99)),
    "answer tokens, mean": lambda load: float(load.output_tokens.mean()),
    "p50 ": lambda load: float(np.quantile(load.output_tokens, 0.5)),
    "p99 ": lambda load: float(np.quantile(load.output_tokens, 0.99)),
    "peak second over the mean": lambda load: load.peak_over_mean(),
    "per minute, variance over mean": per_minute,
}


def made_like(trace: Load, shape: Shape, seeds: Sequence[int]) -> list[Load]:
    """As many requests in the same time, one load for each seed."""
    return [generate(seed, requests=trace.requests, duration_s=trace.duration_s, shape=shape) for seed in seeds]


def outcome(load: Load, card: str, llm: str, replicas: int) -> tuple[float, float]:
    """The first token at the 95th percentile, and the share within the service level."""
    result = simulate(load, Engine(steps=roofline(card, llm)), replicas=replicas)
    return result.quantiles().ttft_s[0.95], result.attainment(SLO)


def figures(trace: Load, shape: Shape) -> Table:
    """The trace beside the median over all seeds."""
    table = Table("figure", "the trace", f"made, median of {len(SEEDS)}", box=None)
    made = made_like(trace, shape, SEEDS)
    for name, of in FIGURES.items():
        table.add_row(name.strip(), f"{of(trace):,.1f}", f"{median(of(load) for load in made):,.1f}")
    return table


def consequences(trace: Load, shape: Shape) -> Table:
    """What a plan would say of each fleet."""
    table = Table("on", "the trace", *(f"seed {seed}" for seed in SEEDS[:SIMULATED]), "constant rate", box=None)
    unwavering = replace(shape, rate_cv=0.0)
    loads = [trace, *made_like(trace, shape, SEEDS[:SIMULATED]), *made_like(trace, unwavering, SEEDS[:1])]
    for card, llm, replicas in FLEETS:
        found = (outcome(load, card, llm, replicas) for load in loads)
        table.add_row(f"{replicas} × {card}, {llm}", *(f"{ttft_s:.2f} s, {share:.1%}" for ttft_s, share in found))
    return table


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.arrivals", description=__doc__.partition("\n")[0])
    parser.add_argument("--trace", type=Path, required=True, metavar="FILE", help="a trace of requests")
    parser.add_argument("--shape", choices=sorted(SHAPES), default=CHAT.name, help="what is generated (chat)")
    options = parser.parse_args()
    read = read_trace(options.trace)
    trace = Load.of(read.arrived_s, read.input_tokens, read.output_tokens)
    console = Console(width=140)
    for table in (figures(trace, SHAPES[options.shape]), consequences(trace, SHAPES[options.shape])):
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
