"""A client that leaves, or does not read: nobody works for nobody, and nothing piles up."""

import asyncio

import pytest

from tests.gateway.running import (
    Config,
    asked,
    chat,
    engine,
    gateway,
    own_key_upstream,
    raw_chat,
    routed,
    until,
    upstream,
)
from tests.gateway.scripted import (
    DONE,
    STREAM_HEAD,
    Scripted,
    Talk,
    event,
    finish,
    scripted,
    usage,
)
from tests.upstream.simulated.serving import Client

pytestmark = pytest.mark.anyio


def one(told: Scripted, **changes: object) -> Config:
    """A configuration whose one upstream is scripted."""
    return routed({"local": {"base_url": told.base_url, "engine": "vllm", "health": False, **changes}})


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_a_client_that_leaves_before_any_content_frees_the_engine(*, stream: bool) -> None:
    """Every token for nobody costs as much as one for somebody."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        tiers = [{"upstream": "local", "model": "tiny"}, {"upstream": "openai"}]
        async with gateway(routed(upstreams, *tiers)) as served:
            await local.fault("hang")
            async with served.connect() as client:
                client.send(raw_chat(stream=stream))
                await local.until("in_flight", 1)
            state = await local.until("aborted", 1)

            assert state["in_flight"] == 0
            row = await served.only_row()
            assert (row.outcome, row.status, row.error_code) == ("cancelled", 499, "client_left")
            assert (row.tier, row.attempts, row.usage) == ("local", 1, "none")
            assert await asked(hosted) == []
            assert served.instance("local").in_flight == 0
            assert served.instance("local").breaker.row == 0, "the client's leaving is not the engine's fault"


async def test_a_client_that_leaves_in_mid_stream_frees_the_engine_and_its_tokens_are_counted() -> None:
    """What was made until then has cost something; the ledger says how much and that it was for nobody."""
    async with (
        engine("vllm", models=("tiny",)) as local,
        gateway(routed({"local": upstream(local)}, {"upstream": "local", "model": "tiny"})) as served,
    ):
        async with served.connect() as client:
            client.send(raw_chat(stream=True, max_tokens=5000))
            await client.reader.readuntil(b'"content":"')
        await local.until("aborted", 1)

        row = await served.only_row()
        assert (row.outcome, row.status, row.tier, row.usage) == ("cancelled", 200, "local", "estimated")
        assert row.output_tokens is not None
        assert 1 <= row.output_tokens < 1000
        assert served.plane.metrics.cancelled_tokens.child().value == row.output_tokens
        assert (await local.state())["generation_tokens"] < 1000


async def test_a_client_that_leaves_while_it_waits_for_a_connection_is_never_asked_for() -> None:
    """A queue must not work for those who have left it."""
    async with (
        engine("vllm", models=("tiny",)) as local,
        gateway(routed({"local": upstream(local, max_connections=1)})) as served,
    ):
        await local.fault("hang")
        async with served.connect() as first, served.connect() as second:
            first.send(raw_chat())
            await local.until("in_flight", 1)
            second.send(raw_chat())
            await until(lambda: served.instance("local").queued == 1)
            await second.close()
            await until(lambda: served.instance("local").queued == 0)
            rows = await served.wait_rows(1)

            assert (rows[0].outcome, rows[0].status) == ("cancelled", 499)
            assert len(await asked(local)) == 1


async def test_a_client_that_does_not_read_is_waited_for_and_its_upstream_paused() -> None:
    """A slow reader must not fill the gateway's memory, nor may its own silence be taken for the upstream's."""
    big = event(content="x" * 1_000_000)
    sent = 0

    async def flood(talk: Talk) -> None:
        nonlocal sent
        await talk.say(STREAM_HEAD)
        for _ in range(60):
            await talk.chunks(big)
            sent += 1
        await talk.chunks(finish(), usage(), DONE)
        await talk.end()

    async with scripted(flood) as told, gateway(one(told, timeouts={"silence_s": 0.2})) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1 << 16)
        client = Client(reader, writer)
        client.send(raw_chat(stream=True))
        await until(lambda: any(connection.paused for connection in served.plane.pipeline.connections))
        await asyncio.sleep(0.5)

        assert sent < 40, "the rest waits at the upstream"
        assert served.rows == []

        received = await client.answer()
        assert received.events[-1] == "[DONE]"
        assert len(received.body) > 60_000_000
        await client.close()
        assert (await served.only_row()).outcome == "ok"


async def test_the_body_that_is_asked_again_elsewhere_is_the_whole_one() -> None:
    """The second tier must get what the client sent, not what was left of it."""

    async def broken(talk: Talk) -> None:
        talk.hang_up()
        await asyncio.sleep(0)

    async with scripted(broken) as first, engine("openai") as hosted:
        upstreams = {"local": {"base_url": first.base_url}, "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            words = "many words " * 40_000
            answer = await served.ask(
                "POST", "/v1/chat/completions", chat(messages=[{"role": "user", "content": words}])
            )

            assert answer.headers["x-offramp-tier"] == "openai"
            [seen] = await asked(hosted)
            assert seen["body_bytes"] == len(first.heard[0].body)
