"""What a simulated engine is told when it starts."""

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """Whose manners the engine has: headers, errors, paths and the form of its answers."""

    OPENAI = "openai"
    VLLM = "vllm"


VERSION = "0.32.0"
"""The vLLM whose manners the `vllm` profile has."""

ANSWER_TOKENS = 48
"""Length of an answer that no `max_tokens` limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of one simulated engine."""

    profile: Profile = Profile.OPENAI
    models: tuple[str, ...] = ()
    """Names that are served; empty serves every name."""
    hardware: str = "demo"
    llm: str = "mistral-7b"
    max_model_len: int | None = None
    """Longest prompt and answer together, in tokens; `None` takes what the model and the hardware allow."""
    seed: int = 0
    api_key: str | None = None
    """The one key that is accepted; `None` accepts any (the `vllm` profile then needs none)."""
    answer_tokens: int = ANSWER_TOKENS
    base_path: str = "/v1"
    """What stands for `/v1`, such as Cerebrium's `/v4/p-1/app/run`."""
