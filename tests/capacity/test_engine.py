"""How a replica may be started."""

import pytest

from offramp.capacity.engine import Engine
from offramp.capacity.step_time import roofline
from offramp.errors import UsageError


def test_fewer_sequences_than_the_model_allows_may_be_asked_for() -> None:
    steps = roofline("A10G", "mistral-7b")

    assert Engine(steps=steps).running_limit == 256
    assert Engine(steps=steps, max_running=16).running_limit == 16
    assert Engine(steps=steps, max_running=1000).running_limit == 256


def test_a_step_that_cannot_hold_its_batch_is_refused() -> None:
    """VLLM refuses it too: each running sequence needs a token of every step."""
    with pytest.raises(UsageError, match="a step of 128 tokens is less than one for each of 256 sequences"):
        Engine(steps=roofline("A10G", "mistral-7b"), max_batched_tokens=128)


def test_an_engine_without_a_place_is_refused() -> None:
    with pytest.raises(UsageError, match="no room"):
        Engine(steps=roofline("A10G", "mistral-7b"), max_running=-1)
