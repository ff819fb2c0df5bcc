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
    for model in models_file().models:
        assert model.source.startswith("https://")
        assert date.fromisoformat(model.checked) <= date(2026, 11, 21)
        assert model.licence
        assert model.commercial in {"yes", "with conditions"}


def test_the_catalogue_and_the_sizing_know_the_same_models() -> None:
    """`plan --own-model X` needs both: what it costs to rent and how fast it runs."""
    assert {model.id for model in models_file().models} == LLMS.keys()


@pytest.mark.parametrize(("model", "provider", "name"), HOSTED, ids=str)
def test_every_rented_model_has_a_current_price(model: str, provider: str, name: str) -> None:
    """A name that a provider has changed would silently drop out of the comparison."""
    card = BOOK.token_card(provider, name)

    assert card is not None, model
    assert not card.deprecated


def test_a_model_that_nobody_wrote_down_is_none() -> None:
    assert open_model("gpt-4o") is None
