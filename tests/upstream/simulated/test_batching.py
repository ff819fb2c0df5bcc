"""The scheduler as a dialogue: the test is the clock."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import Load
from offramp.capacity.simulation import simulate
from offramp.capacity.step_time import DemoStepTime, StepTimeModel, roofline, step_time_model
from offramp.upstream.simulated.batching import Batcher, Sequence
from offramp.upstream.simulated.counters import Counters


class Timer:
    """One call that is due at a time, unless it is cancelled."""

    def __init__(self, at_s: float, do: Callable[[], None]) -> None:
        """Due at that time."""
        self.at_s = at_s
        self.do = do
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not call it."""
        self.is_cancelled = True


class Clock:
    """A loop that has nothing but timers, and time that moves when it is told to."""

    def __init__(self) -> None:
        """At the beginning of time."""
        self.now_s = 0.0
        self._timers: list[Timer] = []

    def call_later(self, delay_s: float, do: Callable[[], None]) -> Timer:
        """As the event loop's."""
        self._timers.append(Timer(self.now_s + delay_s, do))
        return self._timers[-1]

    def run_until(self, now_s: float) -> None:
        """Call what is due until then."""
        while due := [timer for timer in self._timers if timer.at_s <= now_s]:
            timer = min(due, key=lambda one: one.at_s)
            self._timers.remove(timer)
            if not timer.is_cancelled:
                self.now_s = max(self.now_s, timer.at_s)
                timer.do()
        self.now_s = now_s


@dataclass
class Listener:
    """A sink that notes when it got what."""

    clock: Clock
    at_s: list[float] = field(default_factory=list)
    ended_s: float | None = None
    flushes: int = 0
    then: Callable[[], None] | None = None

    def token(self, index: int) -> None:
        """In order."""
        assert index == len(self.at_s)
        self.at_s.append(self.clock.now_s)
        if self.then:
            self.then()

    def finished(self) -> None:
        """Once."""
        self.ended_s = self.clock.now_s

    def flush(self) -> None:
        """After each step."""
        self.flushes += 1


class Bench:
    """A batcher with a clock of its own."""

    def __init__(self, model: StepTimeModel) -> None:
        """Idle."""
        self.clock = Clock()
        self.counters = Counters()
        loop = cast("asyncio.AbstractEventLoop", self.clock)
        self.batcher = Batcher(loop, model, self.counters, lambda: self.clock.now_s)

    def submit(self, *, prompt_tokens: int = 10, wanted: int = 10, streaming: bool = True) -> tuple[Sequence, Listener]:
        """One more sequence, and who hears of it."""
        listener = Listener(self.clock)
        sequence = Sequence(prompt_tokens=prompt_tokens, wanted=wanted, sink=listener, streaming=streaming)
        self.batcher.submit(sequence)
        return sequence, listener


def test_a_lone_request_gets_its_first_token_after_30_ms_and_one_every_5_ms() -> None:
    """The promise of the demo hardware, to the millisecond."""
    bench = Bench(DemoStepTime())
    _, heard = bench.submit(wanted=4)
    bench.clock.run_until(1.0)

    assert heard.at_s == pytest.approx([0.030, 0.035, 0.040, 0.045])
    assert heard.ended_s == pytest.approx(0.045)


def test_a_request_that_joins_a_batch_is_at_most_half_a_step_early_or_late() -> None:
    """All sequences share one tick, so a newcomer is rounded to it."""
    bench = Bench(DemoStepTime())
    bench.submit(wanted=100)
    bench.clock.run_until(0.051)
    _, heard = bench.submit(wanted=3)
    bench.clock.run_until(1.0)

    assert heard.at_s[0] - 0.051 == pytest.approx(0.030, abs=0.0026)
    assert heard.at_s[1] - heard.at_s[0] == pytest.approx(0.005)


@pytest.mark.parametrize("streams", [1, 50, 299])
def test_throughput_below_300_is_streams_over_5_ms(streams: int) -> None:
    """The closed form: K streams give K / 5 ms tokens a second once they run."""
    bench = Bench(DemoStepTime())
    heard = [bench.submit(wanted=200)[1] for _ in range(streams)]
    bench.clock.run_until(10.0)
    took_s = max(one.ended_s or 0.0 for one in heard)

    assert took_s == pytest.approx(0.030 + 199 * 0.005)


def test_throughput_beyond_300_stays_at_its_ceiling() -> None:
    """600 streams take twice as long per token: 60,000 tokens a second and no more."""
    bench = Bench(DemoStepTime())
    heard = [bench.submit(wanted=100)[1] for _ in range(600)]
    bench.clock.run_until(10.0)

    assert max(one.ended_s or 0.0 for one in heard) == pytest.approx(0.030 + 99 * 0.010)


