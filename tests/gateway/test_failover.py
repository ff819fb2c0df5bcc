"""Who is asked after a failure, for how long, and what is never asked again."""

import asyncio
import time

import pytest

from tests.gateway.running import (
    MODEL,
    Config,
    asked,
    engine,
    gateway,
    own_key_upstream,
    raw_chat,
    routed,
    tries,
    upstream,
)
from tests.gateway.scripted import (
    DONE,
    STREAM_HEAD,
    Talk,
    deaf,
    dripping,
    event,
    fine,
    finish,
    nobody,
    refusing,
    scripted,
    silent,
)
from tests.processes import free_port

pytestmark = pytest.mark.anyio

RESPONSE = {"model": MODEL, "input": "hi", "store": False, "max_output_tokens": 4}


# --------------------------------------------------------------------------------------------------- four timeouts


async def test_an_upstream_that_takes_no_connection_is_given_up_after_the_connect_timeout() -> None:
    """A machine that is gone does not refuse; without a timeout of its own it would cost the first-token timeout."""
    async with deaf() as address, engine("openai") as hosted:
        upstreams = {
            "local": {"base_url": address, "timeouts": {"connect_s": 0.2}},
            "openai": own_key_upstream(hosted),
        }
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat()

            assert answer.headers["x-offramp-tier"] == "openai"
            row = await served.only_row()
            assert tries(row) == [("local", "connect", 0), ("openai", "", 200)]
            assert row.total_s < 2


async def test_a_refused_connection_moves_on_at_once() -> None:
    """A process that is not there costs no time at all."""
    async with (
        engine("openai") as hosted,
        gateway(routed({"local": nobody(), "openai": own_key_upstream(hosted)})) as served,
    ):
        answer = await served.chat(stream=True)

        assert answer.headers["x-offramp-tier"] == "openai"
        assert tries(await served.only_row()) == [("local", "connect", 0), ("openai", "", 200)]


async def test_nobody_listening_anywhere_is_a_502_that_names_every_attempt() -> None:
    """Whoever reads the error must see what was tried and why it failed."""
    async with gateway(routed({"local": nobody(), "other": nobody()})) as served:
        answer = await served.chat()

        assert answer.status == 502
        error = answer.json()["error"]
        assert (error["type"], error["code"]) == ("api_error", "upstream_failed")
        assert "local: connect; other: connect" in error["message"]
        assert answer.headers["x-should-retry"] == "true"
        row = await served.only_row()
        assert (row.outcome, row.attempts, row.tier) == ("upstream_error", 2, "other")


async def test_the_total_timeout_ends_a_stream_that_goes_on_and_on() -> None:
    """An engine in an endless loop is never silent."""
    async with (
        scripted(dripping) as told,
        gateway(routed({"local": {"base_url": told.base_url, "timeouts": {"total_s": 0.3}}})) as served,
    ):
        answer = await served.chat(stream=True)

        assert "total_timeout" in answer.chunks[-1]["error"]["message"]
        row = await served.only_row()
        assert (row.outcome, row.error_code) == ("truncated", "upstream_stream_broken")
        assert row.output_tokens
        assert 0.25 < row.total_s < 2


