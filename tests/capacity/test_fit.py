"""Whether weights and cache fit: the worked values of the recheck, quantised weights, several cards."""

import doctest
from dataclasses import replace

import pytest

from offramp.capacity import fit as module
from offramp.capacity.fit import fit
from offramp.capacity.hardware import CARDS, GIB, card
from offramp.capacity.llm import LLMS, llm


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_an_a10g_with_a_7b_model_has_five_gib_left_for_54_sequences_of_800_tokens() -> None:
    """Row 19 of the recheck: whatever the longest context is set to."""
    a10g = fit(card("A10G"), llm("mistral-7b"))

    assert a10g.kv_bytes / GIB == pytest.approx(5.3, abs=0.1)
    assert a10g.sequences(800) == 54
    assert a10g.fits


def test_seventy_percent_of_an_a10g_leaves_an_8b_model_without_a_block() -> None:
    """Row 36 of the recheck: a smaller share of the memory is not safer, it breaks the deployment."""
    broken = fit(card("A10G"), llm("llama-3.1-8b"), utilisation=0.7, activation_bytes=1 * GIB)

    assert broken.weights_bytes / GIB == pytest.approx(15.0, abs=0.05)
    assert not broken.fits
    assert "too little" in broken.why


def test_seventy_billion_parameters_leave_next_to_nothing_on_four_cards_of_40_gb() -> None:
    """Row 21 of the recheck: 141 GB of weights on cards of 155 GB at 0.9; it takes eight to serve many."""
    four, eight = (fit(card("A100-40"), llm("llama-3.1-70b"), gpus=gpus) for gpus in (4, 8))

    assert four.weights_bytes / four.usable_bytes > 0.9
    assert four.sequences(800) < 30
    assert eight.sequences(800) > 500


def test_four_bit_weights_of_70b_fit_on_one_card_of_80_gb() -> None:
    """4 bits and their scales take 4.5 bits a parameter."""
    small = replace(llm("llama-3.1-70b"), bytes_per_parameter=0.5625)

    assert fit(card("A100-80"), small).fits
    assert not fit(card("A100-80"), llm("llama-3.1-70b")).fits


def test_an_8_bit_cache_holds_twice_the_tokens() -> None:
    half = replace(llm("llama-3.1-8b"), kv_bytes=1.0)

    assert fit(card("H100"), half).kv_tokens == pytest.approx(
        2 * fit(card("H100"), llm("llama-3.1-8b")).kv_tokens, abs=16
    )


def test_more_cards_than_kv_heads_hold_the_heads_more_than_once() -> None:
    """Two KV heads on four cards: each card still needs one of them."""
    assert fit(card("L4"), llm("qwen2.5-0.5b"), gpus=4).kv_bytes_per_token == 2 * llm("qwen2.5-0.5b").kv_bytes_per_token


@pytest.mark.parametrize("name", CARDS)
def test_the_sum_is_told_in_words_for_every_card_and_model(name: str) -> None:
    """The parts add up to what the driver shows, or the model does not fit."""
    for model in LLMS.values():
        one = fit(card(name), model)

        assert one.kv_bytes + one.weights_bytes + one.activation_bytes == pytest.approx(0.9 * one.visible_bytes)
        assert one.fits == (one.kv_tokens > 0)
        assert f"{model.weight_bytes / GIB:.1f} GiB of weights" in one.why
