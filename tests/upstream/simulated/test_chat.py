"""Chat completions of both profiles at the socket: forms, limits, tools, structured output, errors."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Answer, Served, serving

pytestmark = pytest.mark.anyio

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "London"]}, "n": {"type": "integer", "minimum": 4}},
    "required": ["city", "n"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]


@pytest.fixture(params=list(Profile))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """An engine of each profile."""
    async with serving(Options(profile=request.param)) as one:
        yield one


@pytest.fixture
async def openai() -> AsyncIterator[Served]:
    """An engine with OpenAI's manners and a small context."""
    async with serving(Options(profile=Profile.OPENAI, max_model_len=100)) as one:
        yield one


@pytest.fixture
async def vllm() -> AsyncIterator[Served]:
    """An engine with vLLM's manners, a small context and two models."""
    async with serving(Options(profile=Profile.VLLM, max_model_len=100, models=("tiny", "small"))) as one:
        yield one


def assembled(answer: Answer) -> dict[str, Any]:
    """The tool call of a stream, put together as a client does it."""
    call: dict[str, Any] = {}
    for chunk in answer.chunks:
        for choice in chunk["choices"]:
            for delta in choice["delta"].get("tool_calls") or ():
                call.setdefault("id", delta.get("id"))
                call.setdefault("name", delta["function"].get("name"))
                call["arguments"] = call.get("arguments", "") + delta["function"].get("arguments", "")
    return call


# ------------------------------------------------------------------------------------------------------------- forms


async def test_an_answer_says_in_three_places_that_it_is_simulated(served: Served) -> None:
    """Nobody may take it for a model's."""
    answer = await served.chat()
    body = answer.json()

    assert answer.headers["x-simulated"] == "true"
    assert body["system_fingerprint"].startswith("simulated-")
    assert body["choices"][0]["message"]["content"].startswith("Simulated answer: no model was asked.")


