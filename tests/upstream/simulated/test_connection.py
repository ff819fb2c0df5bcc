"""HTTP of the simulated engine: an upstream that is sloppy here would hide a gateway's mistakes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from offramp.upstream.simulated.connection import MAX_PIPELINED
from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import Served, chat_body, request, serving

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """An engine that needs no key."""
    async with serving(Options(profile=Profile.VLLM)) as one:
        yield one


async def raw(served: Served, sent: bytes) -> bytes:
    """Everything that comes back until the connection ends."""
    async with served.connect() as client:
        client.send(sent)
        return await client.rest()


async def test_a_connection_serves_many_requests(served: Served) -> None:
    """Streamed and whole ones in turn."""
    async with served.connect() as client:
        for streaming in (True, False, True, False):
            client.send(request("POST", CHAT, chat_body(stream=streaming, max_tokens=2)))
            answer = await client.answer()

            assert answer.whole
            assert answer.headers["content-type"].startswith("text/event-stream" if streaming else "application/json")


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    """A slow one before a fast one holds it back."""
    async with served.connect() as client:
        slow, fast = chat_body(max_tokens=20, stream=True), {"prompt": "abcd" * 3}
        client.send(request("POST", CHAT, slow) + request("POST", "/tokenize", fast) + request("GET", "/version"))
        answers = [await client.answer() for _ in range(3)]

    assert answers[0].events[-1] == "[DONE]"
    assert answers[1].json()["count"] == 3
    assert "version" in answers[2].json()


async def test_more_pipelined_requests_than_fit_all_get_their_answer(served: Served) -> None:
    """Reading pauses, nothing is lost."""
    count = 3 * MAX_PIPELINED
    async with served.connect() as client:
        client.send(request("POST", CHAT, chat_body(max_tokens=1)) + request("GET", "/health") * count)
        answers = [await client.answer() for _ in range(count + 1)]

    assert {answer.status for answer in answers} == {200}


async def test_a_request_may_arrive_byte_by_byte(served: Served) -> None:
    """The network cuts where it likes."""
    async with served.connect() as client:
        for byte in request("POST", CHAT, chat_body(max_tokens=1)):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        answer = await client.answer()

    assert answer.status == 200


async def test_a_chunked_body_is_put_together(served: Served) -> None:
    """Clients that stream their upload send no length."""
    body = request("POST", CHAT, chat_body(max_tokens=1)).partition(b"\r\n\r\n")[2]
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:30], body[30:]))
    async with served.connect() as client:
        client.send(head + chunks + b"0\r\n\r\n")
        answer = await client.answer()

    assert answer.json()["usage"]["completion_tokens"] == 1


async def test_who_waits_for_a_go_ahead_gets_it(served: Served) -> None:
    """Curl waits before it sends a large body."""
    whole = request("POST", CHAT, chat_body(max_tokens=1), ("expect", "100-continue"))
    head, _, body = whole.partition(b"\r\n\r\n")
    async with served.connect() as client:
        client.send(head + b"\r\n\r\n")
        go_ahead = await client.answer()
        client.send(body)
        answer = await client.answer()

    assert (go_ahead.status, answer.status) == (100, 200)


async def test_http_1_0_gets_a_body_without_chunks_and_an_end(served: Served) -> None:
    """Old proxies speak it."""
    body = request("POST", CHAT, chat_body(max_tokens=2, stream=True)).partition(b"\r\n\r\n")[2]
    answer = await raw(served, b"POST %b HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body))
    head, _, events = answer.partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in head
    assert events.startswith(b"data: ")
    assert events.endswith(b"data: [DONE]\n\n")


async def test_http_1_0_may_keep_its_connection(served: Served) -> None:
    """If it asks to, and the length is known."""
    async with served.connect() as client:
        for _ in range(2):
            client.send(b"GET /health HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            answer = await client.answer()

            assert answer.headers["connection"] == "keep-alive"


async def test_who_asks_to_close_is_closed(served: Served) -> None:
    """And told so."""
    answer = await raw(served, request("GET", "/health", None, ("connection", "close")))

    assert b"connection: close" in answer


async def test_head_gets_no_body(served: Served) -> None:
    """Load balancers probe with it."""
    async with served.connect() as client:
        client.send(b"HEAD /version HTTP/1.1\r\nhost: x\r\n\r\n" + request("GET", "/health"))
        head = await client.reader.readuntil(b"\r\n\r\n")
        following = await client.answer()

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert following.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    ],
)
async def test_http_that_is_malformed_or_ambiguous_is_400_and_the_end(served: Served, sent: bytes) -> None:
    """So a gateway that lets such a request through is found out."""
    answer = await raw(served, sent)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer


async def test_what_came_before_malformed_bytes_is_answered_first(served: Served) -> None:
    """In order, as always."""
    answer = await raw(served, request("POST", CHAT, chat_body(max_tokens=2)) + b"nonsense\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 400 Bad Request") == 1


@pytest.mark.parametrize("headers", [b"x: " + b"a" * 70_000, b"\r\n".join(b"x%d: y" % number for number in range(300))])
async def test_too_many_headers_are_refused(served: Served, headers: bytes) -> None:
    """By size and by number."""
    answer = await raw(served, b"GET /health HTTP/1.1\r\nhost: x\r\n" + headers + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_an_upgrade_that_is_not_known_is_answered_as_usual_and_ends_the_connection(served: Served) -> None:
    """What follows it may be no HTTP."""
    upgrade = (("upgrade", "h2c"), ("connection", "upgrade"))
    answer = await raw(served, request("GET", "/version", None, *upgrade) + b"PRI * HTTP/2.0")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 ") == 1
