"""The OpenAI SDKs as applications use them, through a gateway that they take for OpenAI."""

import base64
import json
import random

import pytest

from tests.clients.conftest import KEY, Stack
from tests.clients.driver import Client, ClientError
from tests.processes import ask, wait_until

QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
OPENING = "Simulated answer"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "London"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


# ----------------------------------------------------------------------------------------------------------------- chat


def test_a_plain_answer(client: Client) -> None:
    """The first thing that anybody tries."""
    answer = client.run("chat", model="gpt-4o-mini", messages=QUESTION, max_tokens=6)["answer"]

    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"].startswith(OPENING)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 6
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 6


def test_a_raw_answer_shows_its_headers(client: Client) -> None:
    """Support asks for the request's id, and operators for the tier that answered."""
    raw = client.run("chat_raw", model="gpt-4o-mini", messages=QUESTION, max_tokens=2)

    assert raw["status"] == 200
    assert raw["headers"]["x-request-id"]
    assert raw["headers"]["x-offramp-tier"] == "local"
    assert raw["headers"]["content-type"] == "application/json"


def test_a_stream_arrives_token_by_token_and_without_usage(client: Client) -> None:
    """A client that did not ask for usage must not meet the event without choices: many index `choices[0]`."""
    stream = client.run("chat_stream", model="gpt-4o-mini", messages=QUESTION, max_tokens=12)

    assert stream["text"].startswith(OPENING)
    assert stream["chunks"] >= 12
    assert stream["finish_reason"] == "length"
    assert stream["usage"] == []
    assert stream["without_choices"] == 0
    assert stream["headers"]["x-request-id"]
    assert stream["headers"]["content-type"].startswith("text/event-stream")


def test_a_stream_with_usage_ends_in_one_event_that_has_it(client: Client) -> None:
    """Who asks for usage gets it once, at the end."""
    options = {"include_usage": True}
    stream = client.run("chat_stream", model="gpt-4o-mini", messages=QUESTION, max_tokens=7, stream_options=options)

    assert stream["without_choices"] == 1
    assert [usage["completion_tokens"] for usage in stream["usage"]] == [7]


def test_a_stream_and_a_whole_answer_say_the_same(client: Client) -> None:
    """Nothing is lost, doubled or moved on the way."""
    body = {"model": "gpt-4o-mini", "messages": QUESTION, "max_tokens": 40, "seed": 5}

    whole = client.run("chat", **body)["answer"]["choices"][0]["message"]["content"]
    streamed = client.run("chat_stream", **body)["text"]

    assert streamed == whole


def test_several_choices(client: Client) -> None:
    """`n` is the upstream's business."""
    answer = client.run("chat", model="gpt-4o-mini", messages=QUESTION, max_tokens=3, n=2)["answer"]

    assert [choice["index"] for choice in answer["choices"]] == [0, 1]


