"""Every fault of the simulated engine: what the client sees, what the next tier sees, what the ledger says."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from offramp.upstream.simulated.faults import KINDS
from tests.gateway.running import (
    MODEL,
    TOKENS,
    UPSTREAM_KEY,
    Config,
    asked,
    chat,
    engine,
    gateway,
    header,
    own_key_upstream,
    raw_chat,
    routed,
    tries,
    until,
    upstream,
)
from tests.upstream.simulated.serving import Answer, Served

pytestmark = pytest.mark.anyio

IMPATIENT = {"first_token_s": 0.25, "silence_s": 0.2, "total_s": 0.4}
"""Timeouts of an upstream that is expected to hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault of the first tier before it has said a word, for one way of asking."""

    fault: str
    failure: str
    """What the ledger calls it."""
    stream: bool | None = None
    """Only streamed, only whole, or both."""
    options: dict[str, object] = field(default_factory=dict)
    status: int = 0
    """What the first tier's attempt got as an HTTP status."""
    shown: int = 502
    """The status that a client sees whose route has no other tier."""
    code: str | None = "upstream_failed"
    """The code in that answer."""
    timeouts: dict[str, float] = field(default_factory=dict)
    own_key: bool = False


def hangs(fault: str, failure: str, **more: Any) -> Case:  # noqa: ANN401 - fields of any type
    """A case that ends in a timeout."""
    return Case(fault=fault, failure=failure, shown=504, code="upstream_timeout", timeouts=IMPATIENT, **more)


NOTHING_YET: dict[str, object] = {"after_tokens": 0}
CASES = [
    Case(fault="down", failure="broken"),
    hangs("hang", "first_token_timeout", stream=True),
    hangs("hang", "total_timeout", stream=False),
    hangs("role_only", "first_token_timeout", stream=True, status=200),
    hangs("role_only", "silence", stream=False, status=200),
    hangs("hang_in_stream", "first_token_timeout", stream=True, status=200, options=NOTHING_YET),
    hangs("hang_in_stream", "silence", stream=False, status=200),
    Case(fault="cut", failure="broken", stream=True, status=200, options=NOTHING_YET),
    Case(fault="cut", failure="broken", stream=False, status=200),
    Case(fault="cut_clean", failure="broken", stream=True, status=200, options=NOTHING_YET),
    Case(fault="cut_clean", failure="broken", stream=False, status=200),
    Case(fault="no_done", failure="empty", stream=True, status=200, options=NOTHING_YET),
    Case(fault="error_in_stream", failure="stream_error", stream=True, status=200),
    Case(fault="error_in_stream", failure="not_protocol", stream=False, status=200),
    Case(fault="malformed", failure="empty", stream=True, status=200),
    Case(fault="malformed", failure="not_protocol", stream=False, status=200),
    Case(fault="gzip", failure="not_protocol", status=200),
    Case(fault="html", failure="not_protocol", status=200),
    Case(fault="429", failure="rate_limited", status=429, shown=429, code="rate_limit_exceeded"),
    Case(fault="429_bare", failure="rate_limited", status=429, shown=429, code="rate_limit_exceeded"),
    Case(fault="401", failure="key_refused", status=401, code="upstream_key_refused"),
    Case(fault="401", failure="key_refused", status=401, code="upstream_key_refused", own_key=True),
    Case(fault="403", failure="key_refused", status=403, code="upstream_key_refused"),
    Case(fault="500", failure="server_error", status=500, shown=500, code=None),
    Case(fault="503", failure="server_error", status=503, shown=503, code=None),
    Case(fault="missing", failure="unsupported", status=404, shown=404, code="unknown_url"),
    Case(fault="cold_start", failure="broken"),
    Case(fault="out_of_memory", failure="server_error", status=500, shown=500, code=None),
]
WAYS = [
    pytest.param(case, stream, id=f"{case.fault}-{'streamed' if stream else 'whole'}{'-own_key' * case.own_key}")
    for case in CASES
    for stream in (True, False)
    if case.stream in (None, stream)
]

