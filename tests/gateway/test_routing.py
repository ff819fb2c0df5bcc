"""Which route, tier and instance a request goes to."""

import asyncio

import pytest

from tests.gateway.running import (
    KEY,
    MODEL,
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
from tests.gateway.scripted import fine, scripted

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]


# -------------------------------------------------------------------------------------------------------- the route


async def test_the_models_name_decides_the_route_and_the_longest_pattern_wins() -> None:
    """Teams name whole families with one line and except single models from them."""
    async with engine("vllm") as local:
        names = ["exact", "long", "short"]
        config = {
            "upstreams": {name: upstream(local) for name in names},
            "routes": {
                "exact": {"models": ["gpt-4o-mini"], "tiers": [{"upstream": "exact"}]},
                "short": {"models": ["gpt-*"], "tiers": [{"upstream": "short"}]},
                "long": {"models": ["gpt-4o*"], "tiers": [{"upstream": "long"}]},
            },
        }
        async with gateway(config) as served:
            models = ["gpt-4o-mini", "gpt-4o-mini-2024", "gpt-4o", "gpt-4", "gpt-"]
            tiers = [(await served.chat(model=model)).headers["x-offramp-tier"] for model in models]

            assert tiers == ["exact", "long", "long", "short", "short"]
            assert [row.route for row in served.rows] == tiers


async def test_a_model_that_no_route_names_is_unknown_in_openais_words() -> None:
    """A typing error must look like one, and say what there is."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answer = await served.chat(model="gpt-4o-mimi")

        assert answer.status == 404
        error = answer.json()["error"]
        assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "model", "model_not_found")
        assert "'gpt-4o-mimi'" in error["message"]
        assert "gpt-4o-mini" in error["message"]
        row = await served.only_row()
        assert (row.outcome, row.route, row.tier, row.model_asked) == ("refused", "none", "none", "gpt-4o-mimi")
        assert await asked(local) == []


async def test_what_no_route_names_goes_to_the_passthrough_upstream() -> None:
    """The first minute: everything goes where it went before."""
    async with engine("vllm") as local, engine("openai") as hosted:
        config = routed({"local": upstream(local), "openai": own_key_upstream(hosted)}, {"upstream": "local"})
        async with gateway({**config, "passthrough": "openai"}) as served:
            answers = [await served.chat(model=model) for model in (MODEL, "gpt-4o")]

            assert [answer.headers["x-offramp-tier"] for answer in answers] == ["local", "openai"]
            assert [row.route for row in served.rows] == ["support", "passthrough"]


async def test_a_key_may_be_bound_to_its_routes() -> None:
    """A team that may not use a route is told what one is told of a model that does not exist."""
    keys = [{"key": KEY, "team": "support", "routes": ["support"]}, {"key": "sk-sales-0123456789", "team": "sales"}]
    async with engine("vllm") as local:
        config = routed({"local": upstream(local)}, keys=keys)
        config["routes"]["sales"] = {"models": ["gpt-4o"], "tiers": [{"upstream": "local"}]}
        async with gateway(config) as served:
            own, others = await served.chat(), await served.chat(model="gpt-4o")
            allowed = await served.chat_as("sk-sales-0123456789", model="gpt-4o")

            assert (own.status, others.status, allowed.status) == (200, 404, 200)
            assert others.json()["error"]["code"] == "model_not_found"
            assert [(row.team, row.outcome) for row in served.rows] == [
                ("support", "ok"),
                ("support", "refused"),
                ("sales", "ok"),
            ]


async def test_one_upstream_may_be_two_tiers_with_two_models() -> None:
    """A smaller model on the same machines is a fallback, too."""
    async with engine("vllm", models=("large", "small")) as local:
        config = routed(
            {"local": upstream(local)}, {"upstream": "local", "model": "large"}, {"upstream": "local", "model": "small"}
        )
        async with gateway(config) as served:
            await local.fault("500", count=1)
            answer = await served.chat()

            assert answer.json()["model"] == "small"
            assert [seen["model"] for seen in await asked(local)] == ["large", "small"]


# ----------------------------------------------------------------------------------------------- what a tier cannot


@pytest.mark.parametrize(
    ("capabilities", "fields", "tier"),
    [
        ({"missing": ["tools"]}, {}, "local"),
        ({"missing": ["tools"]}, {"tools": [TOOL]}, "openai"),
        ({"missing": ["vision"]}, {"messages": [{"role": "user", "content": PICTURE}]}, "openai"),
        ({"missing": ["vision"]}, {"tools": [TOOL]}, "local"),
        ({"only": ["streaming"]}, {"stream": True}, "local"),
        ({"only": ["streaming"]}, {"seed": 1}, "openai"),
        ({"missing": ["structured_output"]}, {"response_format": {"type": "json_schema", "json_schema": {}}}, "openai"),
    ],
    ids=str,
)
async def test_a_tier_that_lacks_what_a_request_uses_is_left_out(
    capabilities: Config, fields: Config, tier: str
) -> None:
    """Asking a model for what it cannot do costs time and may give a wrong answer instead of an error."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, capabilities=capabilities), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat(**fields)

            assert answer.headers["x-offramp-tier"] == tier
            assert answer.headers["x-offramp-attempts"] == "1"
            assert len(await asked(local)) == (tier == "local")


