"""Money as integers: nano-dollars for amounts, pico-dollars for the price of one token. Pure.

A dollar per million tokens is a million pico-dollars per token, so every list price down to a millionth of a dollar per
million tokens is an exact integer, and a request is rounded once, half to even, when its pico-dollars become
nano-dollars.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from offramp.errors import ConfigError

NANO_PER_USD = 1_000_000_000
"""Amounts in the ledger are integer nano-dollars: $0.000000001."""

PICO_PER_NANO = 1_000
"""Prices per token are integer pico-dollars."""

PICO_PER_TOKEN_PER_USD_PER_MTOK = 1_000_000
"""$1 per million tokens is 10**12 / 10**6 pico-dollars per token."""

ONLY_DOLLARS = "all prices are in US dollars: convert it, and name the rate and its day in `source`"
"""What to do about a price in another currency."""

_SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY"}

_CODE = re.compile(
    "(?<![a-z])(aed|ars|aud|brl|cad|chf|clp|cny|cop|czk|dkk|eur|gbp|hkd|huf|idr|ils|inr|jpy|krw|mxn|myr|nok|nzd|php|pln|"
    "ron|rub|sar|sek|sgd|thb|try|twd|uah|vnd|zar)(?![a-z])"
)
"""Currencies by their ISO 4217 codes, those that price lists come in."""

_WIDEST_EXPONENT = 30
"""Beyond 10**±30 no amount of money is meant; it also keeps a hostile `1e999999999` from filling the memory."""


def to_usd(nano: int) -> Decimal:
    """Nano-dollars as exact dollars.

    >>> to_usd(165_000)
    Decimal('0.000165000')
    """
    return Decimal(nano).scaleb(-9)


def text(nano: int) -> str:
    """Nano-dollars as the exact decimal string of the dollars, without exponent or trailing zeros.

    >>> text(165_000), text(-177_000_000_000), text(0), text(1)
    ('0.000165', '-177', '0', '0.000000001')
    """
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    sign = "-" if nano < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:09d}".rstrip("0")


def text_or_none(nano: int | None) -> str | None:
    """The same for an amount that may be unknown: `None` stays `None` and never becomes zero."""
    return None if nano is None else text(nano)


def decimal_text(amount: Decimal) -> str:
    """A `Decimal` without exponent or trailing zeros, its value unchanged.

    >>> decimal_text(Decimal("2.50")), decimal_text(Decimal("1E+2")), decimal_text(Decimal("0.000000"))
    ('2.5', '100', '0')
    """
    plain = f"{amount:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def fraction_text(usd: Fraction, places: int = 12) -> str:
    """Dollars as a decimal string, rounded half to even where they have no end.

    >>> fraction_text(Fraction(727, 2_000_000)), fraction_text(Fraction(727, 3)), fraction_text(Fraction(-2124))
    ('0.0003635', '242.333333333333', '-2124')
    """
    scale = 10**places
    whole, rest = divmod(abs(round(usd * scale)), scale)
    sign = "-" if usd < 0 and (whole or rest) else ""
    return f"{sign}{whole}.{rest:0{places}d}".rstrip("0").rstrip(".")


def foreign_currency(text: str) -> str | None:
    """The currency other than the US dollar that a key or an amount names; `None` if it names none.

    >>> foreign_currency("input_eur_per_mtok"), foreign_currency("€0.60"), foreign_currency("3.6 GBP")
    ('EUR', 'EUR', 'GBP')
    >>> foreign_currency("input_usd_per_mtok"), foreign_currency("$2.50"), foreign_currency("currency")
    (None, None, None)
    """
    for sign, code in _SIGNS.items():
        if sign in text:
            return code
    named = _CODE.search(text.lower())
    return named[1].upper() if named else None


def parse_usd(amount: Decimal | str | float, *, what: str) -> Decimal:
    """A non-negative amount of dollars as somebody wrote it; a float means the decimal number that it prints as.

    Args:
        amount: As read from a file or a command line.
        what: Names the thing in the error.

    Raises:
        ConfigError: If it is no number, in another currency, not finite, negative, or beyond any price.

    >>> parse_usd(0.1, what="price"), parse_usd("1.006", what="price")
    (Decimal('0.1'), Decimal('1.006'))
    """
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        other = foreign_currency(str(amount))
        if other is not None:
            raise ConfigError(f"{what}: {amount!r} is in {other}; {ONLY_DOLLARS}") from None
        raise ConfigError(f"{what}: expected an amount of dollars such as 1.006 (got {amount!r})") from None
    if not value.is_finite() or value < 0:
        raise ConfigError(f"{what}: expected an amount of dollars from 0 up (got {amount!r})")
    if value and abs(value.adjusted()) > _WIDEST_EXPONENT:
        raise ConfigError(f"{what}: {amount!r} is no price of anything")
    return value


def pico_per_token(usd_per_mtok: Decimal, *, what: str = "price") -> int:
    """Dollars per million tokens to pico-dollars per token, exactly.

    Raises:
        ConfigError: If the price is finer than $0.000001 per million tokens, which no integer here can hold.

    >>> pico_per_token(Decimal("2.50")), pico_per_token(Decimal("0.0375"))
    (2500000, 37500)
    """
    pico = usd_per_mtok * PICO_PER_TOKEN_PER_USD_PER_MTOK
    if pico != pico.to_integral_value():
        raise ConfigError(f"{what}: {usd_per_mtok} USD per million tokens is finer than 0.000001; round it")
    return int(pico)


def usd_per_mtok(pico: int) -> Decimal:
    """Pico-dollars per token back to dollars per million tokens.

    >>> decimal_text(usd_per_mtok(2_500_000))
    '2.5'
    """
    return Decimal(pico).scaleb(-6)


def mtok_text(pico: int | None) -> str | None:
    """The same as a decimal string; a price that nobody knows stays `None` and never becomes zero.

    >>> mtok_text(2_500_000), mtok_text(None)
    ('2.5', None)
    """
    return None if pico is None else decimal_text(usd_per_mtok(pico))


def nano_from_pico(pico: int) -> int:
    """Pico-dollars to the nearest nano-dollar, half to even.

    >>> [nano_from_pico(p) for p in (499, 500, 501, 1_500, 2_500)]
    [0, 0, 1, 2, 2]
    """
    nano, rest = divmod(pico, PICO_PER_NANO)
    if rest > 500 or (rest == 500 and nano & 1):
        nano += 1
    return nano
