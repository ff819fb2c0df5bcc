"""Continuous batching in real time: one timer for the whole engine, one token for every running sequence each step.

A sequence waits, is admitted when the batch and the KV cache have room, works off its prompt, then gets one token a
step. Where the cache runs out, the youngest sequence gives its blocks back, waits again and is recomputed, as in vLLM.
With a real card every step does what `capacity.replica` says, so that a plan and this engine tell of the same times.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from offramp.capacity.engine import MAX_BATCHED_TOKENS
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.step_time import StepTimeModel

EARLY_S = 0.0006
"""A timer that fires this much before its time counts as on time: uvloop's timers have whole milliseconds."""

MAX_STEPS_PER_TICK = 32
"""Steps made up for in one go when the machine was busy; the network gets its turn in between."""

MAX_DEBT_S = 0.25
"""Lateness that is made up for; what is beyond it is forgotten, so that a stalled machine does not race afterwards."""


class Sink(Protocol):
    """Who gets the tokens of a sequence."""

    def token(self, index: int) -> None:
        """The token of that index was made; only called for streaming sequences."""

    def finished(self) -> None:
        """All tokens were made."""

    def flush(self) -> None:
        """The step is over: send what was gathered."""


class Sequence:
    """One answer in the making."""

    __slots__ = (
        "arrived_s", "blocks", "cached_tokens", "first_s", "kv_tokens", "prefill_left", "produced", "prompt_tokens",
        "ready_s", "sink", "streaming", "wanted",
    )  # fmt: skip

    def __init__(self, *, prompt_tokens: int, wanted: int, sink: Sink, streaming: bool, cached_tokens: int = 0) -> None:
        """A sequence that wants `wanted` tokens, at least one, for a prompt of that length."""
        self.prompt_tokens = prompt_tokens
        self.cached_tokens = cached_tokens
        self.wanted = wanted
        self.sink = sink
        self.streaming = streaming
        self.produced = 0
        self.blocks = 0
        self.kv_tokens = 0
        self.prefill_left = 0
        self.ready_s = 0.0
        self.arrived_s = 0.0
        self.first_s = 0.0


class Observer(Protocol):
    """Who keeps the engine's statistics."""

    def admitted(self, waited_s: float, prompt_tokens: int) -> None:
        """A sequence left the queue."""

    def first_token(self, after_s: float) -> None:
        """A sequence got its first token that long after it arrived."""

    def step(self, gap_s: float, tokens: int, first_tokens: int, prompt_tokens: int) -> None:
        """A step ended: its length, the tokens it made and how many of them were first, the prompt tokens done."""

    def finished(self, total_s: float, tokens: int) -> None:
        """A sequence got its last token."""

    def preempted(self) -> None:
        """A sequence lost its blocks."""


