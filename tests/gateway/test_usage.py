"""Usage: always asked for, taken out where only we asked, measured where it comes, estimated and marked where not."""

import asyncio
import json

import pytest

from tests.gateway.running import (
    MODEL,
    TOKENS,
    asked,
    chat,
    engine,
    gateway,
    own_key_upstream,
    routed,
    upstream,
)
from tests.gateway.scripted import ANSWER, DONE, ROLE, Talk, event, finish, scripted

pytestmark = pytest.mark.anyio

LOCAL = {"upstream": "local", "model": "tiny"}


# -------------------------------------------------------------------------------------------------------- asking for it


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False}, {"include_usage": True}),
        ({"include_usage": None}, {"include_usage": True}),
        ({"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}),
    ],
    ids=str,
)
async def test_streams_are_asked_for_usage_and_its_event_is_taken_out_again(
    options: dict[str, object] | None, sent: dict[str, object]
) -> None:
    """The ledger needs it, and a client that reads `choices[0]` of every event must not meet one without choices."""
    fields = {} if options is None else {"stream_options": options}
    async with engine("openai") as hosted, gateway(routed({"openai": own_key_upstream(hosted)})) as served:
        answer = await served.chat(stream=True, **fields)

        [seen] = await asked(hosted)
        assert json.loads(seen["body"]) == chat(stream=True, stream_options=sent)
        assert all(chunk["choices"] for chunk in answer.chunks)
        assert answer.events[-1] == "[DONE]"
        row = await served.only_row()
        assert (row.usage, row.output_tokens, row.usage_ratio) == ("measured", TOKENS, None)


async def test_a_client_that_asks_for_usage_gets_it() -> None:
    """What it asked for is its own, byte for byte."""
    async with engine("openai") as hosted, gateway(routed({"openai": own_key_upstream(hosted)})) as served:
        answer = await served.chat(stream=True, stream_options={"include_usage": True})

        *_, last = answer.chunks
        assert (last["choices"], last["usage"]["completion_tokens"]) == ([], TOKENS)
        [seen] = await asked(hosted)
        assert json.loads(seen["body"]) == chat(stream=True, stream_options={"include_usage": True})
        row = await served.only_row()
        assert (row.usage, row.input_tokens) == ("measured", last["usage"]["prompt_tokens"])


async def test_only_the_last_event_is_taken_out_and_every_other_byte_stays() -> None:
    """`"usage": null` and usage beside content are part of the answer."""
    null = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}\n\n'
    beside = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"b"}}],"usage":{"prompt_tokens":7}}\n\n'
    spaced = b'data:{ "id" : "c" , "choices" : [ ] , "usage" : { "prompt_tokens" : 9 , "completion_tokens" : 3 } }\n\n'

    async def odd(talk: Talk) -> None:
        await talk.stream(ROLE, null, beside, finish(), spaced, DONE)

    async with scripted(odd) as told, gateway(routed({"local": upstream(told)})) as served:
        answer = await served.chat(stream=True)

        assert answer.body == ROLE + null + beside + finish() + DONE
        row = await served.only_row()
        assert (row.usage, row.input_tokens, row.output_tokens) == ("measured", 9, 3), "the last one counts"


async def test_usage_that_comes_with_every_event_is_counted_once() -> None:
    """Some servers tell the running count; adding it up would bill the answer many times."""
    every = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":7,"completion_tokens":%d}}\n\n'
    running = [every % number for number in range(1, 6)]

    async def telling(talk: Talk) -> None:
        await talk.stream(ROLE, *running, finish(), DONE)

    async with scripted(telling) as told, gateway(routed({"local": upstream(told)})) as served:
        await served.chat(stream=True)

        row = await served.only_row()
        assert (row.usage, row.input_tokens, row.output_tokens) == ("measured", 7, 5)


