"""What is written down of what people say: no key, no card, no address; and nothing else is touched."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.telemetry.masking import Masker, is_card


@pytest.mark.parametrize(
    ("text", "masked", "kind"),
    [
        ("write to ann.o'hara+x@mail.example.org today", "write to [email] today", "email"),
        ("jörg@bücher.example", "[email]", "email"),
        ("my card 4111 1111 1111 1111 expires", "my card [card] expires", "card"),
        ("5555-5555-5555-4444", "[card]", "card"),
        ("378282246310005", "[card]", "card"),
        ("use sk-proj-4f0c9a7d21b8e6wxyz", "use sk-…wxyz", "key"),
        ("see data:image/png;base64,iVBORw0KGgo= here", "see [image/png, 34 characters] here", "file"),
        ("x" * 2000, "[file, 2000 characters]", "file"),
    ],
)
def test_what_looks_like_a_secret_is_replaced_by_its_kind(text: str, masked: str, kind: str) -> None:
    """And counted, so that one can see that it works."""
    masker = Masker()

    assert masker.text(text) == masked
    assert masker.found == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112",
        "build 20261121093000123",
        "0000 0000 0000 0000",
        "1700000000000",
        "a@b and @home",
        "the word base64, and a long sentence " + "of words " * 300,
        "3.1415926535897932",
    ],
)
def test_what_only_resembles_one_stays(text: str) -> None:
    """A masker that eats numbers makes captures worthless."""
    masker = Masker()

    assert masker.text(text) == text
    assert not masker.found


def test_escapes_in_json_hide_nothing() -> None:
    r"""`\u0040` is an at sign to everybody who reads the JSON."""
    body = rb'{"to": "ann\u0040mail.example.org", "bob@mail.example.org": [4111111111111111, 1.5, null, true]}'

    assert msgspec.json.decode(bytes(Masker().json(body))) == {"to": "[email]", "[email]": ["[card]", 1.5, None, True]}


@pytest.mark.parametrize("body", [b'{"to": "a@mail.example.org"', b"\xff a@mail.example.org", b"[" * 5000])
def test_what_is_no_json_is_masked_as_text(body: bytes) -> None:
    """And is JSON afterwards: a text."""
    masked = msgspec.json.decode(bytes(Masker().json(body)))

    assert isinstance(masked, str)
    assert "@" not in masked


def test_forms_of_ones_own_are_masked_as_well() -> None:
    """Every house has numbers of its own."""
    masker = Masker({"customer": re.compile(r"\bC-\d{6}\b")})

    assert masker.text("C-123456 and C-12") == "[customer] and C-12"
    assert masker.found == {"customer": 1}


ATOMS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text("abc 12")
"""What JSON has words for."""


@given(st.recursive(ATOMS, st.lists, max_leaves=9))
def test_json_without_secrets_is_the_same_afterwards(value: object) -> None:
    """Value by value."""
    assert msgspec.json.decode(bytes(Masker().json(msgspec.json.encode(value)))) == value


@given(st.integers(10**11, 10**17))
def test_of_ten_last_digits_one_makes_a_card(number: int) -> None:
    """Luhn's check: exactly one digit completes any number."""
    assert sum(is_card(f"{number}{digit}") for digit in range(10)) == 1