async def test_usage_follows_the_documented_rule(served: Served) -> None:
    """Four bytes of text are a token in, a word piece is a token out."""
    messages = [{"role": "system", "content": "é" * 5}, {"role": "user", "content": [{"type": "text", "text": "abc"}]}]
    usage = (await served.chat(messages=messages, max_tokens=7)).json()["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (4, 7, 11)


async def test_images_count_as_a_fixed_number_of_tokens(served: Served) -> None:
    """Whatever their size: there is nobody to look at them."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "what?"}
    usage = (await served.chat(messages=[{"role": "user", "content": [text, image]}])).json()["usage"]

    assert usage["prompt_tokens"] == 2 + 85


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_is_met_exactly(served: Served, field: str) -> None:
    """A test that wants a stream of 200 tokens gets 200, and the reason says that it was cut."""
    body = (await served.chat(**{field: 200})).json()

    assert body["usage"]["completion_tokens"] == 200
    assert body["choices"][0]["finish_reason"] == "length"


async def test_without_a_limit_an_answer_ends_by_itself(served: Served) -> None:
    """Its natural length is an option of the engine."""
    body = (await served.chat()).json()

    assert body["usage"]["completion_tokens"] == 48
    assert body["choices"][0]["finish_reason"] == "stop"


async def test_a_stream_says_the_same_as_the_whole_answer(served: Served) -> None:
    """Streaming changes the packaging, not the content."""
    whole = (await served.chat(max_tokens=30)).json()
    streamed = await served.chat(max_tokens=30, stream=True)

    assert streamed.text == whole["choices"][0]["message"]["content"]
    assert streamed.whole
    assert streamed.events[-1] == "[DONE]"
    assert streamed.headers["content-type"].startswith("text/event-stream")


async def test_openai_streams_a_role_then_words_then_the_reason_then_usage(openai: Served) -> None:
    """The order of events and what each carries, as the API has it."""
    chunks = (await openai.chat(max_tokens=3, stream=True, stream_options={"include_usage": True})).chunks
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]

    assert choices[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [choice["delta"] for choice in choices[1:]] == [
        {"content": "Simulated"},
        {"content": " answer"},
        {"content": ":"},
        {},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None] * 4 + ["length"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 3)
    assert {chunk["system_fingerprint"] for chunk in chunks} == {"simulated-fp"}


async def test_events_of_openai_are_padded_to_one_length(openai: Served) -> None:
    """`obfuscation` hides the lengths of words, unless it is switched off."""
    padded = await openai.chat(max_tokens=10, stream=True)
    bare = await openai.chat(max_tokens=10, stream=True, stream_options={"include_obfuscation": False})

    assert len({len(event) for event in padded.events[1:-2]}) == 1
    assert all("obfuscation" in chunk for chunk in padded.chunks)
    assert not any("obfuscation" in chunk for chunk in bare.chunks)


async def test_vllm_puts_the_reason_into_the_last_words_event(vllm: Served) -> None:
    """So one event carries two things; the fingerprint comes with the last event of all."""
    answer = await vllm.chat(max_tokens=3, stream=True, stream_options={"include_usage": True})
    chunks = answer.chunks

    assert len(answer.events) == 1 + 3 + 1 + 1
    assert chunks[3]["choices"][0]["delta"] == {"content": ":"}
    assert chunks[3]["choices"][0]["finish_reason"] == "length"
    assert [("system_fingerprint" in chunk) for chunk in chunks] == [False, False, False, False, True]
    assert not any("usage" in chunk for chunk in chunks[:-1])
    assert set(chunks[-1]["usage"]) == {"prompt_tokens", "total_tokens", "completion_tokens"}


async def test_usage_is_streamed_only_to_whom_asks(served: Served) -> None:
    """A gateway has to ask for it."""
    chunks = (await served.chat(stream=True)).chunks

    assert all(chunk["choices"] for chunk in chunks)


async def test_several_choices_differ_and_all_count(served: Served) -> None:
    """`n` answers cost n times the tokens."""
    body = (await served.chat(n=3, max_tokens=30)).json()
    streamed = await served.chat(n=3, max_tokens=30, stream=True)
    by_choice: dict[int, str] = {0: "", 1: "", 2: ""}
    for chunk in streamed.chunks:
        choice = chunk["choices"][0]
        by_choice[choice["index"]] += choice["delta"].get("content") or ""

    assert body["usage"]["completion_tokens"] == 90
    assert len({choice["message"]["content"] for choice in body["choices"]}) == 3
    assert list(by_choice.values()) == [choice["message"]["content"] for choice in body["choices"]]


async def test_a_seed_repeats_an_answer_and_another_one_changes_it(served: Served) -> None:
    """As far as anyone can tell, the words depend on prompt and seed alone."""
    texts = [(await served.chat(seed=seed)).json()["choices"][0]["message"]["content"] for seed in (1, 1, 2)]

    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("stop", ["model", ["xyz", "model"]])
async def test_a_stop_sequence_ends_the_answer_before_it(served: Served, stop: object) -> None:
    """VLLM also names it."""
    choice = (await served.chat(stop=stop, max_tokens=50)).json()["choices"][0]

    assert choice["message"]["content"] == "Simulated answer: no "
    assert choice["finish_reason"] == "stop"
    assert choice.get("stop_reason", "model") == "model"


async def test_logprobs_cover_every_token(served: Served) -> None:
    """With the alternatives that were asked for."""
    choice = (await served.chat(max_tokens=5, logprobs=True, top_logprobs=2)).json()["choices"][0]
    tokens = choice["logprobs"]["content"]
    streamed = await served.chat(max_tokens=5, logprobs=True, stream=True)
    told = [chunk["choices"][0]["logprobs"] for chunk in streamed.chunks]

    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert all(token["logprob"] < 0 and len(token["top_logprobs"]) == 2 for token in tokens)
    assert sum(len(one["content"]) for one in told if one) == 5


async def test_a_repeated_long_prompt_is_partly_cached() -> None:
    """From 1,024 tokens on, in steps of 128, as OpenAI's prompt caching."""
    async with serving(Options(profile=Profile.OPENAI)) as served:
        messages = [{"role": "user", "content": "word " * 1000}]
        first, second = [(await served.chat(messages=messages)).json()["usage"] for _ in range(2)]
        short = [(await served.chat()).json()["usage"] for _ in range(2)][1]

    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["prompt_tokens_details"]["cached_tokens"] == 1250 // 128 * 128
    assert short["prompt_tokens_details"]["cached_tokens"] == 0


# ---------------------------------------------------------------------------------------------- structure and tools


async def test_a_schema_is_fulfilled(served: Served) -> None:
    """Streamed or not, the answer is JSON that fits."""
    format_ = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
    whole = (await served.chat(response_format=format_)).json()["choices"][0]
    streamed = await served.chat(response_format=format_, stream=True)

    assert json.loads(whole["message"]["content"]) == {"city": "Paris", "n": 4}
    assert whole["finish_reason"] == "stop"
    assert json.loads(streamed.text) == {"city": "Paris", "n": 4}


async def test_json_mode_gives_an_object(served: Served) -> None:
    """Any object will do."""
    message = (await served.chat(response_format={"type": "json_object"})).json()["choices"][0]["message"]

    assert isinstance(json.loads(message["content"]), dict)


async def test_json_is_cut_where_the_limit_is(served: Served) -> None:
    """Invalid JSON with reason `length`: a trap for clients that parse without looking."""
    choice = (await served.chat(response_format={"type": "json_object"}, max_tokens=2)).json()["choices"][0]

    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["content"])


