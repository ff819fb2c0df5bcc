"""How long one step of an engine with continuous batching takes, and how many tokens its KV cache holds. Pure.

An engine works in steps: each step reads all weights once, reads the KV cache of every sequence in the batch, and gives
every decoding sequence one more token. Prompts are worked off in the same steps. The rule is `StepCost.of`: the
simulated engine, the closed form of quick sizing and the event simulation all take it from here.
"""

from dataclasses import dataclass, field
from typing import Protocol

from offramp.capacity.fit import BLOCK_TOKENS, fit
from offramp.capacity.hardware import GIB, Card, card
from offramp.capacity.llm import Llm
from offramp.capacity.llm import llm as llm_named
from offramp.errors import UsageError

COMPUTE_EFFICIENCY = 0.5
"""Share of peak arithmetic that a prefill reaches (model FLOPs utilisation)."""

BANDWIDTH_EFFICIENCY = 0.7
"""Share of peak memory bandwidth that a decode step reaches."""

TENSOR_PARALLEL_EFFICIENCY = {1: 1.0, 2: 0.92, 4: 0.85, 8: 0.75}
"""Share of linear scaling that several GPUs reach which hold one model together.

An assumption for cards in one machine with NVLink, not a measurement; over PCIe it is less.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """What a step takes, as a line in the work that is done in it.

    A prompt shares a step with sequences that decode: the weights are read once for both, and the prompt adds its
    arithmetic, so neither hides the other. A step with nothing but prompts takes their arithmetic or the reading of the
    weights, whichever is longer: a short prompt alone costs a full pass over the weights, the same prompt beside others
    that decode does not.
    """

    read_s: float
    """Reading all weights."""
    kv_token_s: float
    """Reading one token of the KV cache."""
    prompt_token_s: float
    """The arithmetic of one prompt token."""
    sequence_token_s: float
    """The arithmetic of one decoded token, which counts where a batch is so large that it outlasts the reading."""
    overhead_s: float = 0.0
    """What every step takes whatever is in it, hidden behind nothing: scheduling, launching, sampling."""
    sequence_s: float = 0.0
    """What every decoding sequence adds to that."""

    def of(self, decoding: float, kv_tokens: float, prompt_tokens: float = 0.0) -> float:
        """Seconds of a step.

        Args:
            decoding: Sequences that get one more token.
            kv_tokens: Tokens that they hold together.
            prompt_tokens: Tokens of prompts that are worked off in the step.

        >>> cost = StepCost(read_s=0.030, kv_token_s=0.0, prompt_token_s=0.0005, sequence_token_s=0.0005)
        >>> cost.of(0, 0, 20), cost.of(0, 0, 1000), cost.of(1, 500), cost.of(1, 500, 20)
        (0.03, 0.5, 0.03, 0.04)
        """
        prompt_s = self.prompt_token_s * prompt_tokens
        if not decoding:
            return self.overhead_s + max(self.read_s, prompt_s)
        read_s = self.read_s + self.sequence_s * decoding + self.kv_token_s * kv_tokens
        return self.overhead_s + max(read_s, self.sequence_token_s * decoding) + prompt_s


class StepTimeModel(Protocol):
    """What a scheduler needs to know of the hardware and the model that runs on it."""

    @property
    def name(self) -> str:
        """What runs on what, for people."""
        ...

    @property
    def max_running(self) -> int:
        """Most sequences in one batch; the others wait."""
        ...

    @property
    def kv_blocks(self) -> int:
        """Blocks of `BLOCK_TOKENS` tokens in the KV cache."""
        ...

    @property
    def prefills_beside(self) -> bool:
        """Whether a prompt is worked off beside the decode steps instead of inside them."""
        ...

    @property
    def context_tokens(self) -> int:
        """Longest context, prompt and answer together."""
        ...

    def prefill_s(self, tokens: int) -> float:
        """Seconds that a prompt of that many tokens adds to steps which decode anyway."""
        ...

    def step_s(self, batch: int, kv_tokens: int, prompt_tokens: int = 0) -> float:
        """Seconds of one step: `batch` sequences decode that hold `kv_tokens` together, beside prompts."""
        ...


class LinearStepTime(StepTimeModel, Protocol):
    """A model whose steps are a line in their work, so that many of them can be summed up at once."""

    @property
    def cost(self) -> StepCost:
        """The line."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStepTime:
    """No real card: fast and even, so that a demo shows the gateway and not the engine.

    >>> DemoStepTime().step_s(300, 0) == DemoStepTime().step_s(1, 0)
    True
    >>> DemoStepTime().step_s(600, 0)
    0.01
    """

    name: str = "demo"
    first_token_s: float = 0.030
    token_s: float = 0.005
    even_until: int = 300
    """Sequences in flight below which a step takes `token_s`; beyond it grows in proportion."""
    max_running: int = 600
    kv_blocks: int = 600 * 4096 // BLOCK_TOKENS
    prefills_beside: bool = True
    context_tokens: int = 131_072

    def prefill_s(self, tokens: int) -> float:
        """The same 30 ms for every prompt."""
        del tokens
        return self.first_token_s

    def step_s(self, batch: int, kv_tokens: int, prompt_tokens: int = 0) -> float:
        """5 ms, longer in proportion beyond 300 sequences."""
        del kv_tokens, prompt_tokens
        return self.token_s * max(1.0, batch / self.even_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RooflineStepTime:
    """A dense model on cards that hold it together: decoding is bound by bandwidth, prefill by arithmetic.

    Source:
        S. Williams, A. Waterman, D. Patterson, "Roofline: An Insightful Visual Performance Model for Multicore
        Architectures", CACM 52(4), 2009; 2 FLOP for each parameter and token (J. Kaplan et al., "Scaling Laws for
        Neural Language Models", 2020, section 2.1).
    """

    card: Card
    llm: Llm
    gpus: int = 1
    """Cards that hold the model together (tensor parallel): 1, 2, 4 or 8."""
    max_running: int = 256
    """Source: vLLM's default `--max-num-seqs`."""
    max_model_len: int | None = None
    prefills_beside: bool = False
    kv_blocks: int = field(init=False, compare=False)
    """Whole blocks that fit into what the weights leave."""
    cost: StepCost = field(init=False, compare=False)
    """(weights + KV of the batch) ÷ (bandwidth · efficiency); 2 · parameters ÷ (FLOPS · efficiency) for each token."""

    def __post_init__(self) -> None:
        """Work out once what every step asks for."""
        scale = self.gpus * TENSOR_PARALLEL_EFFICIENCY[self.gpus]
        bytes_per_s = self.card.bandwidth_bytes_per_s * BANDWIDTH_EFFICIENCY * scale
        token_s = 2 * self.llm.parameters / (self.card.flops_per_s * COMPUTE_EFFICIENCY * scale)
        memory = fit(self.card, self.llm, gpus=self.gpus)
        cost = StepCost(
            read_s=self.llm.weight_bytes / bytes_per_s,
            kv_token_s=memory.kv_bytes_per_token / bytes_per_s,
            prompt_token_s=token_s,
            sequence_token_s=token_s,
        )
        object.__setattr__(self, "kv_blocks", memory.kv_blocks)
        object.__setattr__(self, "cost", cost)

    @property
    def name(self) -> str:
        """Such as `mistral-7b on A10G`."""
        return f"{self.llm.name} on {self.card.name}" + (f" × {self.gpus}" if self.gpus > 1 else "")

    @property
    def context_tokens(self) -> int:
        """What was asked for, else the model's own length or what the cache holds, whichever is less."""
        wanted = self.max_model_len or self.llm.context_tokens
        return min(wanted, self.llm.context_tokens, self.kv_blocks * BLOCK_TOKENS)

    def prefill_s(self, tokens: int) -> float:
        """2 · parameters · tokens ÷ (FLOPS · efficiency)."""
        return self.cost.prompt_token_s * tokens

    def step_s(self, batch: int, kv_tokens: int, prompt_tokens: int = 0) -> float:
        """As `StepCost.of` says."""
        return self.cost.of(batch, kv_tokens, prompt_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredStepTime:
    """An engine that was measured: its line, and what it was started with."""

    name: str
    cost: StepCost
    max_running: int
    kv_blocks: int
    context_tokens: int
    prefills_beside: bool = False

    def prefill_s(self, tokens: int) -> float:
        """What that many prompt tokens add to steps which decode anyway."""
        return self.cost.prompt_token_s * tokens

    def step_s(self, batch: int, kv_tokens: int, prompt_tokens: int = 0) -> float:
        """As `StepCost.of` says."""
        return self.cost.of(batch, kv_tokens, prompt_tokens)


def roofline(hardware: str, llm: str, *, gpus: int = 1, max_model_len: int | None = None) -> RooflineStepTime:
    """The model of those names on that card.

    Raises:
        UsageError: If a name is unknown, the weights do not fit, or the cache cannot hold one sequence of
            `max_model_len` tokens.

    >>> roofline("A10G", "mistral-7b").name
    'mistral-7b on A10G'
    """
    if gpus not in TENSOR_PARALLEL_EFFICIENCY:
        raise UsageError(f"{gpus} GPUs cannot hold one model together; take 1, 2, 4 or 8", param="gpus")
    model = RooflineStepTime(card=card(hardware), llm=llm_named(llm), gpus=gpus, max_model_len=max_model_len)
    if model.kv_blocks == 0:
        raise UsageError(
            f"{llm} needs {model.llm.weight_bytes / GIB:.1f} GiB for its weights, which leaves nothing for the KV "
            f"cache on {hardware} ({card(hardware).memory_bytes * gpus / GIB:.1f} GiB); take a larger card or a "
            "smaller model",
            param="hardware",
        )
    if max_model_len and max_model_len > model.context_tokens:
        raise UsageError(
            f"--max-model-len {max_model_len} is more than {model.name} holds; take at most {model.context_tokens}",
            param="max_model_len",
        )
    return model


def step_time_model(hardware: str, llm: str = "mistral-7b", *, max_model_len: int | None = None) -> StepTimeModel:
    """The model for `--hardware` and `--llm`; `demo` takes no account of the latter.

    Raises:
        UsageError: As `roofline`.

    >>> step_time_model("A10G", "mistral-7b").name
    'mistral-7b on A10G'
    """
    if hardware.lower() == "demo":
        return DemoStepTime(context_tokens=max_model_len) if max_model_len else DemoStepTime()
    return roofline(hardware, llm, max_model_len=max_model_len)
