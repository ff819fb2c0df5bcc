"""A head that llhttp has accepted is known again by its bytes, and by nothing less."""

import pytest

from offramp.wire.known_head import KnownHead, learn

BEFORE = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: "
AFTER = b"\r\nAuthorization: Bearer k\r\n\r\n"
LIMIT = 1000


def known() -> KnownHead[str]:
    """The head, learned."""
    found = learn(BEFORE + b"2" + AFTER + b"{}", "its facts")
    assert found is not None
    return found


def test_the_same_head_with_another_length_gives_the_body() -> None:
    """Clients repeat their heads; only the length differs."""
    assert known().body_of(BEFORE + b"5" + AFTER + b"hello", LIMIT) == b"hello"
    assert known().facts == "its facts"


@pytest.mark.parametrize(
    "received",
    [
        BEFORE + b"5" + AFTER + b"hell",
        BEFORE + b"5" + AFTER + b"hello!",
        BEFORE + b"5" + AFTER + b"hello" + BEFORE + b"5" + AFTER + b"hello",
        BEFORE + b"-5" + AFTER + b"hello",
        BEFORE + b"+5" + AFTER + b"hello",
        BEFORE + b"5 " + AFTER + b"hello",
        BEFORE + b"" + AFTER + b"",
        BEFORE + b"5" + AFTER.replace(b"k", b"K") + b"hello",
        BEFORE.replace(b"Host: a", b"Host: b") + b"5" + AFTER + b"hello",
        BEFORE + b"5\r\nContent-Length: 5" + AFTER + b"hello",
        BEFORE + b"0000000000005" + AFTER + b"hello",
        BEFORE + b"1001" + AFTER + b"x" * 1001,
        BEFORE[:20],
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(received: bytes) -> None:
    """A part of a request, more than one, a doubtful length, another header: none of them is taken here."""
    assert known().body_of(received, LIMIT) is None


def test_a_head_without_a_length_is_not_learned() -> None:
    """There would be nothing to cut the body out by."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\n\r\n"

    assert learn(head, "its facts") is None


def test_a_length_in_the_body_is_none_of_the_head() -> None:
    """What a client writes into its prompt must not be taken for a header."""
    body = b"x\r\nContent-Length: 9\r\n\r\n"

    found = learn(BEFORE + b"25" + AFTER + body, "its facts")

    assert found == known()