def test_a_named_tool_is_called(client: Client) -> None:
    """The shape that agents live on."""
    answer = client.run("chat", model="gpt-4o-mini", messages=QUESTION, tools=[WEATHER], tool_choice=NAMED)["answer"]
    call = answer["choices"][0]["message"]["tool_calls"][0]

    assert call["id"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["city"] in {"Paris", "London"}


def test_a_tool_call_is_put_together_from_its_stream(client: Client) -> None:
    """Arguments come in pieces; a lost one makes them unreadable."""
    stream = client.run("chat_stream", model="gpt-4o-mini", messages=QUESTION, tools=[WEATHER], tool_choice="required")

    assert [call["name"] for call in stream["calls"]] == ["get_weather"]
    assert json.loads(stream["calls"][0]["arguments"])["city"] in {"Paris", "London"}
    assert stream["finish_reason"] == "tool_calls"


def test_a_conversation_with_a_tools_answer(client: Client) -> None:
    """The turn after a call carries it back."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    turns = [
        *QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    answer = client.run("chat", model="gpt-4o-mini", messages=turns, tools=[WEATHER], max_tokens=4)["answer"]

    assert answer["choices"][0]["message"]["content"]


def test_an_answer_in_a_schema_is_parsed(client: Client) -> None:
    """`response_format` reaches the upstream unchanged, and the answer fits it."""
    parsed = client.run("chat_parsed", model="gpt-4o-mini", messages=QUESTION)["parsed"]

    assert isinstance(parsed["city"], str)
    assert isinstance(parsed["n"], int)


# -------------------------------------------------------------------------------------------------- leaving and failing


def test_a_reader_that_leaves_stops_the_upstream(client: Client, stack: Stack) -> None:
    """Tokens that nobody reads would still be paid for."""
    before = stack.local.counts()["aborted"]

    seen = client.run("left_stream", model="gpt-4o-mini", messages=QUESTION, max_tokens=900, after=3)["seen"]

    assert seen == 3
    wait_until(lambda: stack.local.counts()["aborted"] == before + 1, "the upstream's request is aborted", timeout_s=3)


def test_a_failure_before_the_first_word_is_not_seen(client: Client, stack: Stack) -> None:
    """The next tier answers, and says so."""
    stack.local.fault("500", count=1)
    raw = client.run("chat_raw", model="gpt-4o-mini", messages=QUESTION, max_tokens=3)

    assert raw["headers"]["x-offramp-tier"] == "hosted"
    assert raw["answer"]["choices"][0]["message"]["content"].startswith("Simulated")


def test_a_failure_before_the_first_word_of_a_stream_is_not_seen(client: Client, stack: Stack) -> None:
    """A role alone is no word: it was held back until there was one."""
    stack.local.fault("cut", after_tokens=0, count=1)
    stream = client.run("chat_stream", model="gpt-4o-mini", messages=QUESTION, max_tokens=12)

    assert stream["headers"]["x-offramp-tier"] == "hosted"
    assert stream["text"].startswith(OPENING)
    assert stream["finish_reason"] == "length"


def test_a_stream_that_breaks_after_its_first_words_raises(client: Client, stack: Stack) -> None:
    """An answer that merely stops would be taken for a whole one."""
    stack.local.fault("cut", after_tokens=5, count=1)
    broken = client.run("broken_stream", model="gpt-4o-mini", messages=QUESTION, max_tokens=50)

    assert broken["text"].startswith(OPENING)
    assert broken["raised"]["class"] == "APIError"
    assert broken["raised"]["message"]


@pytest.mark.parametrize("fault", ["429", "500"])
def test_the_sdk_tries_again_after_a_passing_failure(client: Client, stack: Stack, fault: str) -> None:
    """Where there is no other tier, the client's own patience counts."""
    before = stack.hosted.counts()["served"]
    stack.hosted.fault(fault, count=1, retry_after_s=0.1)
    answer = client.but(max_retries=2).run("chat", model="lone", messages=QUESTION, max_tokens=3)["answer"]

    assert answer["usage"]["completion_tokens"] == 3
    assert stack.hosted.counts()["served"] == before + 1


@pytest.mark.parametrize(
    ("fault", "error", "status"), [("429", "RateLimitError", 429), ("500", "InternalServerError", 500)]
)
def test_a_failure_that_stays_has_its_class(client: Client, stack: Stack, fault: str, error: str, status: int) -> None:
    """Applications catch by class. Afterwards the upstream is asked again."""
    stack.hosted.fault(fault, count=1, retry_after_s=0.1)
    with pytest.raises(ClientError) as raised:
        client.run("chat", model="lone", messages=QUESTION)

    assert (raised.value.name, raised.value.status) == (error, status)
    assert raised.value.request_id
    wait_until(lambda: _answers(stack, "lone"), "the upstream is asked again")


def test_a_timeout_of_the_client_is_its_own(client: Client, stack: Stack) -> None:
    """The client's patience ends before ours; the upstream is told."""
    before = stack.hosted.counts()["aborted"]
    stack.hosted.fault("hang", count=1)
    with pytest.raises(ClientError) as raised:
        client.but(timeout=0.4).run("chat", model="lone", messages=QUESTION)

    assert raised.value.name in {"APITimeoutError", "APIConnectionTimeoutError"}
    wait_until(lambda: stack.hosted.counts()["aborted"] == before + 1, "the upstream's request is aborted", timeout_s=3)


# --------------------------------------------------------------------------------------------------------------- errors


def test_a_wrong_key_is_an_authentication_error(client: Client) -> None:
    """OpenAI's class, status and code; and a try again would be waste."""
    with pytest.raises(ClientError) as raised:
        client.but(api_key="sk-wrong", max_retries=2).run("chat", model="gpt-4o-mini", messages=QUESTION)

    assert (raised.value.name, raised.value.status) == ("AuthenticationError", 401)
    assert raised.value.code == "invalid_api_key"
    assert "sk-wrong" not in raised.value.message


def test_an_unknown_model_is_not_found(client: Client) -> None:
    """The code that applications look at, from whichever side it comes."""
    with pytest.raises(ClientError) as raised:
        client.run("chat", model="no-such-model", messages=QUESTION)

    assert (raised.value.name, raised.value.status) == ("NotFoundError", 404)
    assert raised.value.code == "model_not_found"
    assert "no-such-model" in raised.value.message


def test_an_invalid_parameter_is_a_bad_request(client: Client) -> None:
    """The client's own mistake comes back to it and goes to no other tier; its code is no number, as vLLM's is."""
    with pytest.raises(ClientError) as raised:
        client.run("chat", model="gpt-4o-mini", messages=QUESTION, temperature=9)

    assert (raised.value.name, raised.value.status) == ("BadRequestError", 400)
    assert "temperature" in raised.value.message
    assert not isinstance(raised.value.code, int)


def test_a_body_without_messages_is_a_bad_request(client: Client) -> None:
    """The gateway's own check speaks the same language."""
    with pytest.raises(ClientError) as raised:
        client.run("chat", model="gpt-4o-mini", messages="not a list")

    assert (raised.value.name, raised.value.status) == ("BadRequestError", 400)
    assert raised.value.type == "invalid_request_error"
    assert raised.value.param == "messages"
    assert raised.value.request_id


# ------------------------------------------------------------------------------------------------- the other operations


@pytest.mark.parametrize("options", [{}, {"encoding_format": "float"}], ids=["base64", "float"])
def test_embeddings_are_vectors_in_either_encoding(client: Client, options: dict[str, object]) -> None:
    """The SDKs ask for base64 unless told otherwise."""
    answer = client.run("embeddings", model="text-embedding-3-small", input=["one", "two"], dimensions=64, **options)

    assert [len(vector) for vector in answer["vectors"]] == [64, 64]
    assert answer["vectors"][0] != answer["vectors"][1]
    assert all(isinstance(number, float) for number in answer["vectors"][0])
    assert answer["usage"]["prompt_tokens"] > 0


def test_the_list_of_models_has_the_aliases(client: Client) -> None:
    """What clients may ask for is what they are shown."""
    ids = client.run("models")["ids"]

    assert {"gpt-4o-mini", "lone"} <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("stream", [False, True])
def test_the_old_completions(client: Client, stream: bool) -> None:  # noqa: FBT001 - pytest names it
    """Some applications never moved on."""
    answer = client.run("completion", model="gpt-4o-mini", prompt="Once", max_tokens=5, stream=stream)

    assert answer["text"].startswith(OPENING)


def test_a_response(client: Client) -> None:
    """The newer API, whole."""
    answer = client.run("responses", model="gpt-4o-mini", input="Hello", max_output_tokens=16)

    assert answer["text"].startswith(OPENING)
    assert answer["id"].startswith("resp_")
    assert answer["usage"]["output_tokens"] == 16


def test_a_response_as_a_stream(client: Client) -> None:
    """Its events come in their order, and the last one ends it."""
    answer = client.run("responses", model="gpt-4o-mini", input="Hello", max_output_tokens=16, stream=True)

    assert answer["kinds"][0] == "response.created"
    assert answer["kinds"][-1] in {"response.completed", "response.incomplete"}
    assert answer["text"].startswith(OPENING)


def test_a_file_goes_there_and_back_unchanged(client: Client) -> None:
    """Multipart in, bytes out: the gateway streams what it does not understand."""
    content = random.Random(3).randbytes(300_000)  # noqa: S311 - the same bytes in every run

    facts = client.run("file_there_and_back", content=base64.b64encode(content).decode())

    assert facts == {"bytes": len(content), "listed": True, "same": True, "deleted": True}


def _answers(stack: Stack, model: str) -> bool:
    body = {"model": model, "messages": QUESTION, "max_tokens": 1}
    status, _ = ask("POST", f"{stack.gateway.base_url}/chat/completions", body, {"authorization": f"Bearer {KEY}"})
    return status == 200
