"""What providers say: each statement with its source and day, of providers that the price book knows."""

import doctest
from datetime import date

from offramp.catalog import providers
from offramp.catalog.areas import AREAS
from offramp.catalog.compute import find
from offramp.catalog.prices import PriceBook
from offramp.catalog.providers import COMPLIANCE, provider_card, providers_file, statements

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


def test_every_provider_is_one_that_sells_something_here() -> None:
    """A card of somebody who is in neither list would never be shown."""
    sellers = {*PriceBook.load().provider_ids(), *(offer.provider for offer in find(""))}

    assert {card.id for card in providers_file().providers} <= sellers


def test_places_and_compliance_are_said_in_words_that_a_requirement_can_name() -> None:
    """`plan --require` compares words; one that nobody can write would drop the provider silently."""
    for card in providers_file().providers:
        assert set(card.regions) <= set(AREAS)
        assert set(card.compliance) <= set(COMPLIANCE)


def test_each_word_leads_back_to_the_statements_behind_it() -> None:
    """Nobody signs on a word; the conditions are in the statement."""
    card = provider_card("openai")

    assert card is not None
    behind = {word: [each.topic for each in card.statements if word in each.compliance] for word in card.compliance}
    assert behind["hipaa"] == ["health data"]
    assert all(behind.values())


def test_limits_have_a_source_a_day_and_at_least_one_number() -> None:
    """A limit without a number is no fact."""
    for card in providers_file().providers:
        for limit in card.limits:
            assert limit.source.startswith("https://")
            assert date(2026, 1, 1) < date.fromisoformat(limit.checked) <= date(2026, 11, 21)
            assert limit.requests_per_minute or limit.tokens_per_minute


def test_a_provider_that_was_not_looked_up_has_no_statements() -> None:
    """No statement is no answer, in either direction."""
    assert statements("avian") == ()
    assert provider_card("avian") is None
