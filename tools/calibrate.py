"""Hold the capacity model against a running vLLM: fit step times to one load, predict others, tell how wrong that is.

    python -m tools.calibrate --url http://127.0.0.1:8000 --model tiny --max-num-seqs 16 --kv-blocks 4096

The server must be idle otherwise, and speak `/v1/completions` with prompts of token ids and `ignore_eos`, as vLLM does.
"""

import argparse
import asyncio
import json
import re
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from offramp.capacity.arrivals import Lengths, Shape, generate
from offramp.capacity.engine import Engine
from offramp.capacity.load import Floats, Load
from offramp.capacity.simulation import simulate
from offramp.capacity.step_time import MeasuredStepTime, StepCost

SHORT = Shape(
    name="short",
    input=Lengths(mean=160, p50=120, p99=600),
    output=Lengths(mean=30, p50=24, p99=90),
)
LONG_PROMPTS = Shape(
    name="long prompts", input=Lengths(mean=420, p50=400, p99=900), output=Lengths(mean=12, p50=10, p99=40)
)
LONG_ANSWERS = Shape(
    name="long answers", input=Lengths(mean=50, p50=40, p99=150), output=Lengths(mean=90, p50=80, p99=220)
)
CRAMPED = Shape(name="cramped", input=Lengths(mean=60, p50=50, p99=180), output=Lengths(mean=90, p50=80, p99=220))
"""Sequences that outgrow a small cache."""
BURSTS = Shape(name="bursts", input=SHORT.input, output=SHORT.output, burst_share=0.7, burst_mean=8.0)

FIRST_STEPS = {"overhead_s": 0.01, "sequence_s": 3e-4, "prompt_token_s": 1e-4, "kv_token_s": 1e-7, "request_s": 0.005}
"""Where the search begins."""

WIDTH = 2.5
"""How far around it, as a logarithm: a factor of 12 either way."""
POINTS = 24
ROUNDS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What a server did with a load."""

    load: Load
    ttft_s: Floats
    total_s: Floats
    spread: float = 0.0
    """How far the runs of the same load were apart, as `distance` says it."""
    preemptions: float = 0.0
    """In the run with the fewest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is asked."""

    url: str
    model: str
    max_running: int
    kv_blocks: int
    context_tokens: int = 1024
    max_batched_tokens: int = 2048

    def engine(self, found: Mapping[str, float]) -> Engine:
        """An engine with the parameters that were found."""
        cost = StepCost(
            read_s=found.get("read_s", 0.0),
            kv_token_s=found["kv_token_s"],
            prompt_token_s=found["prompt_token_s"],
            sequence_token_s=0.0,
            overhead_s=found.get("overhead_s", 0.0),
            sequence_s=found["sequence_s"],
        )
        steps = MeasuredStepTime(
            name=self.model,
            cost=cost,
            max_running=self.max_running,
            kv_blocks=self.kv_blocks,
            context_tokens=self.context_tokens,
        )
        return Engine(steps=steps, max_batched_tokens=self.max_batched_tokens)


# -------------------------------------------------------------------------------------------------------- measuring


async def drive(server: Server, load: Load, *, seed: int) -> Measured:
    """Send a load, each request when it is due, and note when its first and its last token came.

    Prompts are drawn from the seed; a new one lets the server find nothing in its prefix cache.
    """
    chance = np.random.default_rng(seed)
    prompts = [chance.integers(10, 900, tokens).tolist() for tokens in load.input_tokens.tolist()]
    began_s = time.perf_counter() + 0.1

    async def one(place: int) -> tuple[float, float, float]:
        await asyncio.sleep(began_s + float(load.arrived_s[place]) - time.perf_counter())
        return await ask(server, prompts[place], int(load.output_tokens[place]))

    before = preemptions(server)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(place)) for place in range(load.requests)]
    times_s = np.array([task.result() for task in tasks])
    return Measured(
        load=load,
        ttft_s=times_s[:, 1] - times_s[:, 0],
        total_s=times_s[:, 2] - times_s[:, 0],
        preemptions=preemptions(server) - before,
    )


def preemptions(server: Server) -> float:
    """How often the server has preempted a sequence since it was started."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:  # noqa: S310 - our own server
        series = re.findall(r"^vllm:num_preemptions_total\S* (\S+)$", answer.read().decode(), re.MULTILINE)
    return sum(float(value) for value in series)