def test_beyond_the_largest_batch_requests_wait() -> None:
    """The queue is what a gateway's spill rule looks at."""
    bench = Bench(DemoStepTime())
    for _ in range(650):
        bench.submit(wanted=10)

    assert (len(bench.batcher.running), len(bench.batcher.waiting)) == (600, 50)

    bench.clock.run_until(10.0)

    assert (len(bench.batcher.running), len(bench.batcher.waiting)) == (0, 0)
    assert bench.counters.generation_tokens == 6500


def test_time_to_first_token_grows_with_the_load_on_a_real_card() -> None:
    """Prompts are worked off one after the other: the eighth waits for seven."""
    bench = Bench(step_time_model("A10G"))
    heard = [bench.submit(prompt_tokens=2048, wanted=2)[1] for _ in range(8)]
    bench.clock.run_until(60.0)
    model = step_time_model("A10G")

    assert heard[0].at_s[0] == pytest.approx(model.prefill_s(2048))
    assert heard[7].at_s[0] > 8 * model.prefill_s(2048)


def test_decoding_slows_while_a_prompt_is_worked_off() -> None:
    """Inter-token time depends on the load: a long prompt makes everybody wait."""
    bench = Bench(step_time_model("A10G"))
    _, heard = bench.submit(wanted=50)
    bench.clock.run_until(0.5)
    before = len(heard.at_s)
    bench.submit(prompt_tokens=2000, wanted=1)
    bench.clock.run_until(20.0)
    gaps = [later - earlier for earlier, later in zip(heard.at_s, heard.at_s[1:], strict=False)]

    assert max(gaps[before - 1 :]) > 10 * gaps[0]


def test_a_full_cache_preempts_the_youngest_which_still_finishes() -> None:
    """When blocks run out the engine recomputes; nothing is lost and nothing crashes."""
    bench = Bench(DemoStepTime(kv_blocks=4))
    _, old = bench.submit(prompt_tokens=BLOCK_TOKENS, wanted=2 * BLOCK_TOKENS)
    _, young = bench.submit(prompt_tokens=BLOCK_TOKENS, wanted=2 * BLOCK_TOKENS)
    bench.clock.run_until(10.0)

    assert bench.counters.preemptions >= 1
    assert len(old.at_s) == len(young.at_s) == 2 * BLOCK_TOKENS
    assert (old.ended_s or 0) < (young.ended_s or 0)
    assert bench.batcher.kv_use == 0.0


def test_a_prompt_that_finds_no_blocks_waits() -> None:
    """Admission looks at the cache, not only at the size of the batch."""
    bench = Bench(DemoStepTime(kv_blocks=4))
    bench.submit(prompt_tokens=3 * BLOCK_TOKENS, wanted=5)
    bench.submit(prompt_tokens=2 * BLOCK_TOKENS, wanted=5)

    assert (len(bench.batcher.running), len(bench.batcher.waiting)) == (1, 1)
    assert bench.batcher.kv_use == 0.75

    bench.clock.run_until(10.0)

    assert bench.counters.e2e.counts.count(1) + bench.counters.e2e.counts.count(2) >= 1


def test_cancelling_frees_the_place_at_once() -> None:
    """A client that leaves must not cost a token more."""
    bench = Bench(DemoStepTime(max_running=1))
    first, heard = bench.submit(wanted=1000)
    second, _ = bench.submit(wanted=5)
    third, _ = bench.submit(wanted=5)
    bench.clock.run_until(0.1)
    bench.batcher.cancel(first)
    bench.batcher.cancel(third)
    told = len(heard.at_s)
    bench.clock.run_until(0.2)

    assert len(heard.at_s) == told
    assert second.produced == 5
    assert third.produced == 0
    assert bench.batcher.kv_use == 0.0


def test_a_sink_may_cancel_while_it_is_told() -> None:
    """A fault that cuts a stream does so in the middle of a step."""
    bench = Bench(DemoStepTime())
    sequence, heard = bench.submit(wanted=10)
    other, _ = bench.submit(wanted=10)

    def cancel_both() -> None:
        bench.batcher.cancel(sequence)
        bench.batcher.cancel(other)

    heard.then = cancel_both
    bench.clock.run_until(1.0)

    assert (sequence.produced, other.produced) == (1, 0)
    assert bench.batcher.kv_use == 0.0


