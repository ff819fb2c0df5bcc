"""The configuration's own prices: every word of them counts, and a wrong one is named."""

import pytest

from offramp.catalog.overrides import override_card
from offramp.errors import ConfigError
from offramp.wire.usage import Usage


def test_everything_that_can_be_said_is_said() -> None:
    card = override_card(
        "openai",
        "gpt-9",
        {
            "input_usd_per_mtok": 2.5,
            "cached_input_usd_per_mtok": "0.25",
            "output_usd_per_mtok": 10,
            "request_usd": "0.005",
            "tiers": {"batch": {"input_usd_per_mtok": 1, "over": {"1000": {"input_usd_per_mtok": 3}}}},
            "over": {272_000: {"input_usd_per_mtok": 5}},
            "source": "contract of March",
            "checked": "2026-03-01",
        },
    )

    assert card.cost_nano(Usage(100, 10, cached_tokens=40)) == 60 * 2_500 + 40 * 250 + 10 * 10_000 + 5_000_000
    assert card.cost_nano(Usage(272_001, 0)) == 272_001 * 5_000 + 5_000_000
    assert card.cost_nano(Usage(100, 10), "batch") == 100 * 1_000 + 10 * 10_000 + 5_000_000
    assert card.cost_nano(Usage(2_000, 0), "batch") == 2_000 * 3_000 + 5_000_000
    assert (card.source, card.checked) == ("contract of March", "2026-03-01")


def test_what_is_left_out_is_not_taken_from_elsewhere() -> None:
    """A negotiated input price with the list's cached price would be a mixture that nobody pays."""
    card = override_card("openai", "gpt-4o", {"input_usd_per_mtok": 2, "output_usd_per_mtok": 8, "note": None})

    assert card.cost_nano(Usage(100, 0, cached_tokens=100)) == 200_000
    assert card.cost_nano(Usage(100, 0), "flex") is None
    assert (card.source, card.checked) == ("configuration", "")


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({}, "at least input_usd_per_mtok"),
        ({"source": "x"}, "at least input_usd_per_mtok"),
        ({"input": 1}, "unknown key 'input'"),
        ({"input_usd_per_mtok": "free"}, "input_usd_per_mtok: expected an amount"),
        ({"input_usd_per_mtok": -1}, "from 0 up"),
        ({"input_usd_per_mtok": "0.00000001"}, r"finer than 0\.000001"),
        ({"input_usd_per_mtok": 1, "tiers": [1]}, "tiers: expected a mapping"),
        ({"input_usd_per_mtok": 1, "over": {"many": {}}}, "number of input tokens"),
        ({"input_usd_per_mtok": 1, "checked": "last week"}, "expected a day such as"),
    ],
)
def test_a_wrong_price_is_named(prices: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=rf"openai/gpt-9.*{said}"):
        override_card("openai", "gpt-9", prices)


@pytest.mark.parametrize(
    "prices",
    [
        {"input_usd_per_mtok": 1, "output_eur_per_mtok": 2},
        {"input_usd_per_mtok": 1, "output_usd_per_mtok": "2 EUR"},
        {"input_usd_per_mtok": 1, "currency": "EUR"},
        {"input_usd_per_mtok": 1, "tiers": {"batch": {"input_usd_per_mtok": "€0.5"}}},
    ],
)
def test_mixed_currencies_are_refused(prices: dict[str, object]) -> None:
    """One card in two currencies would be added up as if it were one."""
    with pytest.raises(ConfigError, match=r"in EUR; all prices are in US dollars: convert it, and name the rate"):
        override_card("openai", "x", prices)