HARMLESS = ["no_done", "slow_drip", "big_headers", "extra_bytes"]
AFTER_CONTENT = ["hang_in_stream", "cut", "cut_clean", "no_done", "error_in_stream"]
ELSEWHERE = {"no_usage", "wrong_usage", "duplicate_tool_index"}
"""What an answer says, rather than how it comes: see `test_usage.py` and the end of this file."""


def local_upstream(local: Served, case: Case) -> Config:
    """The first tier's upstream."""
    key = {"api_key": UPSTREAM_KEY} if case.own_key else {}
    return upstream(local, timeouts=case.timeouts, **key)


LOCAL = {"upstream": "local", "model": "tiny"}
NEXT = {"upstream": "openai"}


def test_every_fault_of_the_simulated_engine_is_met_here() -> None:
    """A fault that is added to the engine must be met by the gateway, too."""
    met = {case.fault for case in CASES} | set(HARMLESS) | set(AFTER_CONTENT) | ELSEWHERE

    assert met == set(KINDS)


def check_whole_answer(answer: Answer, *, stream: bool) -> None:
    """The answer is complete, from one model, and in the form that was asked for."""
    assert answer.status == 200
    assert answer.whole
    if not stream:
        assert answer.json()["usage"]["completion_tokens"] == TOKENS
        assert answer.json()["choices"][0]["finish_reason"] == "length"
        return
    assert answer.events[-1] == "[DONE]"
    chunks = answer.chunks
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all(chunk["choices"] for chunk in chunks), "the client has not asked for usage"
    assert sum("role" in chunk["choices"][0]["delta"] for chunk in chunks) == 1
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"][0]["finish_reason"]] == [
        "length"
    ]
    assert sum(bool(chunk["choices"][0]["delta"].get("content")) for chunk in chunks) == TOKENS


@pytest.mark.parametrize(("case", "stream"), WAYS)
async def test_before_any_content_the_next_tier_answers_as_if_nothing_had_been(case: Case, *, stream: bool) -> None:
    """The promise of the house: an upstream that fails without a word costs the client nothing but time."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": local_upstream(local, case), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault(case.fault, **case.options)

            answer = await served.chat(stream=stream)

            check_whole_answer(answer, stream=stream)
            assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("openai", "2")

            [seen] = await asked(hosted)
            assert (seen["path"], seen["model"]) == ("/v1/chat/completions", MODEL)
            assert header(seen, "authorization") == "Bearer sk-…3210"

            row = await served.only_row()
            assert (row.outcome, row.status, row.tier, row.attempts) == ("ok", 200, "openai", 2)
            assert tries(row) == [("local", case.failure, case.status), ("openai", "", 200)]
            assert (row.usage, row.output_tokens, row.finish_reason) == ("measured", TOKENS, "length")
            assert (row.model_served, row.error_code) == (MODEL, ""), "nothing of the failed attempt may stay"
            assert row.cost_nano == row.baseline_nano
            assert row.cost_nano


@pytest.mark.parametrize(("case", "stream"), WAYS)
async def test_alone_in_its_route_it_becomes_one_clear_error(case: Case, *, stream: bool) -> None:
    """Without another tier the client must get OpenAI's shape with a stable code, never half an answer or a hang."""
    async with (
        engine("vllm", models=("tiny",)) as local,
        gateway(routed({"local": local_upstream(local, case)}, LOCAL)) as served,
    ):
        await local.fault(case.fault, **case.options)

        answer = await served.chat(stream=stream)

        assert answer.whole
        assert (answer.status, answer.headers["content-type"]) == (case.shown, "application/json")
        error = answer.json()["error"]
        assert error["code"] == case.code
        assert error["message"]
        assert error["type"]
        assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("local", "1")
        if case.fault == "429":
            assert answer.headers["retry-after"] == "1"

        row = await served.only_row()
        assert (row.outcome, row.status, row.tier, row.attempts) == ("upstream_error", case.shown, "local", 1)
        assert (row.usage, row.input_tokens, row.cost_nano) == ("none", None, 0)
        assert row.error_code


