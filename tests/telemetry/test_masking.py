"""What is written down of what people say: no key, no card, no address; and nothing else is touched."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.telemetry.masking import Masker, is_card, traces


@pytest.mark.parametrize(
    ("text", "masked", "kind"),
    [
        ("write to ann.o'hara+x@mail.example.org today", "write to [email] today", "email"),
        ("jörg@bücher.example", "[email]", "email"),
        ("my card 4111 1111 1111 1111 expires", "my card [card] expires", "card"),
        ("5555-5555-5555-4444", "[card]", "card"),
        ("378282246310005", "[card]", "card"),
        ("3782 822463 10005.", "[card].", "card"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card]", "card"),
        ("(4111111111111111)", "([card])", "card"),
        ("card=4111111111111111&cvc=123", "card=[card]&cvc=123", "card"),
        ("order 12 4111 1111 1111 1111 2026", "order 12 [card] 2026", "card"),
        ("4111-1111-1111-1111- thanks", "[card]- thanks", "card"),
        ("卡号4111111111111111是我的", "卡号[card]是我的", "card"),
        (r"{\"note\": \"mine:\n4111111111111111\"}", r"{\"note\": \"mine:\n[card]\"}", "card"),
        (r"caf\u00e94111111111111111", r"caf\u00e9[card]", "card"),
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
        "chatcmpl-4111111111111111",
        "call_4111111111111111",
        "req_4111111111111111a",
        "9b4111111111111111cafe",
        "4111111111111111a",
        "a716-446655440000 in 550e8400-e29b-41d4-a716-446655440000",
        "41111111-1111-1111-abcd-000000000000",
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


@pytest.mark.parametrize(
    "text",
    ["ann@mail.example.org", "4111111111111111", "sk-proj-4f0c9a7d21b8e6wxyz", "x" * 2000, "C-123456"],
)
def test_what_was_masked_can_be_told_from_what_was_not(text: str) -> None:
    """Two values that look alike afterwards may have been different."""
    masker = Masker({"customer": re.compile(r"\bC-\d{6}\b")})
    masked = masker.text(f"see {text}")

    assert traces(masker.found).search(masked)
    assert not traces(masker.found).search(f"see {text}")
    assert not traces([]).search(masked)


ATOMS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text("abc 12")
"""What JSON has words for."""


@given(st.recursive(ATOMS, st.lists, max_leaves=9))
def test_json_without_secrets_is_the_same_afterwards(value: object) -> None:
    """Value by value."""
    assert msgspec.json.decode(bytes(Masker().json(msgspec.json.encode(value)))) == value


@pytest.mark.parametrize("text", ["4111 1111 1111 1111 5555-5555-5555-4444", "4111111111111111-5555555555554444"])
def test_cards_beside_each_other_are_all_masked(text: str) -> None:
    """A table of customers has one in each row."""
    masker = Masker()

    assert not any(character.isdigit() for character in masker.text(text))
    assert masker.found == {"card": 2}


LAYOUTS = ((16,), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (13,), (19,))
"""How cards are written: in one row of digits or in groups."""


@given(
    st.sampled_from(LAYOUTS),
    st.sampled_from([" ", "-"]),
    st.integers(1, 10**18),
    st.sampled_from(["", "my card is ", "2026 ", "12 34 ", "id: ", "x=", '"', "\n", "Nr.\t"]),
    st.sampled_from(["", " ", ".", ", thanks", " 12", "\n2026", '"']),
)
def test_a_card_is_found_wherever_it_stands_alone(
    layout: tuple[int, ...], between: str, number: int, before: str, after: str
) -> None:
    """Whatever is said around it."""
    head = f"{number:0{sum(layout) - 1}d}"[: sum(layout) - 1]
    digits = next(f"{head}{last}" for last in range(10) if is_card(f"{head}{last}"))
    places = [sum(layout[:index]) for index in range(len(layout))]
    written = between.join(digits[place : place + size] for place, size in zip(places, layout, strict=True))

    assert written not in Masker().text(f"{before}{written}{after}")


@given(st.uuids() | st.text("0123456789abcdef", min_size=16, max_size=64).filter(lambda text: not text.isdigit()))
def test_an_id_of_hexadecimal_digits_stays_as_it_is(word: object) -> None:
    """Of the long runs of digits in such words one in ten passes Luhn's check, and an id that changes joins nothing."""
    for text in (f"{word}", f"id {word}, request req_{word}", f"chatcmpl-{word}"):
        assert Masker().text(text) == text


@given(st.integers(10**11, 10**17))
def test_of_ten_last_digits_one_makes_a_card(number: int) -> None:
    """Luhn's check: exactly one digit completes any number."""
    assert sum(is_card(f"{number}{digit}") for digit in range(10)) == 1
