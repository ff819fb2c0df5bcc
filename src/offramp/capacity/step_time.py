"""How long one step of an engine with continuous batching takes, and how many tokens its KV cache holds. Pure.

An engine works in steps: each step reads all weights once, reads the KV cache of every sequence in the batch, and gives
every decoding sequence one more token. Prompts are worked off in the same steps.
"""

from dataclasses import dataclass
from typing import Protocol

from offramp.capacity.hardware import GIB, Card, card
from offramp.capacity.llm import Llm
from offramp.capacity.llm import llm as llm_named
from offramp.errors import UsageError

BLOCK_TOKENS = 16
"""Tokens of one KV block. Source: vLLM's default `--block-size` on CUDA."""

COMPUTE_EFFICIENCY = 0.5
"""Share of peak arithmetic that a prefill reaches (model FLOPs utilisation)."""

BANDWIDTH_EFFICIENCY = 0.7
"""Share of peak memory bandwidth that a decode step reaches."""

MEMORY_UTILISATION = 0.9
"""Share of visible memory the engine takes. Source: vLLM's default `--gpu-memory-utilization`."""

ACTIVATION_BYTES = int(1.4 * GIB)
"""Memory for activations and the runtime; with it 5.3 GiB stay free for a 7B model in bf16 on 22.5 GiB."""


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
        """Seconds to work off a prompt of that many tokens, alone."""
        ...

    def step_s(self, batch: int, kv_tokens: int) -> float:
        """Seconds of one decode step of `batch` sequences that hold `kv_tokens` tokens together."""
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

    def step_s(self, batch: int, kv_tokens: int) -> float:
        """5 ms, longer in proportion beyond 300 sequences."""
        del kv_tokens
        return self.token_s * max(1.0, batch / self.even_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RooflineStepTime:
    """A dense model on one card: decoding is bound by bandwidth, prefill by arithmetic.

    A step that decodes and works off prompts takes the sum of both, which is what a scheduler with chunked prefill
    comes to when neither fully hides the other.

    Source:
        S. Williams, A. Waterman, D. Patterson, "Roofline: An Insightful Visual Performance Model for Multicore
        Architectures", CACM 52(4), 2009; 2 FLOP for each parameter and token (J. Kaplan et al., "Scaling Laws for
        Neural Language Models", 2020, section 2.1).
    """

    card: Card
    llm: Llm
    max_running: int = 256
    """Source: vLLM's default `--max-num-seqs`."""
    max_model_len: int | None = None
    prefills_beside: bool = False

    @property
    def name(self) -> str:
        """Such as `mistral-7b on A10G`."""
        return f"{self.llm.name} on {self.card.name}"

    @property
    def context_tokens(self) -> int:
        """What was asked for, else the model's own length or what the cache holds, whichever is less."""
        wanted = self.max_model_len or self.llm.context_tokens
        return min(wanted, self.llm.context_tokens, self.kv_blocks * BLOCK_TOKENS)

    @property
    def kv_bytes(self) -> float:
        """Memory left for the KV cache; negative where the weights do not fit."""
        return self.card.memory_bytes * MEMORY_UTILISATION - self.llm.weight_bytes - ACTIVATION_BYTES

    @property
    def kv_blocks(self) -> int:
        """Whole blocks that fit into what is left."""
        return max(0, int(self.kv_bytes / (self.llm.kv_bytes_per_token * BLOCK_TOKENS)))

    def prefill_s(self, tokens: int) -> float:
        """2 · parameters · tokens ÷ (FLOPS · efficiency)."""
        return 2 * self.llm.parameters * tokens / (self.card.flops_per_s * COMPUTE_EFFICIENCY)

    def step_s(self, batch: int, kv_tokens: int) -> float:
        """(weights + KV of the whole batch) ÷ (bandwidth · efficiency), or its arithmetic where that takes longer."""
        read_bytes = self.llm.weight_bytes + kv_tokens * self.llm.kv_bytes_per_token
        return max(read_bytes / (self.card.bandwidth_bytes_per_s * BANDWIDTH_EFFICIENCY), self.prefill_s(batch))


def step_time_model(hardware: str, llm: str = "mistral-7b", *, max_model_len: int | None = None) -> StepTimeModel:
    """The model for `--hardware` and `--llm`; `demo` takes no account of the latter.

    Raises:
        UsageError: If a name is unknown, the weights do not fit, or the cache cannot hold one sequence of
            `max_model_len` tokens.

    >>> step_time_model("A10G", "mistral-7b").name
    'mistral-7b on A10G'
    """
    if hardware.lower() == "demo":
        return DemoStepTime(context_tokens=max_model_len) if max_model_len else DemoStepTime()
    model = RooflineStepTime(card=card(hardware), llm=llm_named(llm), max_model_len=max_model_len)
    if model.kv_blocks == 0:
        raise UsageError(
            f"{llm} needs {model.llm.weight_bytes / GIB:.1f} GiB for its weights, which leaves nothing for the KV "
            f"cache on {hardware} ({model.card.memory_bytes / GIB:.1f} GiB); take a larger card or a smaller model",
            param="hardware",
        )
    if max_model_len and max_model_len > model.context_tokens:
        raise UsageError(
            f"--max-model-len {max_model_len} is more than {model.name} holds; take at most {model.context_tokens}",
            param="max_model_len",
        )
    return model
