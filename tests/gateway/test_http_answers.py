"""Answers that two readers could read differently are not passed on; nothing of one reaches the next client.

The same care as with requests, on the other side: an upstream may be broken, or not ours.
"""

import asyncio
import json

import pytest

from tests.gateway.running import chat, gateway, raw, routed, upstream
from tests.upstream.scripted import CHAT, Peer, Play, always, answer, once, scripted, until

PATH = "/v1/chat/completions"
LENGTH = b"content-length: %d\r\n" % len(CHAT)
KIND = b"content-type: application/json\r\n"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHAT), CHAT)
OTHER = CHAT.replace(b"forty-two", b"somebody else's")

AMBIGUOUS = {
    "two lengths": b"HTTP/1.1 200 OK\r\n" + KIND + LENGTH + b"content-length: 3\r\n\r\n" + CHAT,
    "a length with chunking": b"HTTP/1.1 200 OK\r\n" + KIND + LENGTH + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "chunking with a length": b"HTTP/1.1 200 OK\r\n"
    + KIND
    + b"transfer-encoding: chunked\r\n"
    + LENGTH
    + b"\r\n"
    + CHUNKED,
    "another coding": b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: gzip, chunked\r\n\r\n" + CHUNKED,
    "identity": b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: identity\r\n\r\n" + CHAT,
    "two codings": b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n" + CHUNKED,
    "chunking on HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED,
    "a folded field": b"HTTP/1.1 200 OK\r\n" + KIND + b"x-a: 1\r\n 2\r\n" + LENGTH + b"\r\n" + CHAT,
    "a bare carriage return": b"HTTP/1.1 200 OK\r\n" + KIND + b"x-a: 1\rset-cookie: x\r\n" + LENGTH + b"\r\n" + CHAT,
    "a bare line feed": b"HTTP/1.1 200 OK\r\n" + KIND + b"x-a: 1\nset-cookie: x\r\n" + LENGTH + b"\r\n" + CHAT,
    "a NUL": b"HTTP/1.1 200 OK\r\n" + KIND + b"x-a: \x00\r\n" + LENGTH + b"\r\n" + CHAT,
    "a space before the colon": b"HTTP/1.1 200 OK\r\n" + KIND + b"content-length : 3\r\n\r\n" + CHAT,
    "a negative length": b"HTTP/1.1 200 OK\r\n" + KIND + b"content-length: -1\r\n\r\n" + CHAT,
    "a bad chunk size": b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + CHAT,
    "more than the chunk says": b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\n\r\n3\r\n" + CHAT,
    "a change of protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n" + KIND + LENGTH + b"\r\n" + CHAT,
    "no status line": KIND + LENGTH + b"\r\n" + CHAT,
    "a body alone": CHAT,
    "noise": bytes(range(256)) * 3,
}
"""Each of them makes this try a failure: the next tier answers."""


@pytest.mark.anyio
@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_an_answer_that_can_be_read_in_two_ways_is_none(name: str) -> None:
    """The next tier answers instead, and the connection is not used again."""
    async with scripted(once(AMBIGUOUS[name])) as first, scripted(always(answer())) as second:
        async with gateway(routed({"first": upstream(first), "second": upstream(second)})) as served:
            seen = await served.chat()
            row = await served.only_row()
            connections = served.instance("first").open_connections

        assert (seen.status, seen.headers["x-offramp-tier"], seen.body) == (200, "second", CHAT)
        assert (row.tries[0].tier, row.tries[0].failure) == ("first", "not_protocol")
        assert connections == 0


@pytest.mark.anyio
async def test_extensions_and_trailers_of_an_answer_s_chunks_go_no_further() -> None:
    """Neither into the body nor among the fields of the head, though all came in one packet."""
    raw_answer = b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\ntrailer: x-trailer\r\n\r\n"
    raw_answer += b"%x;ext=1\r\n%b\r\n" % (len(CHAT), CHAT)
    raw_answer += b"0;last\r\nx-trailer: 1\r\nx-request-id: of-a-trailer\r\n\r\n"
    async with scripted(always(raw_answer)) as target:
        config = {**routed({"local": upstream(target)}), "passthrough": "local"}
        async with gateway(config) as served:
            seen = [await served.chat(), await served.ask("POST", "/v1/audio/speech", b"{}")]

        for one in seen:
            assert (one.status, one.body) == (200, CHAT)
            assert not {"x-trailer", "trailer"} & one.headers.keys()
            assert one.headers["x-request-id"] != "of-a-trailer"
        assert target.opened == 1


