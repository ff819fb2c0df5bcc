"""Every fault as a client meets it at the socket."""

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offramp.errors import BadRequestError
from offramp.upstream.simulated.faults import KINDS, Faults
from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Client, Served, chat_body, request, serving

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[3] / "docs" / "simulate.md"
STREAM = {"stream": True, "max_tokens": 10, "stream_options": {"include_usage": True}}


@pytest.fixture
async def vllm() -> AsyncIterator[Served]:
    """An engine with vLLM's manners."""
    async with serving(Options(profile=Profile.VLLM)) as served:
        yield served


@pytest.fixture
async def openai() -> AsyncIterator[Served]:
    """An engine with OpenAI's manners."""
    async with serving(Options(profile=Profile.OPENAI)) as served:
        yield served


async def raw_chat(served: Served, **fields: object) -> bytes:
    """All bytes of an answer up to the end of its connection."""
    async with served.connect() as client:
        client.send(request("POST", "/v1/chat/completions", chat_body(**fields), KEY, ("connection", "close")))
        return await client.rest()


async def read_on(client: Client, received: bytearray) -> None:
    """Gather what comes until the connection ends by FIN."""
    while part := await client.reader.read(65536):
        received += part


async def is_silent(served: Served, **fields: object) -> bytes:
    """What has arrived when nothing more comes for a while."""
    received = b""
    async with served.connect() as client:
        client.send(request("POST", "/v1/chat/completions", chat_body(**fields), KEY))
        while True:
            try:
                async with asyncio.timeout(0.3):
                    part = await client.reader.read(65536)
            except TimeoutError:
                return received
            assert part, "the connection was closed"
            received += part


# ------------------------------------------------------------------------------------------------- before the request


async def test_down_resets_new_connections_and_those_under_way(vllm: Served) -> None:
    """As if the process had been killed."""
    async with vllm.connect() as streaming:
        streaming.send(request("POST", "/v1/chat/completions", chat_body(stream=True, max_tokens=1000)))
        await streaming.reader.readuntil(b"Simulated")
        await vllm.fault("down")
        with pytest.raises(ConnectionResetError):
            await streaming.reader.readuntil(b"[DONE]")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await vllm.chat()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await vllm.ask("GET", "/health")
    state = await vllm.state()

    assert state["failed"] == 1
    assert state["aborted"] == 0
    assert state["in_flight"] == 0


async def test_down_still_answers_its_control_path_and_none_brings_it_back(vllm: Served) -> None:
    """Else nobody could ever end it."""
    await vllm.fault("down")
    await vllm.fault("none")

    assert (await vllm.chat()).status == 200


async def test_a_connection_that_says_nothing_to_an_engine_that_is_down_is_reset(vllm: Served) -> None:
    """A probe that only connects must learn it too, if a little later."""
    await vllm.fault("down")
    async with vllm.connect() as client:
        assert await client.rest() == b""


async def test_a_connection_used_for_control_gets_nothing_else_while_down(vllm: Served) -> None:
    """The exception is for the path, not for the client."""
    await vllm.fault("down")
    async with vllm.connect() as client:
        client.send(request("GET", "/_simulate"))
        assert (await client.answer()).status == 200
        client.send(request("GET", "/health"))

        assert await client.rest() == b""


async def test_a_control_request_may_arrive_byte_by_byte_while_down(vllm: Served) -> None:
    """The network cuts where it likes."""
    await vllm.fault("down")
    async with vllm.connect() as client:
        for byte in request("POST", "/_simulate", {"fault": "none"}):
            client.send(bytes([byte]))
            await asyncio.sleep(0)

        assert (await client.answer()).status == 200


async def test_a_cold_vllm_refuses_until_it_is_ready(vllm: Served) -> None:
    """VLLM opens its port when the model is loaded."""
    await vllm.fault("cold_start", delay_s=0.2)
    began_s = time.monotonic()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await vllm.chat()
    await vllm.until("fault", {"fault": "none"})

    assert (await vllm.chat()).status == 200
    assert time.monotonic() - began_s >= 0.19


async def test_a_cold_openai_profile_answers_late(openai: Served) -> None:
    """A serverless platform holds the request until an instance is up."""
    began_s = time.monotonic()
    await openai.fault("cold_start", delay_s=0.2)
    answer = await openai.chat(max_tokens=1)

    assert answer.status == 200
    assert time.monotonic() - began_s >= 0.19
    assert (await openai.state())["fault"] == {"fault": "none"}


