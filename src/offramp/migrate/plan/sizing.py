"""How many requests a month one GPU carries: closed form from the step-time model, for the quick mode of `plan`."""

from dataclasses import dataclass
from fractions import Fraction

from offramp.capacity.engine import Engine
from offramp.capacity.fit import fit
from offramp.capacity.hardware import card
from offramp.capacity.llm import llm
from offramp.capacity.saturation import saturation
from offramp.capacity.step_time import roofline
from offramp.errors import UsageError
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR

ERROR_SHARE = 0.4
"""A roofline from datasheets is good for ± 40 %, until it has been calibrated on the machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What one GPU carries with one model, all requests being alike."""

    gpu: str
    model: str
    concurrency: int
    """Most sequences at once: what the KV cache holds, or the engine's limit."""
    requests_per_s: float
    """At full load, that concurrency all the time."""
    answer_s: float
    """From start to end of one answer at full load."""
    max_load: Fraction
    """Share of the full load that the mean may reach; the rest is for peaks."""

    @property
    def max_requests_per_month(self) -> int:
        """At the mean load that is allowed, in a month of 730 hours."""
        return int(self.requests_per_s * float(self.max_load) * HOURS_PER_MONTH * SECONDS_PER_HOUR)


def size(gpu: str, model: str, *, input_tokens: int, output_tokens: int, max_load: Fraction) -> Sizing:
    """What one GPU carries.

    As `capacity.saturation` says: a batch that is always full, in steps that are those of the simulation.

    Args:
        gpu: By the names of `capacity.hardware`.
        model: By the names of `capacity.llm`.
        input_tokens: Of each request.
        output_tokens: Of each answer.
        max_load: Share of the full load that the mean may reach.

    Raises:
        UsageError: If a name is unknown, the model does not fit, or a request does not.

    >>> a10g = size("A10G", "mistral-7b", input_tokens=700, output_tokens=100, max_load=Fraction("0.6"))
    >>> a10g.concurrency, round(a10g.requests_per_s, 1)
    (54, 2.7)
    """
    room = fit(card(gpu), llm(model))
    if not room.fits:
        raise UsageError(
            f"{model} does not fit on one {gpu}: {room.why}; take a larger card or a smaller model, or the full plan, "
            "which puts a model on several (--generate chat in the place of --input-tokens and --output-tokens)",
            param="gpu",
        )
    steps = roofline(gpu, model)
    held = input_tokens + output_tokens
    if held > steps.context_tokens:
        raise UsageError(
            f"{steps.name} takes at most {steps.context_tokens} tokens, and a request has {held}; take a model with a "
            "longer context or a GPU with more memory",
            param="own_model",
        )
    full = saturation(Engine(steps=steps), input_tokens=input_tokens, output_tokens=output_tokens)
    return Sizing(
        gpu=gpu,
        model=model,
        concurrency=full.concurrency,
        requests_per_s=full.requests_per_s,
        answer_s=full.answer_s,
        max_load=max_load,
    )
