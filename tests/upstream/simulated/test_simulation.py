"""The engine as its clients see it: keys, paths, headers, what it counts, and what happens when they leave."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Served, chat_body, request, serving

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


@pytest.fixture
async def openai() -> AsyncIterator[Served]:
    """An engine with OpenAI's manners."""
    async with serving(Options(profile=Profile.OPENAI)) as one:
        yield one


@pytest.fixture
async def vllm() -> AsyncIterator[Served]:
    """An engine with vLLM's manners."""
    async with serving(Options(profile=Profile.VLLM)) as one:
        yield one


# ------------------------------------------------------------------------------------------------- keys and headers


async def test_openai_takes_any_key_but_wants_one(openai: Served) -> None:
    """A gateway that forgets to pass the key on is found out."""
    without = await openai.ask("POST", CHAT, chat_body())
    empty = await openai.ask("POST", CHAT, chat_body(), ("authorization", "Bearer "))
    azure = await openai.ask("POST", CHAT, chat_body(), ("api-key", "any"))

    assert (without.status, empty.status, azure.status) == (401, 401, 200)
    assert "API key" in without.json()["error"]["message"]


async def test_vllm_needs_no_key_unless_it_was_given_one() -> None:
    """Then health checks stay open, as with vLLM."""
    async with serving(Options(profile=Profile.VLLM, api_key="sk-mine")) as served:
        wrong = await served.ask("POST", CHAT, chat_body(), KEY)
        right = await served.ask("POST", CHAT, chat_body(), ("authorization", "Bearer sk-mine"))
        health = await served.ask("GET", "/health")

    assert (wrong.status, wrong.json()) == (401, {"error": "Unauthorized"})
    assert (right.status, health.status) == (200, 200)