# ------------------------------------------------------------------------------------------------ instead of an answer


async def test_hang_answers_nothing(vllm: Served) -> None:
    """Not a byte, and the connection stays open."""
    await vllm.fault("hang")

    assert await is_silent(vllm, **STREAM) == b""


async def test_hang_with_a_delay_answers_after_it(vllm: Served) -> None:
    """So a timeout can be met from either side."""
    await vllm.fault("hang", delay_s=0.1)
    began_s = time.monotonic()

    assert (await vllm.chat(max_tokens=1)).status == 200
    assert time.monotonic() - began_s >= 0.1


async def test_429_says_when_to_come_back(openai: Served) -> None:
    """Both headers that clients read."""
    await openai.fault("429", retry_after_s=7)
    answer = await openai.chat()

    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["retry-after-ms"] == "7000"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_429_bare_does_not_say_when(openai: Served) -> None:
    """VLLM and many proxies never do."""
    await openai.fault("429_bare")
    answer = await openai.chat()

    assert answer.status == 429
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_plain_statuses_come_in_each_profiles_envelope(openai: Served, vllm: Served, status: int) -> None:
    """OpenAI's code is a string or null, vLLM's the number."""
    await openai.fault(str(status))
    await vllm.fault(str(status))
    ours, theirs = await openai.chat(stream=True), await vllm.chat(stream=True)

    assert (ours.status, theirs.status) == (status, status)
    assert not isinstance(ours.json()["error"]["code"], int)
    assert theirs.json()["error"]["code"] == status


async def test_html_comes_with_status_200(openai: Served) -> None:
    """As from a proxy's login or error page."""
    await openai.fault("html")
    answer = await openai.chat()

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")


async def test_missing_answers_as_for_an_unknown_path(openai: Served, vllm: Served) -> None:
    """An upstream that does not have the operation."""
    await openai.fault("missing")
    await vllm.fault("missing")

    assert "Invalid URL" in (await openai.chat()).json()["error"]["message"]
    assert (await vllm.chat()).json() == {"detail": "Not Found"}


async def test_out_of_memory_kills_the_engine_until_it_is_started_again(vllm: Served) -> None:
    """Whoever was being answered hears of it, later requests too, and the health check fails."""
    async with vllm.connect() as streaming:
        streaming.send(request("POST", "/v1/chat/completions", chat_body(stream=True, max_tokens=1000)))
        await streaming.reader.readuntil(b"Simulated")
        await vllm.fault("out_of_memory", count=1)
        first = await vllm.chat()
        told = await streaming.reader.readuntil(b"0\r\n\r\n")
    second = await vllm.chat()
    health = await vllm.ask("GET", "/health")
    await vllm.fault("none")
    third = await vllm.chat(max_tokens=1)

    assert (first.status, second.status, health.status, third.status) == (500, 500, 503, 200)
    assert "CUDA out of memory" in first.json()["error"]["message"]
    assert b'"error"' in told
    assert (await vllm.state())["running"] == 0


# ------------------------------------------------------------------------------------------------ in the answer's bytes


@pytest.mark.parametrize(("name", "contents"), [("role_only", 1), ("hang_in_stream", 4)])
async def test_a_stream_falls_silent(vllm: Served, name: str, contents: int) -> None:
    """After the role, or after three tokens; the connection stays open."""
    await vllm.fault(name)
    told = await is_silent(vllm, **STREAM)

    assert told.count(b'"content"') == contents
    assert b"[DONE]" not in told


async def test_a_silent_answer_that_is_not_streamed_stops_in_the_middle(openai: Served) -> None:
    """The same fault for a client that does not stream."""
    await openai.fault("hang_in_stream")
    head, _, body = (await is_silent(openai)).partition(b"\r\n\r\n")

    assert len(body) < int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]


async def test_cut_resets_in_the_middle_of_an_event(vllm: Served) -> None:
    """RST, after three tokens and half an event."""
    await vllm.fault("cut")
    async with vllm.connect() as client:
        client.send(request("POST", "/v1/chat/completions", chat_body(**STREAM)))
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            await read_on(client, received)

    assert received.count(b'"content"') == 4
    assert not received.endswith(b"\r\n")


async def test_cut_without_a_stream_leaves_half_a_body(openai: Served) -> None:
    """The length says more than comes."""
    await openai.fault("cut")
    answer = await openai.chat()

    assert not answer.whole


