"""The last tier: the last good answer to the same question of the same tenant, and it says that it is old."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.running import (
    KEY,
    TOKENS,
    Config,
    Gateway,
    asked,
    engine,
    gateway,
    own_key_upstream,
    routed,
    tries,
    until,
    upstream,
)
from tests.gateway.scripted import ANSWER, Talk, event, fine, finish, scripted, silent
from tests.upstream.simulated.serving import Served

pytestmark = pytest.mark.anyio

LOCAL = {"upstream": "local", "model": "tiny"}
NEXT = {"upstream": "openai"}
CACHE = {"cache": "stale"}


def cached(local: Served, hosted: Served, cache: Config | None = None, **more: Any) -> Config:  # noqa: ANN401 - any part of a configuration
    """Two tiers, then the cache."""
    upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
    return routed(upstreams, LOCAL, NEXT, cache or CACHE, **more)


@asynccontextmanager
async def serving_with_cache(cache: Config | None = None, **more: Any) -> AsyncIterator[tuple[Gateway, Served]]:  # noqa: ANN401
    """A gateway with a cache tier, and the first of its engines; the second one is down from the beginning."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        await hosted.fault("down")
        async with gateway(cached(local, hosted, cache, **more)) as served:
            yield served, local


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_when_every_model_is_away_the_last_good_answer_is_given_with_its_age(*, stream: bool) -> None:
    """An old answer is better than none, as long as it says that it is old."""
    async with serving_with_cache() as (served, local):
        first = await served.chat(stream=stream)
        await local.fault("down")
        stored_s = next(iter(served.plane.pipeline.plan.cache._answers.values())).stored_s
        await until(lambda: time.monotonic() - stored_s > 1.05)
        again = await served.chat(stream=stream)

        assert (again.status, again.body) == (200, first.body)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert (again.headers["x-offramp-tier"], again.headers["x-offramp-attempts"]) == ("cache", "2")
        assert again.headers["age"] == "1"
        assert "age" not in first.headers

        row = (await served.wait_rows(2))[-1]
        assert (row.outcome, row.status, row.tier, row.attempts) == ("ok", 200, "cache", 2)
        assert tries(row) == [("local", "broken", 0), ("openai", "broken", 0)]
        assert (row.usage, row.output_tokens, row.finish_reason) == ("measured", TOKENS, "length")
        assert (row.cost_nano, row.error_code, row.model_served) == (0, "", "tiny")
        assert row.baseline_nano


async def test_with_every_breaker_open_the_cache_answers_without_an_attempt() -> None:
    """Nobody is asked, and the client waits for nobody."""
    async with engine("vllm", models=("tiny",)) as local:
        config = routed({"local": upstream(local, breaker={"failures": 1})}, LOCAL, CACHE)
        async with gateway(config) as served:
            await served.chat()
            await local.fault("500")
            await served.chat()
            answer = await served.chat()

            assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("cache", "0")
            assert len(await asked(local)) == 2
            row = (await served.wait_rows(3))[-1]
            assert (row.outcome, row.tier, row.attempts, row.cost_nano) == ("ok", "cache", 0, 0)


async def test_another_question_is_not_answered_by_it() -> None:
    """Every byte of the request counts; and the error is that of the tiers, not of the cache."""
    async with serving_with_cache() as (served, local):
        await served.chat()
        await local.fault("down")
        other = [
            await served.chat(messages=[{"role": "user", "content": "What is the question?"}]),
            await served.chat(temperature=1),
            await served.chat(stream=True),
        ]

        assert {answer.status for answer in other} == {502}
        assert other[0].json()["error"]["message"].endswith("cache: no answer kept")
        assert {answer.headers["x-offramp-tier"] for answer in other} == {"openai"}
        row = (await served.wait_rows(4))[-1]
        assert (row.outcome, row.tier, row.cost_nano) == ("upstream_error", "openai", 0)


async def test_an_answer_is_never_given_to_another_tenant() -> None:
    """What one team asked is nothing for another one, not even by the same question."""
    keys = [{"key": KEY, "team": "support"}, {"key": "sk-sales-0123456789", "team": "sales"}]
    async with serving_with_cache(keys=keys) as (served, local):
        await served.chat()
        await local.fault("down")
        others = await served.chat_as("sk-sales-0123456789")
        own = await served.chat()

        assert (own.status, own.headers["x-offramp-tier"]) == (200, "cache")
        assert others.status == 502


async def test_without_keys_the_clients_credential_keeps_tenants_apart() -> None:
    """Where the gateway knows no teams, only who holds the same key may see the same answer."""
    async with serving_with_cache() as (served, local):
        await served.chat()
        await local.fault("down")
        own = await served.chat()
        other = await served.chat_as("sk-somebody-else-0123")

        assert (own.headers["x-offramp-tier"], other.status) == ("cache", 502)


async def test_answers_that_are_too_old_are_not_given() -> None:
    """How old is too old is said where the tier is declared."""
    async with serving_with_cache({"cache": "stale", "max_age_s": 0.3}) as (served, local):
        await served.chat()
        await local.fault("down")
        young = await served.chat()
        stored_s = next(iter(served.plane.pipeline.plan.cache._answers.values())).stored_s
        await until(lambda: time.monotonic() - stored_s > 0.3)
        old = await served.chat()

        assert (young.status, old.status) == (200, 502)
        assert len(served.plane.pipeline.plan.cache) == 0


