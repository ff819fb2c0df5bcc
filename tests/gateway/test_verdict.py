"""How long an upstream wants to be left alone, in whatever words it says it."""

import email.utils
import time

import pytest

from offramp.gateway.verdict import MAX_REST_S, retry_after_s


@pytest.mark.parametrize(
    ("fields", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "3600"}, MAX_REST_S),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after-ms": "inf"}, MAX_REST_S),
        ({"retry-after": "\xff"}, None),
        ({"retry-after": "Mon, 01 Jan 1990 00:00:00 GMT"}, 0.0),
    ],
    ids=str,
)
def test_seconds_milliseconds_and_nonsense(fields: dict[str, str], wait_s: float | None) -> None:
    """Milliseconds are the more exact word; nonsense is as good as none; nobody may switch a tier off for an hour."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]

    assert retry_after_s(headers) == wait_s


def test_a_date_is_so_many_seconds_from_now() -> None:
    """RFC 9110 allows either form."""
    date = email.utils.formatdate(time.time_ns() / 1e9 + 20, usegmt=True)
    wait_s = retry_after_s([(b"retry-after", date.encode())])

    assert wait_s is not None
    assert 18 < wait_s <= 20