async def test_cut_clean_ends_by_fin_with_the_body_unfinished(vllm: Served) -> None:
    """No RST, no last chunk: what a proxy's timeout looks like."""
    await vllm.fault("cut_clean", after_tokens=5)
    received = await raw_chat(vllm, **STREAM)

    assert received.count(b'"content"') == 6
    assert not received.endswith(b"0\r\n\r\n")


async def test_no_done_ends_properly_without_the_marker(openai: Served) -> None:
    """Everything is there, usage included, but `[DONE]`."""
    await openai.fault("no_done")
    answer = await openai.chat(**STREAM)

    assert answer.whole
    assert answer.chunks[-1]["usage"]["completion_tokens"] == 10
    assert "[DONE]" not in answer.events


async def test_no_done_after_some_tokens_looks_like_success(openai: Served) -> None:
    """A clean end of a stream that is not finished: the trap that needs an end marker."""
    await openai.fault("no_done", after_tokens=4)
    answer = await openai.chat(**STREAM)

    assert answer.whole
    assert answer.text == "Simulated answer: no"
    assert 'finish_reason":"' not in answer.body.decode()


async def test_an_error_comes_before_any_event(openai: Served, vllm: Served) -> None:
    """Status 200, then nothing but an error; vLLM still sends `[DONE]`."""
    await openai.fault("error_in_stream")
    await vllm.fault("error_in_stream")
    ours, theirs = await openai.chat(**STREAM), await vllm.chat(**STREAM)

    assert (ours.status, theirs.status) == (200, 200)
    assert [list(chunk) for chunk in ours.chunks] == [["error"]]
    assert theirs.events[1:] == ["[DONE]"]


async def test_an_error_comes_after_some_tokens(openai: Served) -> None:
    """Then the answer has begun, and nobody can start it again."""
    await openai.fault("error_in_stream", after_tokens=2)
    answer = await openai.chat(**STREAM)

    assert answer.text == "Simulated answer"
    assert "error" in answer.chunks[-1]
    assert answer.whole


async def test_an_error_without_a_stream_is_a_body_with_status_200(vllm: Served) -> None:
    """It must not be taken for an answer."""
    await vllm.fault("error_in_stream")
    answer = await vllm.chat()

    assert answer.status == 200
    assert list(answer.json()) == ["error"]


async def test_malformed_breaks_the_json_of_events_and_bodies(vllm: Served) -> None:
    """The framing is right, the content is not."""
    await vllm.fault("malformed", after_tokens=2)
    streamed, whole = await vllm.chat(**STREAM), await vllm.chat()

    assert streamed.whole
    with pytest.raises(json.JSONDecodeError):
        _ = streamed.chunks
    assert whole.whole
    with pytest.raises(json.JSONDecodeError):
        whole.json()


@pytest.mark.parametrize("size_bytes", [1, 7])
async def test_slow_drip_cuts_events_everywhere_and_loses_nothing(openai: Served, size_bytes: int) -> None:
    """The same bytes, a few at a time."""
    plain = await openai.chat(**STREAM, seed=1)
    await openai.fault("slow_drip", size_bytes=size_bytes)
    async with openai.connect() as client:
        client.send(request("POST", "/v1/chat/completions", chat_body(**STREAM, seed=1), KEY))
        dripped = await client.answer()
        client.send(request("GET", "/v1/models", None, KEY))
        following = await client.answer()

    assert dripped.whole
    assert dripped.text == plain.text
    assert dripped.events[-1] == "[DONE]"
    assert following.status == 200


async def test_gzip_comes_though_nobody_asked(openai: Served) -> None:
    """Streamed and whole."""
    await openai.fault("gzip")
    streamed, whole = await openai.chat(**STREAM), await openai.chat()

    assert streamed.headers["content-encoding"] == whole.headers["content-encoding"] == "gzip"
    assert gzip.decompress(streamed.body).endswith(b"data: [DONE]\n\n")
    assert json.loads(gzip.decompress(whole.body))["object"] == "chat.completion"


async def test_big_headers_are_16_kib_more(openai: Served) -> None:
    """Real answers have them: cookies, policies, traces."""
    await openai.fault("big_headers")
    answer = await openai.chat()

    assert answer.status == 200
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) > 16 * 1024


async def test_extra_bytes_follow_the_answer(openai: Served) -> None:
    """They must never reach the next client of a pooled connection."""
    await openai.fault("extra_bytes", count=1)
    async with openai.connect() as client:
        client.send(request("POST", "/v1/chat/completions", chat_body(), KEY))
        first, second = await client.answer(), await client.answer()

    assert first.json()["object"] == "chat.completion"
    assert second.json() == {"simulated": "bytes that nobody asked for"}


