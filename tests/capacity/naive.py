"""Continuous batching step by step, as plainly as it can be said: what the event simulation must come to."""

from dataclasses import dataclass, field
from math import inf

from offramp.capacity.engine import Engine
from offramp.capacity.fit import BLOCK_TOKENS
from offramp.capacity.load import Load


@dataclass(eq=False)
class Sequence:
    """One request."""

    place: int
    prompt: int
    wanted: int
    produced: int = 0
    worked_off: int = 0
    """Tokens that are in the cache."""
    blocks: int = 0
    is_decoding: bool = False
    admitted_s: float = inf
    first_s: float = inf
    done_s: float = inf

    @property
    def tokens(self) -> int:
        """Prompt and answer so far."""
        return self.prompt + self.produced


@dataclass
class Plain:
    """One replica."""

    engine: Engine
    running: list[Sequence] = field(default_factory=list)
    waiting: list[Sequence] = field(default_factory=list)
    at_work: dict[Sequence, int] = field(default_factory=dict)
    """Tokens of each sequence that the step under way works off."""
    end_s: float = inf
    free: int = 0
    preemptions: int = 0
    recomputed: int = 0
    busy_s: float = 0.0
    running_s: float = 0.0
    most_used: int = 0

    def __post_init__(self) -> None:
        self.free = self.engine.steps.kv_blocks

    @property
    def in_flight(self) -> int:
        """Whoever is not done."""
        return len(self.running) + len(self.waiting)

    def arrive(self, sequence: Sequence, at_s: float) -> None:
        """A request comes in."""
        self.waiting.append(sequence)
        if self.end_s == inf:
            self.begin(at_s)

    def begin(self, now_s: float) -> None:
        """Begin a step."""
        budget = self.engine.max_batched_tokens
        self.at_work = {}
        preempted = False
        for sequence in list(self.running):
            if sequence not in self.running:
                continue
            if sequence.is_decoding and sequence.tokens > sequence.blocks * BLOCK_TOKENS:
                preempted = self.make_room() or preempted
                if sequence not in self.running:
                    continue
                sequence.blocks += 1
                self.free -= 1
            self.at_work[sequence] = min(sequence.tokens - sequence.worked_off, budget)
            budget -= self.at_work[sequence]
        if not preempted:
            self.admit(now_s, budget)
        self.most_used = max(self.most_used, self.engine.steps.kv_blocks - self.free)
        self.end_s = now_s + self.length_s() if self.at_work else inf
        if self.at_work:
            self.busy_s += self.end_s - now_s
            self.running_s += (self.end_s - now_s) * len(self.running)

    def admit(self, now_s: float, budget: int) -> None:
        """Whoever waits, as far as there are places, blocks and tokens."""
        while self.waiting and budget > 0 and len(self.running) < self.engine.running_limit:
            sequence = self.waiting[0]
            blocks = -(-sequence.tokens // BLOCK_TOKENS)
            if blocks > self.free:
                break
            self.waiting.pop(0)
            self.running.append(sequence)
            sequence.blocks = blocks
            self.free -= blocks
            sequence.admitted_s = min(sequence.admitted_s, now_s)
            self.recomputed += sequence.tokens if sequence.produced else 0
            self.at_work[sequence] = min(sequence.tokens, budget)
            budget -= self.at_work[sequence]

    def length_s(self) -> float:
        """How long the step takes."""
        decoding = [sequence for sequence in self.at_work if sequence.is_decoding]
        prompts = sum(tokens for sequence, tokens in self.at_work.items() if not sequence.is_decoding)
        return self.engine.steps.cost.of(len(decoding), sum(sequence.tokens for sequence in decoding), prompts)

    def make_room(self) -> bool:
        """Preempt the youngest until a block is free."""
        preempted = False
        while not self.free:
            youngest = self.running.pop()
            self.at_work.pop(youngest, None)
            self.free += youngest.blocks
            youngest.blocks, youngest.worked_off, youngest.is_decoding = 0, 0, False
            self.waiting.insert(0, youngest)
            self.preemptions += 1
            preempted = True
        return preempted

    def end(self) -> None:
        """The step is over: a token for each whose tokens are all worked off."""
        now_s = self.end_s
        for sequence, tokens in self.at_work.items():
            sequence.worked_off += tokens
            if sequence.worked_off < sequence.tokens:
                continue
            sequence.produced += 1
            sequence.is_decoding = True
            sequence.first_s = min(sequence.first_s, now_s)
            if sequence.produced == sequence.wanted:
                sequence.done_s = now_s
                self.free += sequence.blocks
                self.running.remove(sequence)
        self.begin(now_s)


def run(load: Load, engine: Engine, replicas: int = 1) -> tuple[list[Sequence], list[Plain]]:
    """All of a load."""
    columns = zip(load.input_tokens.tolist(), load.output_tokens.tolist(), strict=True)
    sequences = [Sequence(place, prompt, wanted) for place, (prompt, wanted) in enumerate(columns)]
    fleet = [Plain(engine) for _ in range(replicas)]
    for sequence, at_s in zip(sequences, load.arrived_s.tolist(), strict=True):
        for replica in fleet:
            while replica.end_s <= at_s:
                replica.end()
        min(fleet, key=lambda replica: replica.in_flight).arrive(sequence, at_s)
    for replica in fleet:
        while replica.end_s < inf:
            replica.end()
    return sequences, fleet