async def test_where_every_tier_lacks_it_the_error_names_what_is_missing() -> None:
    """The client learns what to leave out, before anybody was asked."""
    lacking: Config = {"capabilities": {"missing": ["tools", "logprobs"]}}
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, **lacking), "openai": own_key_upstream(hosted)}
        tiers: list[Config] = [{"upstream": "local"}, {"upstream": "openai", **lacking}]
        async with gateway(routed(upstreams, *tiers)) as served:
            answer = await served.chat(tools=[TOOL])

            assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported_feature")
            message = answer.json()["error"]["message"]
            assert "'support'" in message
            assert "local: lacks tools; openai: lacks tools" in message
            row = await served.only_row()
            assert (row.outcome, row.tier, row.attempts) == ("refused", "none", 0)


async def test_a_tiers_own_capabilities_stand_above_its_upstreams() -> None:
    """One server may serve models that differ."""
    async with engine("vllm") as local:
        upstreams = {"local": upstream(local, capabilities={"missing": ["seed"]})}
        tier = {"upstream": "local", "capabilities": {"missing": ["stop"]}}
        async with gateway(routed(upstreams, tier)) as served:
            statuses = [(await served.chat(seed=1)).status, (await served.chat(stop=["\n"])).status]

            assert statuses == [200, 400]


# --------------------------------------------------------------------------------------------------- a long input


def long_chat(bytes_of_text: int) -> Config:
    """A chat with so much text."""
    return chat(messages=[{"role": "user", "content": "x" * bytes_of_text}])


async def test_an_input_that_is_too_long_for_a_tier_goes_to_the_next_one_unasked() -> None:
    """By an estimate of four bytes to a token: a wrong guess must not cost an attempt."""
    async with engine("vllm") as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local, max_input_tokens=1000), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            short = await served.ask("POST", PATH, long_chat(3000))
            long = await served.ask("POST", PATH, long_chat(5000))

            assert [answer.headers["x-offramp-tier"] for answer in (short, long)] == ["local", "openai"]
            assert long.headers["x-offramp-attempts"] == "1"
            assert len(await asked(local)) == 1


