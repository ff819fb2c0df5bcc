"""What providers say: each statement with its source and day, of providers that the price book knows."""

import doctest
from datetime import date

from offramp.catalog import providers
from offramp.catalog.prices import PriceBook
from offramp.catalog.providers import providers_file, statements

TOPICS = {"training", "retention", "region", "compliance", "health data", "rate limits"}


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(providers).failed == 0


def test_every_statement_has_a_source_and_a_day() -> None:
    """Legal asks who said so, and when."""
    for card in providers_file().providers:
        for statement in card.statements:
            assert statement.topic in TOPICS
            assert statement.source.startswith("https://")
            assert date(2026, 1, 1) < date.fromisoformat(statement.checked) <= date(2026, 11, 21)


def test_every_provider_is_one_of_the_price_book() -> None:
    assert {card.id for card in providers_file().providers} <= set(PriceBook.load().provider_ids())


def test_a_provider_that_was_not_looked_up_has_no_statements() -> None:
    assert statements("avian") == ()
