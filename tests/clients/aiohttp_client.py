"""What services do with aiohttp alone: bodies in chunks, compressed, after `Expect`, and streams read as bytes.

Run by the Python of its own environment. Lines in and out are those of openai_python.py.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp  # type: ignore[import-not-found, unused-ignore]

Session = Any
Scenario = Callable[..., Awaitable[dict[str, Any]]]
JSON = {"content-type": "application/json"}


async def pieces(content: bytes, size_bytes: int, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    """The content in pieces: aiohttp then sends a chunked body, without a length."""
    for start in range(0, len(content), size_bytes):
        yield content[start : start + size_bytes]
        await asyncio.sleep(pause_s)


async def chunked(session: Session, *, body: object, size_bytes: int, pause_s: float = 0.0) -> dict[str, Any]:
    """A chat whose body arrives in chunks that respect no border."""
    content = pieces(json.dumps(body).encode(), size_bytes, pause_s)
    async with session.post("chat/completions", data=content, headers=JSON) as answer:
        return {"status": answer.status, "answer": await answer.json()}


async def compressed(session: Session, *, body: object) -> dict[str, Any]:
    """A chat whose body is compressed."""
    async with session.post("chat/completions", data=json.dumps(body), headers=JSON, compress="gzip") as answer:
        return {"status": answer.status, "answer": await answer.json()}


async def expecting(session: Session, *, body: object) -> dict[str, Any]:
    """A chat whose body is sent only when the server has said that it wants it."""
    async with session.post("chat/completions", json=body, expect100=True) as answer:
        return {"status": answer.status, "answer": await answer.json()}


async def streamed(session: Session, *, body: object) -> dict[str, Any]:
    """A stream as it comes off the wire."""
    async with session.post("chat/completions", json=body) as answer:
        lines = [line async for line in answer.content if line.strip()]
        return {"status": answer.status, "events": len(lines), "last": lines[-1].decode().strip()}


async def upload(session: Session, *, size_bytes: int) -> dict[str, Any]:
    """A large file, multipart in a chunked body; then it is read back."""
    content = bytes(range(256)) * (size_bytes // 256)
    form = aiohttp.FormData()
    form.add_field("purpose", "user_data")
    form.add_field("file", pieces(content, 65_536), filename="large.bin", content_type="application/octet-stream")
    async with session.post("files", data=form) as answer:
        file = await answer.json()
    digest = hashlib.sha256()
    async with session.get(f"files/{file['id']}/content") as answer:
        async for piece in answer.content.iter_chunked(65_536):
            digest.update(piece)
    return {"bytes": file["bytes"], "same": digest.digest() == hashlib.sha256(content).digest()}


async def reused(session: Session, *, body: object, times: int) -> dict[str, Any]:
    """Several requests on one connection, with bodies of both kinds in turn."""
    statuses = []
    for number in range(times):
        content = json.dumps(body).encode()
        data = pieces(content, 10) if number % 2 else content
        async with session.post("chat/completions", data=data, headers=JSON) as answer:
            await answer.read()
            statuses.append(answer.status)
    return {"statuses": statuses}


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario for scenario in (chunked, compressed, expecting, streamed, upload, reused)
}


async def act(order: dict[str, Any]) -> dict[str, Any]:
    """Do what one line asks, on at most one connection."""
    settings = order["client"]
    async with aiohttp.ClientSession(
        base_url=f"{settings['base_url']}/",
        headers={"authorization": f"Bearer {settings['api_key']}"},
        timeout=aiohttp.ClientTimeout(total=settings["timeout"]),
        connector=aiohttp.TCPConnector(limit=1),
    ) as session:
        try:
            return {"result": await SCENARIOS[order["scenario"]](session, **order["with"])}
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"error": {"class": type(error).__name__, "message": repr(error)}}


async def main() -> None:
    """Serve until there is no more input."""
    print(json.dumps({"version": aiohttp.__version__}), flush=True)  # noqa: T201 - the answer is printed
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await act(json.loads(line))), flush=True)  # noqa: T201 - the answer is printed


if __name__ == "__main__":
    asyncio.run(main())
