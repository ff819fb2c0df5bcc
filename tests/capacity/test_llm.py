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
