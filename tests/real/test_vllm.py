"""A real vLLM behind the gateway: what it answers arrives, and what it does differently from OpenAI is smoothed."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from tests.processes import wait_until
from tests.real.conftest import Stack, sdk

pytestmark = pytest.mark.timeout(400)

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "London"]}, "n": {"type": "integer", "enum": [1, 2]}},
    "required": ["city", "n"],
    "additionalProperties": False,
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "strict": True, "parameters": SCHEMA},
}
LONG_TOKENS = 16 * 900
TOO_LONG: list[ChatCompletionMessageParam] = [{"role": "user", "content": "word " * 4000}]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    """What a stream says."""
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


# -------------------------------------------------------------------------------------------------------------- answers


def test_an_answer_is_the_one_that_vllm_gives(client: OpenAI, direct: OpenAI) -> None:
    """Every field survives, also those that OpenAI does not know; only ids and times differ."""
    body: dict[str, Any] = {"model": "tiny", "messages": QUESTION, "max_tokens": 16, "temperature": 0, "seed": 1}

    relayed = client.chat.completions.create(**body).model_dump(exclude={"id", "created"})
    answered = direct.chat.completions.create(**body).model_dump(exclude={"id", "created"})

    assert relayed == answered
    assert relayed["usage"]["completion_tokens"] == 16


def test_headers_that_vllm_does_not_send_are_supplied(client: OpenAI) -> None:
    """An application that logs `x-request-id` need not learn that its server has changed."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=QUESTION, max_tokens=2)

    assert raw.headers["x-request-id"]
    assert raw.headers["x-offramp-tier"] == "local"


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    """The same text, token by token, and no event without choices for a client that did not ask for usage."""
    body: dict[str, Any] = {"model": "tiny", "messages": QUESTION, "max_tokens": 32, "temperature": 0, "seed": 1}
    extra = {"ignore_eos": True}

    chunks = list(client.chat.completions.create(stream=True, extra_body=extra, **body))
    whole = client.chat.completions.create(extra_body=extra, **body)

    assert text_of(chunks) == whole.choices[0].message.content
    assert len(chunks) >= 20
    assert all(chunk.choices for chunk in chunks)
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


def test_usage_of_a_stream_is_told_to_who_asks_and_counted_for_all(fresh: Stack) -> None:
    """The ledger has vLLM's own numbers for both streams."""
    body: dict[str, Any] = {"model": "gpt-4o-mini", "messages": QUESTION, "max_tokens": 9, "stream": True}
    body["extra_body"] = {"ignore_eos": True}

    with sdk(fresh.gateway.base_url) as client:
        list(client.chat.completions.create(**body))
        chunks = list(client.chat.completions.create(stream_options={"include_usage": True}, **body))
    usage = [chunk.usage for chunk in chunks if chunk.usage]

    assert [part.completion_tokens for part in usage] == [9]
    books = fresh.gateway.wait_ledger(2)
    assert books["requests"] == 2
    assert books["output_tokens"] == 18
    assert books["input_tokens"] == 2 * usage[0].prompt_tokens
    assert books["by_tier"]["local"]["requests"] == 2
    assert books["by_team"]["support"]["requests"] == 2


def test_an_answer_in_a_schema_fits_it(client: OpenAI) -> None:
    """Constrained decoding works through the gateway: a random model gives valid JSON."""
    answer = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=QUESTION,
        max_tokens=500,
        response_format={"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}},
    )
    place = json.loads(answer.choices[0].message.content or "")

    assert place["city"] in {"Paris", "London"}
    assert set(place) == {"city", "n"}


def test_a_named_tool_is_called(client: OpenAI) -> None:
    """With `strict` the arguments fit the schema."""
    answer = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=QUESTION,
        max_tokens=500,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    calls = answer.choices[0].message.tool_calls or []

    assert [call.function.name for call in calls if call.type == "function"] == ["get_weather"]
    assert json.loads(calls[0].function.arguments)["city"] in {"Paris", "London"}  # type: ignore[union-attr]


def test_a_required_tool_call_is_put_together_from_its_stream(client: OpenAI) -> None:
    """The pieces of the arguments come in order and whole."""
    names: list[str] = []
    arguments = ""
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=QUESTION, max_tokens=500, tools=[WEATHER], tool_choice="required", stream=True
    )
    for chunk in stream:
        for part in chunk.choices[0].delta.tool_calls or []:
            if part.index == 0 and part.function:
                names += [part.function.name] if part.function.name else []
                arguments += part.function.arguments or ""

    assert names == ["get_weather"]
    assert json.loads(arguments)["city"] in {"Paris", "London"}


def test_a_response_comes_whole_and_as_a_stream(client: OpenAI) -> None:
    """The Responses API is served by vLLM too."""
    whole = client.responses.create(model="tiny", input="Hello", max_output_tokens=16, store=False)
    events = list(client.responses.create(model="tiny", input="Hello", max_output_tokens=16, store=False, stream=True))

    assert whole.output_text
    assert whole.usage is not None
    assert whole.usage.output_tokens == 16
    assert events[0].type == "response.created"
    assert events[-1].type in {"response.completed", "response.incomplete"}


