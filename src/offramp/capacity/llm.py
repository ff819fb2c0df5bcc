"""Language models by name: what decides how fast they run and how much memory they take. Pure."""

from dataclasses import dataclass

from offramp.capacity.names import did_you_mean
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
    """2 for bf16. Smaller weights are read faster and no more: they are widened before they are multiplied."""
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
    Llm(name="llama-2-13b", parameters=13.02e9, layers=40, kv_heads=40, head_dim=128, context_tokens=4_096),
    Llm(name="llama-3.1-8b", parameters=8.03e9, layers=32, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="llama-3.1-70b", parameters=70.55e9, layers=80, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="llama-3.1-405b", parameters=405.85e9, layers=126, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="llama-3.2-1b", parameters=1.236e9, layers=16, kv_heads=8, head_dim=64, context_tokens=131_072),
    Llm(name="llama-3.2-3b", parameters=3.213e9, layers=28, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="llama-3.3-70b", parameters=70.55e9, layers=80, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="mistral-7b", parameters=7.25e9, layers=32, kv_heads=8, head_dim=128, context_tokens=32_768),
    Llm(name="mistral-nemo-12b", parameters=12.25e9, layers=40, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="mistral-small-3.2-24b", parameters=23.57e9, layers=40, kv_heads=8, head_dim=128, context_tokens=131_072),
    Llm(name="phi-4", parameters=14.66e9, layers=40, kv_heads=10, head_dim=128, context_tokens=16_384),
    Llm(name="qwen2.5-0.5b", parameters=0.494e9, layers=24, kv_heads=2, head_dim=64, context_tokens=32_768),
    Llm(name="qwen2.5-1.5b", parameters=1.544e9, layers=28, kv_heads=2, head_dim=128, context_tokens=32_768),
    Llm(name="qwen2.5-3b", parameters=3.086e9, layers=36, kv_heads=2, head_dim=128, context_tokens=32_768),
    Llm(name="qwen2.5-7b", parameters=7.62e9, layers=28, kv_heads=4, head_dim=128, context_tokens=32_768),
    Llm(name="qwen2.5-14b", parameters=14.77e9, layers=48, kv_heads=8, head_dim=128, context_tokens=32_768),
    Llm(name="qwen2.5-32b", parameters=32.76e9, layers=64, kv_heads=8, head_dim=128, context_tokens=32_768),
    Llm(name="qwen2.5-72b", parameters=72.71e9, layers=80, kv_heads=8, head_dim=128, context_tokens=32_768),
    Llm(name="qwen3-0.6b", parameters=0.596e9, layers=28, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-1.7b", parameters=1.721e9, layers=28, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-4b", parameters=4.022e9, layers=36, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-8b", parameters=8.19e9, layers=36, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-14b", parameters=14.77e9, layers=40, kv_heads=8, head_dim=128, context_tokens=40_960),
    Llm(name="qwen3-32b", parameters=32.76e9, layers=64, kv_heads=8, head_dim=128, context_tokens=40_960),
)

LLMS = {llm.name: llm for llm in _LLMS}
"""Every model by the name that `--llm` takes.

Source: the `config.json` that its makers publish with the weights (`catalog.models` names where it was read); the
parameters are counted from it, embeddings included.

Mixtures of experts are not among them: a step reads only the experts that its batch happens to ask for, so the time of
a step is no line in its work, which `step_time.StepCost` is. The catalogue lists them as models one can rent.
"""


def llm(name: str) -> Llm:
    """The model of that name, in any case.

    Raises:
        UsageError: If no model has that name; says what is near and what else is known.
    """
    wanted = name.strip().lower()
    if wanted not in LLMS:
        raise UsageError(
            f"no model is called {name!r}: {did_you_mean(wanted, LLMS)}known are {', '.join(LLMS)}; "
            "`offramp plan --catalogue FILE` takes others (docs/plan.md)",
            param="llm",
        )
    return LLMS[wanted]
