"""Legacy completions at the socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Answer, Served, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(Profile))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """An engine of each profile."""
    async with serving(Options(profile=request.param)) as one:
        yield one


async def complete(served: Served, **fields: object) -> Answer:
    """One completion."""
    return await served.ask("POST", "/v1/completions", {"model": "tiny", "prompt": "Once", **fields}, KEY)


async def test_without_a_limit_it_is_sixteen_tokens(served: Served) -> None:
    """The operation's own default, unlike chat's."""
    body = (await complete(served)).json()

    assert body["object"] == "text_completion"
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (1, 16)
    assert body["choices"][0]["finish_reason"] == "length"


async def test_every_prompt_has_its_choices_in_order(served: Served) -> None:
    """Two prompts with n = 2 are four choices; token ids count as they are."""
    body = (await complete(served, prompt=["abcde", [1, 2, 3]], n=2, max_tokens=5)).json()

    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert body["usage"] == body["usage"] | {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 25}


async def test_one_list_of_token_ids_is_one_prompt(served: Served) -> None:
    """It looks like a list of prompts and is none."""
    body = (await complete(served, prompt=[5, 6, 7], max_tokens=1)).json()

    assert len(body["choices"]) == 1
    assert body["usage"]["prompt_tokens"] == 3


async def test_a_stream_says_the_same_as_the_whole_answer(served: Served) -> None:
    """With the prompt in front where it is to be repeated."""
    fields: dict[str, Any] = {"max_tokens": 12, "echo": True, "stop": "asked"}
    whole = (await complete(served, **fields)).json()
    streamed = await complete(served, **fields, stream=True, stream_options={"include_usage": True})
    text = "".join(chunk["choices"][0]["text"] for chunk in streamed.chunks[:-1])

    assert text == whole["choices"][0]["text"] == "OnceSimulated answer: no model was "
    assert streamed.chunks[-1]["usage"].items() <= whole["usage"].items()
    assert streamed.chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert streamed.events[-1] == "[DONE]"


async def test_logprobs_name_token_and_place(served: Served) -> None:
    """The legacy form: parallel lists."""
    logprobs = (await complete(served, max_tokens=3, logprobs=2)).json()["choices"][0]["logprobs"]

    assert logprobs["tokens"] == ["Simulated", " answer", ":"]
    assert logprobs["text_offset"] == [0, 9, 16]
    assert [len(top) for top in logprobs["top_logprobs"]] == [2, 2, 2]


@pytest.mark.parametrize("fields", [{"prompt": None}, {"prompt": 4}, {"logprobs": True}, {"max_tokens": -1}])
async def test_a_wrong_field_is_refused(served: Served, fields: dict[str, object]) -> None:
    """400 with its name."""
    answer = await complete(served, **fields)

    assert (answer.status, answer.json()["error"]["param"].removeprefix("body.")) == (400, next(iter(fields)))