def test_an_operation_that_vllm_does_not_have_goes_to_the_next_tier(client: OpenAI, stack: Stack) -> None:
    """A server that generates text makes no embeddings."""
    before = stack.hosted.counts()["served"]
    raw = client.embeddings.with_raw_response.create(model="gpt-4o-mini", input="Hello")

    assert raw.headers["x-offramp-tier"] == "hosted"
    assert raw.parse().data[0].embedding
    assert stack.hosted.counts()["served"] == before + 1


def test_the_list_of_models_has_the_aliases(client: OpenAI) -> None:
    """What may be asked for, not what vLLM calls it."""
    assert {"tiny", "gpt-4o-mini"} <= {model.id for model in client.models.list()}


# --------------------------------------------------------------------------------------------------------------- errors


def test_a_parameter_that_vllm_refuses_comes_back_in_openais_form(client: OpenAI, stack: Stack) -> None:
    """Its code is a number, OpenAI's a word or nothing; and nobody else is bothered with the client's mistake."""
    before = stack.hosted.counts()["by_status"]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, temperature=9)

    assert "temperature" in raised.value.message
    assert not isinstance(raised.value.code, int)
    assert stack.hosted.counts()["by_status"] == before


def test_too_long_an_input_has_openais_code(client: OpenAI) -> None:
    """Applications shorten their prompt when they see this code."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="tiny", messages=TOO_LONG)

    assert raised.value.code == "context_length_exceeded"
    assert "1024" in raised.value.message


def test_too_long_an_input_goes_to_a_tier_that_takes_it(client: OpenAI) -> None:
    """The provider's context is a hundred times larger."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=TOO_LONG, max_tokens=4)

    assert raw.headers["x-offramp-tier"] == "hosted"


def test_more_tokens_than_the_context_has_are_refused(client: OpenAI) -> None:
    """The error names the field."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=999_999)

    assert "max_tokens" in raised.value.message


def test_a_model_that_vllm_does_not_know_is_not_found(client: OpenAI) -> None:
    """A wrong name in a tier is said as OpenAI says it."""
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="misnamed", messages=QUESTION)

    assert raised.value.code == "model_not_found"
    assert "no-such-model" in raised.value.message


def test_a_model_that_no_route_names_is_not_found(client: OpenAI, stack: Stack) -> None:
    """The gateway knows that without asking vLLM."""
    before = stack.vllm.metric("vllm:request_success_total")
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="unheard-of", messages=QUESTION)

    assert raised.value.code == "model_not_found"
    assert stack.vllm.metric("vllm:request_success_total") == before


# -------------------------------------------------------------------------------------------------- leaving and failing


def test_a_reader_that_leaves_stops_the_engine(fresh: Stack) -> None:
    """The card is free for somebody else at once.

    With so small a model the engine's loop hardly ever waits, and on two cores it now and then neither sends nor hears
    anything before its last token (in 3 of 12 streams read from vLLM without a gateway). Then one more reader leaves.
    """
    readers = 1
    while tokens_after_leaving(fresh) > LONG_TOKENS / 2:
        readers += 1
        assert readers <= 5, "the engine wrote every answer to its end"

    assert fresh.gateway.wait_ledger(readers)["by_outcome"]["cancelled"]["requests"] == readers


def tokens_after_leaving(stack: Stack) -> float:
    """How many tokens the engine makes for a reader who leaves at the third event."""
    before = stack.vllm.metric("vllm:generation_tokens_total")
    with sdk(stack.gateway.base_url) as client:
        stream = long_stream(client)
        for _ in range(3):
            next(stream)
        stream.close()

    wait_until(lambda: stack.vllm.metric("vllm:num_requests_running") == 0, "the engine is free", timeout_s=60)
    return stack.vllm.metric("vllm:generation_tokens_total") - before


def test_a_killed_vllm_is_an_explicit_error_then_the_next_tier_then_itself_again(fresh: Stack) -> None:
    """The whole story: kill -9 in the middle of a stream, traffic moves on, the server returns, traffic returns."""
    with sdk(fresh.gateway.base_url) as client:
        stream = long_stream(client)
        chunks: list[ChatCompletionChunk] = []
        while not text_of(chunks):
            chunks.append(next(stream))
        fresh.vllm.kill()
        with pytest.raises(openai.APIError) as raised:
            list(stream)

        assert type(raised.value) is openai.APIError
        assert {tier_of(client) for _ in range(5)} == {"hosted"}

        fresh.vllm.start()
        wait_until(lambda: tier_of(client) == "local", "the traffic is back", timeout_s=20)

    books = fresh.gateway.wait_ledger(7)
    assert books["by_outcome"]["truncated"]["requests"] == 1
    assert books["by_tier"]["hosted"]["requests"] >= 5
    assert books["dropped"] == 0


def long_stream(client: OpenAI) -> openai.Stream[ChatCompletionChunk]:
    """A stream of 16 answers with 900 tokens each, which takes so long that nobody misses its middle."""
    extra = {"ignore_eos": True}
    each = LONG_TOKENS // 16
    return client.chat.completions.create(
        model="gpt-4o-mini", messages=QUESTION, max_tokens=each, n=16, stream=True, extra_body=extra
    )


def tier_of(client: OpenAI) -> str:
    """Who answers a short question now."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=QUESTION, max_tokens=2)
    return raw.headers["x-offramp-tier"]
