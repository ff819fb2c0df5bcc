"""Health probes: free, no rows, and an instance that is ill is passed over until it is well again."""

import asyncio

import pytest

from tests.gateway.running import (
    Config,
    Gateway,
    asked,
    engine,
    gateway,
    load,
    own_key_upstream,
    raw_chat,
    routed,
    until,
    upstream,
)

pytestmark = pytest.mark.anyio

HEALTH: Config = {"path": "/health", "interval_s": 0.03}


def is_well(served: Gateway, index: int = 0) -> bool:
    """What the gateway thinks of an instance of the first tier."""
    return served.instance("local", index).healthy


async def test_probes_cost_nothing_and_are_no_rows() -> None:
    """Watching must not show in the bill, nor in the numbers of requests."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local, health=HEALTH)})) as served:
        state = await local.until("probes", 3)

        assert (state["generation_tokens"], state["served"]) == (0, 0)
        assert served.rows == []
        assert {seen["path"] for seen in state["requests"]} == {"/health"}
        assert state["connections"] <= 2, "one connection is kept for all probes"


async def test_an_ill_instance_is_passed_over_and_asked_again_when_it_is_well() -> None:
    """Nobody's request has to find out that a machine is gone, or back."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, health=HEALTH), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            await local.fault("down")
            await until(lambda: not is_well(served))
            away = await served.chat()
            await local.fault("none")
            await until(lambda: is_well(served))
            back = await served.chat()

            assert (away.headers["x-offramp-tier"], away.headers["x-offramp-attempts"]) == ("openai", "1")
            assert (back.headers["x-offramp-tier"], back.headers["x-offramp-attempts"]) == ("local", "1")
            served.plane.log.flush()
            assert served.logged.getvalue().count('"healthy":false') == 1
            assert served.logged.getvalue().count('"healthy":true') == 1


async def test_only_the_ill_instance_of_a_tier_is_passed_over() -> None:
    """Its siblings serve on."""
    async with (
        engine("vllm") as ill,
        engine("vllm") as well,
        gateway(routed({"local": upstream(ill, well, health=HEALTH)})) as served,
    ):
        await ill.fault("500", path="/health")
        await until(lambda: not is_well(served))
        answers = [await served.chat(max_tokens=1) for _ in range(4)]

        assert {answer.status for answer in answers} == {200}
        assert (is_well(served, 0), is_well(served, 1)) == (False, True)
        assert (len(await asked(ill)), len(await asked(well))) == (0, 4)


async def test_a_good_probe_lets_an_open_breaker_be_tried_before_its_time() -> None:
    """The cooldown is for those of whom nothing is known."""
    async with engine("vllm") as local:
        breaker = {"failures": 1, "cooldown_s": 60}
        async with gateway(routed({"local": upstream(local, breaker=breaker, health=HEALTH)})) as served:
            await local.fault("500", count=1)
            assert (await served.chat()).status == 500
            await until(lambda: served.instance("local").breaker.state == "half_open")
            answer = await served.chat()

            assert answer.status == 200
            assert served.instance("local").breaker.state == "closed"


async def test_a_server_without_that_path_is_taken_for_well() -> None:
    """It says nothing about its health, so nothing is known against it."""
    async with (
        engine("openai") as hosted,
        gateway(routed({"local": own_key_upstream(hosted, health=HEALTH)})) as served,
    ):
        await hosted.until("probes", 4)

        assert is_well(served)
        assert (await served.chat()).status == 200


async def test_an_instance_that_has_its_hands_full_is_not_ill() -> None:
    """A probe that waits behind real requests says nothing; taking a busy machine out makes the others busier."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local, health=HEALTH, max_connections=1)})
        async with gateway(config) as served, served.connect() as client:
            await local.fault("hang")
            client.send(raw_chat())
            await local.until("in_flight", 1)
            await asyncio.sleep(5 * HEALTH["interval_s"])

            assert served.instance("local").queued == 0
            assert is_well(served)


def without_health(config: Config) -> Config:
    """The same configuration without probes."""
    upstreams = {name: {**part, "health": False} for name, part in config["upstreams"].items()}
    return {**config, "upstreams": upstreams}


async def test_an_instance_that_is_no_longer_watched_is_not_ill_for_ever() -> None:
    """After a reload without probes nobody would ever see it come back."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local, health=HEALTH)})
        async with gateway(config) as served:
            await local.fault("500", path="/health")
            await until(lambda: not is_well(served))
            instance = served.instance("local")
            served.plane.reload(load(without_health(config)))

            assert served.instance("local") is instance
            assert is_well(served)
            assert (await served.chat()).status == 200
