"""What the rows are worked out from: prices passed in with their source and day, never those of the shipped book."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from offramp.catalog.overrides import override_card
from offramp.pricing.cards import TokenCard
from offramp.pricing.compute import ComputePart, ComputePrice, from_parts, per_hour
from offramp.wire.usage import Usage

GENAI_PRICES = "https://github.com/pydantic/genai-prices"
CEREBRIUM = "https://github.com/api-evangelist/cerebrium (plans/cerebrium-plans-pricing.yml)"

REQUEST = Usage(700, 100)
"""The request that the vLLM self-hosting guide counts with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Everything that has a price in the rows."""

    tokens: Mapping[str, TokenCard]
    """By `PROVIDER/MODEL`."""
    g5_on_demand: ComputePrice
    """g5.xlarge, one A10G."""
    g5_reserved: ComputePrice
    """The same for a year, as the vLLM self-hosting guide has it."""
    p4d_then: ComputePrice
    """p4d.24xlarge, eight A100 with 40 GB, in the years of the guides."""
    p4d_now: ComputePrice
    cerebrium_gpus: Mapping[str, Fraction]
    """Dollars per second of one GPU."""
    cerebrium_vcpu: Fraction
    cerebrium_memory_gb: Fraction
    cerebrium_checked: str
    cerebrium_source: str

    def request_usd(self, name: str, usage: Usage = REQUEST) -> Fraction:
        """What a request costs there, exactly."""
        usd = self.tokens[name].exact_usd(usage)
        if usd is None:
            raise ValueError(f"{name} has no price for {usage}")
        return usd

    def container(self, gpu: str = "A10", vcpus: int = 2, memory_gb: int = 12) -> ComputePrice:
        """A container on Cerebrium by the second; by default the one of its migration guide."""
        parts = (
            ComputePart(name=gpu, units=Fraction(1), usd_per_second=self.cerebrium_gpus[gpu]),
            ComputePart(name="vCPU", units=Fraction(vcpus), usd_per_second=self.cerebrium_vcpu),
            ComputePart(name="GB memory", units=Fraction(memory_gb), usd_per_second=self.cerebrium_memory_gb),
        )
        return replace(from_parts(parts), source=self.cerebrium_source, checked=self.cerebrium_checked)


def token_card(name: str, input_usd: str, output_usd: str, *, checked: str = "2026-08-21") -> TokenCard:
    """A card with a price for input and one for output, in dollars per million tokens."""
    provider, _, model = name.partition("/")
    prices = {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd}
    return override_card(provider, model, {**prices, "source": GENAI_PRICES, "checked": checked})


def _cards() -> dict[str, TokenCard]:
    listed = (
        ("openai/gpt-5.5", "5", "30"),
        ("openai/gpt-4o", "2.50", "10"),
        ("openai/gpt-4.1", "2", "8"),
        ("openai/gpt-5", "1.25", "10"),
        ("openai/gpt-5.4-mini", "0.75", "4.50"),
        ("openai/gpt-4.1-mini", "0.40", "1.60"),
        ("openai/gpt-5-mini", "0.25", "2"),
        ("openai/gpt-4o-mini", "0.15", "0.60"),
        ("openai/gpt-5-nano", "0.05", "0.40"),
        ("fireworks/llama-3.1-8b", "0.20", "0.20"),
        ("together/llama-3.1-8b", "0.18", "0.18"),
        ("cerebras/llama-3.1-8b", "0.10", "0.10"),
        ("groq/llama-3.1-8b", "0.05", "0.08"),
        ("novita/llama-3.1-8b", "0.05", "0.05"),
    )
    return {name: token_card(name, given, answered) for name, given, answered in listed}


def _dated(usd_per_hour: str, source: str, checked: str) -> ComputePrice:
    return replace(per_hour(Decimal(usd_per_hour)), source=source, checked=checked)


PRINTED = Prices(
    tokens=_cards(),
    g5_on_demand=_dated(
        "1.006", "https://www.factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026/", "2026-06-17"
    ),
    g5_reserved=_dated("0.634", "the vLLM self-hosting guide; no other source was found for it", "2026-06-17"),
    p4d_then=_dated("32.77", "list price of the guides' time, not seen again", "2026-06-17"),
    p4d_now=_dated("21.957642", "https://github.com/datareceipts/data-receipts (109-gpu-pricing)", "2026-11-09"),
    cerebrium_gpus={
        gpu: Fraction(usd)
        for gpu, usd in (
            ("T4", "0.000164"),
            ("L4", "0.000222"),
            ("A10", "0.000306"),
            ("L40S", "0.000542"),
            ("A100-40", "0.000555"),
            ("A100-80", "0.000583"),
            ("H100", "0.000944"),
            ("H200", "0.001166"),
            ("B200", "0.00167"),
        )
    },
    cerebrium_vcpu=Fraction("0.00000655"),
    cerebrium_memory_gb=Fraction("0.00000222"),
    cerebrium_checked="2026-06-20",
    cerebrium_source=CEREBRIUM,
)
"""What the page shows. Source of the token prices: genai-prices of 2026-08-21."""
