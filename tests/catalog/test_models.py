"""The open models: each with its licence and source, known to the sizing and priced where it is rented."""

import doctest
from datetime import date

import pytest

from offramp.capacity.llm import LLMS
from offramp.catalog import models
from offramp.catalog.models import models_file, open_model
from offramp.catalog.prices import PriceBook

BOOK = PriceBook.load()
HOSTED = [(model.id, provider, name) for model in models_file().models for provider, name in model.hosted.items()]


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(models).failed == 0


def test_every_model_has_a_source_a_day_and_a_licence() -> None:
    """Legal asks under which terms, and who said so."""
    for model in models_file().models:
        assert model.source.startswith("https://")
        assert model.sizes_source.startswith("https://")
        assert date.fromisoformat(model.checked) <= date(2026, 11, 21)
        assert model.licence
        assert model.commercial in {"yes", "with conditions", "no"}


def test_the_catalogue_and_the_sizing_know_the_same_dense_models() -> None:
    """`plan --own-model X` needs both: what it costs to rent and how fast it runs."""
    dense = {model.id: model.context_tokens for model in models_file().models if model.experts is None}

    assert dense == {name: llm.context_tokens for name, llm in LLMS.items()}


def test_a_mixture_of_experts_can_be_rented_but_not_sized() -> None:
    """Its steps read only some of its weights, which the step-time model does not know."""
    mixtures = [model for model in models_file().models if model.experts is not None]

    assert {model.id for model in mixtures} >= {"gpt-oss-120b", "mixtral-8x7b"}
    for model in mixtures:
        assert not model.can_be_sized
        assert model.experts is not None
        assert 0 < model.experts.active_parameters < model.parameters
        assert model.hosted


def test_no_model_is_listed_twice() -> None:
    ids = [model.id for model in models_file().models]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("model", "provider", "name"), HOSTED, ids=str)
def test_every_rented_model_has_a_current_price(model: str, provider: str, name: str) -> None:
    """A name that a provider has changed would silently drop out of the comparison."""
    card = BOOK.token_card(provider, name)

    assert card is not None, model
    assert not card.deprecated


def test_a_model_that_nobody_wrote_down_is_none() -> None:
    assert open_model("gpt-4o") is None
