"""The data plane of one process: what a reload keeps and lets go, and what those see who are cut off at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from offramp.policy.breaker import State
from tests.gateway.running import (
    Config,
    Gateway,
    asked,
    engine,
    gateway,
    load,
    own_key_upstream,
    raw,
    raw_chat,
    routed,
    until,
    upstream,
)
from tests.upstream.simulated.serving import Served

pytestmark = pytest.mark.anyio

TIER: Config = {"upstream": "local", "model": "tiny"}


@asynccontextmanager
async def draining(served: Gateway) -> AsyncIterator[asyncio.Event]:
    """A gateway that is told to end, with all the time of the test; the event hurries it."""
    hurried = asyncio.Event()
    served.plane.close_servers()
    async with asyncio.TaskGroup() as group:
        group.create_task(served.plane.drain(30, hurried))
        yield hurried
        hurried.set()


async def keys_seen(local: Served) -> list[str]:
    """The last digits of the credentials that an engine was called with."""
    return [dict(seen["headers"])["authorization"][-4:] for seen in await asked(local)]


async def test_a_reload_keeps_connections_and_breakers_of_instances_that_did_not_change() -> None:
    """Else every reload would dial anew, and send requests to machines that are known to be sick."""
    async with engine("vllm") as well, engine("vllm") as sick:
        before = routed({"local": upstream(well), "other": upstream(sick)}, {"upstream": "local"})
        async with gateway(before) as served:
            await served.chat()
            served.instance("other").breaker.forced(State.OPEN)
            pooled = set(served.instance("local")._all)
            served.plane.reload(load(before | {"routes": {"support": {"models": ["gpt-4o-mini"], "tiers": [TIER]}}}))
            await served.chat()

            assert len(pooled) == 1
            assert served.instance("local")._all == pooled
            assert served.instance("other").breaker.state is State.OPEN


@pytest.mark.parametrize("change", [{"timeouts": {"connect_s": 1}}, {"breaker": {"failures": 2}}, {"max_queue": 7}])
async def test_an_instance_that_changed_begins_anew(change: Config) -> None:
    """A breaker with other rules, or a pool with other bounds, is another one."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        before = served.instance("local")
        served.plane.reload(load(routed({"local": upstream(local, **change)})))

        assert served.instance("local") is not before
        assert before.retired


async def test_an_upstream_that_is_gone_finishes_what_it_has_and_closes_its_connections() -> None:
    """Removing an upstream must not cut its last answers, nor leave its connections open for ever."""
    async with engine("vllm") as old, engine("vllm") as new, gateway(routed({"old": upstream(old)})) as served:
        retired = served.instance("old")
        async with served.connect() as idle, served.connect() as busy:
            await served.send_chat(idle)
            busy.send(raw_chat(stream=True, max_tokens=60))
            await busy.reader.readuntil(b'"content":"')
            served.plane.reload(load(routed({"new": upstream(new)})))
            answer = await served.send_chat(idle)
            rest = await busy.reader.readuntil(b"[DONE]\n\n")

            assert answer.headers["x-offramp-tier"] == "new"
            assert b'"finish_reason":"length"' in rest
            await until(lambda: not retired._all)


async def test_a_request_that_began_before_a_reload_does_not_bring_an_old_key_back() -> None:
    """After a key was replaced, an old one that goes on being sent is refused by everybody, until the next reload."""
    async with engine("vllm") as one, engine("vllm") as two:

        def config(key: str) -> Config:
            return routed({"local": upstream(one, two, api_key=key)}, TIER)

        async with gateway(config("sk-old-0123456789")) as served:
            for each in (one, two):
                await each.fault("hang")
            async with served.connect() as client:
                client.send(raw_chat())
                await until(lambda: served.plane.fleet["local"].in_flight == 1)
                hung, other = (one, two) if served.instance("local", 0).in_flight else (two, one)
                await hung.until("in_flight", 1)
                await other.fault("none")
                served.plane.reload(load(config("sk-new-9876543210")))
                await hung.fault("down")
                await client.answer()
            await hung.fault("none")
            for _ in range(4):
                await served.chat()

            first, *later = await keys_seen(other)
            assert first == "6789"
            assert set(later) == {"3210"}


async def test_a_smaller_retry_budget_and_cache_hold_from_the_reload_on() -> None:
    """Everything that a running process can change, it changes."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local)})
        async with gateway(config) as served:
            cache = served.plane.pipeline.plan.cache
            served.plane.pipeline.services.retry_budget.refused = 5
            served.plane.reload(
                load(config | {"retry_budget": {"ratio": 0, "min_per_s": 0}, "cache": {"max_bytes": 1024}})
            )

            budget = served.plane.pipeline.services.retry_budget
            assert not budget.take(0.0)
            assert budget.refused == 6, "a counter goes on"
            assert served.plane.pipeline.plan.cache is not cache


async def test_who_has_no_content_yet_when_the_time_is_over_gets_an_error_that_may_be_tried_again() -> None:
    """A client that retries comes to the next gateway; one that sees a broken connection may not dare to."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        await local.fault("hang")
        async with served.connect() as whole, served.connect() as streaming:
            whole.send(raw_chat())
            streaming.send(raw_chat(stream=True))
            await local.until("in_flight", 2)
            async with draining(served) as hurried:
                hurried.set()
                answers = [await whole.answer(), await streaming.answer()]

            for answer in answers:
                assert answer.status == 503
                assert answer.json()["error"]["code"] == "gateway_stopped"
                assert answer.headers["x-should-retry"] == "true"
                assert answer.headers["connection"] == "close"
            assert [(row.outcome, row.error_code) for row in await served.wait_rows(2)] == [
                ("refused", "gateway_stopped")
            ] * 2
            await local.until("aborted", 2)


async def test_a_stream_that_is_cut_says_so() -> None:
    """The contract of every broken stream: an explicit error, and no end marker."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw_chat(stream=True, max_tokens=5000))
            await client.reader.readuntil(b'"content":"')
            async with draining(served) as hurried:
                hurried.set()
                rest = await client.rest()

        assert b'"code":"gateway_stopped"' in rest
        assert b"[DONE]" not in rest
        assert rest.endswith(b"0\r\n\r\n")
        row = await served.only_row()
        assert (row.outcome, row.status, row.error_code, row.usage) == (
            "truncated",
            200,
            "gateway_stopped",
            "estimated",
        )


async def test_what_streams_through_is_broken_off() -> None:
    """Nobody knows how to say in a file that it is not whole, but for the connection that ends too early."""
    async with engine("openai") as hosted:
        config = routed({"hosted": own_key_upstream(hosted)}) | {"passthrough": "hosted"}
        async with gateway(config) as served:
            await hosted.fault("hang_in_stream", path="/v1/audio")
            async with served.connect() as client:
                client.send(raw("POST", "/v1/audio/speech", {"model": "tts-1", "input": "Hello", "voice": "alloy"}))
                await client.reader.readuntil(b"\r\n\r\n")
                async with draining(served) as hurried:
                    hurried.set()
                    await client.rest()

            row = await served.only_row()
            assert (row.outcome, row.error_code) == ("truncated", "gateway_stopped")


async def test_the_last_answer_of_a_gateway_that_ends_tells_its_client_to_close() -> None:
    """Also where the request had come before the gateway was told."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw_chat(max_tokens=40))
            await local.until("in_flight", 1)
            async with draining(served):
                answer = await client.answer()
                rest = await client.rest()

        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert rest == b""