async def test_an_input_that_is_too_long_for_every_tier_is_refused_with_the_numbers() -> None:
    """The client must learn how much too long it is, that this is an estimate, and of what."""
    async with engine("vllm") as local, engine("vllm") as other:
        upstreams = {"local": upstream(local, max_input_tokens=1000), "other": upstream(other)}
        tiers: list[Config] = [{"upstream": "local"}, {"upstream": "other", "max_input_tokens": 2000}]
        async with gateway(routed(upstreams, *tiers)) as served:
            answer = await served.ask("POST", PATH, long_chat(9000))

            assert answer.status == 400
            error = answer.json()["error"]
            assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
            [row] = served.rows
            estimate = -(-row.bytes_in // 4)
            assert f"about {estimate} tokens (estimated from its {row.bytes_in} bytes)" in error["message"]
            assert "takes 2000" in error["message"]
            assert answer.headers["x-should-retry"] == "false"
            assert (row.outcome, row.tier, row.attempts) == ("refused", "none", 0)


async def test_what_one_tier_lacks_and_the_other_cannot_hold_is_no_matter_of_waiting() -> None:
    """`Try again later` would be a lie: it will never be served."""
    async with engine("vllm") as local, engine("vllm") as other:
        upstreams = {
            "local": upstream(local, capabilities={"missing": ["tools"]}),
            "other": upstream(other, max_input_tokens=1000),
        }
        async with gateway(routed(upstreams)) as served:
            answer = await served.ask("POST", PATH, long_chat(9000) | {"tools": [TOOL]})

            assert (answer.status, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
            assert "retry-after" not in answer.headers


async def test_the_estimate_learns_from_what_was_measured() -> None:
    """After fifty answers the model's own ratio decides, not the rule of thumb."""
    async with scripted(fine) as told, scripted(fine) as other:
        upstreams = {"local": upstream(told, max_input_tokens=1000), "openai": own_key_upstream(other)}
        async with gateway(routed(upstreams)) as served:
            before = await served.ask("POST", PATH, long_chat(6000))
            await asyncio.gather(*(served.chat() for _ in range(50)))
            after = await served.ask("POST", PATH, long_chat(6000))

            assert [answer.headers["x-offramp-tier"] for answer in (before, after)] == ["openai", "local"]
            assert served.plane.pipeline.services.estimates.of(MODEL).input.ratio > 10, "seven tokens for each"


# ------------------------------------------------------------------------------------------------------- instances


async def test_the_instances_of_a_tier_take_turns() -> None:
    """Equal machines get equal shares."""
    async with (
        engine("vllm") as first,
        engine("vllm") as second,
        engine("vllm") as third,
        gateway(routed({"local": upstream(first, second, third)})) as served,
    ):
        for _ in range(9):
            await served.chat(max_tokens=1)

        assert [len(await asked(one)) for one in (first, second, third)] == [3, 3, 3]
        assert len({row.instance for row in served.rows}) == 3
        assert {row.tier for row in served.rows} == {"local"}


async def test_least_busy_leaves_a_machine_with_long_answers_alone() -> None:
    """Answers differ by a factor of a hundred in length; turns alone would queue behind the long ones."""
    async with engine("vllm") as first, engine("vllm") as second:
        config = routed({"local": upstream(first, second, balance="least_busy")})
        async with gateway(config) as served, served.connect() as patient:
            patient.send(raw_chat(stream=True, max_tokens=2000))
            await patient.reader.readuntil(b'"content":"')
            for _ in range(6):
                await served.chat(max_tokens=1)

            counts = sorted([len(await asked(first)), len(await asked(second))])
            assert counts == [1, 6]


# --------------------------------------------------------------------------------------------------- stateful chains

RESPONSE = {"model": MODEL, "input": "hi", "max_output_tokens": 4, "store": True}


async def test_a_chain_of_responses_stays_where_its_state_is() -> None:
    """The other tier has never heard of the response that this one continues."""
    async with engine("openai") as first, engine("openai") as second:
        upstreams = {"first": own_key_upstream(first), "second": own_key_upstream(second)}
        async with gateway({**routed(upstreams), "passthrough": "first"}) as served:
            await first.fault("429", count=1, retry_after_s=0.3)
            begun = await served.ask("POST", "/v1/responses", RESPONSE | {"store": False})
            assert begun.headers["x-offramp-tier"] == "second"
            stored = await served.ask("POST", "/v1/responses", RESPONSE)
            assert stored.headers["x-offramp-tier"] == "second"
            await until(lambda: served.instance("first").resting_until_s < asyncio.get_running_loop().time())

            chained = RESPONSE | {"previous_response_id": stored.json()["id"]}
            following = await served.ask("POST", "/v1/responses", chained)
            read = await served.ask("GET", f"/v1/responses/{stored.json()['id']}")
            fresh = await served.ask("POST", "/v1/responses", RESPONSE)

            tiers = [answer.headers["x-offramp-tier"] for answer in (following, read, fresh)]
            assert tiers == ["second", "second", "first"]
            assert [answer.status for answer in (following, read, fresh)] == [200, 200, 200]


async def test_a_chain_whose_upstream_is_away_is_not_continued_elsewhere() -> None:
    """An error is better than an answer without its memory."""
    async with engine("openai") as first, engine("openai") as second:
        upstreams = {"first": own_key_upstream(first), "second": own_key_upstream(second)}
        async with gateway(routed(upstreams)) as served:
            stored = await served.ask("POST", "/v1/responses", RESPONSE)
            await first.fault("down")
            chained = RESPONSE | {"previous_response_id": stored.json()["id"]}
            answer = await served.ask("POST", "/v1/responses", chained)

            assert (answer.status, answer.headers["x-offramp-tier"]) == (502, "first")
            assert await asked(second) == []


# ------------------------------------------------------------------------------------------------------ /v1/models


async def test_models_are_the_aliases_and_what_the_passthrough_upstream_lists() -> None:
    """Tools that let one choose a model must offer those that only offramp knows."""
    async with engine("openai", models=("gpt-4o", MODEL)) as hosted:
        config = routed({"openai": own_key_upstream(hosted)}, passthrough="openai")
        config["routes"]["more"] = {"models": ["house-model", "gpt-5*"], "tiers": [{"upstream": "openai"}]}
        async with gateway(config) as served:
            answer = await served.ask("GET", "/v1/models")

            assert answer.status == 200
            listed = [model["id"] for model in answer.json()["data"]]
            assert sorted(listed) == ["gpt-4o", MODEL, "house-model"]
            row = await served.only_row()
            assert (row.operation, row.outcome, row.tier) == ("models", "ok", "openai")


async def test_without_a_passthrough_upstream_models_are_the_aliases_alone() -> None:
    """Nobody needs to be asked for that."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answer = await served.ask("GET", "/v1/models")

        assert [model["id"] for model in answer.json()["data"]] == [MODEL]
        assert answer.json()["object"] == "list"
        assert (await local.state())["requests"] == []
        row = await served.only_row()
        assert (row.outcome, row.tier, row.attempts) == ("ok", "none", 0)


@pytest.mark.parametrize("fault", ["html", "500", "down"])
async def test_models_whose_upstream_fails_are_an_error_and_no_half_list(fault: str) -> None:
    """A list without the upstream's models would say that they do not exist."""
    async with (
        engine("openai") as hosted,
        gateway(routed({"openai": own_key_upstream(hosted)}, passthrough="openai")) as served,
    ):
        await hosted.fault(fault, path="/v1/models")
        answer = await served.ask("GET", "/v1/models")

        assert answer.status in {500, 502}
        assert answer.json()["error"]["message"]
        assert (await served.only_row()).outcome == "upstream_error"
