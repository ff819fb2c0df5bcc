"""What a provider takes, against the busiest minute."""

import pytest

from offramp.catalog.providers import provider_card
from offramp.catalog.search import resolve
from offramp.migrate.plan.by_token import on_card
from offramp.migrate.plan.rate_limits import room
from tests.migrate.plan.cases import BOOK, even_load


def test_the_largest_stated_plan_counts_against_the_busiest_minute() -> None:
    """Groq states 30 requests a minute for its free plan; a request a second is twice that."""
    way = on_card(resolve(BOOK, "groq/llama-3.1-8b-instant"))
    card = provider_card("groq")
    assert card is not None
    stated = [each for each in card.limits if each.model == way.card.model]
    assert stated

    found = room(way, even_load(600))

    assert found is not None
    assert found.limit in stated
    assert found.times == pytest.approx((found.limit.requests_per_minute or 0) / 60, rel=0.02)


def test_what_is_not_stated_is_not_known() -> None:
    assert room(on_card(resolve(BOOK, "gpt-4o")), even_load()) is None
    assert room(on_card(resolve(BOOK, "novita/meta-llama/llama-3.1-8b-instruct")), even_load()) is None
