"""What the phases share is bounded: clients choose models and ids, so there may be any number of them."""

import pytest

from offramp.gateway import services
from offramp.gateway.services import Chains, Estimates
from offramp.policy.estimate import DEFAULT_BYTES_PER_TOKEN, MEASURED_ENOUGH


def test_each_model_has_ratios_of_its_own() -> None:
    """Tokenizers differ; and an event of a stream has more bytes around its token than a whole answer has."""
    estimates = Estimates()
    ratios = estimates.learning("tiny")
    assert ratios is not None
    for _ in range(MEASURED_ENOUGH):
        ratios.input.observe(600, 100)
        ratios.whole.observe(900, 100)

    known, unknown = estimates.of("tiny"), estimates.of("other")
    assert (known.input.ratio, known.whole.ratio) == (6.0, 9.0)
    assert known.stream.ratio == unknown.input.ratio == DEFAULT_BYTES_PER_TOKEN


def test_models_beyond_the_bound_are_not_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that invents names must not fill the memory."""
    monkeypatch.setattr(services, "MAX_MODELS", 2)
    estimates = Estimates()
    learned = [estimates.learning(f"model-{number}") is not None for number in range(4)]

    assert learned == [True, True, False, False]
    assert estimates.learning("model-1") is not None, "those that are known are learned on"
    assert estimates.of("model-3").input.ratio == DEFAULT_BYTES_PER_TOKEN


def test_the_oldest_chains_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation that went on lately must find its upstream again."""
    monkeypatch.setattr(services, "MAX_CHAINS", 2)
    chains = Chains()
    for number in range(3):
        chains.remember(f"resp_{number}", f"upstream-{number}")

    owners = [chains.owner(f"resp_{number}") for number in range(3)]
    assert owners == ["", "upstream-1", "upstream-2"]
