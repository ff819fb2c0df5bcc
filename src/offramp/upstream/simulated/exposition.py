"""The counters of a simulated engine as Prometheus text, in vLLM's names.

Source: the metrics that vLLM 0.32.0 serves, https://docs.vllm.ai/en/latest/usage/metrics.html
"""

from collections.abc import Iterable

from offramp.capacity.fit import BLOCK_TOKENS
from offramp.upstream.simulated.counters import Histogram
from offramp.upstream.simulated.engine import Engine

_REASONS = ("stop", "length", "abort")


def exposition(engine: Engine) -> bytes:
    """The text of `/metrics`."""
    name = engine.options.models[0] if engine.options.models else "simulated"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    labels = f'engine="0",model_name="{escaped}"'
    lines = [*_gauges(engine, labels), *_counters(engine, labels), *_histograms(engine, labels)]
    return ("\n".join(lines) + "\n").encode()


def _gauges(engine: Engine, labels: str) -> Iterable[str]:
    batcher = engine.batcher
    gauges = {
        "num_requests_running": (len(batcher.running), "Requests in execution batches."),
        "num_requests_waiting": (len(batcher.waiting), "Requests waiting."),
        "kv_cache_usage_perc": (batcher.kv_use, "KV cache use; 1 means 100 percent."),
    }
    for name, (value, says) in gauges.items():
        yield from _head(name, "gauge", says)
        yield f"vllm:{name}{{{labels}}} {float(value)}"
    yield from _head("num_requests_waiting_by_reason", "gauge", "Requests waiting, by reason.")
    yield f'vllm:num_requests_waiting_by_reason{{{labels},reason="capacity"}} {float(len(batcher.waiting))}'
    yield f'vllm:num_requests_waiting_by_reason{{{labels},reason="deferred"}} 0.0'
    yield from _head("cache_config_info", "gauge", "Configuration of the engine's cache.")
    blocks = f'block_size="{BLOCK_TOKENS}",num_gpu_blocks="{engine.model.kv_blocks}"'
    yield f"vllm:cache_config_info{{{labels},{blocks}}} 1.0"


def _counters(engine: Engine, labels: str) -> Iterable[str]:
    counters = engine.counters
    plain = {
        "num_preemptions": (counters.preemptions, "Preemptions."),
        "prompt_tokens": (counters.prompt_tokens, "Prefill tokens processed."),
        "prompt_tokens_cached": (counters.cached_tokens, "Cached prompt tokens."),
        "prefix_cache_queries": (counters.prompt_tokens, "Tokens looked up in the prefix cache."),
        "prefix_cache_hits": (counters.cached_tokens, "Tokens found in the prefix cache."),
        "generation_tokens": (counters.generation_tokens, "Generation tokens processed."),
    }
    for name, (value, says) in plain.items():
        yield from _head(f"{name}_total", "counter", says)
        yield f"vllm:{name}_total{{{labels}}} {float(value)}"
    yield from _head("request_success_total", "counter", "Requests processed with success.")
    for reason in _REASONS:
        yield f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {float(counters.finished_by[reason])}'


def _histograms(engine: Engine, labels: str) -> Iterable[str]:
    counters = engine.counters
    histograms = {
        "time_to_first_token_seconds": (counters.ttft, "Time to first token."),
        "inter_token_latency_seconds": (counters.inter_token, "Gap between tokens."),
        "e2e_request_latency_seconds": (counters.e2e, "Whole request."),
        "request_queue_time_seconds": (counters.queue_time, "Time in the WAITING phase."),
        "iteration_tokens_total": (counters.iteration_tokens, "Tokens per engine step."),
        "request_prompt_tokens": (counters.request_prompt_tokens, "Prefill tokens per request."),
        "request_generation_tokens": (counters.request_generation_tokens, "Generation tokens per request."),
    }
    for name, (histogram, says) in histograms.items():
        yield from _head(name, "histogram", says)
        yield from _buckets(name, labels, histogram)


def _buckets(name: str, labels: str, histogram: Histogram) -> Iterable[str]:
    below = 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        below += count
        yield f'vllm:{name}_bucket{{{labels},le="{bound}"}} {float(below)}'
    yield f"vllm:{name}_count{{{labels}}} {float(below)}"
    yield f"vllm:{name}_sum{{{labels}}} {histogram.total}"


def _head(name: str, kind: str, says: str) -> Iterable[str]:
    yield f"# HELP vllm:{name} {says}"
    yield f"# TYPE vllm:{name} {kind}"