async def test_the_parts_of_usage_and_the_tier_of_service_reach_the_row() -> None:
    """What was cached or thought about has a price of its own, and the answer says what it is billed as."""
    counts = {
        "prompt_tokens": 2000,
        "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 1500},
        "completion_tokens_details": {"reasoning_tokens": 250},
    }

    async def detailed(talk: Talk) -> None:
        await talk.whole({**ANSWER, "usage": counts, "service_tier": "flex"})

    async with scripted(detailed) as told, gateway(routed({"openai": own_key_upstream(told)})) as served:
        await served.chat(service_tier="auto")

        row = await served.only_row()
        assert (row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens) == (2000, 1500, 300, 250)
        assert (row.service_tier, row.model_served) == ("flex", "scripted")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": MODEL, "prompt": "hi", "max_tokens": 4}),
        ("/v1/completions", {"model": MODEL, "prompt": "hi", "max_tokens": 4, "stream": True}),
        ("/v1/responses", {"model": MODEL, "input": "hi", "max_output_tokens": 4}),
        ("/v1/responses", {"model": MODEL, "input": "hi", "max_output_tokens": 4, "stream": True}),
        ("/v1/embeddings", {"model": MODEL, "input": "hi"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "streamed" if value.get("stream") else "whole",
)
async def test_every_operation_is_measured(path: str, body: dict[str, object]) -> None:
    """Whatever a team calls costs money."""
    async with engine("openai") as hosted, gateway(routed({"openai": own_key_upstream(hosted)})) as served:
        answer = await served.ask("POST", path, body)

        assert answer.status == 200
        row = await served.only_row()
        assert (row.outcome, row.usage) == ("ok", "measured")
        assert row.input_tokens
        assert row.output_tokens == (0 if path.endswith("embeddings") else 4)
        assert (
            row.operation
            == {"completions": "completions", "responses": "responses", "embeddings": "embeddings"}[
                path.rpartition("/")[2]
            ]
        )


# ---------------------------------------------------------------------------------------------------- where none comes

WRONG = [("no_usage", {}), *[("wrong_usage", {"kind": kind}) for kind in ("negative", "strings", "null", "huge")]]


@pytest.mark.parametrize(("fault", "options"), WRONG, ids=str)
async def test_a_stream_without_usable_usage_is_counted_by_its_events(fault: str, options: dict[str, str]) -> None:
    """Engines that send a token in each event let one count; the row says that it is an estimate."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault(fault, **options)
        answer = await served.chat(stream=True)

        assert all(chunk["choices"] for chunk in answer.chunks), "a wrong usage was asked for by us alone, too"
        assert answer.events[-1] == "[DONE]"
        row = await served.only_row()
        assert (row.outcome, row.usage, row.output_tokens) == ("ok", "estimated", TOKENS)
        assert row.input_tokens == -(-row.bytes_in // 4)
        assert row.baseline_nano


@pytest.mark.parametrize(("fault", "options"), WRONG, ids=str)
async def test_a_whole_answer_without_usable_usage_is_estimated_by_its_bytes(
    fault: str, options: dict[str, str]
) -> None:
    """Four bytes to a token until more is known; the answer itself is passed on as it is."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault(fault, **options)
        answer = await served.chat()

        row = await served.only_row()
        assert (row.outcome, row.usage, row.usage_ratio) == ("ok", "estimated", 4.0)
        assert row.output_tokens == -(-len(answer.body) // 4)
        assert row.bytes_out == len(answer.body)


async def test_a_wrong_usage_that_was_asked_for_is_the_clients_to_judge() -> None:
    """The ledger does not believe it; the client gets what the upstream said."""
    async with engine("vllm", models=("tiny",)) as local, gateway(routed({"local": upstream(local)}, LOCAL)) as served:
        await local.fault("wrong_usage", kind="negative")
        answer = await served.chat(stream=True, stream_options={"include_usage": True})

        assert answer.chunks[-1]["usage"]["completion_tokens"] < 0
        assert (await served.only_row()).usage == "estimated"


async def test_a_server_of_unknown_kind_is_estimated_by_bytes_though_it_streams() -> None:
    """Where one event may be many tokens, counting events would say far too little."""

    async def lumps(talk: Talk) -> None:
        await talk.stream(ROLE, event(content="many words " * 50), finish(), DONE)

    async with scripted(lumps) as told, gateway(routed({"local": {"base_url": told.base_url}})) as served:
        await served.chat(stream=True)

        row = await served.only_row()
        assert (row.usage, row.usage_ratio, row.output_tokens) == ("estimated", 4.0, -(-row.bytes_out // 4))


async def test_after_fifty_measured_answers_the_models_own_ratio_is_used() -> None:
    """The rows of the model itself know best; and the estimate says which ratio it was made with."""

    async def measured(talk: Talk) -> None:
        await talk.whole(ANSWER)

    async def unmeasured(talk: Talk) -> None:
        await talk.whole({name: value for name, value in ANSWER.items() if name != "usage"})

    async with scripted(*[measured] * 50, unmeasured) as told, gateway(routed({"local": upstream(told)})) as served:
        await asyncio.gather(*(served.chat() for _ in range(50)))
        answer = await served.chat()

        row = served.rows[-1]
        size_bytes = len(json.dumps(ANSWER).encode())
        assert (row.usage, row.usage_ratio) == ("estimated", size_bytes / 2)
        assert row.output_tokens == -(-2 * len(answer.body) // size_bytes)
        assert row.input_tokens == 7


async def test_another_models_ratio_is_its_own() -> None:
    """Tokenizers differ; what one model taught says nothing about another one."""

    async def measured(talk: Talk) -> None:
        await talk.whole(ANSWER)

    async with scripted(measured) as told:
        config = routed({"local": upstream(told)}, route={"models": [MODEL, "other"]})
        async with gateway(config) as served:
            await asyncio.gather(*(served.chat() for _ in range(50)))
            estimates = served.plane.pipeline.services.estimates

            assert estimates.of(MODEL).input.ratio != 4.0
            assert estimates.of("other").input.ratio == 4.0


# ------------------------------------------------------------------------------------------------------------ money


async def test_cost_and_baseline_are_to_the_last_unit() -> None:
    """GPT-4o mini: 0.15, 0.075 (cached) and 0.60 dollars per million tokens, in nano-dollars."""
    counts = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}

    async def priced(talk: Talk) -> None:
        await talk.whole({**ANSWER, "model": MODEL, "usage": counts})

    async with scripted(priced) as told, gateway(routed({"openai": own_key_upstream(told)})) as served:
        await served.chat()

        row = await served.only_row()
        assert row.cost_nano == 600 * 150 + 400 * 75 + 100 * 600
        assert row.baseline_nano == row.cost_nano


async def test_an_upstream_without_a_price_is_unpriced_and_not_free() -> None:
    """Unknown is not zero."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        await served.chat()

        row = await served.only_row()
        assert row.cost_nano is None
        assert row.baseline_nano


async def test_a_compute_priced_instance_is_occupied_from_start_to_end_of_every_attempt() -> None:
    """The shares of a GPU's price are made from these events; each attempt has both, however it ends."""
    price = {"usd_per_hour": 1.006}
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, price=price), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            good = await served.chat()
            await local.fault("500", count=1)
            await served.chat()
            await local.fault("hang")
            async with served.connect() as client:
                await local.until("in_flight", 0)
                client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n")
                client.send(b"content-type: application/json\r\ncontent-length: 62\r\n\r\n")
                client.send(b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}'[:62])
            await served.wait_rows(2)

            started = [begun for batch in served.batches for begun in batch.started]
            ended = [done for batch in served.batches for done in batch.ended]
            name = f"local@127.0.0.1:{local.port}"
            assert {begun.instance for begun in started} == {done.instance for done in ended} == {name}
            assert [begun.at_ns for begun in started] == [done.started_ns for done in ended]
            assert all(done.at_ns > done.started_ns for done in ended)
            assert [done.row_id for done in ended][:2] == [row.id for row in served.rows[:2]]
            assert served.rows[0].id == good.headers["x-offramp-id"]
            assert served.rows[0].cost_nano == 0, "its share is the ledger's to add"
