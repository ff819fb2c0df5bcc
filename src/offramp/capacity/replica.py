"""One replica in the event simulation: continuous batching as vLLM schedules it, many equal steps at a time. Pure.

At the beginning of a step, in this order:

1. Every decoding sequence takes the slot of its next token. Where no block is free, the sequence that was admitted last
   gives its blocks back, goes to the head of the queue and is later recomputed; then nobody is admitted in this step.
2. The prompt that was cut off by the last step's budget goes on.
3. Whoever waits is admitted, first come first served, while there are places, tokens in the step's budget, and blocks
   for the whole prompt.

A request that arrives during a step is looked at when it ends. A step in which a prompt ends gives its first token.

Between two such events all steps do the same, only the KV cache grows, so their times are an arithmetic series: they
are summed up at once. Who needs a new block when is counted by the step at which it is due, modulo a block's tokens.

Source: vLLM 0.32, `v1/core/sched/scheduler.py`: first come first served, chunked prefill, `scheduler_reserve_full_isl`;
it takes the blocks of a long prompt chunk by chunk, here they are taken when it is admitted.
"""

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil, inf, sqrt

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import NO_PREFIX
from offramp.capacity.prefixes import Prefixes

_MASK = BLOCK_TOKENS - 1
_SHIFT = BLOCK_TOKENS.bit_length() - 1
_NOT_DECODING = -1


@dataclass(slots=True, kw_only=True)
class Requests:
    """Columns that all replicas of a simulation share; lists, because single items are read."""

    prompt: list[int]
    wanted: list[int]
    blocks: list[int]
    """Blocks that a request holds when it gets its last token."""
    prefix: list[int]
    prefix_blocks: list[int]
    """Whole blocks of the shared beginning, without the last token of the prompt."""
    admitted_s: list[float]
    first_s: list[float]
    done_s: list[float]


