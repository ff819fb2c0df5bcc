"""The cut from genai-prices: our price of a request is theirs, for every model they know."""

import warnings
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import types
from genai_prices.data import providers

from offramp.catalog.book_file import BookFile
from offramp.catalog.prices import PriceBook, read_book
from offramp.migrate.prices import cut, encode, newest_day_named
from offramp.wire.usage import Usage

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
USAGES = [
    Usage(700, 100),
    Usage(700, 100, cached_tokens=512),
    Usage(5_000, 100, cached_tokens=512, cache_write_tokens=1_024),
    Usage(150_000, 4_000),
    Usage(400_000, 4_000, cached_tokens=100_000),
]


@pytest.fixture(scope="module")
def file() -> BookFile:
    """The cut of the installed data."""
    return cut(providers, source="genai-prices", as_of=DAY)


@pytest.fixture(scope="module")
def book(file: BookFile) -> PriceBook:
    """Read back as a gateway reads it."""
    return PriceBook((file,), clock_ns=lambda: int(NOON.timestamp()) * 10**9)


def theirs(model: types.ModelInfo, provider: types.Provider, usage: Usage, tier: str) -> Decimal:
    """The price as genai-prices reckons it."""
    context = {"processing": tier} if tier == "batch" else {"service_tier": tier}
    counts = types.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    price = model.calc_price(counts, provider, genai_request_timestamp=NOON, price_context=context if tier else None)
    return price.total_price


def is_priced_by_tokens_alone(model: types.ModelInfo) -> bool:
    """Whether usage in tokens is all that the price needs, at every hour of the day, down to the sixth decimal."""
    prices = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    for price in prices:
        if isinstance(price.constraint, types.TimeOfDateConstraint):
            return False
        for key, value in price.prices.__dict__.items():
            steps = (
                [value.base, *(tier.price for tier in value.tiers)]
                if isinstance(value, types.TieredPrices)
                else [value]
            )
            if value is not None and (any(step % Decimal("0.000001") for step in steps) or key.endswith("hours")):
                return False
    return True


@pytest.mark.parametrize("tier", ["", "batch", "flex", "priority"])
def test_every_model_costs_what_genai_prices_says(book: PriceBook, tier: str) -> None:
    """A second implementation with its own matching, tiers and thresholds: they may differ by rounding only."""
    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for provider in providers:
            for model in provider.models:
                card = book.token_card(provider.id, model.id)
                if card is None or tier not in card.tariffs or not is_priced_by_tokens_alone(model):
                    continue
                if provider.find_model(model.id) is not model:
                    continue
                for usage in USAGES:
                    ours = card.cost_nano(usage, tier)
                    if ours is not None:
                        compared += 1
                        expected = theirs(model, provider, usage, tier) * 10**9
                        assert abs(ours - expected) <= Decimal("0.5"), (provider.id, model.id, usage)

    assert compared > {"": 8_000, "batch": 300, "flex": 50, "priority": 50}[tier]


def test_the_file_survives_being_written_and_read(file: BookFile, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "prices.json"
    path.write_bytes(encode(file))

    assert read_book(path).as_of == "2026-11-21"
    assert [provider.id for provider in read_book(path).providers] == [provider.id for provider in file.providers]


def test_a_model_without_token_prices_is_left_out(book: PriceBook) -> None:
    """Whisper is billed by the hour of audio: no price beats a price of zero."""
    assert book.card("openai/whisper-1") is None
    assert book.card("openai/tts-1") is None


def test_rates_at_certain_hours_are_mentioned(book: PriceBook) -> None:
    """A card has one price all day; where the provider has several, the card says so."""
    card = book.card("deepseek/deepseek-v4-pro")

    assert card is not None
    assert "hours of the day" in card.note


def test_the_data_is_as_old_as_the_newest_day_it_names() -> None:
    assert date(2026, 8, 1) < newest_day_named(providers, until=DAY) <= DAY
    assert newest_day_named(providers, until=date(2026, 10, 1)) <= date(2026, 10, 1)
