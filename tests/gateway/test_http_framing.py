"""Requests that two servers could read differently are refused before anybody else sees a byte of them.

Sources: RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.1, 6.3 and 7.1; RFC 9110 section 5.5.
"""

import json

import pytest

from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed
from tests.upstream.scripted import CHAT, Peer, always, answer, scripted, until
from tests.upstream.simulated.serving import Answer, Client

PATH = b"/v1/chat/completions"
BODY = json.dumps(chat()).encode()
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n"
"""What an attacker would like to be taken for a request of its own."""


def head(*lines: bytes, first: bytes = b"POST " + PATH + b" HTTP/1.1", host: bytes = b"host: localhost") -> bytes:
    """The head of a request."""
    usual = [host] if host else []
    return b"\r\n".join([first, *usual, b"authorization: Bearer " + KEY.encode(), *lines]) + b"\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


LENGTH = b"content-length: %d" % len(BODY)
AMBIGUOUS = {
    "two lengths": head(LENGTH, b"content-length: 0") + BODY,
    "the same length twice": head(LENGTH, LENGTH) + BODY,
    "a list of lengths": head(b"content-length: %d, %d" % (len(BODY), len(BODY))) + BODY,
    "a length with a sign": head(b"content-length: +%d" % len(BODY)) + BODY,
    "a negative length": head(b"content-length: -1") + BODY,
    "a hexadecimal length": head(b"content-length: 0x10") + BODY,
    "an empty length": head(b"content-length:") + BODY,
    "a length beyond 64 bits": head(b"content-length: 18446744073709551617") + BODY,
    "a length with chunking": head(LENGTH, b"transfer-encoding: chunked") + chunked(BODY),
    "chunking with a length": head(b"transfer-encoding: chunked", LENGTH) + chunked(BODY),
    "a coding before chunked": head(b"transfer-encoding: gzip, chunked") + chunked(BODY),
    "a coding after chunked": head(b"transfer-encoding: chunked, identity") + chunked(BODY),
    "chunked twice": head(b"transfer-encoding: chunked, chunked") + chunked(BODY),
    "two codings in two fields": head(b"transfer-encoding: chunked", b"transfer-encoding: gzip") + chunked(BODY),
    "chunked in two fields": head(b"transfer-encoding: chunked", b"transfer-encoding: chunked") + chunked(BODY),
    "another coding": head(b"transfer-encoding: identity") + BODY,
    "a misspelt coding": head(b"transfer-encoding: xchunked") + chunked(BODY),
    "a coding with a vertical tab": head(b"transfer-encoding: \x0bchunked") + chunked(BODY),
    "a quoted coding": head(b'transfer-encoding: "chunked"') + chunked(BODY),
    "an empty coding": head(b"transfer-encoding:") + chunked(BODY),
    "chunking on HTTP/1.0": head(b"transfer-encoding: chunked", first=b"POST " + PATH + b" HTTP/1.0") + chunked(BODY),
    "a space before the colon": head(b"content-length : %d" % len(BODY)) + BODY,
    "a space before the first name": head(b" x-folded: 1", LENGTH) + BODY,
    "a folded field": head(b"x-folded: 1\r\n 2", LENGTH) + BODY,
    "a folded coding": head(b"transfer-encoding:\r\n chunked") + chunked(BODY),
    "a bare line feed between fields": head(b"x-a: 1\ntransfer-encoding: chunked", LENGTH) + BODY,
    "a bare carriage return in a value": head(b"x-a: 1\rtransfer-encoding: chunked", LENGTH) + BODY,
    "a NUL in a value": head(b"x-a: 1\x002", LENGTH) + BODY,
    "a NUL in a name": head(b"x-\x00a: 1", LENGTH) + BODY,
    "an empty name": head(b": 1", LENGTH) + BODY,
    "a name with a bracket": head(b"x-(a): 1", LENGTH) + BODY,
    "a line without a colon": head(b"nonsense", LENGTH) + BODY,
    "no host": head(LENGTH, host=b"") + BODY,
    "two hosts": head(b"host: example.org", LENGTH) + BODY,
    "two equal hosts": head(b"host: localhost", LENGTH) + BODY,
    "no version": head(LENGTH, first=b"POST " + PATH) + BODY,
    "an unknown version": head(LENGTH, first=b"POST " + PATH + b" HTTP/3.7") + BODY,
    "an unknown protocol": head(LENGTH, first=b"POST " + PATH + b" HTTPS/1.1") + BODY,
    "an unknown method": head(LENGTH, first=b"SPELL " + PATH + b" HTTP/1.1") + BODY,
    "a lower-case method": head(LENGTH, first=b"post " + PATH + b" HTTP/1.1") + BODY,
    "a space in the target": head(LENGTH, first=b"POST " + PATH + b" x HTTP/1.1") + BODY,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "noise": bytes(range(256)) * 4,
}
CHUNKS = {
    "a size that is no number": b"zz\r\n" + BODY,
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "an empty size": b"\r\nhello\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a bare line feed after the size": b"5\nhello\r\n0\r\n\r\n",
    "more bytes than the size says": b"5\r\nhello!\r\n0\r\n\r\n",
    "a bare line feed after the piece": b"5\r\nhello\n0\r\n\r\n",
    "a bare carriage return in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a bare line feed in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
}