class Replica:
    """The state of one replica between two steps, and what is under way."""

    __slots__ = (
        "_alpha_s", "_budget", "_chunk", "_cost", "_cut_off", "_cut_off_left", "_decoding", "_due", "_ending", "_free",
        "_kv_tokens", "_limit", "_new_at", "_origin", "_prefixes", "_produced", "_queue", "_requests", "_running",
        "_shared", "_slope_s", "_step", "_steps", "_turn", "_uses", "_width", "blocks", "busy_s", "end_s", "in_flight",
        "least_free", "now_s", "preemptions", "prefix_hit_tokens", "recomputed_tokens", "running_s",
    )  # fmt: skip

    def __init__(self, engine: Engine, requests: Requests) -> None:
        """Idle and empty."""
        count = len(requests.prompt)
        self._requests, self._cost = requests, engine.steps.cost
        self._budget, self._limit = engine.max_batched_tokens, engine.running_limit
        self._prefixes = Prefixes() if engine.prefix_cache else None
        self._width = count
        self._queue: deque[int] = deque()
        self._running: dict[int, None] = {}
        self.blocks = self._free = engine.steps.kv_blocks
        # The sequences that decode, and the step at which each of them is done: step · width + request.
        self._step = self._decoding = self._kv_tokens = 0
        self._due: list[int] = []
        self._turn = [_NOT_DECODING] * count
        self._origin = [0] * count
        self._produced = [0] * count
        self._shared = [0] * count
        self._uses = [False] * count
        # New blocks by the step at which they are due, modulo a block, twice over so that a slice need not wrap.
        self._new_at = [0] * (2 * BLOCK_TOKENS)
        # What is under way.
        self._cut_off, self._cut_off_left = -1, 0
        self._ending: list[int] = []
        self._steps = self._chunk = 0
        self._alpha_s = self._slope_s = 0.0
        self.now_s, self.end_s = 0.0, inf
        self.in_flight = self.preemptions = self.recomputed_tokens = self.prefix_hit_tokens = 0
        self.least_free = self._free
        self.busy_s = self.running_s = 0.0

    def arrive(self, request: int, at_s: float) -> None:
        """A request comes in; `run_until` must have been called for that time."""
        self.in_flight += 1
        self._queue.append(request)
        if self.end_s == inf:
            self.now_s = at_s
            self._begin()
        elif self._steps > 1 and len(self._queue) == 1 and self._has_room(request):
            self._stop_after(at_s)

    def run_until(self, at_s: float) -> None:
        """Do everything that ends until then."""
        while self.end_s <= at_s:
            self._end()
            self._begin()

    # ----------------------------------------------------------------------------------------------------- end of a run

    def _end(self) -> None:
        """The steps under way are over: count, let go who is done, let those decode whose prompt is worked off."""
        now_s, steps, decoding = self.end_s, self._steps, self._decoding
        took_s = now_s - self.now_s
        self.now_s = now_s
        self.busy_s += took_s
        self.running_s += took_s * len(self._running)
        step = self._step = self._step + steps
        if decoding:
            self._kv_tokens += decoding * steps
            if steps > 1:
                self._free -= self._growth_of(step - steps + 1, steps - 1)
        self.least_free = min(self.least_free, self._free)
        due, width = self._due, self._width
        while due and due[0] < (step + 1) * width:
            at, request = divmod(heappop(due), width)
            if self._turn[request] != _NOT_DECODING and self._origin[request] + self._requests.wanted[request] == at:
                self._leave(request)
        if self._ending:
            for request in self._ending:
                self._first_token(request)
            self._ending = []

    def _leave(self, request: int) -> None:
        requests = self._requests
        requests.done_s[request] = self.now_s
        self.in_flight -= 1
        del self._running[request]
        self._free += requests.blocks[request] - self._shared[request]
        if self._uses[request]:
            self._free += self._drop_prefix(request)
        turn = self._turn[request]
        if turn != _NOT_DECODING:
            self._decoding -= 1
            self._kv_tokens -= requests.prompt[request] + requests.wanted[request]
            self._new_at[turn] -= 1
            self._new_at[turn + BLOCK_TOKENS] -= 1
            self._turn[request] = _NOT_DECODING

    def _first_token(self, request: int) -> None:
        """A prompt is worked off: it gives a token, the first or the one after those that were recomputed."""
        requests = self._requests
        produced = self._produced[request] + 1
        if produced == 1:
            requests.first_s[request] = self.now_s
        if self._prefixes is not None and requests.prefix[request] != NO_PREFIX:
            self._share(request)
        if produced == requests.wanted[request]:
            self._leave(request)
            return
        origin = self._origin[request] = self._step - produced
        turn = self._turn[request] = (origin - requests.prompt[request] + 1) & _MASK
        self._new_at[turn] += 1
        self._new_at[turn + BLOCK_TOKENS] += 1
        self._decoding += 1
        self._kv_tokens += requests.prompt[request] + produced
        heappush(self._due, (origin + requests.wanted[request]) * self._width + request)

    def _growth_of(self, step: int, steps: int) -> int:
        """Blocks that so many steps take which begin with that one, while nobody joins or leaves."""
        first = step & _MASK
        return (steps >> _SHIFT) * self._decoding + sum(self._new_at[first : first + (steps & _MASK)])

    # ----------------------------------------------------------------------------------------------- beginning of a run

    def _begin(self) -> None:
        """Say what the next steps do and when they end."""
        new = self._new_at[self._step & _MASK]
        made_room = new > self._free
        if made_room:
            self._make_room()
        else:
            self._free -= new
        self._chunk = 0
        left = self._budget - self._decoding
        if self._cut_off >= 0:
            left -= self._work_off(self._cut_off, self._cut_off_left, left)
        if self._queue and not made_room:
            self._admit(left)
        if self._chunk:
            self._steps = 1
            self.end_s = self.now_s + self._cost.of(self._decoding, self._kv_tokens, self._chunk)
        elif self._decoding:
            self._decode(at_most=1 if made_room else None)
        else:
            self._steps = 0
            self.end_s = inf

    def _work_off(self, request: int, tokens: int, budget: int) -> int:
        """Work off a prompt as far as the budget goes; how far that was."""
        taken = min(tokens, budget)
        self._chunk += taken
        if taken == tokens:
            self._ending.append(request)
            self._cut_off = -1
        else:
            self._cut_off, self._cut_off_left = request, tokens - taken
        return taken

    def _admit(self, budget: int) -> None:
        queue, running, prefixes = self._queue, self._running, self._prefixes
        if prefixes is not None:
            prefixes.shrink_to(self._free)
        while queue and budget > 0 and len(running) < self._limit:
            request = queue[0]
            produced = self._produced[request]
            tokens = self._requests.prompt[request] + produced
            blocks = (tokens + _MASK) >> _SHIFT
            hit = 0
            if prefixes is not None and self._requests.prefix_blocks[request]:
                group = self._requests.prefix[request]
                hit = min(prefixes.kept(group), self._requests.prefix_blocks[request])
                if blocks - hit + prefixes.to_pin(group) > self._free:
                    break
                if hit:
                    self._use_prefix(request, group, hit)
            elif blocks > self._free:
                break
            queue.popleft()
            running[request] = None
            self._free -= blocks - hit
            if self._requests.admitted_s[request] < 0:
                self._requests.admitted_s[request] = self.now_s
            tokens -= hit << _SHIFT
            if produced:
                self.recomputed_tokens += tokens
            budget -= self._work_off(request, tokens, budget)

    def _decode(self, at_most: int | None) -> None:
        """Nobody joins: decode until somebody is done, the blocks run out, or the reading outlasts the arithmetic."""
        due, width = self._due, self._width
        while True:
            at, request = divmod(due[0], width)
            if self._turn[request] != _NOT_DECODING and self._origin[request] + self._requests.wanted[request] == at:
                break
            heappop(due)
        steps = at_most or at - self._step
        decoding, cost = self._decoding, self._cost
        if steps > 1 and decoding * ((steps >> _SHIFT) + 1) > self._free:
            steps = self._steps_with_blocks(steps)
        read_s = cost.read_s + cost.sequence_s * decoding + cost.kv_token_s * self._kv_tokens
        slope_s = cost.kv_token_s * decoding
        floor_s = cost.sequence_token_s * decoding
        if read_s < floor_s:
            if slope_s:
                steps = min(steps, ceil((floor_s - read_s) / slope_s))
            read_s, slope_s = floor_s, 0.0
        self._steps, self._alpha_s, self._slope_s = steps, cost.overhead_s + read_s, slope_s
        self.end_s = self.now_s + steps * self._alpha_s + slope_s * (steps * (steps - 1) // 2)

    def _steps_with_blocks(self, steps: int) -> int:
        """How many of these steps find their blocks; the first has taken its own."""
        least, most = 1, steps
        while least < most:
            middle = (least + most + 1) // 2
            if self._growth_of(self._step + 1, middle - 1) <= self._free:
                least = middle
            else:
                most = middle - 1
        return least

    # --------------------------------------------------------------------------------------------------------- arrivals

    def _has_room(self, request: int) -> bool:
        """Whether a newcomer might be admitted at the end of a step; if not, it is when somebody is done."""
        blocks = (self._requests.prompt[request] + _MASK) >> _SHIFT
        if self._prefixes is not None:
            blocks -= self._requests.prefix_blocks[request]
        return len(self._running) < self._limit and blocks <= self._free

    def _stop_after(self, at_s: float) -> None:
        """Let the steps under way end with the first one that ends later than that."""
        alpha_s, slope_s, passed_s = self._alpha_s, self._slope_s, at_s - self.now_s
        if slope_s:
            linear_s = alpha_s - slope_s / 2
            steps = int((sqrt(linear_s * linear_s + 2 * slope_s * passed_s) - linear_s) / slope_s) + 1
        else:
            steps = int(passed_s / alpha_s) + 1
        # The root is rounded: one step more or less.
        while steps > 1 and (steps - 1) * alpha_s + slope_s * ((steps - 1) * (steps - 2) // 2) > passed_s:
            steps -= 1
        while steps * alpha_s + slope_s * (steps * (steps - 1) // 2) <= passed_s:
            steps += 1
        if steps < self._steps:
            self._steps = steps
            self.end_s = self.now_s + steps * alpha_s + slope_s * (steps * (steps - 1) // 2)

    # ------------------------------------------------------------------------------------------------------- preemption

    def _make_room(self) -> None:
        """Give each sequence that needs a block one, in the order of admission, at the expense of the youngest."""
        turn = self._step & _MASK
        for request in [request for request in self._running if self._turn[request] == turn]:
            if self._turn[request] == _NOT_DECODING:
                break
            while not self._free:
                youngest = next(reversed(self._running))
                self._preempt(youngest)
                if youngest == request:
                    break
            else:
                self._free -= 1

    def _preempt(self, request: int) -> None:
        del self._running[request]
        prompt, turn = self._requests.prompt[request], self._turn[request]
        if turn == _NOT_DECODING:
            self._cut_off = -1
            held = prompt + self._produced[request]
        else:
            produced = self._produced[request] = self._step - self._origin[request]
            held = prompt + produced - 1
            self._decoding -= 1
            self._kv_tokens -= prompt + produced
            self._new_at[turn] -= 1
            self._new_at[turn + BLOCK_TOKENS] -= 1
            self._turn[request] = _NOT_DECODING
        self._free += ((held + _MASK) >> _SHIFT) - self._shared[request]
        if self._uses[request]:
            self._free += self._drop_prefix(request)
        self._queue.appendleft(request)
        self.preemptions += 1

    # ----------------------------------------------------------------------------------------------------- prefix cache

    def _use_prefix(self, request: int, group: int, hit: int) -> None:
        assert self._prefixes is not None
        self._free -= self._prefixes.to_pin(group)
        self._prefixes.use(group)
        self._shared[request], self._uses[request] = hit, True
        self.prefix_hit_tokens += hit << _SHIFT

    def _share(self, request: int) -> None:
        """What was worked off of a beginning is kept for those who come later."""
        assert self._prefixes is not None
        group, blocks = self._requests.prefix[request], self._requests.prefix_blocks[request]
        if blocks:
            is_new = not self._prefixes.kept(group)
            self._shared[request] += self._prefixes.grow(group, blocks, user=self._uses[request])
            self._uses[request] = self._uses[request] or is_new

    def _drop_prefix(self, request: int) -> int:
        assert self._prefixes is not None
        self._shared[request], self._uses[request] = 0, False
        return self._prefixes.leave(self._requests.prefix[request])
