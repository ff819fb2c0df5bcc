"""Language models by name: what decides how fast they run and how much memory they take. Pure."""

from dataclasses import dataclass

from offramp.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Llm:
    """A dense decoder as its published `config.json` states it."""

    name: str
    parameters: float
    layers: int
    kv_heads: int
    head_dim: int
    context_tokens: int
    """Longest context the model was made for."""
    bytes_per_parameter: float = 2.0
    """2 for bf16."""
    kv_bytes: float = 2.0
    """Bytes of one number in the KV cache."""

    @property
    def weight_bytes(self) -> float:
        """Memory of the weights."""
        return self.parameters * self.bytes_per_parameter

    @property
    def kv_bytes_per_token(self) -> float:
        """Memory of one token in the KV cache: keys and values of all layers.

        >>> LLMS["llama-3.1-8b"].kv_bytes_per_token / 1024
        128.0
        """
        return 2 * self.layers * self.kv_heads * self.head_dim * self.kv_bytes


_LLMS = (
    Llm(name="mistral-7b", parameters=7.25e9, layers=32, kv_heads=8, head_dim=128, context_tokens=32_768),
    Llm(name="llama-2-13b", parameters=13.02e9, layers=40, kv_heads=40, head_dim=128, context_tokens=4_096),
    Llm(name="llama-3.1-8b", parameters=8.03e9, layers=32, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="llama-3.1-70b", parameters=70.55e9, layers=80, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="qwen2.5-0.5b", parameters=0.494e9, layers=24, kv_heads=2, head_dim=64, context_tokens=32_768),
    Llm(name="qwen2.5-7b", parameters=7.62e9, layers=28, kv_heads=4, head_dim=128, context_tokens=32_768),
    Llm(name="qwen3-8b", parameters=8.19e9, layers=36, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-32b", parameters=32.76e9, layers=64, kv_heads=8, head_dim=128, context_tokens=40_960),
)

LLMS = {llm.name: llm for llm in _LLMS}
"""Every model by the name that `--llm` takes. Source: the `config.json` that its makers publish with the weights."""


def llm(name: str) -> Llm:
    """The model of that name, in any case.

    Raises:
        UsageError: If no model has that name.
    """
    wanted = name.lower()
    if wanted not in LLMS:
        raise UsageError(f"no model is called {name!r}; known are {', '.join(LLMS)}", param="llm")
    return LLMS[wanted]
