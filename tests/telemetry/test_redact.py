"""Secrets in text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.telemetry.redact import mask_key, redact

KEY = "sk-proj-4f0c9a7d21b8e6wxyz"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwcm9qZWN0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("key", "short"),
    [
        (KEY, "sk-…wxyz"),
        ("hf_abcdefghijklmnop", "hf_…mnop"),
        ("SK-ABCDEFGHIJKLMNOP", "SK-…MNOP"),
        ("0123456789abcdef", "…cdef"),
        ("sk-short", "sk-…"),
        ("hunter2", "…"),
        ("", "…"),
    ],
)
def test_the_short_form_tells_keys_apart_without_giving_them_away(key: str, short: str) -> None:
    """Somebody with three keys must see which one it was; short keys show nothing."""
    assert mask_key(key) == short


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"Incorrect API key provided: {KEY}. Get one at …", "Incorrect API key provided: sk-…wxyz. Get one at …"),
        (f"authorization: Bearer {KEY}", "authorization: Bearer sk-…wxyz"),
        ("Authorization: bearer 0123456789abcdef", "Authorization: bearer …cdef"),
        ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic …ZA=="),
        (f"token {JWT} expired", "token …dXJl expired"),
        ("https://user:hunter2@proxy.example:8080/x", "https://user:…@proxy.example:8080/x"),
        ("GET /v1/models?key=AIzaSyA1234567890abcdef&alt=json", "GET /v1/models?key=AIza…cdef&alt=json"),
        ('{"api_key": "abcdef", "model": "m"}', '{"api_key": "…", "model": "m"}'),
        (r"{\"api-key\":\"0123456789abcdef\"}", r"{\"api-key\":\"…cdef\"}"),
        ("api-key: 0123456789abcdef0123456789abcdef", "api-key: …cdef"),
        ("OPENAI_API_KEY=gsk_0123456789abcdef", "OPENAI_API_KEY=gsk_…cdef"),
        ("gsk_0123456789abcdef refused", "gsk_…cdef refused"),
        ("client_secret='correct horse'", "client_secret='… horse'"),
        ("AKIAIOSFODNN7EXAMPLE may not", "AKIA…MPLE may not"),
    ],
)
def test_secrets_are_masked_in_the_forms_they_slip_out_in(text: str, safe: str) -> None:
    """Error messages of upstreams, URLs, headers, bodies, the environment."""
    assert redact(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "upstreams.local.api_key: expected a string (got 5)",
        '{"input_tokens":120,"error_code":"invalid_api_key"}',
        "You didn't provide an API key. You need to provide your API key in an Authorization header",
        "bearer token is missing",
        "basic understanding of things",
        "task-force-of-many-words, desk-top-computers, risk-averse-investors",
        "http://127.0.0.1:8484/v1/chat/completions",
        "max_tokens: 1000000 is more than 4096",
        "the key of the key file is not a key",
        "",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    """A message about a setting is worth nothing with its words masked."""
    assert redact(text) == text


@given(st.text(max_size=40), st.from_regex(r"sk-[A-Za-z0-9]{20,40}", fullmatch=True), st.text(max_size=40))
def test_a_key_in_any_text_is_masked(before: str, key: str, after: str) -> None:
    """Wherever the upstream's error text puts it, as long as it stands apart."""
    assert key not in redact(f"{before} {key} {after}")


FRAGMENTS = st.sampled_from(
    [
        KEY,
        JWT,
        "token",
        "api_key",
        "?key=",
        "&sig=",
        "bearer ",
        "basic ",
        "://",
        ":",
        "=",
        '"',
        "\\",
        "@",
        " ",
        "…",
        "a",
        "A1",
    ]
)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """A value may pass here as a field and again as part of a text."""
    once = redact(text)

    assert redact(once) == once


HOSTILE = [
    "sk-",
    "_sk-",
    "-eyJ",
    "eyJ.",
    "token",
    "api_key:",
    "token=",
    "bearer ",
    "bearer  a",
    "basic a",
    "://",
    "://a:",
    'token"',
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_no_long_time(piece: str) -> None:
    """A pattern that backtracks lets one error message stop the gateway: half a megabyte would take minutes here."""
    text = piece * (500_000 // len(piece))

    assert len(redact(text)) <= len(text)


def test_the_masked_text_has_no_run_of_the_key_left() -> None:
    """Four characters at the end, and no more than the vendor's prefix at the start."""
    left = re.findall(r"[A-Za-z0-9]+", redact(KEY))

    assert left == ["sk", "wxyz"]
