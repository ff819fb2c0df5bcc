"""How long a plan's simulation takes: 200,000 generated requests on one configuration, and a search over all hardware.

    python -m tools.speed.simulation
    python -m tools.speed.simulation --trace requests.csv

Processor time of this process, so that others on the machine do not count; of the search the time that passed, since
it uses two processes.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from offramp.capacity.arrivals import CHAT, CODE, generate
from offramp.capacity.engine import Engine
from offramp.capacity.load import Load
from offramp.capacity.simulation import Result, simulate
from offramp.capacity.slo import Slo
from offramp.capacity.step_time import roofline
from offramp.catalog.compute import Terms
from offramp.migrate.plan.catalogue import catalogue
from offramp.migrate.plan.machines import groups
from offramp.migrate.plan.requirements import Requirements
from offramp.migrate.plan.search import Loads, search
from offramp.migrate.plan.traces import read_trace

REQUESTS = 200_000
WANTED_S = 5.0
"""For that many, on one core."""
WANTED_SEARCH_S = 60.0
"""For 40 configurations, on two cores."""
SEARCHED_REQUESTS = 20_000
SLO = Slo(ttft_s=2.0, token_s=0.08)
SEED = 1

CONFIGURATIONS = (
    ("chat, at ease", "A100-80", "llama-3.1-8b", 4.0, 1),
    ("chat, busy", "H100", "llama-3.1-8b", 10.0, 1),
    ("chat, overloaded, preempting", "A10G", "mistral-7b", 2.0, 1),
    ("chat, eight replicas", "A10G", "mistral-7b", 5.5, 8),
    ("code in bursts", "L40S", "llama-3.1-8b", 2.5, 1),
)
"""Name, card, model, requests per second, replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One simulation."""

    name: str
    on: str
    requests: int
    cpu_s: float
    utilisation: float
    preemptions: int
    ttft_p95_s: float


def timed(name: str, load: Load, engine: Engine, replicas: int, repeats: int) -> Timed:
    """The fastest of some runs: whatever else runs can only add to it."""
    spent_s: list[float] = []
    result: Result | None = None
    for _ in range(repeats):
        began_s = time.process_time()
        result = simulate(load, engine, replicas=replicas)
        spent_s.append(time.process_time() - began_s)
    assert result is not None
    return Timed(
        name=name,
        on=engine.steps.name + (f", {replicas} replicas" if replicas > 1 else ""),
        requests=load.requests,
        cpu_s=min(spent_s),
        utilisation=result.utilisation,
        preemptions=result.preemptions,
        ttft_p95_s=result.quantiles().ttft_s[0.95],
    )


def generated(requests: int, repeats: int) -> list[Timed]:
    """All configurations with generated requests."""
    found = []
    for name, card, llm, rate_per_s, replicas in CONFIGURATIONS:
        shape = CODE if name.startswith("code") else CHAT
        load = generate(SEED, requests=requests, rate_per_s=rate_per_s, shape=shape)
        found.append(timed(name, load, Engine(steps=roofline(card, llm)), replicas, repeats))
    return found


def traced(load: Load, repeats: int) -> list[Timed]:
    """A real trace on three configurations."""
    return [
        timed("the trace", load, Engine(steps=roofline(card, llm)), replicas, repeats)
        for card, llm, replicas in (
            ("A10G", "mistral-7b", 6),
            ("H100", "llama-3.1-8b", 1),
            ("A100-80", "llama-3.1-8b", 2),
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One search."""

    groups: int
    simulated: int
    pruned: int
    requests: int
    wall_s: float


def searched(requests: int, jobs: int) -> Searched:
    """Every card, alone and in groups, for the service level above."""
    shipped = catalogue(None)
    found, _ = groups(
        shipped,
        shipped.llm("llama-3.1-8b"),
        Requirements(),
        gpu=None,
        offer=None,
        terms=tuple(Terms),
        prefix_cache=False,
    )
    load = generate(SEED, requests=requests, rate_per_s=20.0)
    began_s = time.perf_counter()
    made = search(found, Loads(busiest=load, usual=load, slo=SLO), spare=1, most_machines=64, jobs=jobs)
    return Searched(
        groups=made.considered,
        simulated=made.simulated,
        pruned=made.pruned,
        requests=requests,
        wall_s=time.perf_counter() - began_s,
    )


def show(console: Console, rows: Sequence[Timed], made: Searched | None) -> None:
    """Tables for people."""
    table = Table(box=None, pad_edge=False)
    for title in ("load", "on", "requests", "CPU s", "busy", "preemptions", "first token p95 s"):
        table.add_column(title, justify="left" if title in {"load", "on"} else "right")
    for one in rows:
        cells = (f"{one.requests:,}", f"{one.cpu_s:.2f}", f"{one.utilisation:.0%}", f"{one.preemptions:,}")
        table.add_row(one.name, one.on, *cells, f"{one.ttft_p95_s:.2f}")
    console.print(table)
    if made is not None:
        console.print(
            f"search: {made.groups} groups of cards, {made.simulated} configurations of {made.requests:,} requests "
            f"simulated, {made.pruned} ruled out by bounds: {made.wall_s:.1f} s"
        )


def main() -> int:
    """Measure and print; 1 if it took longer than is wanted."""
    parser = argparse.ArgumentParser(prog="python -m tools.speed.simulation", description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"generated requests ({REQUESTS:,})")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, of which the fastest counts (2)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="a trace of requests instead")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the search; 0 leaves it out (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    if options.trace is not None:
        trace = read_trace(options.trace)
        load = Load.of(trace.arrived_s, trace.input_tokens, trace.output_tokens)
        rows, made = traced(load, options.repeats), None
    else:
        rows = generated(options.requests, options.repeats)
        made = searched(min(options.requests, SEARCHED_REQUESTS), options.jobs) if options.jobs else None
    console = Console(width=140)
    show(console, rows, made)
    if options.json is not None:
        figures = {"simulations": [asdict(one) for one in rows], "search": None if made is None else asdict(made)}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    late = [one.name for one in rows if one.cpu_s > WANTED_S]
    if late or (made is not None and made.wall_s > WANTED_SEARCH_S):
        console.print(
            f"[bold red]longer than wanted ({WANTED_S:g} s, {WANTED_SEARCH_S:g} s): {', '.join(late) or 'search'}"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
