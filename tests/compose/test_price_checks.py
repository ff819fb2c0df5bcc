"""Prices that a configuration names and nobody knows, or that are old, are said at the start."""

from datetime import date
from pathlib import Path

import pytest

from offramp.catalog.prices import PriceBook
from offramp.compose.price_checks import price_warnings
from offramp.config.load import parse
from offramp.config.model import Settings

NS_PER_DAY = 86_400 * 10**9
LATER_NS = 4_000_000_000 * 10**9
"""The year 2096: every price of today is old then."""

CONFIG = """
upstreams:
  local: {base_url: "http://127.0.0.1:9001/v1", engine: vllm, price: PRICE}
  openai: {base_url: "https://api.openai.com/v1"}
routes:
  support:
    models: [gpt-4o-mini]
    baseline: BASELINE
    tiers: [{upstream: local, model: tiny}, {upstream: openai, model: MODEL}]
"""


def settings(
    *,
    price: str = "{usd_per_hour: 1}",
    baseline: str = "openai/gpt-4o-mini",
    model: str = "gpt-4o-mini",
    more: str = "",
) -> Settings:
    """A configuration whose prices are all known, but for what is said otherwise."""
    text = CONFIG.replace("PRICE", price).replace("BASELINE", baseline).replace("MODEL", model) + more
    return parse(text.encode(), Path("offramp.yaml"), {}).settings


@pytest.fixture
def book() -> PriceBook:
    """The shipped prices, on the day on which they were made."""
    days = (date.fromisoformat(PriceBook.load().as_of) - date(1970, 1, 1)).days
    made_ns = days * NS_PER_DAY
    return PriceBook.load(clock_ns=lambda: made_ns)


def test_known_prices_are_nothing_to_talk_about(book: PriceBook) -> None:
    """Warnings that always come are warnings that nobody reads."""
    assert price_warnings(settings(), book) == []


def test_a_baseline_that_nobody_knows_is_named_with_what_is_near(book: PriceBook) -> None:
    """Without it the ledger cannot say what was saved, and that would be seen only at the end of the month."""
    (warning,) = price_warnings(settings(baseline="openai/gpt-4o-mni"), book)

    assert warning.startswith("routes.support.baseline: no price card is called 'openai/gpt-4o-mni': did you mean ")
    assert "openai/gpt-4o-mini" in warning


def test_a_price_that_nobody_knows_is_named(book: PriceBook) -> None:
    """Its requests would be unpriced without a word."""
    (warning,) = price_warnings(settings(price="aws/g99.huge"), book)

    assert warning.startswith("upstreams.local.price: no price card is called 'aws/g99.huge'")
    assert warning.endswith("until then its requests are unpriced")


def test_a_model_that_its_provider_does_not_list_is_named(book: PriceBook) -> None:
    """A new model, or a typing mistake in a tier."""
    (warning,) = price_warnings(settings(model="gpt-99-turbo"), book)

    assert warning.startswith("upstreams.openai: no price card is called 'openai/gpt-99-turbo'")


@pytest.mark.parametrize("price", ["aws/g5.xlarge", "openai/gpt-4o-mini", "cerebrium/A10"])
def test_cards_of_both_kinds_are_known(price: str, book: PriceBook) -> None:
    """A machine by the hour, tokens, parts by the second."""
    assert [warning for warning in price_warnings(settings(price=price), book) if "no price card" in warning] == []


def test_own_prices_are_known_and_never_old() -> None:
    """Whoever writes a price down knows it; there is no date to judge it by."""
    more = "prices: {openai/mine: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}}\n"
    own = settings(baseline="openai/mine", model="mine", more=more)
    overrides = {name: price.model_dump(exclude_defaults=True) for name, price in own.prices.items()}

    assert price_warnings(own, PriceBook.load(overrides, clock_ns=lambda: LATER_NS)) == []


def test_old_prices_are_named_once_with_their_age_and_what_to_do() -> None:
    """Prices change every few weeks; three months old ones are a guess."""
    old = PriceBook.load(clock_ns=lambda: LATER_NS)
    warnings = price_warnings(settings(price="aws/g5.xlarge"), old)

    assert [warning.partition(" were ")[0] for warning in warnings] == [
        "the prices of openai/gpt-4o-mini",
        "the prices of aws/g5.xlarge",
    ]
    assert "days ago: `offramp prices --update`" in warnings[0]
    assert "usd_per_hour" in warnings[1]
