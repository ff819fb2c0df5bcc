"""Values as other programs write them: moments, counts and amounts in whatever form. No I/O here."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from offramp.migrate.imports.notes import UnusableError

NS_PER_S = 10**9
MOST_TOKENS = 1 << 40
_FIRST_S, _LAST_S = 1_262_304_000, 4_102_444_800
"""2010 to 2100: a number within is seconds; a thousand, a million or a billion times as much is a finer unit."""
_LONGEST = 256

Record = Mapping[str, object]


def moment_ns(value: object) -> int:
    """A moment as nanoseconds since the epoch: ISO 8601 (UTC where it says no zone), or a number of any usual unit.

    Raises:
        UnusableError: If it is none, or not between 2010 and 2100.

    >>> moment_ns("2026-11-21T10:00:00.5Z") == moment_ns(1795255200.5) == moment_ns("1795255200500")
    True
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            number = Decimal(text)
        except InvalidOperation:
            return _of_text(text)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = Decimal(str(value))
    else:
        raise UnusableError(f"its time is {_shown(value)}")
    for unit in (1, 10**3, 10**6, 10**9):
        if number.is_finite() and _FIRST_S <= number / unit < _LAST_S:
            return int(number * NS_PER_S / unit)
    raise UnusableError(f"its time {_shown(value)} is not between 2010 and 2100")


def _of_text(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableError(f"its time {_shown(text)} is no moment") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = moment.timestamp()
    if not _FIRST_S <= seconds < _LAST_S:
        raise UnusableError(f"its time {_shown(text)} is not between 2010 and 2100")
    return int(moment.replace(microsecond=0).timestamp()) * NS_PER_S + moment.microsecond * 1000


def count(value: object) -> int | None:
    """A number of tokens; `None` for whatever is none: absent, negative, broken."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= MOST_TOKENS and value == int(value) else None


def nano_usd(value: object) -> int | None:
    """Dollars as nano-dollars; `None` for whatever is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return int((amount * NS_PER_S).to_integral_value()) if amount.is_finite() and 0 <= amount < 10**9 else None


def currency(source: Record) -> str:
    """The currency of a record's costs, if it names one that is no dollars; empty else.

    >>> currency({"currency": "EUR"}), currency({"currency": "usd"}), currency({})
    ('EUR', '', '')
    """
    named = text(first(source, "currency", "cost_currency")).strip().upper()
    return "" if named in {"USD", "US$", "$"} else named


def text(value: object) -> str:
    """A short text; empty for whatever is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value[:_LONGEST] if character.isprintable())


def record(value: object) -> Record:
    """An object; empty for whatever is none. A text with JSON in it, as CSV files have, is read."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def first(source: Record, *names: str) -> object:
    """The first of several names of the same thing that has a value."""
    for name in names:
        value = source.get(name)
        if value is not None and value != "":
            return value
    return None


def _shown(value: object) -> str:
    return repr(value)[:60]
