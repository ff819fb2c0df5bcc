"""The stream contract: nothing before the first content, everything after it, and an end that says what it is."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from offramp.gateway.exchange import Exchange, Stage
from tests.gateway.running import (
    MODEL,
    Config,
    Gateway,
    engine,
    gateway,
    own_key_upstream,
    raw,
    raw_chat,
    routed,
    until,
    upstream,
)
from tests.gateway.scripted import (
    ANSWER,
    DONE,
    ROLE,
    STREAM_HEAD,
    Scripted,
    Talk,
    chunk,
    event,
    finish,
    scripted,
    usage,
)
from tests.upstream.simulated.serving import PATIENCE_S, Client

pytestmark = pytest.mark.anyio


def one(told: Scripted, **changes: object) -> Config:
    """A configuration whose one upstream is scripted."""
    return routed({"local": {"base_url": told.base_url, "engine": "vllm", "health": False, **changes}})


def under_way(served: Gateway) -> Exchange | None:
    """The exchange that an attempt is made for."""
    return next((attempt.exchange for attempt in served.plane.pipeline.active), None)


def held(client: Client) -> bytes:
    """What has arrived and was not read."""
    return bytes(client.reader._buffer)  # type: ignore[attr-defined]


def gated(*before: bytes) -> tuple[Callable[[Talk], Awaitable[None]], asyncio.Event]:
    """A script that sends some events, waits for its gate, then ends as answers do."""
    gate = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        await talk.chunks(*before)
        await gate.wait()
        await talk.chunks(event(content="yes"), finish(), usage(), DONE)
        await talk.end()

    return script, gate


# ------------------------------------------------------------------------------------------------------- the commit


async def test_the_role_alone_is_held_back_until_there_is_content() -> None:
    """A role says that somebody is there, not that they can answer: until then another tier may still be asked."""
    script, gate = gated(b": hello\n\n", ROLE, event(content=""), event(content=None, tool_calls=[]))
    async with scripted(script) as told, gateway(one(told)) as served, served.connect() as client:
        client.send(raw_chat(stream=True))
        await until(lambda: (exchange := under_way(served)) is not None and len(exchange.parts or ()) == 4)

        assert under_way(served).stage is Stage.PRIMED  # type: ignore[union-attr]
        assert held(client) == b""

        gate.set()
        answer = await client.answer()
        assert answer.body.startswith(b": hello\n\n" + ROLE)
        assert answer.body.endswith(finish() + DONE)


FIRST_CONTENT = {
    "text": event(content="y"),
    "reasoning": event(reasoning="hm"),
    "reasoning_content": event(reasoning_content="hm"),
    "refusal": event(refusal="no"),
    "tool call": event(tool_calls=[{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f"}}]),
    "function call": event(function_call={"name": "f"}),
    "audio": event(audio={"id": "a", "data": "AA=="}),
    "a finish without content": finish(),
    "content with its finish in one": chunk({"delta": {"content": "y"}, "finish_reason": "stop"}),
    "content of the second choice": chunk({"delta": {"content": "y"}, "finish_reason": None}, 1),
}


@pytest.mark.parametrize("first", FIRST_CONTENT.values(), ids=FIRST_CONTENT.keys())
async def test_the_first_content_of_any_kind_commits_at_once(first: bytes) -> None:
    """Whoever waits for a reasoning model must see it think, not wait for its first word."""
    script, gate = gated(ROLE, first)
    async with scripted(script) as told, gateway(one(told)) as served, served.connect() as client:
        client.send(raw_chat(stream=True))
        async with asyncio.timeout(PATIENCE_S):
            early = await client.reader.readuntil(first)

        assert early.startswith(b"HTTP/1.1 200 OK\r\n")
        assert early.endswith(ROLE + first)
        gate.set()
        await client.reader.readuntil(DONE)


async def test_the_events_of_legacy_completions_commit_by_their_text() -> None:
    """The older operation has no role; its first text counts."""
    script, gate = gated(chunk({"text": "", "finish_reason": None}), chunk({"text": "y", "finish_reason": None}))
    async with scripted(script) as told, gateway(one(told)) as served, served.connect() as client:
        client.send(raw("POST", "/v1/completions", {"model": MODEL, "prompt": "hi", "stream": True}))
        async with asyncio.timeout(PATIENCE_S):
            early = await client.reader.readuntil(b'"text": "y"')
        gate.set()
        await client.reader.readuntil(DONE)

        assert early.count(b'"text"') == 2


async def test_much_without_content_is_passed_on_as_it_stands() -> None:
    """What is held back has a bound; a server that fills it without a word is taken as it is."""
    comment = b": " + b"x" * 70_000 + b"\n\n"
    script, gate = gated(*[comment] * 4)
    async with scripted(script) as told, gateway(one(told)) as served, served.connect() as client:
        client.send(raw_chat(stream=True))
        async with asyncio.timeout(PATIENCE_S):
            early = await client.reader.readexactly(200_000)
        gate.set()
        await client.reader.readuntil(DONE)

        assert early.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_stream_without_a_word_goes_to_the_next_tier() -> None:
    """An empty stream is a failure; the client must not get it as an answer."""

    async def empty(talk: Talk) -> None:
        await talk.stream(ROLE, usage(), DONE)

    async with scripted(empty) as told, engine("openai") as hosted:
        upstreams = {"local": {"base_url": told.base_url}, "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat(stream=True)

            assert (answer.headers["x-offramp-tier"], answer.events[-1]) == ("openai", "[DONE]")
            row = await served.only_row()
            assert [(attempt.tier, attempt.failure) for attempt in row.tries] == [("local", "empty"), ("openai", "")]
            assert row.input_tokens != 7, "the usage of the attempt that failed is not the answer's"


# ----------------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
async def test_events_may_arrive_cut_anywhere(line_end: bytes) -> None:
    """Networks cut where they like; the client gets the same bytes and the ledger the same facts."""
    events = [ROLE, event(content="a\n\nb"), event(content="ü"), finish(), usage(), DONE]
    body = b"".join(events).replace(b"\n", line_end)

    async def byte_by_byte(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        for at in range(len(body)):
            await talk.chunks(body[at : at + 1])
            await asyncio.sleep(0)
        await talk.end()

    async with scripted(byte_by_byte) as told, gateway(one(told)) as served:
        answer = await served.chat(stream=True)

        assert answer.body == body.replace(usage().replace(b"\n", line_end), b"")
        row = await served.only_row()
        assert (row.outcome, row.usage, row.input_tokens, row.output_tokens) == ("ok", "measured", 7, 2)
        assert row.finish_reason == "stop"


async def test_fields_and_events_that_nobody_has_heard_of_survive() -> None:
    """What a server adds is between it and its client."""
    strange = b'event: ping\ndata: {"type":"ping","n":1}\n\n'
    extra = b'data: {"choices":[{"index":0,"delta":{"content":"y","new":[1]}}],"obfuscation":"abc","kv":{}}\n\n'

    async def odd(talk: Talk) -> None:
        await talk.stream(ROLE, extra, strange, b": keep-alive\n\n", finish(), DONE)

    async with scripted(odd) as told, gateway(one(told)) as served:
        answer = await served.chat(stream=True)

        assert answer.body == ROLE + extra + strange + b": keep-alive\n\n" + finish() + DONE


async def test_nothing_follows_the_end_marker() -> None:
    """A client that has seen `[DONE]` has hung up in its head; what an engine says after it is dropped."""

    async def talkative(talk: Talk) -> None:
        await talk.stream(ROLE, event(content="y"), finish(), DONE, event(content="more"), DONE)

    async with scripted(talkative) as told, gateway(one(told)) as served:
        answer = await served.chat(stream=True)

        assert answer.body == ROLE + event(content="y") + finish() + DONE


# ---------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize(("finished", "outcome"), [(1, "truncated"), (2, "ok")])
async def test_a_missing_end_marker_is_supplied_only_where_every_choice_is_finished(
    finished: int, outcome: str
) -> None:
    """A clean end without `[DONE]` is whole if everything was said, and cut if a choice was not."""

    async def without_done(talk: Talk) -> None:
        ends = [finish(index=index) for index in range(finished)]
        await talk.stream(ROLE, event(content="y"), *ends)

    async with scripted(without_done) as told, gateway(one(told)) as served:
        answer = await served.chat(stream=True, n=2)

        assert (answer.events[-1] == "[DONE]") == (outcome == "ok")
        assert ('"error"' in answer.events[-1]) == (outcome == "truncated")
        assert (await served.only_row()).outcome == outcome


@pytest.mark.parametrize("ending", ["hang", "reset", "hang_up"])
async def test_after_an_upstreams_own_error_event_the_body_is_ended_whatever_the_upstream_does(ending: str) -> None:
    """An unfinished chunked body would swallow the next answer on the client's connection."""

    async def failing(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        await talk.chunks(ROLE, event(content="y"), b'data: {"error":{"message":"died","code":500}}\n\n')
        if ending == "hang":
            await asyncio.sleep(PATIENCE_S)
        elif ending == "reset":
            await asyncio.sleep(0.02)
            talk.reset()
        else:
            talk.hang_up()

    async def fine(talk: Talk) -> None:
        await talk.whole(ANSWER)

    async with (
        scripted(failing, fine) as told,
        gateway(one(told, timeouts={"silence_s": 0.2})) as served,
        served.connect() as client,
    ):
        answer = await served.send_chat(client, stream=True)
        after = await served.send_chat(client)

        assert answer.chunks[-1]["error"] == {"message": "died", "type": "server_error", "param": None, "code": None}
        assert "[DONE]" not in answer.events
        assert after.json() == ANSWER
        first, second = await served.wait_rows(2)
        assert (first.outcome, second.outcome) == ("truncated", "ok")


@pytest.mark.parametrize("ending", ["hang", "reset", "hang_up"])
async def test_a_connection_that_breaks_after_the_end_marker_breaks_nothing(ending: str) -> None:
    """The answer is whole; a server that does not end its body properly is no reason for an error event."""

    async def abrupt(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        await talk.chunks(ROLE, event(content="y"), finish(), usage(), DONE)
        await asyncio.sleep(PATIENCE_S if ending == "hang" else 0.02)
        if ending == "reset":
            talk.reset()
        else:
            talk.hang_up()

    async with scripted(abrupt) as told, gateway(one(told, timeouts={"silence_s": 0.2})) as served:
        answer = await served.chat(stream=True)

        assert (answer.whole, answer.events[-1]) == (True, "[DONE]")
        row = await served.only_row()
        assert (row.outcome, row.usage, row.output_tokens) == ("ok", "measured", 2)


async def test_a_broken_stream_of_responses_ends_in_that_operations_error_event() -> None:
    """The SDK raises on the event `error` there; a data object with `error` is the chat's way."""

    async def broken(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        created = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n'
        delta = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"y"}\n\n'
        await talk.chunks(created, delta)
        talk.hang_up()

    async with scripted(broken) as told, gateway(one(told)) as served:
        answer = await served.ask("POST", "/v1/responses", {"model": MODEL, "input": "hi", "stream": True})

        assert answer.whole
        assert answer.body.split(b"\n\n")[-2].startswith(b"event: error\ndata: {")
        assert answer.chunks[-1]["type"] == "error"
        assert answer.chunks[-1]["code"] == "upstream_stream_broken"
        assert (await served.only_row()).outcome == "truncated"


async def test_an_answer_of_responses_without_text_is_an_answer() -> None:
    """A response may end before it has said anything, at its token limit say; that is no failure."""

    async def cut_short(talk: Talk) -> None:
        response = '{"id":"resp_1","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}'
        await talk.stream(
            b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n',
            b'event: response.incomplete\ndata: {"type":"response.incomplete","response":%b}\n\n' % response.encode(),
        )

    async with scripted(cut_short) as told, gateway(one(told)) as served:
        answer = await served.ask("POST", "/v1/responses", {"model": MODEL, "input": "hi", "stream": True})

        assert answer.status == 200
        assert answer.chunks[-1]["type"] == "response.incomplete"
        row = await served.only_row()
        assert (row.outcome, row.finish_reason) == ("ok", "max_output_tokens")


async def test_a_client_of_http_1_0_gets_a_stream_without_chunks() -> None:
    """It knows no chunked bodies: the end of the connection is the end of the answer."""
    async with (
        engine("vllm", models=("tiny",)) as local,
        gateway(routed({"local": upstream(local)}, {"upstream": "local", "model": "tiny"})) as served,
        served.connect() as client,
    ):
        client.send(raw_chat(stream=True).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
        received = await client.rest()

        head, _, body = received.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert body.startswith(b"data: {")
        assert body.endswith(DONE)


# ------------------------------------------------------------------------------------------------ answers in one go


async def test_a_very_long_answer_is_committed_as_it_stands() -> None:
    """Answers are held to be recognised, but not without bound."""
    long = {**ANSWER, "padding": "x" * 9_000_000}

    async def lengthy(talk: Talk) -> None:
        await talk.whole(long)

    async with scripted(lengthy) as told, gateway(one(told)) as served:
        answer = await served.chat()

        assert answer.json() == long
        row = await served.only_row()
        assert (row.outcome, row.usage, row.bytes_out) == ("ok", "estimated", len(answer.body))


async def test_a_very_long_answer_that_breaks_is_broken_for_the_client_too() -> None:
    """After the commit nothing can be taken back: the client must see that the body is not whole."""

    async def broken(talk: Talk) -> None:
        await talk.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20000000\r\n\r\n")
        await talk.say(b"{" + b" " * 9_000_000)
        talk.hang_up()

    async with scripted(broken) as told, gateway(one(told)) as served:
        answer = await served.chat()

        assert (answer.status, answer.whole) == (200, False)
        row = await served.only_row()
        assert (row.outcome, row.error_code) == ("truncated", "upstream_answer_broken")
