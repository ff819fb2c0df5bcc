"""Rows 26 to 36: what the Cerebrium migration guide says."""

from fractions import Fraction
from functools import partial

from offramp.capacity.fit import fit
from offramp.capacity.hardware import GIB, card
from offramp.capacity.llm import llm
from offramp.capacity.step_time import roofline
from offramp.pricing.compute import SECONDS_PER_HOUR, ComputePrice
from offramp.wire.usage import Usage
from tools.guides.prices import Prices
from tools.guides.row import Guide, Row, Verdict, percent, row, usd
from tools.guides.self_hosting_sizing import ceiling_tokens_per_s

MINI = "openai/gpt-4o-mini"
GPU, MODEL = "A10", "llama-3.1-8b"
SHORT_S, LONG_S = Fraction("2.13"), Fraction("34.86")
"""The guide's two answers on Cerebrium."""
SHORT_USAGE, LONG_USAGE = Usage(14, 7), Usage(16, 582)
"""The same on OpenAI."""
CHUNKS = 541
"""Of the long answer's stream: one for each token."""
INITIALISATION_S, COOLDOWN_S = Fraction(45), Fraction(30)
"""Loading the model, an assumption of ours; the guide's cooldown."""
ACTIVATIONS_BYTES = GIB
"""An assumption of ours."""
COMPARED = ("T4", "L4", "L40S", "A100-40", "A100-80", "H100", "H200", "B200")

_row = partial(row, Guide.CEREBRIUM)


def rows(prices: Prices) -> list[Row]:
    """All of them."""
    return [
        _list_prices(prices),
        _second(prices),
        _answer(28, SHORT_S, "$0.000652, $0.000028, $0.000057, $0.000737", prices),
        _answer(29, LONG_S, "$0.010668, $0.000457, $0.000929, $0.012054", prices),
        _openai(prices),
        _speed(prices),
        _cold_start(prices),
        _ratio(prices),
        _gpus(prices),
        _context(),
        _utilisation(),
    ]


def second_usd(price: ComputePrice) -> Fraction:
    """Dollars of a second."""
    return price.usd_per_hour / SECONDS_PER_HOUR


def bandwidth_per_dollar(gpu: str, prices: Prices) -> float:
    """Memory bandwidth for a dollar, the A10's being 1."""

    def of(name: str) -> float:
        return card(name).bandwidth_bytes_per_s / float(prices.cerebrium_gpus[name])

    return of(gpu) / of(GPU)


def _list_prices(prices: Prices) -> Row:
    gpu, vcpu, memory = prices.cerebrium_gpus[GPU], prices.cerebrium_vcpu, prices.cerebrium_memory_gb
    return _row(
        26,
        "a second costs $0.000306 for an A10, $0.00000655 for a vCPU, $0.00000222 for a GB",
        f"{usd(gpu, 6)}, {usd(vcpu, 8)}, {usd(memory, 8)}",
        Verdict.RIGHT,
        f"Still listed on {prices.cerebrium_checked} ({prices.cerebrium_source}).",
        gpu_usd=gpu,
        vcpu_usd=vcpu,
        memory_gb_usd=memory,
    )


def _second(prices: Prices) -> Row:
    parts = [part.units * part.usd_per_second for part in prices.container().parts]
    whole = second_usd(prices.container())
    hour = whole * SECONDS_PER_HOUR
    return _row(
        27,
        "a second of its container: 0.000306 + 0.0000131 + 0.0000267",
        f"{' + '.join(usd(part, 8)[1:] for part in parts)} = {usd(whole, 8)}, {usd(hour, 3)} an hour",
        Verdict.RIGHT,
        f"But for a rounding of the memory. Never switched off it is {usd(hour * 720)} in 30 days.",
        gpu_usd=parts[0],
        vcpu_usd=parts[1],
        memory_usd=parts[2],
        second_usd=whole,
        hour_usd=hour,
        month_usd=hour * 720,
    )


def _answer(number: int, seconds: Fraction, printed: str, prices: Prices) -> Row:
    container = prices.container()
    parts = [part.units * part.usd_per_second * seconds for part in container.parts]
    whole = second_usd(container) * seconds
    return _row(
        number,
        f"an answer of {float(seconds)} s: {printed}",
        ", ".join(usd(each, 6) for each in (*parts, whole)),
        Verdict.RIGHT,
        "But for the rounding of row 27.",
        gpu_usd=parts[0],
        vcpu_usd=parts[1],
        memory_usd=parts[2],
        whole_usd=whole,
    )


def _openai(prices: Prices) -> Row:
    short, long = prices.request_usd(MINI, SHORT_USAGE), prices.request_usd(MINI, LONG_USAGE)
    return _row(
        30,
        "the same on GPT-4o mini: $0.000006 (14 in, 7 out) and $0.000352 (16 in, 582 out)",
        f"{usd(short, 7)} and {usd(long, 7)}",
        Verdict.RIGHT,
        "Rounded.",
        short_usd=short,
        long_usd=long,
    )


