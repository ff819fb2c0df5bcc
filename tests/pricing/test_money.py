"""Money must not change when it is written down or read."""

import doctest
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import ConfigError
from offramp.pricing import money

AMOUNTS = st.integers(min_value=-(10**18), max_value=10**18)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(money).failed == 0


@given(AMOUNTS)
def test_the_text_of_an_amount_is_exactly_its_dollars(nano: int) -> None:
    """The ledger prints what it stores: no rounding, no exponent, nothing that JSON readers stumble over."""
    written = money.text(nano)

    assert Decimal(written) == money.to_usd(nano)
    assert "E" not in written.upper()
    assert "." not in written or written[-1] not in ".0"


@given(AMOUNTS)
def test_an_amount_survives_its_own_text(nano: int) -> None:
    assert Decimal(money.text(nano)).scaleb(9) == nano


def test_unknown_money_stays_unknown() -> None:
    """A missing price shown as 0 would be a saving that nobody made."""
    assert money.text_or_none(None) is None
    assert money.text_or_none(0) == "0"


@given(st.integers(min_value=0, max_value=10**15))
def test_rounding_to_nano_dollars_is_half_to_even(pico: int) -> None:
    """Compared with the standard library's own rounding."""
    expected = int((Decimal(pico) / 1000).quantize(Decimal(1), rounding="ROUND_HALF_EVEN"))

    assert money.nano_from_pico(pico) == expected


@given(st.integers(min_value=0, max_value=10**12))
def test_a_price_per_token_goes_there_and_back(pico: int) -> None:
    assert money.pico_per_token(money.usd_per_mtok(pico)) == pico


@pytest.mark.parametrize("wrong", ["", "abc", "nan", "inf", "-1", "1e999", "1e-999", "1,5", "True"])
def test_what_is_no_price_is_refused_by_name(wrong: str) -> None:
    """Whoever mistypes a price must learn which one."""
    with pytest.raises(ConfigError, match="gpt-4o input"):
        money.parse_usd(wrong, what="gpt-4o input")


def test_a_price_too_fine_to_hold_is_refused_not_rounded() -> None:
    with pytest.raises(ConfigError, match=r"finer than 0\.000001"):
        money.pico_per_token(Decimal("0.0000001"))


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("input_eur_per_mtok", "EUR"),
        ("€ 2.50", "EUR"),
        ("2.50 CHF", "CHF"),
        ("£1", "GBP"),
        ("EUR", "EUR"),
        ("input_usd_per_mtok", None),
        ("$2.50", None),
        ("2.50 USD", None),
        ("neural", None),
        ("", None),
    ],
)
def test_a_currency_other_than_the_dollar_is_recognised(text: str, currency: str | None) -> None:
    """Taken for dollars, a price in euros would be wrong by a tenth, and nobody would see it."""
    assert money.foreign_currency(text) == currency


def test_an_amount_in_another_currency_is_refused_with_what_to_do() -> None:
    """Dollars and euros in one ledger add up to nothing."""
    with pytest.raises(ConfigError, match=r"price: '3\.6 EUR' is in EUR; all prices are in US dollars: convert it"):
        money.parse_usd("3.6 EUR", what="price")