async def ask(server: Server, prompt: list[int], wanted: int) -> tuple[float, float, float]:
    """One streamed completion; when it was sent, when its first and when its last token came."""
    address = urllib.parse.urlsplit(server.url)
    body = {"model": server.model, "prompt": prompt, "max_tokens": wanted, "ignore_eos": True, "stream": True}
    encoded = json.dumps(body | {"temperature": 0}).encode()
    head = (
        f"POST /v1/completions HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {len(encoded)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    sent_s = time.perf_counter()
    writer.write(head.encode() + encoded)
    first_s = last_s = 0.0
    try:
        async for line in reader:
            if line.startswith(b"data: {"):
                last_s = time.perf_counter()
                first_s = first_s or last_s
            elif line.startswith(b"data: [DONE]"):
                return sent_s, first_s, last_s
    finally:
        writer.close()
    raise ConnectionError(f"{server.url} ended a stream of {wanted} tokens without [DONE]")


# ------------------------------------------------------------------------------------------------------- calibrating


def predict(server: Server, found: Mapping[str, float], load: Load) -> Measured:
    """The same load by the model; what a request costs outside the engine comes on top of its first token."""
    result = simulate(load, server.engine(found))
    outside_s = found["request_s"]
    return Measured(
        load=load,
        ttft_s=result.ttft_s + outside_s,
        total_s=result.total_s + outside_s,
        preemptions=result.preemptions,
    )


def distance(measured: Measured, predicted: Measured) -> float:
    """Mean of the absolute logarithms of the ratios, first and last tokens together: 0.1 is about 10 %."""
    ratios = np.concatenate((predicted.ttft_s / measured.ttft_s, predicted.total_s / measured.total_s))
    return float(np.abs(np.log(ratios)).mean())


def calibrate(server: Server, measured: Measured, begin: Mapping[str, float]) -> dict[str, float]:
    """The parameters with the least distance."""
    return descend(lambda found: distance(measured, predict(server, found, measured.load)), begin)


def descend(cost: Callable[[Mapping[str, float]], float], begin: Mapping[str, float]) -> dict[str, float]:
    """The best of many figures that began around the first ones; the cost jumps, so there is no slope to follow.

    Source: differential evolution, R. Storn and K. Price, Journal of Global Optimization 11, 1997 (rand/1/bin).
    """
    chance = np.random.default_rng(1)
    names = list(begin)

    def of(point: Floats) -> float:
        return cost(dict(zip(names, np.exp(point).tolist(), strict=True)))

    points = np.log([begin[name] for name in names]) + chance.uniform(-WIDTH, WIDTH, (POINTS, len(names)))
    costs = np.array([of(point) for point in points])
    for _ in range(ROUNDS):
        for place in range(POINTS):
            one, another, third = points[chance.choice(POINTS, 3, replace=False)]
            mixed = chance.random(len(names)) < 0.9
            candidate = np.where(mixed, one + chance.uniform(0.4, 0.9) * (another - third), points[place])
            came = of(candidate)
            if came < costs[place]:
                points[place], costs[place] = candidate, came
    return dict(zip(names, np.exp(points[costs.argmin()]).tolist(), strict=True))


# --------------------------------------------------------------------------------------------------------- reporting


def quantiles(measured: Measured) -> Floats:
    """p50, p90 and p99 of the first token, then of the whole answer."""
    return np.concatenate([np.quantile(one, (0.5, 0.9, 0.99)) for one in (measured.ttft_s, measured.total_s)])


def row(name: str, measured: Measured, predicted: Measured) -> str:
    """One line of the report: measured and predicted quantiles, and how far requests are apart."""
    cells = [
        f"{was * 1000:.0f} / {said * 1000:.0f} ({said / was - 1:+.0%})"
        for was, said in zip(quantiles(measured), quantiles(predicted), strict=True)
    ]
    rate = f"{measured.load.requests} in {measured.load.duration_s:.0f} s"
    figures = f"{distance(measured, predicted):.2f} | {measured.spread:.2f}"
    return (
        f"| {name} | {rate} | {' | '.join(cells)} | {measured.preemptions:g} / {predicted.preemptions:g} | {figures} |"
    )


Wanted = Sequence[tuple[str, Shape, float, int]]
"""Name, shape, times the rate, seed."""

USUAL: Wanted = (
    ("calibrated on this", SHORT, 1.0, 1),
    ("another of the kind", SHORT, 1.0, 2),
    ("a third of the rate", SHORT, 0.33, 3),
    ("1.5 times the rate", SHORT, 1.5, 4),
    ("in bursts", BURSTS, 0.8, 5),
    ("long prompts, short answers", LONG_PROMPTS, 0.6, 6),
    ("short prompts, long answers", LONG_ANSWERS, 0.5, 7),
)
"""The load to calibrate on, then those to predict; some are more than the first, some are of another kind."""

PREEMPTING: Wanted = (("cramped", CRAMPED, 1.0, 11), ("cramped", CRAMPED, 1.0, 12), ("cramped", CRAMPED, 1.25, 13))
"""For a server that was started with a small cache."""


def loads(wanted: Wanted, rate_per_s: float, seconds: float) -> list[tuple[str, Load]]:
    """What is sent."""
    return [
        (name, generate(seed, requests=max(20, int(rate_per_s * factor * seconds)), duration_s=seconds, shape=shape))
        for name, shape, factor, seed in wanted
    ]


def shortened(load: Load, context_tokens: int) -> Load:
    """The same requests, none longer than the server takes."""
    answers = np.minimum(load.output_tokens, context_tokens // 2)
    return Load.of(load.arrived_s, np.minimum(load.input_tokens, context_tokens - answers), answers)


async def measure(server: Server, planned: Sequence[tuple[str, Load]], repeats: int) -> list[tuple[str, Measured]]:
    """All loads in turn, several times over, after one to warm up; of each request the fastest run counts.

    Whatever else uses the machine makes a run slower, so the fastest is nearest to what the engine does by itself.
    """
    seed = time.time_ns()
    wanted = [shortened(load, server.context_tokens) for _, load in planned]
    await drive(server, wanted[0].between(0.0, 5.0), seed=seed)
    runs: list[list[Measured]] = [[] for _ in wanted]
    for _ in range(repeats):
        for place, load in enumerate(wanted):
            seed += 1
            runs[place].append(await drive(server, load, seed=seed))
    return [(name, fastest(several)) for (name, _), several in zip(planned, runs, strict=True)]


def fastest(several: Sequence[Measured]) -> Measured:
    """Each request at its fastest."""
    first = several[0]
    spreads = [distance(one, another) for one in several for another in several if one is not another]
    return Measured(
        load=first.load,
        ttft_s=np.min([one.ttft_s for one in several], axis=0),
        total_s=np.min([one.total_s for one in several], axis=0),
        spread=float(np.mean(spreads)) if spreads else 0.0,
        preemptions=min(one.preemptions for one in several),
    )


def report(server: Server, runs: Sequence[tuple[str, Measured]], known: Mapping[str, float] | None = None) -> list[str]:
    """Parameters and errors as Markdown; the parameters are those of the first load, unless they are known."""
    found = known or calibrate(server, runs[0][1], FIRST_STEPS)
    lines = ["parameters: " + json.dumps({name: float(f"{value:.3g}") for name, value in found.items()}), ""]
    head = " | ".join(f"{what} p{q} ms" for what in ("first token", "answer") for q in (50, 90, 99))
    lines += [f"| load | requests | {head} | preemptions | distance | runs apart |", "|---" * 11 + "|"]
    return lines + [row(name, measured, predict(server, found, measured.load)) for name, measured in runs]


def main() -> int:
    """Measure, calibrate, predict, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.calibrate", description=__doc__)
    parser.add_argument("--url", required=True, help="where the server listens, without /v1")
    parser.add_argument("--model", required=True)
    parser.add_argument("--max-num-seqs", type=int, default=256)
    parser.add_argument("--max-num-batched-tokens", type=int, default=2048)
    parser.add_argument("--max-model-len", type=int, default=1024)
    parser.add_argument("--kv-blocks", type=int, required=True, help="blocks of 16 tokens, as vLLM's log says")
    parser.add_argument(
        "--rate", type=float, default=4.0, help="requests per second of the load it is calibrated on (4)"
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each load (15)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each load (3)")
    parser.add_argument(
        "--known",
        type=json.loads,
        metavar="JSON",
        help="parameters of an earlier run, in seconds; then only loads for a small cache are predicted",
    )
    options = parser.parse_args()
    server = Server(
        url=options.url,
        model=options.model,
        max_running=options.max_num_seqs,
        kv_blocks=options.kv_blocks,
        context_tokens=options.max_model_len,
        max_batched_tokens=options.max_num_batched_tokens,
    )
    wanted = USUAL if options.known is None else PREEMPTING
    runs = asyncio.run(measure(server, loads(wanted, options.rate, options.seconds), options.repeats))
    print("\n".join(report(server, runs, options.known)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
