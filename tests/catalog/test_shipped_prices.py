"""The facts that are shipped: each with its source and its day, found by the names and addresses people use."""

from datetime import date

import pytest

from offramp.catalog.prices import SHIPPED, SUPPLEMENT, PriceBook, read_book

BOOK = PriceBook.load()
TODAY = BOOK.today()


def test_every_card_has_a_source_and_a_day() -> None:
    """A price without them cannot be checked by whoever signs the plan."""
    nameless = [card for card in BOOK.cards() if not card.source or date.fromisoformat(card.checked) > TODAY]

    assert nameless == []


def test_every_card_of_every_period_can_be_read() -> None:
    """A typing mistake in the data must not wait for the request that meets it."""
    days = {"2020-01-01", BOOK.as_of, "2027-06-01"}
    read = sum(
        BOOK.token_card(c.provider, c.model, on=date.fromisoformat(day)) is not None
        for c in BOOK.cards()
        for day in days
    )

    assert read > 5_000


def test_every_supplement_is_marked_second_hand() -> None:
    supplement = PriceBook((read_book(SUPPLEMENT),))

    cards = list(supplement.cards())

    assert cards
    assert all(card.second_hand and card.source.startswith("https://") for card in cards)


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("api.openai.com", "openai"),
        ("https://acme.openai.azure.com/openai/deployments/chat", "azure"),
        ("https://acme.services.ai.azure.com/openai/v1", "azure"),
        ("https://api.together.xyz/v1", "together"),
        ("https://api.together.ai/v1", "together"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.fireworks.ai/inference/v1", "fireworks"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.x.ai/v1", "x-ai"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "google"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://api.aws.us-east-1.cerebrium.ai/v4/p/app/run", None),
        ("https://example.com/api.openai.com", None),
    ],
)
def test_the_host_tells_the_provider(url: str, provider: str | None) -> None:
    assert BOOK.provider_of(url) == provider


@pytest.mark.parametrize(
    ("spelling", "provider"),
    [("openai", "openai"), ("OpenAI", "openai"), ("fireworks_ai", "fireworks"), ("xai", "x-ai"), ("local", None)],
)
def test_a_provider_is_known_by_its_usual_spellings(spelling: str, provider: str | None) -> None:
    assert BOOK.provider_id(spelling) == provider


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o",
        "openai/gpt-4o-2024-08-06",
        "openai/gpt-4o-mini-2024-07-18",
        "openai/gpt-4.1-mini",
        "openai/gpt-5-nano",
        "openai/gpt-5.4-mini",
        "openai/gpt-6-luna",
        "openai/gpt-6.2-sol",
        "openai/ft:gpt-4o-mini-2024-07-18:acme::abc",
        "openai/text-embedding-3-small",
        "azure/gpt-4o",
        "together/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
        "fireworks/accounts/fireworks/models/llama-v3p1-8b-instruct",
        "groq/llama-3.1-8b-instant",
    ],
)
def test_the_names_people_use_have_a_price(name: str) -> None:
    card = BOOK.card(name)

    assert card is not None
    assert card.standard.rates.input


def test_a_card_whose_cached_price_nobody_published_says_so() -> None:
    """gpt-6.2: second-hand, cached input not quoted; a request with cached tokens is unpriced, not cheap."""
    card = BOOK.card("openai/gpt-6.2-astra")

    assert card is not None
    assert card.standard.rates.cached_input is None


def test_the_file_keeps_one_line_per_model() -> None:
    """So that a release's price changes can be read as a difference."""
    lines = SHIPPED.read_bytes().splitlines()

    assert len(lines) > 2_000
    assert max(len(line) for line in lines) < 8_000
