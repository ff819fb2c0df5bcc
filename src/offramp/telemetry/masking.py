"""Personal data and secrets made unreadable in what clients and models say to each other. No I/O here.

JSON is masked value by value, so that escapes hide nothing; what is no JSON is masked as text. Patterns find forms, not
meanings: a name or an address is no form. What they find is counted, so that one can see whether they work.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from offramp.telemetry.redact import redact

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}")
_DIGITS = re.compile(
    r"(?:(?<![\dA-Za-z_.])(?<![\dA-Za-z_]-)|(?<=\\[nrtbf])|(?<=\\u[\da-fA-F]{4}))"
    r"\d+(?:[ -]\d+)*(?![\dA-Za-z_])(?!-[\dA-Za-z_])"
)
"""Groups of digits that are no part of a longer word: a UUID, a digest or `call_411…` is no card, whatever Luhn says.

A word is of ASCII letters, since others stand next to a number without a space; the `n` of JSON's `\n` is no letter.
"""
_LAYOUTS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 4, 4, 4, 3), (6, 13)}
"""How card numbers are printed: Visa, Mastercard, Discover and JCB first, then American Express, Diners Club, Maestro,
UnionPay. A card is found by them among other numbers that stand beside it."""
_GROUP = re.compile(r"\d+")
_FEWEST_DIGITS, _MOST_DIGITS = 13, 19
"""Of a card number. Source: ISO/IEC 7812-1."""
_MOST_GROUPS = max(map(len, _LAYOUTS))
_URL_OF_BYTES = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60})?(?:;[\w=.+-]{1,60}){0,4};base64,[\w+/=-]*")
_BASE64 = re.compile(r"[\w+/-]{1024,}={0,2}")
"""A long run of such characters without a space is a file, not text."""


class Masker:
    """Masks text and JSON, and counts what it found by kind."""

    def __init__(self, more: Mapping[str, re.Pattern[str]] | None = None) -> None:
        """Keys, card numbers, e-mail addresses and files, and whatever `more` names."""
        self.found: Counter[str] = Counter()
        self._more = dict(more or {})

    def text(self, text: str) -> str:
        """The text with everything that was recognised replaced by its kind in brackets."""
        if "base64," in text:
            text = _URL_OF_BYTES.sub(self._file, text)
        if len(text) >= 1024:
            text = _BASE64.sub(self._file, text)
        redacted = redact(text)
        if redacted != text:
            self.found["key"] += 1
            text = redacted
        if "@" in text:
            text = _EMAIL.sub(self._email, text)
        text = _DIGITS.sub(self._cards, text)
        for kind, form in self._more.items():
            text, times = form.subn(f"[{kind}]", text)
            if times:
                self.found[kind] += times
        return text

    def json(self, body: bytes) -> msgspec.Raw:
        """The same of JSON, as JSON; of what is none, as a JSON text."""
        try:
            masked = self._value(msgspec.json.decode(body))
        except (ValueError, RecursionError):
            masked = self.text(body.decode("utf-8", "replace"))
        return msgspec.Raw(msgspec.json.encode(masked))

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self._value(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner) for inner in value]
        if type(value) is int and value > 10**12 and is_card(str(value)):
            self.found["card"] += 1
            return "[card]"
        return value

    def _email(self, _: re.Match[str]) -> str:
        self.found["email"] += 1
        return "[email]"

    def _cards(self, found: re.Match[str]) -> str:
        """The digits without what is a card: all of them, or some groups among others."""
        text = found[0]
        if len(text) < _FEWEST_DIGITS:
            return text
        if is_card(text):
            self.found["card"] += 1
            return "[card]"
        groups = [group.span() for group in _GROUP.finditer(text)]
        written, kept, first = [], 0, 0
        while first < len(groups):
            taken = _card_at(text, groups, first)
            if taken:
                self.found["card"] += 1
                written += [text[kept : groups[first][0]], "[card]"]
                kept = groups[first + taken - 1][1]
            first += taken or 1
        return "".join([*written, text[kept:]])

    def _file(self, found: re.Match[str]) -> str:
        self.found["file"] += 1
        kind = found[1] if found.re is _URL_OF_BYTES and found[1] else "file"
        return f"[{kind}, {len(found[0])} characters]"


def traces(kinds: Iterable[str]) -> re.Pattern[str]:
    """What a masker leaves where it found something of these kinds.

    >>> bool(traces(["email"]).search("to [email]")), bool(traces(["email"]).search("[card]"))
    (True, False)
    """
    left = {"key": "…", "file": r"\[[\w.+/-]{1,128}, \d+ characters\]"}
    return re.compile("|".join(left.get(kind) or re.escape(f"[{kind}]") for kind in sorted(kinds)) or r"(?!)")


def _card_at(text: str, groups: Sequence[tuple[int, int]], first: int) -> int:
    """How many groups from one on are a card, 0 if none."""
    start = groups[first][0]
    layout: tuple[int, ...] = ()
    for number, (begin, end) in enumerate(groups[first : first + _MOST_GROUPS], start=1):
        layout += (end - begin,)
        is_alone = number == 1 and end - begin >= _FEWEST_DIGITS
        if (is_alone or layout in _LAYOUTS) and is_card(text[start:end]):
            return number
    return 0


def is_card(text: str) -> bool:
    """Whether the digits are those of a payment card: 13 to 19 that pass Luhn's check (ISO/IEC 7812-1, annex B).

    >>> is_card("4111 1111 1111 1111")
    True
    >>> is_card("4111 1111 1111 1112")
    False
    """
    digits = [int(character) for character in text if character.isdigit()]
    if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS or not any(digits):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
