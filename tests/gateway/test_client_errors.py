"""Errors that are the client's own pass unchanged; those that only look so move on."""

import pytest

from tests.gateway.running import (
    asked,
    chat,
    engine,
    gateway,
    own_key_upstream,
    routed,
    tries,
    upstream,
)
from tests.gateway.scripted import (
    Talk,
    nobody,
    scripted,
)

pytestmark = pytest.mark.anyio

NEXT = {"upstream": "openai"}


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
async def test_the_clients_own_errors_pass_unchanged_and_move_nowhere(status: int) -> None:
    """Another tier would say the same, later and for money."""
    body = b'{ "error" : {"message":"no","type":"invalid_request_error","param":"n","code":"wrong_n","new":1} }'

    async def refuse(talk: Talk) -> None:
        await talk.whole(body, status)

    async with scripted(refuse) as told, engine("openai") as hosted:
        upstreams = {"local": {"base_url": told.base_url}, "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat()

            assert (answer.status, answer.body) == (status, body)
            assert await asked(hosted) == []
            row = await served.only_row()
            assert (row.outcome, row.status, row.error_code) == ("client_error", status, "wrong_n")
            assert (row.cost_nano, row.usage) == (0, "none")
            assert served.instance("local").breaker.row == 0


async def test_vllms_numbers_become_openais_codes() -> None:
    """A client that looks at `code` must find a word or nothing there, as with OpenAI."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        plain = await local.chat(temperature=9)
        through = await served.chat(temperature=9)

        assert plain.json()["error"]["code"] == 400
        assert through.status == 400
        assert through.json()["error"] == plain.json()["error"] | {"code": None}


async def test_a_request_timeout_of_the_upstream_moves_on() -> None:
    """408 says that the upstream did not get it in time, not that it is wrong."""

    async def slow(talk: Talk) -> None:
        await talk.whole({"error": {"message": "too slow", "type": "timeout"}}, 408)

    async with scripted(slow) as told, engine("openai") as hosted:
        upstreams = {"local": {"base_url": told.base_url}, "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams)) as served:
            answer = await served.chat()

            assert answer.headers["x-offramp-tier"] == "openai"
            assert tries(await served.only_row())[0] == ("local", "request_timeout", 408)


async def test_a_model_that_the_upstream_does_not_have_moves_on_where_we_named_it() -> None:
    """The client asked for a model that exists; that the tier's word for it is wrong is not its fault."""
    async with engine("vllm", models=("tiny",)) as local, engine("openai") as hosted:
        upstreams = {"local": upstream(local), "openai": own_key_upstream(hosted)}
        async with gateway(routed(upstreams, {"upstream": "local", "model": "tyni"}, NEXT)) as served:
            answer = await served.chat()

            assert answer.headers["x-offramp-tier"] == "openai"
            assert tries(await served.only_row())[0] == ("local", "unsupported", 404)


async def test_a_key_of_the_clients_own_that_is_refused_is_told_to_the_client() -> None:
    """Where the client's key goes through, its 401 is the client's to mend."""
    async with (
        engine("openai", api_key="sk-another") as hosted,
        gateway({"upstreams": {"openai": {"base_url": hosted.base_url}}, "passthrough": "openai"}) as served,
    ):
        answer = await served.chat()

        assert (answer.status, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        row = await served.only_row()
        assert (row.outcome, row.error_code) == ("client_error", "invalid_api_key")


async def test_the_first_tiers_own_words_are_kept_where_the_next_one_has_none() -> None:
    """An error that says what is wrong helps more than `no upstream answered`."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local), "other": nobody()})) as served:
        await local.fault("429", retry_after_s=7)
        answer = await served.chat()

        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
        row = await served.only_row()
        assert tries(row) == [("local", "rate_limited", 429), ("other", "connect", 0)]
        assert (row.outcome, row.error_code) == ("upstream_error", "rate_limit_exceeded")


# ----------------------------------------------------------------------------------------------------- a long prompt


def long_chat(tokens: int) -> dict[str, object]:
    """A chat whose prompt has about so many tokens of a simulated engine."""
    return chat(messages=[{"role": "user", "content": "word " * tokens}])


async def test_a_prompt_that_is_too_long_for_one_model_goes_to_a_larger_one() -> None:
    """That is what a second tier with a longer context is for; and it is no defect of the first one."""
    async with engine("vllm", max_model_len=512) as small, engine("openai") as large:
        upstreams = {"local": upstream(small), "openai": own_key_upstream(large)}
        async with gateway(routed(upstreams)) as served:
            answer = await served.ask("POST", "/v1/chat/completions", long_chat(600))

            assert (answer.status, answer.headers["x-offramp-tier"]) == (200, "openai")
            assert tries(await served.only_row()) == [("local", "context_overflow", 400), ("openai", "", 200)]
            assert served.instance("local").breaker.row == 0


async def test_a_tier_that_is_known_to_be_no_larger_is_not_asked_after_an_overflow() -> None:
    """It would refuse it, too."""
    async with engine("vllm", max_model_len=512) as small, engine("vllm") as same, engine("openai") as large:
        upstreams = {
            "small": upstream(small, max_input_tokens=2000),
            "same": upstream(same, max_input_tokens=2000),
            "openai": own_key_upstream(large, max_input_tokens=100_000),
        }
        async with gateway(routed(upstreams)) as served:
            answer = await served.ask("POST", "/v1/chat/completions", long_chat(600))

            assert (answer.status, answer.headers["x-offramp-tier"]) == (200, "openai")
            assert await asked(same) == []


async def test_an_overflow_everywhere_is_the_clients_own_error_in_openais_words() -> None:
    """The client must shorten its prompt; OpenAI's code tells its code so."""
    async with engine("vllm", max_model_len=512) as small, gateway(routed({"local": upstream(small)})) as served:
        answer = await served.ask("POST", "/v1/chat/completions", long_chat(600))

        assert (answer.status, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
        assert "maximum context length is 512" in answer.json()["error"]["message"]
        row = await served.only_row()
        assert (row.outcome, row.error_code) == ("client_error", "context_length_exceeded")


async def test_one_clients_rate_limit_is_not_everybodys() -> None:
    """With the clients' own keys each has limits of its own: the upstream does not rest for all of them."""
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": upstream(openai)}, "passthrough": "openai"}
        async with gateway(config) as served:
            await openai.fault("429", count=1, retry_after_s=30)
            first = await served.ask("POST", "/v1/chat/completions", chat())
            second = await served.ask("POST", "/v1/chat/completions", chat())

    assert (first.status, second.status) == (429, 200)