def _speed(prices: Prices) -> Row:
    whole = second_usd(prices.container()) * LONG_S
    rate, ceiling = CHUNKS / float(LONG_S), ceiling_tokens_per_s(GPU, MODEL)
    return _row(
        31,
        "730 tokens, 21 a second, $0.000017 each",
        f"{CHUNKS} tokens, {rate:.1f} a second, {usd(whole / CHUNKS, 7)} each",
        Verdict.WRONG,
        f"730 is the number of characters over four. It is {percent(rate / ceiling, 0)} of the {ceiling:.0f} tokens a "
        "second that the memory of an A10 allows.",
        tokens_per_s=rate,
        token_usd=whole / CHUNKS,
        ceiling_tokens_per_s=ceiling,
        ceiling_share=rate / ceiling,
    )


def _cold_start(prices: Prices) -> Row:
    container = prices.container()
    shown = second_usd(container) * SHORT_S
    billed = second_usd(container) * (INITIALISATION_S + SHORT_S + COOLDOWN_S)
    return _row(
        32,
        "a cold start costs nothing",
        f"a single question costs {usd(billed, 3)}, {float(billed / shown):.0f} times what is shown",
        Verdict.PARTLY,
        "The start of the container is free; loading the model is billed, and the cooldown keeps the container running "
        "(docs.cerebrium.ai/calculating-cost). 45 s for loading are our assumption, 30 s of cooldown the guide's.",
        shown_usd=shown,
        billed_usd=billed,
        times=billed / shown,
    )


def _ratio(prices: Prices) -> Row:
    each = second_usd(prices.container())
    short = each * SHORT_S / prices.request_usd(MINI, SHORT_USAGE)
    long = each * LONG_S / prices.request_usd(MINI, LONG_USAGE)
    rounded = Fraction("0.000737") / Fraction("0.000006")
    parity = each / (Fraction("0.60") / 1_000_000)
    return _row(
        33,
        "does not say by how much Cerebrium is dearer than GPT-4o mini",
        f"{float(short):.0f} times on the short answer, {float(long):.0f} times on the long one",
        Verdict.PARTLY,
        f"It follows from rows 28 to 30 ({float(rounded):.0f} times with the rounded figures). At $0.60 per million "
        f"tokens of output the A10 would have to write {float(parity):.0f} tokens a second all the time.",
        short_times=short,
        short_times_rounded=rounded,
        long_times=long,
        parity_tokens_per_s=parity,
    )


def _gpus(prices: Prices) -> Row:
    faster = {gpu: card(gpu).bandwidth_bytes_per_s / card(GPU).bandwidth_bytes_per_s for gpu in COMPARED}
    cheaper = {gpu: bandwidth_per_dollar(gpu, prices) for gpu in COMPARED}
    shown = ", ".join(f"{gpu} {faster[gpu]:.2f} ({cheaper[gpu]:.2f})" for gpu in COMPARED)
    return _row(
        34,
        "against an A10 an H100 is 3 to 5 times as fast, further on 5 to 8; an A100 3 to 4, an L40S 2 to 3",
        f"bandwidth (and bandwidth for the same money), the A10's being 1: {shown}",
        Verdict.WRONG,
        "Decoding is bound by memory bandwidth. For the same money an L40S gives less of it than an A10.",
        **{f"times_{gpu}": value for gpu, value in faster.items()},
        **{f"per_dollar_{gpu}": value for gpu, value in cheaper.items()},
    )


def _context() -> Row:
    limits = [roofline(GPU, MODEL, max_model_len=limit).step_s(8, 8 * 800) for limit in (8_192, 4_096)]
    return _row(
        35,
        "a context of 4096 instead of 8192 answers 20 to 30 % faster",
        "a step takes as long at either limit",
        Verdict.WRONG,
        "By row 19: for a request that fits, the limit changes nothing.",
        step_s_at_8192=limits[0],
        step_s_at_4096=limits[1],
    )


def _utilisation() -> Row:
    memory = fit(card(GPU), llm(MODEL), utilisation=0.7, activation_bytes=ACTIVATIONS_BYTES)
    return _row(
        36,
        "gpu_memory_utilization 0.7 is the safer choice",
        f"{memory.usable_bytes / GIB:.1f} GiB less {memory.weights_bytes / GIB:.1f} GiB of weights and 1 GiB of "
        f"activations: {memory.kv_blocks} blocks for the KV cache",
        Verdict.WRONG,
        "Without a block the engine refuses to start. (1 GiB of activations is our assumption.)",
        usable_gib=memory.usable_bytes / GIB,
        weights_gib=memory.weights_bytes / GIB,
        kv_blocks=memory.kv_blocks,
    )