async def test_a_wrong_key_has_openais_code() -> None:
    """Clients tell it apart from a missing one."""
    async with serving(Options(api_key="sk-mine")) as served:
        answer = await served.chat()

    assert (answer.status, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_openai_sends_its_headers_and_vllm_none_of_them(openai: Served, vllm: Served) -> None:
    """A gateway has to supply what vLLM leaves out."""
    ours, theirs = (await openai.chat(max_tokens=1)).headers, (await vllm.chat(max_tokens=1)).headers
    names = {"x-request-id", "openai-processing-ms", "openai-version", "x-ratelimit-remaining-requests"}

    assert names <= set(ours)
    assert not names & set(theirs)
    assert ours["x-request-id"].startswith("req_")
    assert int(ours["openai-processing-ms"]) >= 25


async def test_ids_repeat_with_the_seed() -> None:
    """Two runs of a test can be compared byte for byte."""
    ids = []
    for seed in (1, 1, 2):
        async with serving(Options(seed=seed)) as served:
            ids.append((await served.chat(max_tokens=1)).json()["id"])

    assert ids[0] == ids[1] != ids[2]


# ------------------------------------------------------------------------------------------------------------- paths


async def test_unknown_paths_and_methods_are_answered_in_each_profiles_words(openai: Served, vllm: Served) -> None:
    """404 and 405."""
    ours = [await openai.ask("POST", "/v1/nope", {}, KEY), await openai.ask("GET", CHAT, None, KEY)]
    theirs = [await vllm.ask("POST", "/v1/nope", {}), await vllm.ask("GET", CHAT)]

    assert [answer.status for answer in ours] == [answer.status for answer in theirs] == [404, 405]
    assert ours[0].json()["error"]["message"] == "Invalid URL (POST /v1/nope)"
    assert theirs[0].json() == {"detail": "Not Found"}
    assert theirs[1].json() == {"detail": "Method Not Allowed"}
    assert theirs[1].headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/v1/files", "/v1/moderations", "/v1/audio/speech"])
async def test_vllm_has_no_files_moderations_or_speech(vllm: Served, path: str) -> None:
    """An operation that only one of two tiers has."""
    assert (await vllm.ask("POST", path, {})).json() == {"detail": "Not Found"}


async def test_openai_has_no_health_and_no_metrics(openai: Served) -> None:
    """Probing it needs another way."""
    assert [(await openai.ask("GET", path)).status for path in ("/health", "/metrics", "/version")] == [404] * 3


async def test_another_base_path_stands_for_v1() -> None:
    """Cerebrium's ends in /run, Azure's carries the deployment."""
    async with serving(Options(profile=Profile.OPENAI, base_path="/v4/p-1/app/run")) as served:
        below = await served.ask("POST", "/v4/p-1/app/run/chat/completions?api-version=1", chat_body(), KEY)
        seen = (await served.state())["requests"][-1]

    assert below.status == 200
    assert (seen["path"], seen["query"]) == ("/v1/chat/completions", "api-version=1")


# -------------------------------------------------------------------------------------------------------- leaving


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_client_that_leaves_ends_the_work_at_once(vllm: Served, *, streaming: bool) -> None:
    """Else a GPU works for nobody. Counted as aborted, not as served."""
    async with vllm.connect() as client:
        client.send(request("POST", CHAT, chat_body(stream=streaming, max_tokens=5000)))
        await vllm.until("running", 1)
    state = await vllm.until("running", 0)

    assert (state["aborted"], state["served"], state["in_flight"]) == (1, 0, 0)
    assert state["generation_tokens"] < 5000


async def test_a_client_that_leaves_takes_its_waiting_requests_along(vllm: Served) -> None:
    """Pipelined ones that nobody will read."""
    async with vllm.connect() as client:
        client.send(request("POST", CHAT, chat_body(max_tokens=5000)) * 3)
        await vllm.until("running", 1)
    await vllm.until("running", 0)

    assert len((await vllm.state())["requests"]) == 1


async def test_a_client_that_reads_slowly_loses_nothing(vllm: Served) -> None:
    """The answer waits for it."""
    async with vllm.connect() as client:
        client.send(request("POST", CHAT, chat_body(stream=True, max_tokens=600)))
        await vllm.until("served", 1)
        answer = await client.answer()

    assert answer.whole
    assert answer.body.count(b'"content":') == 601


# -------------------------------------------------------------------------------------------------------- control


async def test_the_state_says_what_was_served_and_what_failed(openai: Served) -> None:
    """A test compares these with the gateway's own books."""
    await openai.chat(max_tokens=1)
    await openai.chat(temperature=9)
    await openai.ask("POST", CHAT, chat_body())
    await openai.ask("GET", "/v1/models", None, KEY)
    state = await openai.state()

    assert state["by_status"] == {"200": 1, "400": 1, "401": 1}
    assert (state["served"], state["failed"], state["probes"], state["in_flight"]) == (1, 2, 1, 0)
    assert (state["profile"], state["models"], state["fault"]) == ("openai", [], {"fault": "none"})
    assert state["prompt_tokens"] == 1
    assert state["generation_tokens"] == 1


async def test_the_state_shows_the_last_requests_without_their_secrets(openai: Served) -> None:
    """So a test sees what an upstream was sent: which headers, which model, how much."""
    await openai.ask("POST", CHAT, chat_body(max_tokens=1), KEY, ("X-Team", "support"))
    seen = (await openai.state())["requests"][-1]
    headers = dict(seen["headers"])

    assert (seen["method"], seen["path"], seen["model"]) == ("POST", CHAT, "tiny")
    assert headers["x-team"] == "support"
    assert headers["authorization"] == "Bearer sk-…6789"
    assert seen["body_bytes"] == len(seen["body"]) == int(headers["content-length"])


async def test_a_short_secret_is_not_shown_at_all(openai: Served) -> None:
    """Its ends would be all of it."""
    await openai.ask("POST", CHAT, chat_body(max_tokens=1), ("authorization", "Bearer short"))

    assert dict((await openai.state())["requests"][-1]["headers"])["authorization"] == "Bearer …"


async def test_counting_starts_afresh_on_demand(openai: Served) -> None:
    """One engine can serve several tests."""
    await openai.chat(max_tokens=1)
    cleared = (await openai.ask("DELETE", "/_simulate")).json()

    assert (cleared["served"], cleared["by_status"], cleared["requests"]) == (0, {}, [])


async def test_the_control_path_has_three_methods(openai: Served) -> None:
    """Anything else is a mistake of the caller's."""
    assert (await openai.ask("PUT", "/_simulate")).status == 405


async def test_asking_for_the_state_is_not_a_request(openai: Served) -> None:
    """Looking must not change what is seen."""
    first, second = await openai.state(), await openai.state()

    assert first["requests"] == second["requests"] == []
    assert first["served"] == second["served"] == 0


async def test_three_hundred_streams_at_once_all_arrive_whole(vllm: Served) -> None:
    """What a demo with many clients needs."""
    answers = await asyncio.gather(*(vllm.chat(stream=True, max_tokens=20) for _ in range(300)))

    assert all(answer.whole and answer.events[-1] == "[DONE]" for answer in answers)
    assert (await vllm.state())["generation_tokens"] == 6000