class Batcher:
    """The scheduler of one simulated engine."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, model: StepTimeModel, observer: Observer, clock_s: Callable[[], float]
    ) -> None:
        """Nothing runs yet; `clock_s` is monotonic and finer than a millisecond."""
        self.model = model
        self.running: dict[Sequence, None] = {}
        self.waiting: deque[Sequence] = deque()
        self._loop = loop
        self._observer = observer
        self._clock_s = clock_s
        self._free_blocks = model.kv_blocks
        self._timer: asyncio.TimerHandle | None = None
        self._ticking = False
        self._began_s = 0.0
        self._due_s = 0.0
        self._prefilling: list[tuple[Sequence, int]] = []
        self._growing: list[Sequence] = []
        self._touched: list[Sink] = []

    @property
    def kv_use(self) -> float:
        """Share of the KV cache in use, from 0 to 1."""
        return 1.0 - self._free_blocks / self.model.kv_blocks

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence; it starts at once if there is room and no step is under way."""
        now_s = self._clock_s()
        sequence.arrived_s = now_s
        self.waiting.append(sequence)
        if self._ticking:
            return
        if self._timer is None:
            self._begin_step(now_s)
            self._schedule(now_s)
        elif self.model.prefills_beside:
            self._admit(now_s, MAX_BATCHED_TOKENS)

    def cancel(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it is; one that has ended already is ignored."""
        if sequence in self.running:
            self._release(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def clear(self) -> None:
        """Forget everything."""
        for sequence in list(self.running):
            self._release(sequence)
        self.waiting.clear()

    # ------------------------------------------------------------------------------------------------------ the timer

    def _schedule(self, now_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, self._due_s - now_s), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._ticking = True
        now_s = self._clock_s()
        steps = 0
        while self.running and self._due_s <= now_s + EARLY_S and steps < MAX_STEPS_PER_TICK:
            self._end_step(self._due_s)
            self._begin_step(self._due_s)
            steps += 1
        touched, self._touched = self._touched, []
        for sink in touched:
            sink.flush()
        self._ticking = False
        if self.running or self.waiting:
            if not self.running:
                self._begin_step(now_s)
            self._due_s = max(self._due_s, now_s - MAX_DEBT_S)
            self._schedule(now_s)

    # ------------------------------------------------------------------------------------------------------- one step

    def _begin_step(self, at_s: float) -> None:
        """Find blocks for who decodes, admit who fits, and say when the step will end."""
        made_room = self._grow()
        self._began_s = at_s
        if self.model.prefills_beside:
            if not made_room:
                self._admit(at_s, MAX_BATCHED_TOKENS)
            self._due_s = at_s + self._beside_s(at_s)
            return
        decoding, kv_tokens = 0, 0
        self._prefilling = []
        cut_off = None
        for sequence in self.running:
            if sequence.prefill_left:
                cut_off = sequence
            else:
                decoding += 1
                kv_tokens += sequence.kv_tokens
        budget = MAX_BATCHED_TOKENS - decoding
        if cut_off is not None:
            budget -= self._work_off(cut_off, budget)
        if not made_room:
            self._admit(at_s, budget)
        prompt_tokens = sum(chunk for _, chunk in self._prefilling)
        self._due_s = at_s + self.model.step_s(decoding, kv_tokens, prompt_tokens)

    def _work_off(self, sequence: Sequence, budget: int) -> int:
        """As much of a prompt as the step's budget allows; how much that is."""
        chunk = min(sequence.prefill_left, budget)
        self._prefilling.append((sequence, chunk))
        return chunk

    def _beside_s(self, at_s: float) -> float:
        """Length of a step whose prompts are worked off beside it: until the first token while nobody decodes."""
        first_s = min((sequence.ready_s for sequence in self.running), default=at_s)
        return first_s - at_s if first_s > at_s else self.model.step_s(len(self.running), 0)

    def _end_step(self, at_s: float) -> None:
        """Give a token to everyone whose turn it is."""
        made, first = 0, 0
        half_s = (self.model.step_s(len(self.running), 0) / 2) if self.model.prefills_beside else 0.0
        for sequence, chunk in self._prefilling:
            sequence.prefill_left -= chunk
        worked_off = sum(chunk for _, chunk in self._prefilling)
        self._prefilling = []
        for sequence in list(self.running):
            if sequence.prefill_left or sequence.ready_s > at_s + half_s or sequence not in self.running:
                continue
            first += sequence.first_s == 0.0
            self._give(sequence, at_s)
            made += 1
        self._observer.step(at_s - self._began_s, made, first, worked_off)

    def _give(self, sequence: Sequence, at_s: float) -> None:
        index = sequence.produced
        sequence.produced = index + 1
        sequence.kv_tokens += 1
        sequence.ready_s = min(sequence.ready_s, at_s)
        if index == 0 and sequence.first_s == 0.0:
            sequence.first_s = at_s
            self._observer.first_token(at_s - sequence.arrived_s)
        if sequence.kv_tokens > sequence.blocks * BLOCK_TOKENS:
            self._growing.append(sequence)
        sink = sequence.sink
        if sequence.streaming:
            sink.token(index)
            self._touched.append(sink)
        # A sink may have cancelled its sequence just now.
        if sequence.produced >= sequence.wanted and sequence in self.running:
            self._release(sequence)
            self._observer.finished(at_s - sequence.arrived_s, sequence.produced)
            sink.finished()

    # ------------------------------------------------------------------------------------------------------- KV blocks

    def _admit(self, at_s: float, budget: int) -> None:
        """Whoever waits, while there are places, blocks for all of the prompt, and tokens left in the step."""
        while self.waiting and budget > 0 and len(self.running) < self.model.max_running:
            sequence = self.waiting[0]
            kv_tokens = sequence.prompt_tokens + sequence.produced
            blocks = -(-kv_tokens // BLOCK_TOKENS)
            if blocks > self._free_blocks:
                return
            self.waiting.popleft()
            self._free_blocks -= blocks
            sequence.blocks = blocks
            sequence.kv_tokens = kv_tokens
            self.running[sequence] = None
            new_tokens = max(1, kv_tokens - sequence.cached_tokens)
            if self.model.prefills_beside:
                sequence.ready_s = at_s + self.model.prefill_s(new_tokens)
            else:
                sequence.prefill_left = new_tokens
                budget -= self._work_off(sequence, budget)
            if sequence.produced == 0:
                self._observer.admitted(at_s - sequence.arrived_s, sequence.prompt_tokens)

    def _grow(self) -> bool:
        """One more block for each whose blocks are full; where none is free the youngest gives its own.

        Returns:
            Whether anybody was preempted.
        """
        growing, self._growing = self._growing, []
        preempted = False
        for sequence in growing:
            while sequence in self.running and self._free_blocks == 0:
                self._preempt(next(reversed(self.running)))
                preempted = True
            if sequence in self.running:
                self._free_blocks -= 1
                sequence.blocks += 1
        return preempted

    def _preempt(self, sequence: Sequence) -> None:
        self._release(sequence)
        self._observer.preempted()
        self.waiting.appendleft(sequence)

    def _release(self, sequence: Sequence) -> None:
        del self.running[sequence]
        self._free_blocks += sequence.blocks
        sequence.blocks = 0
        sequence.prefill_left = 0
