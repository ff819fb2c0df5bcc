"""What every operation of a simulated engine shares: options, scheduler, counters, faults, identities, limits."""

import asyncio
import time
from hashlib import blake2b

from offramp.capacity.step_time import step_time_model
from offramp.upstream.simulated.batching import Batcher
from offramp.upstream.simulated.counters import Counters
from offramp.upstream.simulated.faults import Fault, Faults
from offramp.upstream.simulated.memory import Memory, Shelf
from offramp.upstream.simulated.options import VERSION, Options, Profile
from offramp.upstream.simulated.prefixes import PrefixCache
from offramp.upstream.simulated.refusal import too_long, too_much, unknown_model

CREATED = 1_750_000_000
"""When the simulated models say they were made, seconds since the epoch."""


class Engine:
    """One simulated engine."""

    def __init__(self, options: Options, loop: asyncio.AbstractEventLoop) -> None:
        """An engine that is ready.

        Raises:
            UsageError: If the hardware or the model is unknown, or does not fit.
        """
        self.options = options
        self.profile = options.profile
        self.is_vllm = options.profile is Profile.VLLM
        self.model = step_time_model(options.hardware, options.llm, max_model_len=options.max_model_len)
        self.counters = Counters()
        self.faults = Faults()
        self.batcher = Batcher(loop, self.model, self.counters, time.perf_counter)
        self.loop = loop
        self.fingerprint = f"simulated-vllm-{VERSION}" if self.is_vllm else "simulated-fp"
        self.memory = Memory()
        self.shelf = Shelf()
        self._made = 0
        self._prefixes = PrefixCache(block_tokens=16 if self.is_vllm else 128, least_tokens=0 if self.is_vllm else 1024)

    @property
    def context_tokens(self) -> int:
        """Longest prompt and answer together."""
        return self.model.context_tokens

    def restart_counters(self) -> None:
        """Count afresh; what is in flight stays in flight."""
        self.counters.restart()
        self.faults.struck.clear()

    def identity(self, prefix: str, digits: int = 32) -> str:
        """A new id that depends on the seed and on how many were made before."""
        self._made += 1
        number = blake2b(b"%d %d" % (self.options.seed, self._made), digest_size=digits // 2)
        return prefix + number.hexdigest()

    def cached_tokens(self, prompt: str, prompt_tokens: int) -> int:
        """How many tokens of a prompt were seen before; remembers the prompt."""
        cached = min(self._prefixes.seen(prompt), prompt_tokens)
        self.counters.cached_tokens += cached
        return cached

    def check_model(self, model: str) -> None:
        """Refuse a model that is not served.

        Raises:
            RefusalError: 404 in the manners of the profile.
        """
        served = self.options.models
        if served and model not in served:
            raise unknown_model(self.profile, model, served)

    def answer_limit(self, prompt_tokens: int, wanted: int | None, field: str = "max_tokens") -> int:
        """How many tokens an answer may have at most, so that prompt and answer fit into the context.

        Raises:
            RefusalError: If the prompt alone does not fit, or `wanted`, which stands in `field`, is past all reason.
        """
        room = self.context_tokens - prompt_tokens
        if room < 1:
            raise too_long(self.profile, limit=self.context_tokens, prompt_tokens=prompt_tokens)
        if wanted is not None and wanted > self.context_tokens:
            raise too_much(self.profile, limit=self.context_tokens, wanted=wanted, field=field)
        return room


def now_s() -> int:
    """Whole seconds since the epoch."""
    return time.time_ns() // 1_000_000_000


def meddled(fault: Fault | None, usage: dict[str, object] | None) -> dict[str, object] | None:
    """A usage object as the fault wants it: left out, or wrong throughout."""
    if fault is None or usage is None:
        return usage
    if fault.name == "no_usage":
        return None
    if fault.name == "wrong_usage":
        return {name: _wrong(value, fault.kind) for name, value in usage.items()}
    return usage


def _wrong(value: object, kind: str) -> object:
    if isinstance(value, dict):
        return {name: _wrong(inner, kind) for name, inner in value.items()}
    if not isinstance(value, int):
        return value
    wrong: dict[str, object] = {"negative": -1 - value, "strings": str(value), "null": None, "huge": 2**62 + value}
    return wrong[kind]
