"""Shutdown dates: a plan that ignores them recommends a model that is gone."""

import doctest
from datetime import date

import pytest

from offramp.catalog import lifecycle
from offramp.catalog.lifecycle import ending, lifecycle_file
from offramp.catalog.prices import PriceBook


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(lifecycle).failed == 0


def test_every_notice_has_a_source_and_days_that_make_sense() -> None:
    for notice in lifecycle_file().endings:
        assert notice.source.startswith("https://")
        assert notice.announced is None or notice.announced < min(notice.ends, notice.checked)


def test_no_model_ends_twice_and_what_is_suggested_has_a_price() -> None:
    """A suggestion without a card could not be priced in the plan."""
    book = PriceBook.load()
    models = [(notice.provider, model) for notice in lifecycle_file().endings for model in notice.models]

    assert len(models) == len(set(models))
    assert all(book.token_card(provider, model) for provider, model in models)
    assert all(book.token_card(each.provider, each.instead) for each in lifecycle_file().endings if each.instead)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "GPT-4.1-mini"])
def test_the_models_of_the_notice_of_october_end_in_january(model: str) -> None:
    notice = ending("openai", model)

    assert notice is not None
    assert (notice.ends, notice.instead) == (date(2027, 1, 14), "gpt-6-luna")
    assert notice.days_left(date(2026, 11, 21)) == 54
    assert notice.days_left(date(2027, 1, 15)) == -1


def test_a_model_without_a_notice_has_none() -> None:
    assert ending("openai", "gpt-6-luna") is None
    assert ending("azure", "gpt-4o") is None