@pytest.mark.parametrize("fault", AFTER_CONTENT)
async def test_after_content_it_ends_in_an_explicit_error_event(fault: str) -> None:
    """A cut answer that looks like a whole one is the worst failure of all: no `[DONE]`, and nothing is asked again."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, timeouts={"silence_s": 0.2}), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault(fault, after_tokens=2)

            async with served.connect() as client:
                answer = await served.send_chat(client, stream=True)

                assert (answer.status, answer.whole) == (200, True)
                *before, last = answer.chunks
                assert "[DONE]" not in answer.events
                assert sum(bool(chunk["choices"][0]["delta"].get("content")) for chunk in before) == 2
                assert last["error"]["message"]
                assert isinstance(last["error"]["code"], str | None), "vLLM's numbers are no codes"
                assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("local", "1")
                assert await asked(hosted) == []

                row = await served.only_row()
                assert (row.outcome, row.status, row.tier, row.attempts) == ("truncated", 200, "local", 1)
                assert (row.usage, row.output_tokens, row.finish_reason) == ("estimated", 2, "")
                assert row.error_code

                await local.fault("none")
                again = await served.send_chat(client, stream=False)
                check_whole_answer(again, stream=False)


@pytest.mark.parametrize("fault", ["down", "out_of_memory"])
async def test_an_engine_that_dies_tells_the_streams_under_way(fault: str) -> None:
    """Dying engines take every stream with them; each of their clients must hear of it."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served, served.connect() as client:
            client.send(raw_chat(stream=True, max_tokens=2000))
            await client.reader.readuntil(b'"content":"')
            await local.fault(fault)
            if fault == "out_of_memory":
                other = await served.chat()
                assert other.headers["x-offramp-tier"] == "openai"
            rest = (await client.reader.readuntil(b"0\r\n\r\n")).decode()

            assert '"error":{' in rest
            assert "[DONE]" not in rest
            rows = await served.wait_rows(1)
            [row] = [row for row in rows if row.tier == "local"]
            assert (row.outcome, row.usage) == ("truncated", "estimated")
            assert row.output_tokens


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("fault", HARMLESS)
async def test_a_whole_answer_in_a_strange_form_is_passed_on(fault: str, *, stream: bool) -> None:
    """Odd but whole answers are no reason to pay for another one; the client gets them in proper form."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault(fault)

            answers = [await served.chat(stream=stream) for _ in range(2)]

            for answer in answers:
                check_whole_answer(answer, stream=stream)
                assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("local", "1")
            assert await asked(hosted) == []
            for row in await served.wait_rows(2):
                assert (row.outcome, row.attempts, row.usage, row.output_tokens) == ("ok", 1, "measured", TOKENS)
                assert row.tries == ()


async def test_bytes_after_an_answer_never_reach_the_next_client() -> None:
    """The answer to nobody must not become the answer to somebody: its connection is closed."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault("extra_bytes", count=1)
        await served.chat()
        before = await local.state()
        answer = await served.chat()

        assert before["faults"] == {"extra_bytes": 1}
        assert b"nobody asked for" not in answer.body
        check_whole_answer(answer, stream=False)
        assert len(await asked(local)) == 2


