"""One replica of an engine with continuous batching: its step times and how it was started. Pure."""

from dataclasses import dataclass

from offramp.capacity.step_time import LinearStepTime
from offramp.errors import UsageError

MAX_BATCHED_TOKENS = 2048
"""Most tokens of one step, prompts and decoding together. Source: vLLM's default `--max-num-batched-tokens`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What the simulation runs."""

    steps: LinearStepTime
    max_batched_tokens: int = MAX_BATCHED_TOKENS
    prefix_cache: bool = False
    """Whether blocks of a prompt's beginning are kept for the next request that begins alike. vLLM's default is on."""
    max_running: int | None = None
    """Most sequences at once, if fewer than `steps` allows."""

    def __post_init__(self) -> None:
        """Refuse what could not run.

        Raises:
            UsageError: If the batch is larger than a step, or there is no room for anything.
        """
        if self.running_limit < 1 or self.steps.kv_blocks < 1:
            raise UsageError(f"{self.steps.name} has no room for a single sequence", param="max_running")
        if self.max_batched_tokens < self.running_limit:
            raise UsageError(
                f"a step of {self.max_batched_tokens} tokens is less than one for each of {self.running_limit} "
                "sequences; raise max_batched_tokens or lower max_running",
                param="max_batched_tokens",
            )

    @property
    def running_limit(self) -> int:
        """Most sequences at once."""
        return min(self.max_running or self.steps.max_running, self.steps.max_running)
