"""Whether a model fits into the memory of a card, and how many tokens its KV cache then holds. Pure."""

from dataclasses import dataclass

from offramp.capacity.hardware import GIB, Card
from offramp.capacity.llm import Llm

BLOCK_TOKENS = 16
"""Tokens of one KV block. Source: vLLM's default `--block-size` on CUDA."""

MEMORY_UTILISATION = 0.9
"""Share of visible memory the engine takes. Source: vLLM's default `--gpu-memory-utilization`."""

ACTIVATION_BYTES = int(1.4 * GIB)
"""Memory for activations and the runtime on each card.

An assumption: with it 5.3 GiB stay free for a 7B model in bf16 on 22.5 GiB.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Where the memory goes, all cards together."""

    visible_bytes: int
    """What the driver shows."""
    usable_bytes: float
    """What the engine takes of it."""
    weights_bytes: float
    activation_bytes: int
    kv_bytes: float
    """What is left for the KV cache; negative where the weights do not fit."""
    kv_bytes_per_token: float
    """On all cards: where there are more cards than KV heads, each head is held more than once."""
    why: str
    """The sum in words, whether it fits or not."""

    @property
    def kv_blocks(self) -> int:
        """Whole blocks of `BLOCK_TOKENS` tokens."""
        return max(0, int(self.kv_bytes / (self.kv_bytes_per_token * BLOCK_TOKENS)))

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return self.kv_blocks * BLOCK_TOKENS

    @property
    def fits(self) -> bool:
        """Whether the engine starts at all: at least one block must be left."""
        return self.kv_blocks > 0

    def sequences(self, tokens: int) -> int:
        """How many sequences of that length the cache holds at once, in whole blocks."""
        return self.kv_blocks // -(-tokens // BLOCK_TOKENS)


def fit(
    card: Card,
    llm: Llm,
    *,
    gpus: int = 1,
    utilisation: float = MEMORY_UTILISATION,
    activation_bytes: int = ACTIVATION_BYTES,
) -> Fit:
    """What is left for the KV cache: visible memory · utilisation − weights − activations.

    Args:
        card: One card.
        llm: The model, with the bytes that a parameter and a number in the KV cache take.
        gpus: Cards that hold the model together.
        utilisation: Share of the visible memory that the engine takes.
        activation_bytes: On each card.

    >>> from offramp.capacity.hardware import card as named
    >>> from offramp.capacity.llm import llm
    >>> fit(named("A10G"), llm("mistral-7b")).sequences(800)
    54
    """
    visible = card.memory_bytes * gpus
    usable = visible * utilisation
    kv_bytes = usable - llm.weight_bytes - activation_bytes * gpus
    kv_bytes_per_token = llm.kv_bytes_per_token * max(1.0, gpus / llm.kv_heads)
    left = f"{kv_bytes / GIB:.1f} GiB for the KV cache" if kv_bytes > 0 else f"{-kv_bytes / GIB:.1f} GiB too little"
    return Fit(
        visible_bytes=visible,
        usable_bytes=usable,
        weights_bytes=llm.weight_bytes,
        activation_bytes=activation_bytes * gpus,
        kv_bytes=kv_bytes,
        kv_bytes_per_token=kv_bytes_per_token,
        why=f"{visible / GIB:.1f} GiB · {utilisation:g} − {llm.weight_bytes / GIB:.1f} GiB of weights − "
        f"{activation_bytes * gpus / GIB:.1f} GiB of activations: {left}",
    )
