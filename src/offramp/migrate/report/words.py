"""Numbers and names as a report and a terminal show them: short, with their unit, harmless. Pure."""

from collections.abc import Sequence
from math import isfinite

_UNITS = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))

_LONGEST_NAME = 160
"""Names come from clients; a longer one is cut, since no reader and no table has a use for it."""


def shown(value: object, limit: int = _LONGEST_NAME) -> str:
    r"""A text of unknown origin on one line: what cannot be printed is spelt out, what is endless is cut.

    It is not escaped for HTML: templates and `Markup` do that.

    >>> shown("team\x00 a"), shown("x" * 9, limit=5)
    ('team\\x00 a', 'xxxx…')
    """
    text = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in str(value)[: limit + 1])
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def number(value: float, unit: str = "") -> str:
    """A number of three or four digits, dollars with their cents, with its unit: `$` before it, any other after it.

    >>> number(1_234_567), number(0.00042, "$"), number(-1200, "$"), number(12.5, "%"), number(3, "ms")
    ('1.23M', '$0.00042', '−$1,200', '12.5 %', '3 ms')
    >>> number(47.777, "$"), number(12_345.6, "$"), number(7.5, "$"), number(2_500_000, "$")
    ('$47.78', '$12,346', '$7.50', '$2.5M')
    >>> number(0), number(12_345), number(999.96), number(0.1 + 0.2), number(float("nan"))
    ('0', '12.3k', '1,000', '0.3', '?')
    """
    if not isfinite(value):
        return "?"
    digits = _dollars(abs(value)) if unit == "$" else _digits(abs(value))
    sign = "−" if value < 0 and digits.strip("0.") else ""
    if unit == "$":
        return f"{sign}${digits}"
    return f"{sign}{digits} {unit}".rstrip()


def counted(number: int, word: str) -> str:
    """How many there are of something that takes an `s` where there are several.

    >>> counted(1, "file"), counted(0, "call site"), counted(12_345, "request")
    ('1 file', '0 call sites', '12,345 requests')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], last: str) -> str:
    """Names in a sentence, at least one of them, with `and` or `or` before the last.

    >>> listed(["eu"], "or"), listed(["eu", "uk", "ch"], "or")
    ('eu', 'eu, uk or ch')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _dollars(size: float) -> str:
    """Cents from ten cents to ten thousand, whole dollars to a million: what an invoice would say."""
    if not 0.0995 <= size < 999_999.5:
        return _digits(size)
    return f"{size:,.0f}" if size >= 9_999.995 else f"{size:,.2f}".removesuffix(".00")


def _digits(size: float) -> str:
    for scale, name in _UNITS:
        if size >= scale * (0.99995 if name != "k" else 9.9995):
            return f"{_significant(size / scale)}{name}"
    return f"{size:,.0f}" if size >= 999.5 else _significant(size)


def _significant(size: float) -> str:
    """Three significant digits, without exponent and without zeros at the end."""
    if size == 0:
        return "0"
    if size >= 99.95:
        return f"{size:,.0f}"
    places = 0
    while size < 99.95 / 10**places and places < 12:
        places += 1
    return f"{size:.{places}f}".rstrip("0").rstrip(".")