async def test_garbage_after_content_is_passed_on_as_it_came() -> None:
    """After the commit events are not decoded one by one; what a client cannot read is for the client to judge."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault("malformed", after_tokens=2)
        answer = await served.chat(stream=True)

        assert answer.events[-1] == "[DONE]"
        row = await served.only_row()
        assert (row.outcome, row.finish_reason, row.usage) == ("ok", "", "estimated")


@pytest.mark.parametrize("fault", ["429", "429_bare"])
async def test_a_rate_limited_instance_is_left_alone_for_as_long_as_it_asks(fault: str) -> None:
    """Asking on only makes it worse; where it names no time, a second is a beginning."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault(fault, count=1, retry_after_s=0.5)
            answers = [await served.chat() for _ in range(3)]
            await until(lambda: served.instance("local").resting_until_s < time.monotonic())
            after = await served.chat()

            assert [answer.headers["x-offramp-attempts"] for answer in answers] == ["2", "1", "1"]
            assert {answer.headers["x-offramp-tier"] for answer in answers} == {"openai"}
            assert after.headers["x-offramp-tier"] == "local"
            assert len(await asked(local)) == 2
            assert served.instance("local").breaker.row == 0, "a rate limit is no defect"


async def test_while_everybody_rests_the_client_hears_when_to_come_back() -> None:
    """A client that knows how long to wait does not have to guess."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault("429", retry_after_s=20)
        await served.chat()
        answer = await served.chat()

        assert (answer.status, answer.json()["error"]["code"]) == (503, "no_upstream_available")
        assert 18 <= int(answer.headers["retry-after"]) <= 20
        assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("none", "0")
        row = (await served.wait_rows(2))[-1]
        assert (row.outcome, row.tier, row.attempts, row.cost_nano) == ("upstream_error", "none", 0, 0)


async def test_a_cold_start_is_bridged_and_over_by_itself() -> None:
    """A serverless engine that wakes up serves again without anybody doing anything."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault("cold_start", delay_s=0.2)
            cold = await served.chat()
            await local.until("fault", {"fault": "none"})
            warm = await served.chat()

            assert cold.headers["x-offramp-tier"] == "openai"
            assert warm.headers["x-offramp-tier"] == "local"


async def test_an_engine_that_lets_one_wait_for_its_cold_start_is_waited_for() -> None:
    """Some platforms hold the request until a machine is up; that is within the first-token timeout."""
    async with engine("openai") as slow, gateway(routed({"openai": own_key_upstream(slow)})) as served:
        await slow.fault("cold_start", delay_s=0.3)
        answer = await served.chat(stream=True)

        check_whole_answer(answer, stream=True)
        row = await served.only_row()
        assert row.ttft_s is not None
        assert row.ttft_s > 0.25


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_two_tool_calls_with_one_index_are_passed_on_as_they_came(*, stream: bool) -> None:
    """Deltas of tool calls belong to client and engine; mending them here would hide the engine's defect."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    async with engine("openai") as hosted, gateway(routed({"openai": own_key_upstream(hosted)})) as served:
        await hosted.fault("duplicate_tool_index")
        answer = await served.chat(stream=stream, tools=[tool], max_tokens=200)

        if stream:
            assert [call["index"] for call in answer.chunks[0]["choices"][0]["delta"]["tool_calls"]] == [0, 0]
            assert answer.events[-1] == "[DONE]"
        else:
            assert len(answer.json()["choices"][0]["message"]["tool_calls"]) == 2
        row = await served.only_row()
        assert (row.outcome, row.finish_reason, row.usage, row.tools) == ("ok", "tool_calls", "measured", 1)


async def test_the_request_that_reaches_the_next_tier_is_the_clients_own() -> None:
    """What the first tier was sent (its model's name) must not leak into what the second one is sent."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, LOCAL, NEXT)) as served:
            await local.fault("500")
            await served.chat(temperature=0.25, extra_field={"model": "kept"})

            [first], [second] = await asked(local), await asked(hosted)
            sent = chat(temperature=0.25, extra_field={"model": "kept"})
            assert json.loads(second["body"]) == sent
            assert json.loads(first["body"]) == sent | {"model": "tiny"}
            assert header(first, "x-request-id") == header(second, "x-request-id") != ""