async def refused(client: Client) -> Answer:
    """The one answer on a connection that is closed after it."""
    seen = await client.answer()
    assert await client.rest() == b"", "nothing may follow a refusal, least of all another answer"
    return seen


@pytest.mark.anyio
@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(name: str) -> None:
    """The next hop never sees it, the bytes behind it are no request, and the connection is closed."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(AMBIGUOUS[name] + SMUGGLED)
            seen = await refused(client)

        assert (seen.status, seen.headers["connection"]) == (400, "close")
        error = seen.json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", None)
        assert error["code"] in {"invalid_request", "ambiguous_header"}
        assert error["message"]
        assert seen.headers["x-request-id"].startswith("req-")
        assert target.asked == []
        assert [row.status for row in await served.wait_rows(1)] == [400]


@pytest.mark.anyio
@pytest.mark.parametrize("name", CHUNKS)
async def test_chunks_that_do_not_add_up_are_refused(name: str) -> None:
    """A body whose end two servers see at different places hides a request in itself."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(head(b"transfer-encoding: chunked") + CHUNKS[name] + SMUGGLED)
            seen = await refused(client)

        assert (seen.status, seen.headers["connection"]) == (400, "close")
        assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("name", CHUNKS)
@pytest.mark.parametrize("apart", [False, True], ids=["at once", "a little later"])
async def test_an_upload_whose_chunks_do_not_add_up_is_refused_at_once(name: str, *, apart: bool) -> None:
    """Nobody waits for the rest of it, and the upstream does not take what it has for all of it."""
    received: list[bytes] = []

    async def play(peer: Peer) -> None:
        await peer.head()
        received.append(await peer.gone())

    async with scripted(play) as target:
        config = {"upstreams": {"files": own_key_upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", "/v1/files", None, content_length="", transfer_encoding="chunked"))
            if apart:
                await until(lambda: bool(target.asked), "the upload has begun")
            client.send(b"3\r\none\r\n" + CHUNKS[name] + SMUGGLED)
            seen = await refused(client)
            await until(lambda: bool(received) or not target.asked, "the upstream sees the end")

        assert (seen.status, seen.headers["connection"]) == (400, "close")
        assert not any(block.endswith(b"0\r\n\r\n") for block in received)


@pytest.mark.anyio
async def test_extensions_and_trailers_of_chunks_go_no_further() -> None:
    """They are nobody's business here, and a field in a trailer must not become one of a head."""
    pieces = b'%x;name="a value";other\r\n%b\r\n' % (len(BODY), BODY)
    trailers = b"0;last\r\nx-trailer: 1\r\nauthorization: Bearer sk-of-somebody-else\r\n\r\n"
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(head(b"transfer-encoding: chunked", b"trailer: x-trailer") + pieces + trailers)
            seen = await client.answer()

        assert (seen.status, seen.body) == (200, CHAT)
        (asked,) = target.asked
        assert asked.body == BODY
        assert asked.headers["content-length"] == str(len(BODY))
        assert not {"transfer-encoding", "trailer", "x-trailer"} & set(asked.names)
        assert "somebody" not in asked.headers["authorization"]


@pytest.mark.anyio
async def test_a_trailer_says_nothing_about_the_next_request() -> None:
    """The fields of a head are compared with those of the one before: those of a trailer are not among them."""
    keys = [{"key": KEY, "team": "support"}]
    without_key = b"POST %b HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n" % PATH
    first = without_key + b"\r\n" + b"%x\r\n%b\r\n" % (len(BODY), BODY)
    first += b"0\r\nauthorization: Bearer %b\r\n\r\n" % KEY.encode()
    second = without_key + b"authorization: Bearer %b\r\n\r\n" % KEY.encode() + chunked(BODY)
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)}, keys=keys)) as served:
        async with served.connect() as client:
            client.send(first)
            refusal = await client.answer()
            client.send(second)
            accepted = await client.answer()

        assert (refusal.status, accepted.status) == (401, 200)


