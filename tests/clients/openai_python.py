"""What an application does with the openai package, one scenario per line of input, one result per line of output.

Run by the Python of a client's own environment (openai 1.x, 2.x or 3.x), so it imports nothing that does not come with
openai. A line in: `{"scenario": NAME, "asynchronous": …, "client": {arguments of the client}, "with": {arguments of
the scenario}}`. A line out: `{"result": …}`, or `{"error": …}` with what the package raised.
"""

import asyncio
import base64
import inspect
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
from pydantic import BaseModel

Scenario = Callable[..., Awaitable[dict[str, Any]]]

Sdk = Any
"""Of a type that differs between the package's major versions; what matters here is what comes out."""


class Place(BaseModel):
    """What `chat_parsed` asks for."""

    city: str
    n: int


async def now(value: Sdk) -> Sdk:
    """What a call of either client returns: at once, or awaited."""
    return await value if inspect.isawaitable(value) else value


async def each(stream: Sdk) -> AsyncIterator[Sdk]:
    """The items of a stream of either client."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


def dumped(value: Sdk) -> Sdk:
    """A model of the package as plain JSON, without fields that were not sent."""
    return value if value is None else value.model_dump(mode="json", exclude_unset=True)


# ---------------------------------------------------------------------------------------------------------------- chat


async def chat(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """One answer."""
    answer = await now(client.chat.completions.create(**arguments))
    return {"answer": dumped(answer)}


async def chat_raw(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """One answer with its headers."""
    raw = await now(client.chat.completions.with_raw_response.create(**arguments))
    answer = await now(raw.parse())
    return {"status": raw.status_code, "headers": dict(raw.headers), "answer": dumped(answer)}


async def chat_stream(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """A stream to its end, put together as applications do."""
    raw = await now(client.chat.completions.with_raw_response.create(stream=True, **arguments))
    stream = await now(raw.parse())
    chunks = []
    first_s = 0.0
    started_s = time.monotonic()
    async for chunk in each(stream):
        first_s = first_s or time.monotonic() - started_s
        chunks.append(dumped(chunk))
    return {"headers": dict(raw.headers), "first_s": first_s, **put_together(chunks)}


def put_together(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What a stream of chat chunks says as a whole."""
    text = ""
    finish = None
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice.get("delta", {})
            text += delta.get("content") or ""
            finish = choice.get("finish_reason") or finish
            for part in delta.get("tool_calls") or []:
                call = calls.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += part.get("id") or ""
                call["name"] += part["function"].get("name") or ""
                call["arguments"] += part["function"].get("arguments") or ""
    return {
        "chunks": len(chunks),
        "text": text,
        "finish_reason": finish,
        "calls": [calls[index] for index in sorted(calls)],
        "usage": [chunk["usage"] for chunk in chunks if chunk.get("usage")],
        "without_choices": sum(not chunk["choices"] for chunk in chunks),
        "models": sorted({chunk["model"] for chunk in chunks}),
    }


async def left_stream(client: Sdk, *, after: int, **arguments: Sdk) -> dict[str, Any]:
    """A stream that its reader leaves after some chunks."""
    stream = await now(client.chat.completions.create(stream=True, **arguments))
    seen = 0
    async for _ in each(stream):
        seen += 1
        if seen == after:
            break
    await now(stream.close())
    return {"seen": seen}


async def broken_stream(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """A stream that breaks: what was read until then, and what the package raised."""
    stream = await now(client.chat.completions.create(stream=True, **arguments))
    text = ""
    raised = None
    try:
        async for chunk in each(stream):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
    except openai.APIError as error:
        raised = facts(error)
    return {"text": text, "raised": raised}


async def chat_parsed(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """An answer that the package checks against a schema."""
    answer = await now(client.beta.chat.completions.parse(response_format=Place, **arguments))
    return {"parsed": answer.choices[0].message.parsed.model_dump()}


# ------------------------------------------------------------------------------------------------- the other operations


async def completion(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """The old completions, whole or as a stream."""
    answer = await now(client.completions.create(**arguments))
    if not arguments.get("stream"):
        return {"text": answer.choices[0].text, "usage": dumped(answer.usage)}
    pieces = [choice.text async for chunk in each(answer) for choice in chunk.choices]
    return {"text": "".join(pieces), "pieces": len(pieces)}


async def embeddings(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """Vectors; without an encoding the package asks for base64 and decodes it itself."""
    answer = await now(client.embeddings.create(**arguments))
    return {"vectors": [item.embedding for item in answer.data], "usage": dumped(answer.usage)}


async def models(client: Sdk) -> dict[str, Any]:
    """The names that may be asked for."""
    return {"ids": [model.id async for model in each(await now(client.models.list()))]}


async def responses(client: Sdk, **arguments: Sdk) -> dict[str, Any]:
    """The Responses API, whole or as a stream."""
    answer = await now(client.responses.create(**arguments))
    if not arguments.get("stream"):
        return {"id": answer.id, "text": answer.output_text, "status": answer.status, "usage": dumped(answer.usage)}
    kinds: list[str] = []
    text = ""
    async for event in each(answer):
        kinds.append(event.type)
        text += event.delta if event.type == "response.output_text.delta" else ""
    return {"kinds": kinds, "text": text}


async def file_there_and_back(client: Sdk, *, content: str) -> dict[str, Any]:
    """A file that is uploaded as multipart, listed, read back and deleted."""
    sent = base64.b64decode(content)
    file = await now(client.files.create(file=("sample.bin", sent), purpose="user_data"))
    listed = [item.id async for item in each(await now(client.files.list()))]
    answer = await now(client.files.content(file.id))
    read = await now(answer.read())
    gone = await now(client.files.delete(file.id))
    return {"bytes": file.bytes, "listed": file.id in listed, "same": read == sent, "deleted": gone.deleted}


# --------------------------------------------------------------------------------------------------------------- errors


def facts(error: openai.OpenAIError) -> dict[str, Any]:
    """What an application can see of an error."""
    response = getattr(error, "response", None)
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
        "code": getattr(error, "code", None),
        "type": getattr(error, "type", None),
        "param": getattr(error, "param", None),
        "request_id": getattr(error, "request_id", None),
        "headers": dict(response.headers) if response is not None else {},
    }


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        chat,
        chat_raw,
        chat_stream,
        chat_parsed,
        left_stream,
        broken_stream,
        completion,
        embeddings,
        models,
        responses,
        file_there_and_back,
    )
}


async def act(order: dict[str, Any]) -> dict[str, Any]:
    """Do what one line asks, with a client of its own."""
    make = openai.AsyncOpenAI if order["asynchronous"] else openai.OpenAI
    client: Sdk = make(**order["client"])
    try:
        return {"result": await SCENARIOS[order["scenario"]](client, **order["with"])}
    except openai.OpenAIError as error:
        return {"error": facts(error)}
    finally:
        await now(client.close())


async def main() -> None:
    """Serve until there is no more input."""
    print(json.dumps({"version": openai.__version__}), flush=True)  # noqa: T201 - the answer is printed
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await act(json.loads(line))), flush=True)  # noqa: T201 - the answer is printed


if __name__ == "__main__":
    asyncio.run(main())
