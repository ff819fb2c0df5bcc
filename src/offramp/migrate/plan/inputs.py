"""What a full plan is made from besides the traffic: every figure that can be given, its default, and where it is from.

The names are those of the flags, so that `--what-if NAME=VALUE` can change any of them.
"""

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import get_type_hints

import msgspec

from offramp.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs; those of the quick mode stand here too."""

    requests_per_month: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    trace: Path | None = None
    generate: str | None = None
    since: str | None = None
    until: str | None = None
    profile: str = "office"
    seed: int = 1
    growth: float = 0.0
    months: int = 12

    incumbent: str | None = None
    alternative: tuple[str, ...] = ()
    can_wait: bool = False
    hosted: str | None = None
    own_model: str | None = None
    gpu: str | None = None
    offer: str | None = None
    terms: str = "on-demand,serverless"
    require: tuple[str, ...] = ()

    slo_ttft_ms: float = 2_000.0
    slo_token_ms: float = 100.0
    slo_share: float = 0.95

    spare: int = 1
    max_machines: int = 64
    prefix_cache: bool = True
    capacity_error: float = 0.4
    fixed_usd_per_month: str | None = None
    max_load: float = 0.6
    start_s: float = 10.0
    init_s: float = 45.0
    cooldown_s: float = 30.0
    cpus: float = 4.0
    memory_gb: float = 24.0
    platform_usd_per_month: str = "100"
    reserved_discount: float = 0.37

    fallback_share: float | None = None
    cached_share: float | None = None
    token_ratio: float = 1.0
    quality_loss: float = 0.0
    incumbent_price: float = 1.0
    hosted_price: float = 1.0
    gpu_price: float = 1.0
    token_price_fall: float = 0.0

    engineering_hours: float = 40.0
    operating_hours_per_month: float = 4.0
    usd_per_engineering_hour: str = "100"
    shadow_days: float = 14.0
    shadow_share: float = 1.0
    evaluation_margin: float = 0.02
    evaluation_discordance: float = 0.10
    answers_each: int = 2
    usd_per_judgement: str = "0"

    @property
    def is_quick(self) -> bool:
        """Whether the volume is given by hand: the tokens of one request are."""
        return self.input_tokens is not None or self.output_tokens is not None


RANGES: dict[str, tuple[float, float | None]] = {
    "requests_per_month": (1, 10**12),
    "input_tokens": (0, 10**8),
    "output_tokens": (0, 10**8),
    "cached_tokens": (0, None),
    "growth": (-0.9, 10),
    "months": (1, 60),
    "slo_ttft_ms": (1, 10**7),
    "slo_token_ms": (0.1, 10**6),
    "slo_share": (0.01, 1),
    "spare": (0, 100),
    "max_machines": (1, 1_000),
    "capacity_error": (0, 0.95),
    "max_load": (0.01, 1),
    "start_s": (0, 10**5),
    "init_s": (0, 10**5),
    "cooldown_s": (0, 10**6),
    "cpus": (0, 10**3),
    "memory_gb": (0, 10**5),
    "reserved_discount": (0, 0.99),
    "fallback_share": (0, 1),
    "cached_share": (0, 1),
    "token_ratio": (0.1, 10),
    "quality_loss": (0, 1),
    "incumbent_price": (0, 1_000),
    "hosted_price": (0, 1_000),
    "gpu_price": (0, 1_000),
    "token_price_fall": (0, 0.99),
    "engineering_hours": (0, 10**6),
    "operating_hours_per_month": (0, 10**4),
    "shadow_days": (0, 365),
    "shadow_share": (0, 1),
    "evaluation_margin": (0.0001, 0.9999),
    "evaluation_discordance": (0.0001, 1),
    "answers_each": (1, 100),
}
"""The least and the most of each figure."""


def changed(inputs: Inputs, what_if: str) -> Inputs:
    """The inputs with one of them set to another value.

    Args:
        inputs: As they are.
        what_if: `NAME=VALUE`; the name as the flag, with or without its dashes.

    Raises:
        UsageError: If there is no such input, or the value is none for it.

    >>> changed(Inputs(), "slo-ttft-ms=500").slo_ttft_ms
    500.0
    """
    written, equals, value = what_if.partition("=")
    name = written.strip().lstrip("-").replace("-", "_")
    names = [field.name for field in fields(Inputs)]
    if not equals or name not in names:
        near = get_close_matches(name, names, 3, 0.5) or names
        shown = ", ".join(each.replace("_", "-") for each in near)
        raise UsageError(f"--what-if {what_if!r}: expected NAME=VALUE with one of {shown}", param="what_if")
    kind = get_type_hints(Inputs)[name]
    given: object = tuple(value.split("+")) if kind == tuple[str, ...] else value.strip()
    try:
        parsed = msgspec.convert(given, kind, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise UsageError(f"--what-if {what_if!r}: {error}", param="what_if") from None
    low, high = RANGES.get(name, (0, None))
    if name in RANGES and parsed is not None and (parsed < low or (high is not None and parsed > high)):
        raise UsageError(f"--what-if {what_if!r}: expected a value from {low:g} to {high or low:g}", param="what_if")
    return replace(inputs, **{name: parsed})


def _path(kind: type, value: object) -> object:
    return kind(value)
