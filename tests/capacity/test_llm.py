"""Models by name: their weights and what a token takes in the KV cache."""

import pytest

from offramp.capacity.llm import LLMS, llm
from offramp.errors import UsageError


@pytest.mark.parametrize(("name", "kib"), [("llama-3.1-8b", 128), ("mistral-7b", 128), ("llama-2-13b", 800)])
def test_kv_memory_per_token_is_the_published_figure(name: str, kib: float) -> None:
    """It decides how many sequences fit; the formula counts keys and values of all layers."""
    assert llm(name).kv_bytes_per_token / 1024 == kib


def test_weights_take_two_bytes_per_parameter() -> None:
    """A 7B model in bf16 is 14.5 GB, the figure that all sizing starts from."""
    assert llm("mistral-7b").weight_bytes == pytest.approx(14.5e9)


def test_a_model_is_found_in_any_case() -> None:
    """Names are written in many ways."""
    assert llm("Mistral-7B") is LLMS["mistral-7b"]


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    """The message must say what to write instead."""
    with pytest.raises(UsageError, match=r"'gpt-9'.*mistral-7b"):
        llm("gpt-9")


def test_an_unknown_model_is_answered_with_what_is_near() -> None:
    """`llama-3-8b` is what many call it."""
    with pytest.raises(UsageError, match=r"did you mean llama-3\.1-8b"):
        llm("llama-3-8b")


@pytest.mark.parametrize(
    ("name", "hidden", "queries", "inner", "vocabulary", "tied"),
    [
        ("llama-3.1-8b", 4096, 32, 14336, 128256, False),
        ("llama-3.1-70b", 8192, 64, 28672, 128256, False),
        ("llama-3.1-405b", 16384, 128, 53248, 128256, False),
        ("qwen3-0.6b", 1024, 16, 3072, 151936, True),
        ("qwen3-8b", 4096, 32, 12288, 151936, False),
        ("qwen3-32b", 5120, 64, 25600, 151936, False),
        ("mistral-7b", 4096, 32, 14336, 32768, False),
        ("mistral-nemo-12b", 5120, 32, 14336, 131072, False),
        ("mistral-small-3.2-24b", 5120, 32, 32768, 131072, False),
        ("phi-4", 5120, 40, 17920, 100352, False),
        ("qwen2.5-14b", 5120, 40, 13824, 152064, False),
        ("qwen2.5-72b", 8192, 64, 29568, 152064, False),
    ],
)
def test_parameters_are_what_the_published_shapes_add_up_to(
    name: str, hidden: int, queries: int, inner: int, vocabulary: int, *, tied: bool
) -> None:
    """A slip in layers, KV heads or head size would show as a model that is too large or too small."""
    model = llm(name)
    attention = hidden * model.head_dim * (2 * queries + 2 * model.kv_heads)
    layers = model.layers * (attention + 3 * hidden * inner)

    assert model.parameters == pytest.approx(layers + vocabulary * hidden * (1 if tied else 2), rel=0.002)