@pytest.mark.parametrize(
    ("choice", "reason"),
    [("required", "tool_calls"), ({"type": "function", "function": {"name": "get_weather"}}, "stop")],
)
async def test_a_tool_is_called_where_the_choice_says_so(served: Served, choice: object, reason: str) -> None:
    """A named choice ends in `stop`, a required one in `tool_calls`."""
    whole = (await served.chat(tools=TOOLS, tool_choice=choice)).json()["choices"][0]
    streamed = await served.chat(tools=TOOLS, tool_choice=choice, stream=True)
    call = whole["message"]["tool_calls"][0]
    together = assembled(streamed)
    reasons = [part["finish_reason"] for chunk in streamed.chunks for part in chunk["choices"]]

    assert json.loads(call["function"]["arguments"]) == {"city": "Paris", "n": 4}
    assert call["id"].startswith(("call_", "chatcmpl-tool-"))
    assert not whole["message"]["content"]
    assert whole["finish_reason"] == reasons[-1] == reason
    assert (together["name"], together["arguments"]) == ("get_weather", call["function"]["arguments"])


@pytest.mark.parametrize("content", ["please use a tool", "ask get_weather about it"])
async def test_with_auto_a_tool_is_called_when_the_message_asks_for_it(served: Served, content: str) -> None:
    """So a demo can show both."""
    asked = (await served.chat(tools=TOOLS, messages=[{"role": "user", "content": content}])).json()["choices"][0]
    plain = (await served.chat(tools=TOOLS)).json()["choices"][0]

    assert asked["finish_reason"] == "tool_calls"
    assert plain["message"]["content"].startswith("Simulated")
    assert "tool_calls" not in plain["message"]


