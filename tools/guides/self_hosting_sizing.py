"""Rows 12 to 21 and 25: what the vLLM self-hosting guide says of speed and memory."""

from dataclasses import replace
from functools import partial
from math import ceil

from offramp.capacity.engine import Engine
from offramp.capacity.fit import MEMORY_UTILISATION, Fit, fit
from offramp.capacity.hardware import GIB, card
from offramp.capacity.llm import llm
from offramp.capacity.saturation import saturation
from offramp.capacity.step_time import RooflineStepTime, roofline
from tools.guides.row import Guide, Row, Verdict, percent, row

GPU, MODEL = "A10G", "mistral-7b"
INPUT, OUTPUT = 700, 100
SECONDS_OF_THE_GUIDE = 720 * 3_600
"""Of a month."""
CHAT_PEAK, CODE_PEAK = 2.9, 26.0
"""The busiest second over the mean one. Source: the Azure 2023 traces of LLM inference, chat and code."""
CONCURRENCIES = (16, 32, 48)
KIB = 1024

_row = partial(row, Guide.SELF_HOSTING)


def rows() -> list[Row]:
    """All of them."""
    return [
        _five_million(),
        _resumes(),
        _tokens_per_second(),
        _local_answer(),
        _timeout(),
        _benchmark(),
        _memory(),
        _sequences(),
        _context(),
        _seventy_billion(),
        _paged_attention(),
    ]


def steps() -> RooflineStepTime:
    """The guide's model on the guide's GPU."""
    return roofline(GPU, MODEL)


def requests_per_s(concurrency: int) -> float:
    """What the GPU carries with so many requests in its batch."""
    full = saturation(Engine(steps=steps()), input_tokens=INPUT, output_tokens=OUTPUT, concurrency=concurrency)
    return full.requests_per_s


def ceiling_tokens_per_s(gpu: str, model: str) -> float:
    """Tokens a second of a single answer if nothing but the reading of the weights took time."""
    return card(gpu).bandwidth_bytes_per_s / llm(model).weight_bytes


def _five_million() -> Row:
    wanted = 5_000_000 / SECONDS_OF_THE_GUIDE
    carried = [requests_per_s(each) for each in CONCURRENCIES]
    machines = ceil(wanted * CHAT_PEAK / carried[1])
    listed = ", ".join(f"{rate:.1f} at {each}" for each, rate in zip(CONCURRENCIES, carried, strict=True))
    return _row(
        12,
        "one g5.xlarge takes far more than 5M requests a month",
        f"5M are {wanted:.2f} a second on average; the GPU carries {listed} at once",
        Verdict.UNSUPPORTED,
        f"So 5M load it to {percent(wanted / carried[2], 0)} to {percent(wanted / carried[0], 0)} on average. A "
        f"chat service peaks at {CHAT_PEAK} times its mean ({machines} machines), a coding one at {CODE_PEAK:g} times.",
        wanted_per_s=wanted,
        **{f"carried_at_{each}": rate for each, rate in zip(CONCURRENCIES, carried, strict=True)},
        lowest_load=wanted / carried[2],
        highest_load=wanted / carried[0],
        machines_at_chat_peak=machines,
    )


def _resumes() -> Row:
    ceiling = 1 / steps().prefill_s(1_000)
    return _row(
        13,
        "resumes of 1,000 tokens: 20 to 50 a second on a GPU with 24 GB",
        f"at most {ceiling:.1f} a second",
        Verdict.WRONG,
        "That is the arithmetic of the prompts alone, without one token of an answer. A faster RTX 4090 was measured "
        "at 9.7 a second with prompts of 256 tokens.",
        ceiling_per_s=ceiling,
    )


def _tokens_per_second() -> Row:
    ceiling = ceiling_tokens_per_s(GPU, MODEL)
    return _row(
        14,
        "40 to 60 tokens a second, further on 50 to 100",
        f"at most {ceiling:.0f} in a single answer",
        Verdict.WRONG,
        "Each token reads all 14.5 GB of weights, and the GPU reads 600 GB a second. More is only possible as the sum "
        "over a batch.",
        ceiling_tokens_per_s=ceiling,
    )


def _local_answer() -> Row:
    shortest_s = OUTPUT / ceiling_tokens_per_s(GPU, MODEL)
    return _row(
        15,
        "an own answer takes 200 to 500 ms",
        f"100 tokens take at least {shortest_s:.1f} s",
        Verdict.WRONG,
        "By row 14. 200 to 500 ms can be the time to the first token.",
        shortest_s=shortest_s,
    )


