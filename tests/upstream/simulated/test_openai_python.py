"""The OpenAI SDK against the simulated engine: what a user's own program sees."""

import base64
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import Served, serving

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "hello"}]


class City(BaseModel):
    """What a user wants back."""

    name: str
    inhabitants: int


@pytest.fixture(params=list(Profile))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """An engine of each profile."""
    async with serving(Options(profile=request.param, max_model_len=2000)) as one:
        yield one


@pytest.fixture
async def client(served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client that does not try again, so that every answer is seen."""
    async with openai.AsyncOpenAI(base_url=served.base_url, api_key="sk-test", max_retries=0) as one:
        yield one


async def test_chat_whole_and_streamed(client: openai.AsyncOpenAI) -> None:
    """The first thing everybody tries."""
    whole = await client.chat.completions.create(model="m", messages=HELLO, max_tokens=20)
    stream = await client.chat.completions.create(
        model="m", messages=HELLO, max_tokens=20, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert text == whole.choices[0].message.content
    assert whole.usage is not None
    assert chunks[-1].usage == whole.usage
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (2, 20)


async def test_the_streaming_assistant_puts_a_tool_call_together(client: openai.AsyncOpenAI) -> None:
    """The SDK's own accumulation meets every delta."""
    tool: Any = {
        "type": "function",
        "function": {
            "name": "look",
            "strict": True,
            "parameters": {"type": "object", "properties": {"x": {"const": 3}}, "required": ["x"]},
        },
    }
    async with client.chat.completions.stream(
        model="m", messages=HELLO, tools=[tool], tool_choice="required"
    ) as stream:
        final = await stream.get_final_completion()
    call: Any = (final.choices[0].message.tool_calls or [])[0]

    assert call.function.name == "look"
    assert json.loads(call.function.arguments) == {"x": 3}


async def test_structured_output_is_parsed_into_the_users_class(client: openai.AsyncOpenAI) -> None:
    """The SDK makes the schema, the engine fulfils it."""
    parsed = await client.chat.completions.parse(model="m", messages=HELLO, response_format=City)

    assert parsed.choices[0].message.parsed == City(name="simulated", inhabitants=1)


async def test_embeddings_are_decoded_from_base64(client: openai.AsyncOpenAI) -> None:
    """The SDK asks for it unless told otherwise."""
    plain = await client.embeddings.create(model="m", input="x", dimensions=4)
    packed = await client.embeddings.create(model="m", input="x", dimensions=4, encoding_format="base64")
    vector: Any = packed.data[0].embedding

    assert len(plain.data[0].embedding) == 4
    assert len(base64.b64decode(vector) if isinstance(vector, str) else vector) in {4, 16}


async def test_responses_whole_streamed_and_chained(client: openai.AsyncOpenAI) -> None:
    """The newer operation, with its typed events."""
    first = await client.responses.create(model="m", input="hello")
    async with client.responses.stream(model="m", input="and?", previous_response_id=first.id) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    again = await client.responses.retrieve(first.id)

    assert first.output_text.startswith("Simulated answer")
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.previous_response_id == first.id == again.id


async def test_legacy_completions_models_and_files(client: openai.AsyncOpenAI, served: Served) -> None:
    """The rest of what the SDK is used for."""
    completion = await client.completions.create(model="m", prompt="Once", max_tokens=2)
    models = [model.id async for model in client.models.list()]

    assert completion.choices[0].text == "Simulated answer"
    assert models
    if served.engine.is_vllm:
        with pytest.raises(openai.NotFoundError):
            await client.files.create(file=("a.jsonl", BytesIO(b"{}")), purpose="batch")
    else:
        file = await client.files.create(file=("a.jsonl", BytesIO(b"{}")), purpose="batch")
        content = await client.files.content(file.id)

        assert content.content == b"{}"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("missing", openai.NotFoundError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("cut", openai.APIConnectionError),
        ("down", openai.APIConnectionError),
    ],
)
async def test_faults_become_the_sdks_errors(
    client: openai.AsyncOpenAI, served: Served, fault: str, raised: type[Exception]
) -> None:
    """Users catch these classes."""
    await served.fault(fault)
    with pytest.raises(raised):
        await client.chat.completions.create(model="m", messages=HELLO)


async def test_an_error_in_the_stream_is_raised(client: openai.AsyncOpenAI, served: Served) -> None:
    """After the words that came before it."""
    await served.fault("error_in_stream", after_tokens=2)
    stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    heard: list[str] = []

    async def hear() -> None:
        async for chunk in stream:
            heard.append(chunk.choices[0].delta.content or "")  # noqa: PERF401 - what came before the error counts

    with pytest.raises(openai.APIError, match="failed while it was answering"):
        await hear()

    assert "".join(heard) == "Simulated answer"


async def test_a_client_that_breaks_off_aborts_the_sequence(client: openai.AsyncOpenAI, served: Served) -> None:
    """As everybody does who presses stop."""
    stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True, max_tokens=1500)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()

    assert (await served.until("running", 0))["aborted"] == 1


async def test_errors_carry_the_code_of_their_profile(client: openai.AsyncOpenAI, served: Served) -> None:
    """OpenAI's word, vLLM's number (which the SDK makes a string of)."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 9000}])

    assert "maximum context length" in caught.value.message
    assert caught.value.code == ("400" if served.engine.is_vllm else "context_length_exceeded")
