"""Heads: what travels on, in both directions."""

from offramp.wire.http import (
    LAST_CHUNK,
    chunk,
    connection_names,
    field,
    forwarded_answer_fields,
    forwarded_request_fields,
    status_line,
)


def test_a_status_line_says_its_reason() -> None:
    """Also for a status that has no name."""
    assert status_line(200) == b"HTTP/1.1 200 OK\r\n"
    assert status_line(404) == b"HTTP/1.1 404 Not Found\r\n"
    assert status_line(599) == b"HTTP/1.1 599 Status\r\n"


def test_connection_names_fields_of_this_connection_only() -> None:
    """Not its own options."""
    headers = [(b"connection", b"keep-alive, X-Hop ,close,"), (b"a", b"b"), (b"connection", b"upgrade, x-two")]

    assert connection_names(headers) == {b"x-hop", b"x-two"}


def test_the_client_s_fields_travel_on_without_credentials_framing_and_addresses() -> None:
    """Each upstream gets its own key and framing; what was meant for offramp stays here."""
    dropped = [
        (b"host", b"h"),
        (b"content-length", b"3"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"keep-alive, x-hop"),
        (b"x-hop", b"1"),
        (b"authorization", b"Bearer sk"),
        (b"api-key", b"sk"),
        (b"cookie", b"c"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"x-offramp-site", b"s"),
        (b"te", b"trailers"),
        (b"accept-encoding", b"gzip"),
        (b"origin", b"http://evil"),
    ]
    kept = [(b"x-stainless-lang", b"python"), (b"accept", b"*/*"), (b"openai-organization", b"org")]

    assert forwarded_request_fields([*dropped, *kept], own_key=False) == (
        b"x-stainless-lang: python\r\naccept: */*\r\nopenai-organization: org\r\n"
    )


def test_the_account_of_the_client_s_key_does_not_travel_with_ours() -> None:
    """It would contradict the key."""
    headers = [(b"openai-project", b"p"), (b"openai-beta", b"b")]

    assert forwarded_request_fields(headers, own_key=True) == b"openai-beta: b\r\n"


def test_the_upstream_s_fields_travel_back_without_framing() -> None:
    """Rate limits and the request's id do travel."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"3"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"set-cookie", b"c"),
        (b"x-ratelimit-remaining-tokens", b"9"),
    ]

    assert forwarded_answer_fields(headers) == (
        b"content-type: application/json\r\nx-ratelimit-remaining-tokens: 9\r\n"
    )


def test_fields_that_the_upstream_s_connection_names_do_not_travel_back() -> None:
    """They concern its connection with us."""
    headers = [(b"x-hop", b"1"), (b"connection", b"keep-alive, x-hop"), (b"a", b"b")]

    assert forwarded_answer_fields(headers) == b"a: b\r\n"


def test_a_connection_with_options_only_hides_nothing() -> None:
    """`Keep-Alive` in capitals names no field."""
    assert forwarded_answer_fields([(b"connection", b"Keep-Alive"), (b"a", b"b")]) == b"a: b\r\n"


def test_finds_the_first_field_of_a_name() -> None:
    """Empty if there is none."""
    assert field([(b"b", b"0"), (b"a", b"1"), (b"a", b"2")], b"a") == b"1"
    assert field([], b"a") == b""


def test_blocks_are_framed_as_chunks() -> None:
    """Length in hexadecimal digits."""
    assert chunk(b"x" * 26) + LAST_CHUNK == b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"