def _timeout() -> Row:
    model, batch = steps(), 32
    decode_s = OUTPUT * model.step_s(batch, batch * (INPUT + OUTPUT // 2))
    prefill_s = model.prefill_s(INPUT)
    held_s = batch / requests_per_s(batch)
    return _row(
        16,
        "fall back to OpenAI after 5 seconds",
        f"at a batch of 32 an answer takes {decode_s:.1f} s of decoding and {prefill_s:.1f} s for its own prompt, and "
        f"{held_s:.1f} s where the prompts of others share its steps",
        Verdict.WRONG,
        "Under full load the limit fires for every request, and all of them go to OpenAI. Limit the time to the first "
        "token and the silence between tokens instead.",
        decode_s=decode_s,
        prefill_s=prefill_s,
        held_s=held_s,
    )


def _benchmark() -> Row:
    elapsed_s, count = 2.47, 100
    return _row(
        17,
        "100 requests in 2.47 s: 40.49 a second, average latency 24.7 ms",
        f"{count / elapsed_s:.2f} a second; 24.7 ms is the time between two completions",
        Verdict.PARTLY,
        "Elapsed time over the count is the inverse of the throughput. With all requests started at once, latencies "
        "reach 2.47 s. The text speaks of 1,000 requests, the code sends 100.",
        requests_per_s=count / elapsed_s,
        between_s=elapsed_s / count,
        longest_s=elapsed_s,
    )


def _memory() -> Row:
    visible = card(GPU).memory_bytes / GIB
    return _row(
        18,
        "24 GB × 0.9 = 21.6 GB",
        f"{visible:.1f} GiB are visible, so {visible * MEMORY_UTILISATION:.1f} GiB",
        Verdict.PARTLY,
        "The product is right; the driver shows less than the box says.",
        guide_gb=24 * 0.9,
        visible_gib=visible,
        usable_gib=visible * MEMORY_UTILISATION,
    )


def _sequences() -> Row:
    memory = fit(card(GPU), llm(MODEL))
    token_kib = llm(MODEL).kv_bytes_per_token / KIB
    held = memory.sequences(INPUT + OUTPUT)
    limits = [roofline(GPU, MODEL, max_model_len=limit).kv_blocks for limit in (2_048, 8_192)]
    return _row(
        19,
        "--max-model-len 2048 gives 12 requests at once, 8192 gives 4: memory is reserved",
        f"{held} requests of 800 tokens at either limit ({token_kib:.0f} KiB per token, {_left(memory)} free)",
        Verdict.WRONG,
        "vLLM hands out blocks of 16 tokens as they are used; the limit is a ceiling. Where blocks run out it preempts "
        "and computes again.",
        kib_per_token=token_kib,
        free_gib=memory.kv_bytes / GIB,
        sequences=held,
        blocks_at_2048=limits[0],
        blocks_at_8192=limits[1],
    )


def _context() -> Row:
    tokens = llm(MODEL).context_tokens
    return _row(
        20,
        "Mistral 7B supports 8,192 tokens",
        f"{tokens:,} for version 0.3",
        Verdict.WRONG,
        "By its config.json.",
        context_tokens=tokens,
    )


def _seventy_billion() -> Row:
    model, gpu = llm("llama-3.1-70b"), card("A100-40")
    driver = fit(gpu, model, gpus=4)
    box = fit(replace(gpu, memory_bytes=40_000_000_000), model, gpus=4)
    return _row(
        21,
        "70 billion parameters on four GPUs with 40 GB",
        f"{driver.sequences(INPUT + OUTPUT)} requests of 800 tokens: {_left(driver)} are left of "
        f"{driver.usable_bytes / GIB:.0f} GiB",
        Verdict.PARTLY,
        f"The weights are {model.weight_bytes / GIB:.0f} GiB. It starts only because the driver shows 40 GiB, not "
        "40 · 10⁹ bytes, by which nothing would be left; and one request of the model's full length never fits.",
        weights_gib=model.weight_bytes / GIB,
        left_gib=driver.kv_bytes / GIB,
        sequences=driver.sequences(INPUT + OUTPUT),
        kv_tokens=driver.kv_tokens,
        fits_by_the_box=box.fits,
    )


def _left(memory: Fit) -> str:
    return f"{memory.kv_bytes / GIB:.1f} GiB"


def _paged_attention() -> Row:
    return _row(
        25,
        "others waste 60 to 80 % of the KV memory, vLLM is 2 to 4 times as fast",
        "nothing to work out",
        Verdict.RIGHT,
        "It agrees with what the PagedAttention paper claims (arXiv 2309.06180).",
    )