async def _late(peer: Peer) -> None:
    await peer.request()
    peer.send(answer())
    await asyncio.sleep(0.05)
    peer.send(answer(OTHER))
    await peer.gone()


EXCESS: dict[str, Play] = {
    "a second answer in the same packet": once(answer() + answer(OTHER)),
    "the beginning of a second answer": once(answer() + b"HTTP/1.1 500 Oops\r\nx-"),
    "bytes that are no answer": once(answer() + b"garbage"),
    "a longer body than the length says": once(answer(CHAT)[:-1] + CHAT[-1:] + b"}}}}"),
    "a second answer a little later": _late,
    "chunks behind the last one": once(
        b"HTTP/1.1 200 OK\r\n" + KIND + b"transfer-encoding: chunked\r\n\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", EXCESS)
async def test_bytes_after_an_answer_never_reach_the_next_client(name: str) -> None:
    """A pooled connection that has said more than it was asked is closed; the status is the first answer's too."""
    async with scripted(EXCESS[name], always(answer(CHAT, b"x-second: yes"))) as target:
        async with gateway(routed({"local": upstream(target)})) as served:
            first = await served.chat()
            if name == "a second answer a little later":
                await until(lambda: not served.instance("local").open_connections, "the connection is closed")
            second = await served.chat()

        assert (first.status, first.body) == (200, CHAT)
        assert (second.status, second.body, second.headers["x-second"]) == (200, CHAT, "yes")
        assert target.opened == 2


@pytest.mark.anyio
async def test_a_connection_is_used_again_for_other_clients() -> None:
    """Whoever asks next, one connection serves them one after the other."""
    async with scripted(always(answer())) as target, gateway(routed({"local": upstream(target)})) as served:
        for _ in range(5):
            assert (await served.chat()).status == 200

        assert (target.opened, len(target.asked)) == (1, 5)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "raw_answer",
    [
        answer(CHAT, b"connection: close"),
        b"HTTP/1.0 200 OK\r\n" + KIND + LENGTH + b"\r\n" + CHAT,
        b"HTTP/1.1 200 OK\r\n" + KIND + b"\r\n" + CHAT,
        b"HTTP/1.1 200 OK\r\n" + KIND + b"connection: keep-alive\r\n\r\n" + CHAT,
    ],
    ids=["connection: close", "HTTP/1.0", "no length", "no length and keep-alive"],
)
async def test_answers_that_end_their_connection_are_whole(raw_answer: bytes) -> None:
    """The next request opens another one."""
    async with scripted(once(raw_answer)) as target, gateway(routed({"local": upstream(target)})) as served:
        seen = [await served.chat(), await served.chat()]

        assert [(one.status, one.body) for one in seen] == [(200, CHAT)] * 2
        assert target.opened == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\ncontent-length: 5\r\n\r\n",
    ],
    ids=["100", "three of 102", "103"],
)
async def test_interim_answers_are_passed_over(interim: bytes) -> None:
    """Their fields are none of the answer's."""
    async with scripted(always(interim + answer())) as target, gateway(routed({"local": upstream(target)})) as served:
        async with served.connect() as client:
            client.send(raw("POST", PATH, chat()) * 2)
            seen = [await client.answer(), await client.answer()]

        assert [(one.status, one.body) for one in seen] == [(200, CHAT)] * 2
        assert all("link" not in one.headers for one in seen)
        assert target.opened == 1


@pytest.mark.anyio
async def test_an_offer_of_another_protocol_in_an_answer_is_passed_over() -> None:
    """Apache says `Upgrade: h2,h2c` with every answer."""
    offering = answer(CHAT, b"upgrade: h2,h2c", b"connection: Upgrade, Keep-Alive")
    async with scripted(always(offering)) as target, gateway(routed({"local": upstream(target)})) as served:
        seen = [await served.chat(), await served.chat()]

        assert [(one.status, one.body) for one in seen] == [(200, CHAT)] * 2
        assert "upgrade" not in seen[0].headers