async def test_the_total_timeout_of_the_second_tier_begins_with_its_own_attempt() -> None:
    """Time that the first tier has used up is no reason to cut the second one's answer off."""

    async def short(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        for _ in range(12):
            await talk.chunks(event(content="y"))
            await asyncio.sleep(0.03)
        await talk.chunks(finish(), DONE)
        await talk.end()

    async with scripted(silent) as first, scripted(short) as second:
        upstreams: dict[str, Config] = {
            "local": {"base_url": first.base_url, "timeouts": {"first_token_s": 0.5}},
            "other": {"base_url": second.base_url, "timeouts": {"total_s": 0.7}},
        }
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat(stream=True)

            assert answer.events[-1] == "[DONE]"
            assert (await served.only_row()).outcome == "ok"


async def test_silence_is_measured_from_the_last_token() -> None:
    """A stream may take as long as it likes, as long as it goes on."""
    async with (
        scripted(dripping) as told,
        gateway(routed({"local": {"base_url": told.base_url, "timeouts": {"silence_s": 0.25}}})) as served,
        served.connect() as client,
    ):
        client.send(raw_chat(stream=True))
        began_s = time.monotonic()
        while time.monotonic() < began_s + 0.6:
            await client.reader.readuntil(b"\n\n")

        assert served.rows == []


# ------------------------------------------------------------------------------------------------------ one deadline


async def test_one_deadline_holds_for_all_attempts_together() -> None:
    """Two tiers that hang must not cost the client two timeouts; at the deadline it gets its answer, a clear one."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {
            "local": upstream(local, timeouts={"first_token_s": 0.25}),
            "openai": own_key_upstream(hosted),
        }
        async with gateway(routed(upstreams, route={"deadline_s": 0.6})) as served:
            await local.fault("hang")
            await hosted.fault("hang")
            answer = await served.chat(stream=True)

            assert (answer.status, answer.json()["error"]["code"]) == (504, "upstream_timeout")
            assert answer.headers["x-should-retry"] == "false"
            row = await served.only_row()
            assert tries(row) == [("local", "first_token_timeout", 0), ("openai", "deadline", 0)]
            assert 0.55 < row.total_s < 2
            assert served.instance("local").breaker.row == 1
            assert served.instance("openai").breaker.row == 0, "the deadline was used up by others"
            assert (await hosted.until("in_flight", 0))["aborted"] == 1


async def test_after_the_deadline_nobody_else_is_asked() -> None:
    """The client's time is up; a further attempt would be for nobody."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, route={"deadline_s": 0.3})) as served:
            await local.fault("hang")
            answer = await served.chat()

            assert answer.status == 504
            assert await asked(hosted) == []


async def test_the_deadline_ends_a_stream_under_way() -> None:
    """It is the one limit that always holds."""
    async with (
        scripted(dripping) as told,
        gateway(routed({"local": {"base_url": told.base_url}}, route={"deadline_s": 0.3})) as served,
    ):
        answer = await served.chat(stream=True)

        assert "deadline" in answer.chunks[-1]["error"]["message"]
        assert (await served.only_row()).outcome == "truncated"


# ----------------------------------------------------------------------------------------------- instances, budget


async def test_another_instance_of_the_same_tier_comes_before_the_next_tier() -> None:
    """A tier with several machines is not given up for one of them."""
    async with engine("vllm") as ill, engine("vllm") as well, engine("openai") as hosted:
        upstreams = {"local": upstream(ill, well), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            await ill.fault("500")
            answers = [await served.chat() for _ in range(4)]

            assert {answer.headers["x-offramp-tier"] for answer in answers} == {"local"}
            assert sorted(answer.headers["x-offramp-attempts"] for answer in answers) == ["1", "1", "2", "2"]
            assert await asked(hosted) == []
            row = next(row for row in served.rows if row.attempts == 2)
            assert tries(row) == [("local", "server_error", 500), ("local", "", 200)]
            assert [attempt.instance for attempt in row.tries] == [f"127.0.0.1:{ill.port}", f"127.0.0.1:{well.port}"]
            assert row.instance == f"127.0.0.1:{well.port}"


async def test_an_empty_retry_budget_sends_the_request_to_the_next_tier_instead() -> None:
    """When everything fails, retries within a tier only add load; the next tier is always allowed."""
    async with engine("vllm") as first, engine("vllm") as second, engine("openai") as hosted:
        upstreams = {"local": upstream(first, second), "openai": own_key_upstream(hosted)}
        config = routed(upstreams, retry_budget={"ratio": 0, "min_per_s": 0})
        async with gateway(config) as served:
            await first.fault("500")
            await second.fault("500")
            answers = [await served.chat() for _ in range(2)]

            assert [answer.headers["x-offramp-attempts"] for answer in answers] == ["2", "2"]
            assert {answer.headers["x-offramp-tier"] for answer in answers} == {"openai"}
            assert (len(await asked(first)), len(await asked(second))) == (1, 1)
            served.plane.refresh_gauges()
            assert served.plane.metrics.retries_refused.child().value == 2


async def test_the_retry_budget_allows_a_share_of_the_requests() -> None:
    """The budget is the configuration's: here one retry for every second request."""
    async with engine("vllm") as first, engine("vllm") as second:
        config = routed({"local": upstream(first, second)}, retry_budget={"ratio": 0.5, "min_per_s": 0})
        async with gateway(config) as served:
            await first.fault("503")
            await second.fault("503")
            answers = [await served.chat() for _ in range(4)]

            assert [answer.headers["x-offramp-attempts"] for answer in answers] == ["1", "2", "1", "2"]


async def test_a_full_queue_is_passed_by() -> None:
    """Where nothing more can be sent, waiting longer than the queue is no use: the next tier answers."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, max_connections=1, max_queue=0), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served, served.connect() as first:
            await local.fault("hang")
            first.send(raw_chat())
            await local.until("in_flight", 1)
            answer = await served.chat()

            assert (answer.headers["x-offramp-tier"], answer.headers["x-offramp-attempts"]) == ("openai", "1")
            assert len(await asked(local)) == 1


async def test_a_request_that_waits_for_a_connection_is_answered_when_one_is_free() -> None:
    """A queue is no failure."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local, max_connections=1)})) as served:
        answers = await asyncio.gather(*(served.chat() for _ in range(4)))

        assert [answer.status for answer in answers] == [200] * 4
        assert (await local.state())["connections"] <= 3
        assert served.instance("local").open_connections == 1


async def test_a_pooled_connection_that_was_just_closed_is_no_failure() -> None:
    """Servers close idle connections just when the next request is sent; nothing was lost, so nobody hears of it."""
    async with (
        scripted(fine, refusing, fine) as told,
        gateway(routed({"local": {"base_url": told.base_url}})) as served,
    ):
        answers = [await served.chat() for _ in range(2)]

        assert [answer.status for answer in answers] == [200, 200]
        assert [row.attempts for row in served.rows] == [1, 1]
        assert len(told.heard) == 3
        assert served.instance("local").breaker.row == 0


async def test_a_stale_connection_is_excused_once() -> None:
    """A server that hangs up on a fresh connection, too, is broken."""
    async with scripted(fine, refusing) as told, gateway(routed({"local": {"base_url": told.base_url}})) as served:
        answers = [await served.chat() for _ in range(2)]

        assert [answer.status for answer in answers] == [200, 502]
        assert len(told.heard) == 3


# --------------------------------------------------------------------------------------------------------- sent once


async def test_a_stored_response_is_sent_once() -> None:
    """It leaves something behind at the upstream: a second one elsewhere would be another conversation."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            await local.fault("500")
            stored = await served.ask("POST", "/v1/responses", {**RESPONSE, "store": True})
            stateless = await served.ask("POST", "/v1/responses", RESPONSE)

            assert (stored.status, stored.headers["x-offramp-tier"]) == (500, "local")
            assert (stateless.status, stateless.headers["x-offramp-tier"]) == (200, "openai")
            assert len(await asked(hosted)) == 1


async def test_what_never_reached_an_upstream_may_go_elsewhere_though_it_is_sent_once() -> None:
    """A refused connection has left nothing behind."""
    async with (
        engine("openai") as hosted,
        gateway(routed({"local": nobody(), "openai": own_key_upstream(hosted)})) as served,
    ):
        answer = await served.ask("POST", "/v1/responses", {**RESPONSE, "store": True})

        assert (answer.status, answer.headers["x-offramp-attempts"]) == (200, "2")


async def test_an_upload_that_was_broken_off_is_not_sent_again() -> None:
    """A file that half arrived may exist; only the client knows whether it wants a second one."""
    async with scripted(refusing) as first, scripted(fine) as second:
        both = {"base_url": [second.base_url, first.base_url]}
        async with gateway({"upstreams": {"openai": both}, "passthrough": "openai"}) as served:
            answer = await served.ask("POST", "/v1/files", b"x" * 1000)

            assert (answer.status, answer.headers["x-offramp-attempts"]) == (502, "1")
            assert len(first.heard) + len(second.heard) == 1


async def test_an_upload_goes_whole_to_the_instance_that_can_be_reached() -> None:
    """What was read of it while the first instance was tried belongs to the second one."""
    async with scripted(fine) as told:
        both = {"base_url": [told.base_url, f"http://127.0.0.1:{free_port()}/v1"]}
        async with gateway({"upstreams": {"openai": both}, "passthrough": "openai"}) as served:
            answers = [await served.ask("POST", "/v1/files", b"x" * 100_000) for _ in range(2)]

            assert [answer.status for answer in answers] == [200, 200]
            assert sorted(answer.headers["x-offramp-attempts"] for answer in answers) == ["1", "2"]
            assert [heard.body for heard in told.heard] == [b"x" * 100_000] * 2


async def test_what_only_reads_is_asked_again() -> None:
    """Nothing changes by asking twice for a list."""
    async with scripted(refusing) as first, scripted(fine) as second:
        both = {"base_url": [first.base_url, second.base_url]}
        async with gateway({"upstreams": {"openai": both}, "passthrough": "openai"}) as served:
            answers = [await served.ask("GET", "/v1/files") for _ in range(2)]

            assert [answer.status for answer in answers] == [200, 200]
