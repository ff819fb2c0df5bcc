"""The breaker at work: it opens, refuses, probes with one request at a time, and heals."""

import asyncio
import time

import pytest

from tests.gateway.running import (
    asked,
    engine,
    gateway,
    own_key_upstream,
    raw_chat,
    routed,
    until,
    upstream,
)

pytestmark = pytest.mark.anyio

BREAKER = {"failures": 3, "cooldown_s": 0.3}


async def test_the_breaker_opens_refuses_probes_and_heals() -> None:
    """An upstream that is down costs a few attempts, not one per request, and comes back by itself."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, breaker=BREAKER), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            breaker = served.instance("local").breaker
            await local.fault("500")
            opening = [await served.chat() for _ in range(5)]

            assert [answer.headers["x-offramp-attempts"] for answer in opening] == ["2", "2", "2", "1", "1"]
            assert {answer.headers["x-offramp-tier"] for answer in opening} == {"openai"}
            assert breaker.state == "open"
            assert len(await asked(local)) == 3

            await until(lambda: breaker.would_admit(time.monotonic()))
            failed_probe = await served.chat()
            after_it = await served.chat()
            assert (failed_probe.headers["x-offramp-attempts"], after_it.headers["x-offramp-attempts"]) == ("2", "1")
            assert len(await asked(local)) == 4

            await local.fault("none")
            await until(lambda: breaker.would_admit(time.monotonic()))
            healed = [await served.chat() for _ in range(3)]
            assert {answer.headers["x-offramp-tier"] for answer in healed} == {"local"}
            assert breaker.state == "closed"
            served.plane.refresh_gauges()
            assert served.plane.metrics.breaker_refused.child("local", f"127.0.0.1:{local.port}").value == 0


async def test_only_one_request_probes_at_a_time() -> None:
    """An upstream that struggles to its feet must not be run over by everybody at once."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, breaker=BREAKER), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            breaker = served.instance("local").breaker
            await local.fault("500")
            for _ in range(3):
                await served.chat()
            await local.fault("none")
            await until(lambda: breaker.would_admit(time.monotonic()))
            answers = await asyncio.gather(*(served.chat(max_tokens=20) for _ in range(8)))

            tiers = [answer.headers["x-offramp-tier"] for answer in answers]
            assert (tiers.count("local"), tiers.count("openai")) == (1, 7)
            assert {answer.headers["x-offramp-attempts"] for answer in answers} == {"1"}
            assert breaker.state == "closed"


async def test_a_probe_whose_client_leaves_gives_its_lease_back() -> None:
    """Else an upstream that is well again stays out for as long as the lease lasts."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, breaker=BREAKER), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            breaker = served.instance("local").breaker
            await local.fault("500")
            for _ in range(3):
                await served.chat()
            await local.fault("hang", count=1)
            await until(lambda: breaker.would_admit(time.monotonic()))
            async with served.connect() as client:
                client.send(raw_chat())
                await local.until("in_flight", 1)
                assert not breaker.would_admit(time.monotonic())
            await local.until("aborted", 1)
            answer = await served.chat()

            assert answer.headers["x-offramp-tier"] == "local"
            assert breaker.state == "closed"


async def test_with_every_breaker_open_the_client_hears_when_to_come_back() -> None:
    """A quick clear answer instead of a slow failure."""
    async with (
        engine("vllm") as local,
        gateway(routed({"local": upstream(local, breaker={"failures": 2, "cooldown_s": 30})})) as served,
    ):
        await local.fault("500")
        for _ in range(2):
            await served.chat()
        answer = await served.chat()

        assert (answer.status, answer.json()["error"]["code"]) == (503, "no_upstream_available")
        assert 28 <= int(answer.headers["retry-after"]) <= 30
        assert answer.headers["x-offramp-attempts"] == "0"
        assert answer.headers["x-should-retry"] == "true"
        assert len(await asked(local)) == 2


async def test_an_observing_breaker_shows_what_it_would_have_done() -> None:
    """Before it is trusted, a team may watch it."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local, breaker={"failures": 2, "mode": "observe"})})
        async with gateway(config) as served:
            await local.fault("500")
            answers = [await served.chat() for _ in range(4)]

            assert [answer.status for answer in answers] == [500] * 4
            assert (served.instance("local").breaker.state, served.instance("local").breaker.refused) == ("open", 2)
            assert len(await asked(local)) == 4


async def test_each_instance_has_its_own_breaker() -> None:
    """One machine that fails must not take its healthy siblings out."""
    async with (
        engine("vllm") as ill,
        engine("vllm") as well,
        gateway(routed({"local": upstream(ill, well, breaker=BREAKER)})) as served,
    ):
        await ill.fault("500")
        answers = [await served.chat() for _ in range(9)]

        assert {answer.status for answer in answers} == {200}
        assert [served.instance("local", index).breaker.state for index in (0, 1)] == ["open", "closed"]
        assert len(await asked(ill)) == 3


async def test_an_error_that_passes_through_is_neither_praise_nor_blame() -> None:
    """A path that always fails must not take the models out, nor hide that they fail."""
    async with engine("openai") as hosted:
        config = routed({"openai": own_key_upstream(hosted, breaker=BREAKER)}, passthrough="openai")
        async with gateway(config) as served:
            breaker = served.instance("openai").breaker
            await hosted.fault("500", path="/v1")
            for _ in range(5):
                assert (await served.ask("GET", "/v1/files")).status == 500
            assert (breaker.state, breaker.row) == ("closed", 0)

            await served.chat()
            await served.chat()
            await served.ask("GET", "/v1/files")
            await served.chat()
            assert breaker.state == "open"
