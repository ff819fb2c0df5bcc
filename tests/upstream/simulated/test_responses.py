"""The Responses API at the socket: objects, events, chains."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offramp.upstream.simulated.memory import MAX_RESPONSES, Memory
from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Answer, Served, serving

pytestmark = pytest.mark.anyio

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"x": {"const": 3}}}}


@pytest.fixture(params=list(Profile))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """An engine of each profile."""
    async with serving(Options(profile=request.param)) as one:
        yield one


async def respond(served: Served, **fields: object) -> Answer:
    """One response."""
    return await served.ask("POST", "/v1/responses", {"model": "tiny", "input": "hello", **fields}, KEY)


def kinds(answer: Answer) -> list[str]:
    """The names of a stream's events, repeated ones once."""
    names = [chunk["type"] for chunk in answer.chunks]
    return [name for at, name in enumerate(names) if name not in names[:at]]


async def test_a_response_has_text_usage_and_a_status(served: Served) -> None:
    """Input and output tokens have other names than in chat."""
    body = (await respond(served)).json()

    assert body["status"] == "completed"
    assert body["output"][0]["content"][0]["text"].startswith("Simulated answer")
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (2, 48)


async def test_a_limit_makes_it_incomplete(served: Served) -> None:
    """With the reason in its own field."""
    body = (await respond(served, max_output_tokens=5)).json()

    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["usage"]["output_tokens"] == 5


async def test_a_stream_is_numbered_and_ends_without_done(served: Served) -> None:
    """The last event carries the whole object, usage included."""
    answer = await respond(served, stream=True)
    last = answer.chunks[-1]
    deltas = [chunk["delta"] for chunk in answer.chunks if chunk["type"] == "response.output_text.delta"]

    assert [chunk["sequence_number"] for chunk in answer.chunks] == list(range(len(answer.chunks)))
    assert "".join(deltas) == last["response"]["output"][0]["content"][0]["text"]
    assert last["response"]["usage"]["output_tokens"] == len(deltas) == 48
    assert "[DONE]" not in answer.events
    assert kinds(answer) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


async def test_event_names_and_types_agree(served: Served) -> None:
    """Some clients read the one, some the other."""
    body = (await respond(served, stream=True, max_output_tokens=2)).body.decode()
    names = [line.removeprefix("event: ") for line in body.splitlines() if line.startswith("event: ")]
    types = [json.loads(line.removeprefix("data: "))["type"] for line in body.splitlines() if line.startswith("data: ")]

    assert names == types
    assert names[-1] == ("response.completed" if served.engine.is_vllm else "response.incomplete")


async def test_a_tool_is_called(served: Served) -> None:
    """Whole and streamed."""
    whole = (await respond(served, tools=[TOOL], tool_choice="required")).json()["output"][0]
    streamed = await respond(served, tools=[TOOL], tool_choice="required", stream=True)

    assert (whole["type"], whole["name"], json.loads(whole["arguments"])) == ("function_call", "look", {"x": 3})
    assert "response.function_call_arguments.delta" in kinds(streamed)
    assert streamed.chunks[-1]["response"]["output"][0]["arguments"] == whole["arguments"]


async def test_a_schema_is_fulfilled(served: Served) -> None:
    """Here the schema stands under `text.format`."""
    format_ = {"type": "json_schema", "name": "x", "schema": {"type": "object", "properties": {"x": {"const": 3}}}}
    body = (await respond(served, text={"format": format_})).json()

    assert json.loads(body["output"][0]["content"][0]["text"]) == {"x": 3}


async def test_a_chain_brings_its_history_along(served: Served) -> None:
    """The second turn pays for the first one's tokens too."""
    first = (await respond(served)).json()
    second = (await respond(served, previous_response_id=first["id"])).json()
    text = first["output"][0]["content"][0]["text"]

    assert second["usage"]["input_tokens"] == -(-(2 * len("hello") + len(text)) // 4)
    assert second["previous_response_id"] == first["id"]


async def test_a_stored_response_can_be_fetched_and_deleted(served: Served) -> None:
    """Until it is forgotten."""
    body = (await respond(served)).json()
    path = f"/v1/responses/{body['id']}"
    fetched = await served.ask("GET", path, None, KEY)
    deleted = await served.ask("DELETE", path, None, KEY)
    gone = await served.ask("GET", path, None, KEY)

    assert fetched.json() == body
    assert deleted.json()["deleted"] is True
    assert gone.status == 404


async def test_what_is_not_stored_cannot_be_followed_up(served: Served) -> None:
    """A chain that moved to another engine meets the same."""
    body = (await respond(served, store=False)).json()
    answer = await respond(served, previous_response_id=body["id"])

    assert answer.status in {400, 404}
    assert "not found" in answer.json()["error"]["message"]


async def test_messages_parts_and_tool_outputs_count_as_input(served: Served) -> None:
    """All text costs, wherever it stands."""
    items: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "input_text", "text": "abcd"}, {"type": "input_image"}]},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ab"},
    ]
    body = (await respond(served, input=items, instructions="abcd")).json()

    assert body["usage"]["input_tokens"] == 3 + 85


async def test_an_error_in_the_stream_has_the_operations_own_form(served: Served) -> None:
    """An `error` event with a sequence number."""
    await served.fault("error_in_stream", after_tokens=2)
    last = (await respond(served, stream=True)).chunks

    error = next(chunk for chunk in last if chunk["type"] == "error")
    assert error["message"]
    assert error["sequence_number"] > 0


def test_the_memory_is_bounded() -> None:
    """An engine that runs for weeks keeps its size."""
    memory = Memory()
    for number in range(MAX_RESPONSES + 1):
        memory.keep(str(number), b"", "")

    assert memory.body("0") is None
    assert memory.body(str(MAX_RESPONSES)) == b""