@pytest.mark.anyio
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body_have_none(status: bytes) -> None:
    """RFC 9110 section 8.6: a 204 says no length either; the next answer on the connection is not its body."""
    empty = b"HTTP/1.1 " + status + b"\r\nx-empty: yes\r\n\r\n"
    async with scripted(always(empty)) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("DELETE", "/v1/files/1") + raw("GET", "/health"))
            head = await client.reader.readuntil(b"\r\n\r\n")
            after = await client.answer()

        assert head.split(b" ")[1] == status[:3]
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert b"x-empty: yes" in head
        assert after.body == b"ok\n"


@pytest.mark.anyio
async def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole() -> None:
    """What streams through unread can only be broken off, so that the client sees it."""
    async with scripted(once(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            with_length = await served.ask("GET", "/v1/files/1/content")
    async with scripted(once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            in_chunks = await served.ask("GET", "/v1/files/1/content")
            row = await served.only_row()

    assert (with_length.whole, in_chunks.whole) == (False, False)
    assert row.outcome == "truncated"


@pytest.mark.anyio
async def test_a_stream_that_nobody_asked_for_is_no_list_of_models() -> None:
    """Nor an answer to anything else that is not streamed; the client is told."""
    stream = answer(b'data: {"object":"list","data":[]}\n\n', kind=b"text/event-stream")
    async with scripted(always(stream)) as target:
        async with gateway(routed({"local": upstream(target)}, passthrough="local")) as served:
            seen = [await served.ask("GET", "/v1/models"), await served.chat()]

        assert [one.status for one in seen] == [502, 502]


# --- reuse races --------------------------------------------------------------------------------


def closing_on_the_second(how: str, sent_before: bytes = b"") -> Play:
    """Answers once, and closes its connection when it is asked again, perhaps after some bytes."""

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(answer())
        await peer.head()
        peer.send(sent_before)
        if how == "reset":
            peer.reset()
        else:
            peer.close()

    return play


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_request_that_meets_a_closing_connection_is_sent_anew(how: str) -> None:
    """The upstream closed an idle connection just when it was used: nobody's failure, and no row says so."""
    async with scripted(closing_on_the_second(how), always(answer())) as target:
        async with gateway(routed({"local": upstream(target)})) as served:
            seen = [await served.chat(), await served.chat(user="second")]
            rows = await served.wait_rows(2)

        assert [(one.status, one.body) for one in seen] == [(200, CHAT)] * 2
        assert [(row.attempts, row.tries) for row in rows] == [(1, ()), (1, ())]
        assert json.loads(target.asked[2].body)["user"] == "second"
        assert target.opened == 2


@pytest.mark.anyio
async def test_it_is_sent_anew_only_once() -> None:
    """A fresh connection that closes without a byte is a failure of the upstream."""

    async def rude(peer: Peer) -> None:
        await peer.request()

    async with (
        scripted(closing_on_the_second("close"), rude, always(answer())) as first,
        scripted(always(answer())) as second,
        gateway(routed({"first": upstream(first), "second": upstream(second)})) as served,
    ):
        await served.chat()
        seen = await served.chat()

        assert (seen.status, seen.headers["x-offramp-tier"]) == (200, "second")
        assert len(first.asked) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_it_is_not_sent_anew_once_a_byte_came_back(sent: bytes) -> None:
    """The upstream was at it already, so a second time could do it twice; the next tier answers instead."""
    async with (
        scripted(closing_on_the_second("close", sent), always(answer())) as first,
        scripted(always(answer())) as second,
        gateway(routed({"first": upstream(first), "second": upstream(second)})) as served,
    ):
        await served.chat()
        seen = await served.chat()
        row = (await served.wait_rows(2))[1]

        assert (seen.status, seen.headers["x-offramp-tier"]) == (200, "second")
        assert [one.failure for one in row.tries] == ["broken", ""]
        assert len(first.asked) == 2


@pytest.mark.anyio
async def test_an_upload_that_was_streamed_is_not_sent_anew_without_its_body() -> None:
    """Its pieces are not kept: the client is told, and nothing half is sent as if it were whole."""
    async with scripted(closing_on_the_second("close"), always(answer(b"{}"))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            await served.ask("POST", "/v1/files", b"first")
            async with served.connect() as client:
                client.send(raw("POST", "/v1/files", None, content_length="10"))
                await until(lambda: len(target.asked) == 2, "the head is there")
                client.send(b"0123456789")
                seen = await client.answer()

        assert seen.status == 502
        assert seen.json()["error"]["code"] == "upstream_failed"
        assert target.opened == 1