async def test_nothing_is_kept_where_no_cache_is_declared() -> None:
    """Keeping answers is a decision about data; it is off unless somebody made it."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        await served.chat()

        assert len(served.plane.pipeline.plan.cache) == 0


async def test_only_whole_good_answers_are_kept() -> None:
    """A cut, failed or cancelled answer must not come back as a good one."""

    async def error(talk: Talk) -> None:
        await talk.whole({"error": {"message": "no", "type": "invalid_request_error"}}, 400)

    async def cut(talk: Talk) -> None:
        await talk.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await talk.chunks(event(content="y"))
        talk.hang_up()

    async def unfinished(talk: Talk) -> None:
        await talk.stream(event(content="y"))

    async with (
        scripted(error, cut, unfinished) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, {"upstream": "local"}, CACHE)) as served,
    ):
        answers = [await served.chat(), await served.chat(stream=True), await served.chat(stream=True)]

        assert [answer.status for answer in answers] == [400, 200, 200]
        assert [row.outcome for row in served.rows] == ["client_error", "truncated", "truncated"]
        assert len(served.plane.pipeline.plan.cache) == 0


async def test_the_clients_own_error_is_not_hidden_behind_an_old_answer() -> None:
    """A request that is wrong now is to be told so, whatever was answered before."""

    async def refuse(talk: Talk) -> None:
        await talk.whole({"error": {"message": "no more", "type": "invalid_request_error", "code": "no"}}, 400)

    async with (
        scripted(fine, refuse) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, {"upstream": "local"}, CACHE)) as served,
    ):
        answers = [await served.chat() for _ in range(2)]

        assert [answer.status for answer in answers] == [200, 400]


async def test_a_newer_answer_takes_the_place_of_the_older_one() -> None:
    """The last good answer, not the first one."""

    async def newer(talk: Talk) -> None:
        await talk.whole({**ANSWER, "id": "chatcmpl-2"})

    async def down(talk: Talk) -> None:
        await talk.whole({"error": {"message": "down"}}, 500)

    async with (
        scripted(fine, newer, down) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, {"upstream": "local"}, CACHE)) as served,
    ):
        answers = [await served.chat() for _ in range(3)]

        assert [answer.json()["id"] for answer in answers] == ["chatcmpl-1", "chatcmpl-2", "chatcmpl-2"]


async def test_a_stored_response_is_neither_kept_nor_answered_from_the_cache() -> None:
    """It is an act, not a question."""
    async with serving_with_cache() as (served, local):
        body = {"model": "gpt-4o-mini", "input": "hi", "store": True, "max_output_tokens": 4}
        first = await served.ask("POST", "/v1/responses", body)
        await local.fault("500")
        second = await served.ask("POST", "/v1/responses", body)

        assert (first.status, second.status) == (200, 500)
        assert len(served.plane.pipeline.plan.cache) == 0


async def test_an_old_answer_is_given_at_the_deadline_rather_than_none() -> None:
    """The cache costs no time, so the deadline is no reason to leave it out."""
    async with (
        scripted(fine, silent) as told,
        gateway(
            routed(
                {"local": {"base_url": told.base_url}},
                {"upstream": "local"},
                CACHE,
                route={"deadline_s": 0.3},
            )
        ) as served,
    ):
        answers = [await served.chat() for _ in range(2)]

        assert [answer.headers["x-offramp-tier"] for answer in answers] == ["local", "cache"]
        assert tries((await served.wait_rows(2))[-1]) == []


async def test_estimated_usage_does_not_become_measured_by_being_kept() -> None:
    """The ledger must never call a guess a measurement."""

    async def without_usage(talk: Talk) -> None:
        await talk.whole({name: value for name, value in ANSWER.items() if name != "usage"})

    async def down(talk: Talk) -> None:
        await talk.whole({"error": {"message": "down"}}, 500)

    async with (
        scripted(without_usage, down) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, {"upstream": "local"}, CACHE)) as served,
    ):
        for _ in range(2):
            await served.chat()

        assert [(row.tier, row.usage) for row in await served.wait_rows(2)] == [
            ("local", "estimated"),
            ("cache", "estimated"),
        ]


async def test_an_old_answer_teaches_nothing_about_bytes_and_tokens() -> None:
    """It was learned from when it was new; a thousand replays of one answer are still one answer."""
    async with serving_with_cache() as (served, local):
        await served.chat(stream=True)
        await local.fault("500")
        for _ in range(5):
            await served.chat(stream=True)

        ratios = served.plane.pipeline.services.estimates.of("gpt-4o-mini")
        assert (ratios.input.samples, ratios.stream.samples, ratios.whole.samples) == (1, 1, 0)


async def test_a_stream_too_long_to_be_kept_is_passed_on_all_the_same() -> None:
    """What is kept has a bound; the client does not notice."""

    async def long(talk: Talk) -> None:
        await talk.stream(*[event(content="x" * 100_000)] * 12, finish(), b"data: [DONE]\n\n")

    async with (
        scripted(long) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, {"upstream": "local"}, CACHE)) as served,
    ):
        answer = await served.chat(stream=True)

        assert answer.events[-1] == "[DONE]"
        assert len(answer.body) > 1_200_000
        assert len(served.plane.pipeline.plan.cache) == 0


async def test_many_may_be_answered_from_the_cache_at_once() -> None:
    """When everything is away, everybody comes at the same time."""
    async with serving_with_cache() as (served, local):
        await served.chat()
        await local.fault("500")
        answers = await asyncio.gather(*(served.chat() for _ in range(20)))

        assert {(answer.status, answer.headers["x-offramp-tier"]) for answer in answers} == {(200, "cache")}
