"""Accelerator cards by name: memory, bandwidth and arithmetic, with the source of each figure. Pure."""

from dataclasses import dataclass

from offramp.capacity.names import did_you_mean
from offramp.errors import UsageError

GIB = 1 << 30
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One accelerator as its maker's datasheet states it."""

    name: str
    memory_bytes: int
    """What the driver shows to a process, which is less than the number on the box."""
    bandwidth_bytes_per_s: float
    """Peak memory bandwidth."""
    flops_per_s: float
    """Peak dense 16-bit tensor arithmetic (bf16; fp16 where the card has no bf16), without sparsity."""
    source: str


_CARDS = (
    Card(
        name="T4",
        memory_bytes=15_360 * MIB,
        bandwidth_bytes_per_s=320e9,
        flops_per_s=65e12,
        source="NVIDIA Turing architecture whitepaper, Tesla T4 (fp16; the card has no bf16)",
    ),
    Card(
        name="L4",
        memory_bytes=23_034 * MIB,
        bandwidth_bytes_per_s=300e9,
        flops_per_s=121e12,
        source="NVIDIA L4 datasheet (242 TFLOPS with sparsity, half of it dense)",
    ),
    Card(
        name="A10",
        memory_bytes=23_028 * MIB,
        bandwidth_bytes_per_s=600e9,
        flops_per_s=125e12,
        source="NVIDIA A10 datasheet (250 TFLOPS with sparsity, half of it dense)",
    ),
    Card(
        name="A10G",
        memory_bytes=23_028 * MIB,
        bandwidth_bytes_per_s=600e9,
        flops_per_s=70e12,
        source="NVIDIA A10G datasheet; 600 GB/s is confirmed by AWS, 70 TFLOPS dense is the maker's word only",
    ),
    Card(
        name="L40S",
        memory_bytes=46_068 * MIB,
        bandwidth_bytes_per_s=864e9,
        flops_per_s=362e12,
        source="NVIDIA L40S datasheet (733 TFLOPS with sparsity)",
    ),
    Card(
        name="RTX-4090",
        memory_bytes=24_564 * MIB,
        bandwidth_bytes_per_s=1_008e9,
        flops_per_s=165e12,
        source="NVIDIA Ada GPU architecture whitepaper, GeForce RTX 4090 (fp16 with fp32 accumulation)",
    ),
    Card(
        name="A100-40",
        memory_bytes=40_960 * MIB,
        bandwidth_bytes_per_s=1_555e9,
        flops_per_s=312e12,
        source="NVIDIA A100 datasheet, 40 GB",
    ),
    Card(
        name="A100-80",
        memory_bytes=81_920 * MIB,
        bandwidth_bytes_per_s=2_039e9,
        flops_per_s=312e12,
        source="NVIDIA A100 datasheet, 80 GB SXM",
    ),
    Card(
        name="A100-80-PCIE",
        memory_bytes=81_920 * MIB,
        bandwidth_bytes_per_s=1_935e9,
        flops_per_s=312e12,
        source="NVIDIA A100 datasheet, 80 GB PCIe; AIConfigurator of 2026-08-21 agrees",
    ),
    Card(
        name="H100-PCIE",
        memory_bytes=81_559 * MIB,
        bandwidth_bytes_per_s=2_000e9,
        flops_per_s=756.5e12,
        source="NVIDIA H100 datasheet, PCIe (1,513 TFLOPS with sparsity); AIConfigurator of 2026-08-21 agrees",
    ),
    Card(
        name="H100",
        memory_bytes=81_559 * MIB,
        bandwidth_bytes_per_s=3_350e9,
        flops_per_s=989e12,
        source="NVIDIA H100 datasheet, SXM (1,979 TFLOPS with sparsity)",
    ),
    Card(
        name="H200",
        memory_bytes=143_771 * MIB,
        bandwidth_bytes_per_s=4_800e9,
        flops_per_s=989e12,
        source="NVIDIA H200 datasheet, SXM (1,979 TFLOPS with sparsity)",
    ),
    Card(
        name="B200",
        memory_bytes=183_359 * MIB,
        bandwidth_bytes_per_s=8_000e9,
        flops_per_s=2_250e12,
        source="NVIDIA DGX B200 datasheet, one of eight (4,500 TFLOPS with sparsity); HGX boards have 7.7 TB/s",
    ),
    Card(
        name="RTX-PRO-6000",
        memory_bytes=97_887 * MIB,
        bandwidth_bytes_per_s=1_792e9,
        flops_per_s=467.8e12,
        source="AIConfigurator of 2026-08-21, RTX PRO 6000 Blackwell Server Edition (memory as the driver shows it)",
    ),
    Card(
        name="MI300X",
        memory_bytes=196_592 * MIB,
        bandwidth_bytes_per_s=5_300e9,
        flops_per_s=1_307e12,
        source="AMD Instinct MI300X datasheet; docs.vultr.com of 2026-03-11 agrees on memory and bandwidth",
    ),
)

CARDS = {card.name: card for card in _CARDS}
"""Every card by the name that `--hardware` takes."""


def card(name: str) -> Card:
    """The card of that name, in any case.

    Raises:
        UsageError: If no card has that name; says what is near and what else is known.

    >>> card("a10g").bandwidth_bytes_per_s
    600000000000.0
    """
    wanted = name.strip().upper().replace(" ", "-").replace("_", "-")
    if wanted not in CARDS:
        raise UsageError(
            f"no hardware is called {name!r}: {did_you_mean(wanted, CARDS)}known are demo, {', '.join(CARDS)}; "
            "`offramp plan --catalogue FILE` takes others (docs/plan.md)",
            param="hardware",
        )
    return CARDS[wanted]