# ------------------------------------------------------------------------------------------------ in what is said


async def test_no_usage_leaves_it_out_even_where_it_was_asked_for(openai: Served) -> None:
    """As llama-cpp-python does."""
    await openai.fault("no_usage")
    streamed, whole = await openai.chat(**STREAM), await openai.chat()

    assert all(chunk["choices"] for chunk in streamed.chunks)
    assert "usage" not in whole.json()


@pytest.mark.parametrize(("kind", "wrong"), [("negative", -2), ("strings", "1"), ("null", None), ("huge", 2**62 + 1)])
async def test_wrong_usage_is_wrong_in_the_way_that_was_asked_for(vllm: Served, kind: str, wrong: object) -> None:
    """No accounting may believe any of these."""
    await vllm.fault("wrong_usage", kind=kind)

    assert (await vllm.chat()).json()["usage"]["prompt_tokens"] == wrong
    assert (await vllm.chat(**STREAM)).chunks[-1]["usage"]["prompt_tokens"] == wrong


async def test_duplicate_tool_index_gives_two_calls_the_same_index(openai: Served) -> None:
    """Clients that assemble deltas by index mix them up."""
    await openai.fault("duplicate_tool_index")
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    streamed = await openai.chat(stream=True, tools=tools)
    whole = await openai.chat(tools=tools)

    assert [call["index"] for call in streamed.chunks[0]["choices"][0]["delta"]["tool_calls"]] == [0, 0]
    assert len(whole.json()["choices"][0]["message"]["tool_calls"]) == 2


# ------------------------------------------------------------------------------------------------------- the switch


async def test_count_limits_a_fault_to_the_next_requests(openai: Served) -> None:
    """So a test can fail exactly one attempt."""
    await openai.fault("500", count=2)
    statuses = [(await openai.chat(max_tokens=1)).status for _ in range(3)]

    assert statuses == [500, 500, 200]
    assert (await openai.state())["faults"] == {"500": 2}


async def test_share_spreads_a_fault_evenly(openai: Served) -> None:
    """Without chance, so that a test can count."""
    await openai.fault("503", share=0.25)
    statuses = [(await openai.chat(max_tokens=1)).status for _ in range(8)]

    assert statuses == [200, 200, 200, 503] * 2


async def test_a_fault_leaves_other_requests_alone_unless_a_path_is_given(vllm: Served) -> None:
    """A failing model does not make the health check fail, but a test may want that too."""
    await vllm.fault("500")
    healthy = await vllm.ask("GET", "/health")
    await vllm.fault("503", path="/health")
    ill = await vllm.ask("GET", "/health")

    assert (healthy.status, ill.status) == (200, 503)
    assert (await vllm.chat(max_tokens=1)).status == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"fault":"explode"}', "no fault is called 'explode'"),
        (b'{"fault":"cut","after":1}', "unknown field `after`"),
        (b'{"fault":"wrong_usage","kind":"odd"}', "negative, strings, null, huge"),
        (b'{"fault":"500","share":2}', "between 0 and 1"),
        (b"nonsense", "not a fault"),
    ],
)
async def test_a_switch_that_cannot_be_understood_is_refused(openai: Served, body: bytes, says: str) -> None:
    """A typing error in a test must not look like a fault that does nothing."""
    answer = await openai.ask("POST", "/_simulate", body)

    assert answer.status == 400
    assert says in answer.json()["error"]


def test_a_switch_error_names_every_fault() -> None:
    """Nobody should have to look them up."""
    with pytest.raises(BadRequestError, match=r"none, down, cold_start, .*duplicate_tool_index"):
        Faults().switch(b'{"fault":"?"}', 0.0)


def test_the_page_has_every_fault_in_its_table_with_the_same_words() -> None:
    """A fault that nobody can read about does not exist, one that is gone must not be promised."""
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    faults = {name: says for name, says in rows if name in KINDS}

    assert faults == {kind.name: kind.says for kind in KINDS.values()}


def test_every_fault_is_tested_here() -> None:
    """The list grows only together with this file."""
    source = Path(__file__).read_text(encoding="utf-8")
    statuses = {"401", "403", "500", "503"}

    assert [name for name in KINDS if f'"{name}"' not in source and name not in statuses] == []