async def test_after_the_result_of_a_tool_comes_text(served: Served) -> None:
    """An agent's loop ends."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "use a tool"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "get_weather says: sunny"},
    ]
    choice = (await served.chat(tools=TOOLS, messages=messages)).json()["choices"][0]

    assert choice["finish_reason"] == "stop"


async def test_custom_tools_and_the_older_functions_work_too(openai: Served) -> None:
    """Both are still in use."""
    custom = [{"type": "custom", "custom": {"name": "run"}}]
    whole = (await openai.chat(tools=custom, tool_choice="required")).json()["choices"][0]["message"]["tool_calls"][0]
    function = {"name": "f", "parameters": CITY}
    older = (await openai.chat(functions=[function], function_call={"name": "f"})).json()["choices"][0]

    assert whole["custom"] == {"name": "run", "input": "simulated"}
    assert json.loads(older["message"]["function_call"]["arguments"])["city"] == "Paris"
    assert older["finish_reason"] == "function_call"


# ------------------------------------------------------------------------------------------------------------ errors


async def test_a_prompt_that_is_too_long_is_refused_in_each_profiles_words(openai: Served, vllm: Served) -> None:
    """Both carry the phrase that clients look for; only OpenAI has the code."""
    messages = [{"role": "user", "content": "x" * 401}]
    ours, theirs = await openai.chat(messages=messages), await vllm.chat(messages=messages)

    assert (ours.status, theirs.status) == (400, 400)
    assert ours.json()["error"]["code"] == "context_length_exceeded"
    assert theirs.json()["error"]["code"] == 400
    for answer in (ours, theirs):
        assert "maximum context length is 100 tokens" in answer.json()["error"]["message"]


async def test_vllm_does_not_read_a_prompt_that_is_far_too_long(vllm: Served) -> None:
    """Above thirteen characters for each token of the context it says so without counting tokens."""
    just, far = [(await vllm.chat(messages=[{"role": "user", "content": "x" * size}])) for size in (1300, 1304)]

    assert just.json()["error"]["param"] == "input_tokens"
    assert far.json()["error"]["param"] == "input_text"


@pytest.mark.parametrize("profile", Profile)
async def test_only_a_limit_beyond_the_context_is_refused(profile: Profile) -> None:
    """Below that the answer simply ends earlier."""
    async with serving(Options(profile=profile, max_model_len=100)) as served:
        fits, too_large = await served.chat(max_tokens=100), await served.chat(max_tokens=101)

    assert fits.json()["usage"]["completion_tokens"] == 99
    assert too_large.json()["error"]["param"] == "max_tokens"


async def test_an_unknown_model_is_404_in_each_profiles_words(openai: Served, vllm: Served) -> None:
    """The names that are served are part of vLLM's message."""
    async with serving(Options(models=("gpt-4o",))) as strict:
        ours = await strict.chat(model="nope")
    theirs = await vllm.chat(model="nope")

    assert (ours.status, ours.json()["error"]["code"]) == (404, "model_not_found")
    assert theirs.status == 404
    assert theirs.json()["error"]["type"] == "NotFoundError"
    assert "tiny, small" in theirs.json()["error"]["message"]
    assert (await openai.chat(model="whatever")).status == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 4}]}, "messages[0].content"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "ten"}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ],
)
async def test_a_wrong_field_is_named(openai: Served, fields: dict[str, object], param: str) -> None:
    """400 with the field in `param`."""
    answer = await openai.chat(**fields)

    assert answer.status == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_vllm_calls_a_malformed_request_a_bad_request_with_a_number(vllm: Served) -> None:
    """Type and code differ from OpenAI's, and from vLLM's own other errors."""
    error = (await vllm.chat(messages=None)).json()["error"]

    assert (error["type"], error["code"]) == ("Bad Request", 400)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model":"\xff"}', b"nul"])
async def test_a_body_that_is_no_object_is_400(served: Served, body: bytes) -> None:
    """Never a crash, whatever comes."""
    assert (await served.ask("POST", "/v1/chat/completions", body, KEY)).status == 400


async def test_unknown_fields_are_accepted(served: Served) -> None:
    """The SDK sends them through `extra_body`."""
    assert (await served.chat(a_new_field={"x": 1}, metadata={"a": "b"}, max_tokens=1)).status == 200


# -------------------------------------------------------------------------------------------------------------- time


async def test_a_real_card_is_slower_than_the_demo(served: Served) -> None:
    """An L4 needs about 70 ms for each token of a 7B model in bf16."""
    async with serving(Options(profile=served.engine.profile, hardware="L4")) as real:
        began_s = time.monotonic()
        await real.chat(max_tokens=4)
        took_s = time.monotonic() - began_s
        expected_s = real.engine.model.step_s(1, 0) * 4

    assert took_s >= expected_s > 0.25