@pytest.mark.anyio
async def test_a_chunked_body_of_one_byte_a_chunk_arrives_whole() -> None:
    """However a body is cut, in chunks and in packets, it is the same body."""
    message = head(b"transfer-encoding: chunked") + chunked(*(BODY[at : at + 1] for at in range(len(BODY))))
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            for start in range(0, len(message), 7):
                client.send(message[start : start + 7])
                await client.writer.drain()
            seen = await client.answer()

        assert seen.status == 200
        assert [asked.body for asked in target.asked] == [BODY]


@pytest.mark.anyio
@pytest.mark.parametrize("spelling", [b"Chunked", b"CHUNKED", b" chunked ", b"\tchunked"])
async def test_chunked_may_be_written_in_any_case(spelling: bytes) -> None:
    """Field values of codings are compared without case, and white space around them is no part of them."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(head(b"transfer-encoding:" + spelling) + chunked(BODY))
            seen = await client.answer()

        assert seen.status == 200
        assert [asked.body for asked in target.asked] == [BODY]


@pytest.mark.anyio
async def test_a_request_of_http_1_0_is_answered_and_closed_or_kept_as_it_asks() -> None:
    """HTTP/1.0 has no chunks: an answer has a length or ends with the connection."""
    first = b"POST " + PATH + b" HTTP/1.0"
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(head(LENGTH, b"connection: keep-alive", first=first) + BODY)
            kept = await client.answer()
            client.send(head(LENGTH, first=first) + BODY)
            closed = await refused(client)

        assert (kept.status, kept.headers["connection"]) == (200, "keep-alive")
        assert (closed.status, closed.headers["connection"]) == (200, "close")
        assert "transfer-encoding" not in kept.headers


@pytest.mark.anyio
async def test_a_request_that_breaks_off_is_no_request() -> None:
    """Half a body with the promise of more is not sent on."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            client.send(head(b"content-length: %d" % (len(BODY) + 1)) + BODY)
            await client.writer.drain()
        answered = await served.ask("POST", PATH.decode(), chat())

        assert answered.status == 200
        assert len(target.asked) == 1


@pytest.mark.anyio
async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    """What was asked before the damage is answered first, in order; then the connection ends."""
    good = raw("POST", PATH.decode(), chat())
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(good + good + AMBIGUOUS["two lengths"])
            first, second = await client.answer(), await client.answer()
            third = await refused(client)

        assert [seen.status for seen in (first, second, third)] == [200, 200, 400]