def test_a_machine_that_was_busy_makes_up_for_its_steps_in_one_write() -> None:
    """The model's time counts, not the machine's: a stall costs no throughput and no flood of writes."""
    bench = Bench(DemoStepTime())
    _, heard = bench.submit(wanted=12)
    bench.clock.run_until(0.030)
    bench.clock.now_s = 0.080
    bench.clock.run_until(0.081)

    assert len(heard.at_s) == 11


def test_a_long_stall_is_forgiven() -> None:
    """A laptop that slept must not race through a minute of tokens."""
    bench = Bench(DemoStepTime())
    _, heard = bench.submit(wanted=100_000)
    bench.clock.run_until(0.030)
    bench.clock.now_s = 60.0
    bench.clock.run_until(60.001)

    assert len(heard.at_s) < 100


def test_what_is_not_streamed_is_told_only_at_the_end() -> None:
    """No work per token for an answer that is sent as a whole."""
    bench = Bench(DemoStepTime())
    _, heard = bench.submit(wanted=10, streaming=False)
    bench.clock.run_until(1.0)

    assert (heard.at_s, heard.flushes) == ([], 0)
    assert heard.ended_s == pytest.approx(0.075)


def test_the_statistics_are_those_of_the_requests() -> None:
    """`/metrics` is built from them."""
    bench = Bench(DemoStepTime())
    bench.submit(prompt_tokens=100, wanted=10)
    bench.submit(prompt_tokens=50, wanted=20)
    bench.clock.run_until(1.0)

    assert bench.counters.prompt_tokens == 150
    assert bench.counters.generation_tokens == 30
    assert sum(bench.counters.ttft.counts) == 2
    assert bench.counters.ttft.total == pytest.approx(0.060)
    assert sum(bench.counters.e2e.counts) == 2


@pytest.mark.parametrize(
    ("hardware", "llm", "rate_per_s", "requests"),
    [("A10G", "mistral-7b", 0.5, 40), ("A10G", "mistral-7b", 3.0, 150), ("L4", "qwen2.5-7b", 6.0, 150)],
)
def test_the_planner_and_this_engine_tell_of_the_same_times(
    hardware: str, llm: str, rate_per_s: float, requests: int
) -> None:
    """A plan that is tried with `offramp simulate` must come true to the microsecond: idle, busy, with preemption."""
    chance = np.random.default_rng(11)
    load = Load.of(
        np.cumsum(chance.exponential(1 / rate_per_s, requests)),
        np.minimum(chance.lognormal(6.5, 1.0, requests), 8000),
        np.minimum(chance.lognormal(5.0, 0.8, requests), 1500),
    )
    steps = roofline(hardware, llm)
    planned = simulate(load, Engine(steps=steps))
    bench = Bench(steps)
    heard = []
    for place in range(load.requests):
        bench.clock.run_until(float(load.arrived_s[place]))
        prompt_tokens, wanted = int(load.input_tokens[place]), int(load.output_tokens[place])
        heard.append(bench.submit(prompt_tokens=prompt_tokens, wanted=wanted)[1])
    bench.clock.run_until(planned.span_s + 1.0)
    first_s = np.array([one.at_s[0] for one in heard]) - load.arrived_s
    total_s = np.array([one.ended_s for one in heard], dtype=np.float64) - load.arrived_s

    np.testing.assert_allclose(first_s, planned.ttft_s, rtol=0, atol=1e-6)
    np.testing.assert_allclose(total_s, planned.total_s, rtol=0, atol=1e-6)
    assert bench.counters.preemptions == planned.preemptions
    assert (planned.preemptions > 0) == (rate_per_s > 1.0)


def test_a_short_prompt_alone_costs_a_pass_over_the_weights_and_beside_others_only_its_arithmetic() -> None:
    """The roofline's word on the first token: reading 14.5 GB takes 35 ms, the arithmetic of 20 tokens 8 ms."""
    steps = roofline("A10G", "mistral-7b")
    bench = Bench(steps)
    _, alone = bench.submit(prompt_tokens=20, wanted=100)
    bench.clock.run_until(1.0)
    before = len(alone.at_s)
    _, beside = bench.submit(prompt_tokens=20, wanted=1)
    bench.clock.run_until(10.0)
    gap_s = alone.at_s[before + 1] - alone.at_s[before]

    assert alone.at_s[0] == pytest.approx(steps.cost.read_s) == pytest.approx(0.0345, abs=0.0005)
    assert beside.at_s[0] == pytest.approx(alone.at_s[before + 1])
    assert gap_s == pytest.approx(alone.at_s[1] - alone.at_s[0] + steps.prefill_s(20), rel=0.01)
