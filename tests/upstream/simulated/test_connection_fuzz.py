"""Bytes nobody meant: whatever arrives, cut anywhere, no exception escapes and the same requests are read."""

import asyncio
import itertools
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from offramp.upstream.simulated.connection import Connection
from offramp.upstream.simulated.request import Request
from tests.upstream.simulated.serving import chat_body, request

GOOD = (
    request("POST", "/v1/chat/completions", chat_body())
    + b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    + request("GET", "/health")
)


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        """Open."""
        self.written = b""

    def write(self, payload: bytes) -> None:
        """Keep it."""
        self.written += payload

    def close(self) -> None:
        """Nothing to close."""

    def pause_reading(self) -> None:
        """The test goes on writing."""

    def resume_reading(self) -> None:
        """The same."""


class Noted:
    """An application that notes requests and answers each at once."""

    def __init__(self) -> None:
        """None yet."""
        self.seen: list[tuple[str, str, bytes]] = []

    def opened(self, connection: Connection) -> None:
        """Not of interest."""

    def closed(self, connection: Connection) -> None:
        """Not of interest."""

    def refuses(self, target: str) -> bool:
        """Never down."""
        return False

    def left(self) -> None:
        """Not of interest."""

    def answer(self, request: Request, connection: Connection) -> "Noted":
        """At once."""
        self.seen.append((request.method, request.path, request.body))
        connection.done(keep_alive=request.keep_alive)
        return self


def read(parts: list[bytes]) -> tuple[list[tuple[str, str, bytes]], bytes]:
    """The requests that were read and what was answered by the connection itself."""
    application, wire = Noted(), Wire()
    connection = Connection(application, cast("asyncio.AbstractEventLoop", None))
    connection.connection_made(cast("asyncio.BaseTransport", wire))
    for part in parts:
        connection.data_received(part)
    connection.connection_lost(None)
    return application.seen, wire.written


def pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return [raw[start:end] for start, end in itertools.pairwise(places)]


@given(cuts=st.lists(st.integers(0, len(GOOD)), max_size=20))
def test_requests_do_not_depend_on_where_the_network_cuts(cuts: list[int]) -> None:
    """Three requests, however they arrive."""
    seen, _ = read(pieces(GOOD, cuts))

    assert [(method, path) for method, path, _ in seen] == [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/x"),
        ("GET", "/health"),
    ]
    assert seen[1][2] == b"abc"


@given(
    at=st.integers(0, len(GOOD)), length=st.integers(0, 30), noise=st.binary(max_size=30), cuts=st.lists(st.integers(0))
)
def test_damaged_bytes_never_raise(at: int, length: int, noise: bytes, cuts: list[int]) -> None:
    """At worst the client is told 400 and the rest is ignored."""
    seen, written = read(pieces(GOOD[:at] + noise + GOOD[at + length :], cuts))

    assert len(seen) <= 40
    assert written == b"" or written.startswith(b"HTTP/1.1 ")


@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_never_raises(noise: bytes) -> None:
    """Not HTTP at all."""
    _, written = read([noise, b"\r\n\r\n", noise])

    assert written == b"" or written.startswith(b"HTTP/1.1 4")
