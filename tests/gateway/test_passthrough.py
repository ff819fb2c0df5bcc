"""What no route names streams through unchanged in both directions and is never held: files, audio, what comes next."""

import asyncio
import contextlib
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from tests import processes
from tests.gateway.running import (
    KEY,
    MODEL,
    UPSTREAM_KEY,
    chat,
    engine,
    gateway,
    own_key_upstream,
    raw,
    routed,
    upstream,
)
from tests.upstream.scripted import Peer, always, answer, scripted, until

MEGABYTE = 1024 * 1024
BYTES = bytes(range(256)) * 4096
"""Every byte there is, a megabyte of them."""
BOUNDARY = "----one-boundary"


def form(content: bytes) -> bytes:
    """A form with a file, as SDKs upload it."""
    head = (
        f"--{BOUNDARY}\r\n"
        'content-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f"--{BOUNDARY}\r\n"
        'content-disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
        "content-type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def in_chunks(body: bytes, size: int) -> bytes:
    """A body in chunks of that size."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_file_comes_back_as_it_was_uploaded(framing: str) -> None:
    """Byte for byte, through a form and out again, by an engine that knows nothing of offramp."""
    body = form(BYTES)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": upstream(openai, engine="openai")}, "passthrough": "openai"}
        async with gateway(config) as served, served.connect() as client:
            if framing == "length":
                client.send(raw("POST", "/v1/files", body, content_type=kind))
            else:
                fields = {"content_length": "", "transfer_encoding": "chunked", "content_type": kind}
                client.send(raw("POST", "/v1/files", None, **fields) + in_chunks(body, 50_000))
            uploaded = await client.answer()
            file_id = uploaded.json()["id"]
            client.send(raw("GET", f"/v1/files/{file_id}/content") + raw("DELETE", f"/v1/files/{file_id}"))
            downloaded = await client.answer()
            deleted = await client.answer()
            client.send(raw("GET", f"/v1/files/{file_id}"))
            gone = await client.answer()

        assert (uploaded.status, uploaded.json()["bytes"]) == (200, len(BYTES))
        assert downloaded.body == BYTES
        assert deleted.json()["deleted"] is True
        assert gone.status == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v1/audio/transcriptions", "multipart/form-data; boundary=x"),
        ("POST", "/v1/audio/speech", "application/json"),
        ("POST", "/v1/images/edits", "multipart/form-data; boundary=x"),
        ("POST", "/v1/moderations", "application/json"),
        ("POST", "/v1/batches", "application/json"),
        ("GET", "/v1/batches?limit=2&after=batch_1", ""),
        ("POST", "/v1/uploads/upload_1/parts", "multipart/form-data; boundary=x"),
        ("GET", "/v1/chat/completions?limit=1", ""),
        ("DELETE", "/v1/responses/resp_1", ""),
        ("PUT", "/v1/something/new", "application/x-unheard-of"),
        ("PATCH", "/v1/something/new;v=2?a=%20b&&c", "text/plain"),
        ("POST", "/v1", "text/plain"),
    ],
)
async def test_everything_under_v1_is_relayed_unread(method: str, path: str, kind: str) -> None:
    """Method, path, query, body, status and headers: what offramp has never heard of works through it."""
    body = b"" if method in {"GET", "DELETE"} else BYTES[:5000]
    back = answer(BYTES, b"x-odd: \xe4\xf6", status=b"207 Multi-Status", kind=b"application/x-odd")
    async with scripted(always(back)) as target:
        config = {"upstreams": {"openai": own_key_upstream(target)}, "passthrough": "openai"}
        async with gateway(config) as served:
            seen = await served.ask(method, path, body or None, content_type=kind, accept_encoding="gzip")
            row = await served.only_row()

        assert (seen.status, seen.body) == (207, BYTES)
        assert (seen.headers["content-type"], seen.headers["x-odd"]) == ("application/x-odd", "\xe4\xf6")
        assert seen.headers["x-offramp-tier"] == "openai"
        (asked,) = target.asked
        assert (asked.method, asked.target, asked.body) == (method, path, body)
        assert asked.headers.get("content-type", "") == kind
        assert asked.headers["accept-encoding"] == "gzip"
        assert asked.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert (row.operation, row.outcome, row.bytes_in, row.bytes_out) == ("other", "ok", len(body), len(BYTES))


@pytest.mark.anyio
async def test_packed_bodies_pass_through_packed() -> None:
    """They are not ours to read, in either direction."""
    async with scripted(always(answer(b"\x1f\x8b packed", b"content-encoding: gzip"))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            seen = await served.ask("POST", "/v1/files", b"\x28\xb5\x2f\xfd packed", content_encoding="zstd")

        assert (seen.headers["content-encoding"], seen.body) == ("gzip", b"\x1f\x8b packed")
        assert (target.asked[0].headers["content-encoding"], target.asked[0].body) == (
            "zstd",
            b"\x28\xb5\x2f\xfd packed",
        )


@pytest.mark.anyio
async def test_an_upload_reaches_the_upstream_while_it_is_sent() -> None:
    """Piece by piece, also in chunks; and an answer comes through as it is made."""
    received: list[bytes] = []

    async def play(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while piece := await peer.reader.readuntil(b"\r\n"):
            size = int(piece, 16)
            block = (await peer.reader.readexactly(size + 2))[:-2]
            received.append(block)
            peer.send(b"%x\r\n%b\r\n" % (size, block.upper()) if size else b"0\r\n\r\n")

    async with scripted(play) as target:
        config = {"upstreams": {"audio": upstream(target)}, "passthrough": "audio"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", "/v1/audio/new", None, content_length="", transfer_encoding="chunked"))
            head = await client.reader.readuntil(b"\r\n\r\n")
            for word in (b"one", b"two", b"three"):
                client.send(b"%x\r\n%b\r\n" % (len(word), word))
                echo = await client.reader.readexactly(len(word) + 5)
                assert echo == b"%x\r\n%b\r\n" % (len(word), word.upper())
            client.send(b"0\r\n\r\n")
            end = await client.reader.readuntil(b"0\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert end == b"0\r\n\r\n"
        assert received == [b"one", b"two", b"three", b""]


@pytest.mark.anyio
async def test_an_upstream_that_takes_an_upload_slowly_slows_the_client_down() -> None:
    """What it does not take stays with the client."""
    go_on = asyncio.Event()

    async def play(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
        await go_on.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.request()
        peer.send(answer(b"{}"))

    async with scripted(play) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("POST", "/v1/files", bytes(32 * MEGABYTE)))
            stood_still, before = 0, -1
            while stood_still < 10:
                await asyncio.sleep(0.02)
                unsent = client.writer.transport.get_write_buffer_size()
                stood_still, before = (stood_still + 1 if unsent == before else 0), unsent
            go_on.set()
            seen = await client.answer()

        assert before > 12 * MEGABYTE
        assert seen.status == 200
        assert len(target.asked[0].body) == 32 * MEGABYTE


@pytest.mark.anyio
async def test_what_passes_through_is_sent_once() -> None:
    """A second upload could be a second file: a failure is told, not tried elsewhere. GET may be tried again."""

    async def broken(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with scripted(broken) as first, scripted(always(answer(b"{}"))) as second:
        config = {"upstreams": {"files": upstream(first, second)}, "passthrough": "files"}
        async with gateway(config) as served:
            statuses = [(await served.ask("POST", "/v1/files", b"x")).status for _ in range(2)]
            reads = [(await served.ask("GET", "/v1/files")).status for _ in range(2)]

        assert sorted(statuses) == [200, 502]
        assert reads == [200, 200]


# --- much ---------------------------------------------------------------------------------------


def peak_kb(pid: int) -> int:
    """The most memory that a process has had, in KB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1])


class Warehouse:
    """Takes any amount and gives as much back, without keeping it."""

    def __init__(self) -> None:
        """Nothing was brought yet."""
        self.taken = hashlib.sha256()
        self.taken_bytes = 0

    async def __call__(self, peer: Peer) -> None:
        """Requests of one connection."""
        while True:
            asked = await peer.head()
            if asked.method == "POST":
                left = int(asked.headers["content-length"])
                while left:
                    piece = await peer.reader.read(min(left, MEGABYTE))
                    left -= len(piece)
                    self.taken_bytes += len(piece)
                    self.taken.update(piece)
                peer.send(answer(b"{}"))
            else:
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (200 * MEGABYTE))
                for _ in range(200):
                    peer.send(BYTES)
                    await peer.writer.drain()


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process's memory from /proc")
async def test_two_hundred_megabytes_cost_no_memory() -> None:
    """Up and down again through a gateway of its own process: nothing is held but what is on its way."""
    warehouse = Warehouse()
    expected = hashlib.sha256(BYTES * 200).digest()
    async with scripted(warehouse) as target:
        config = json.dumps({"upstreams": {"files": {"base_url": target.base_url}}, "passthrough": "files"})
        with contextlib.ExitStack() as stack:
            served = await asyncio.to_thread(stack.enter_context, processes.gateway(config))
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=4 * MEGABYTE)
            before_kb = peak_kb(served.pid)
            writer.write(raw("POST", "/v1/files", None, content_length=str(200 * MEGABYTE)))
            for _ in range(200):
                writer.write(BYTES)
                await writer.drain()
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(raw("GET", "/v1/files/1/content"))
            await reader.readuntil(b"\r\n\r\n")
            got = hashlib.sha256()
            for _ in range(200):
                got.update(await reader.readexactly(MEGABYTE))
            grown_kb = peak_kb(served.pid) - before_kb
            writer.close()

        assert warehouse.taken_bytes == 200 * MEGABYTE
        assert (warehouse.taken.digest(), got.digest()) == (expected, expected)
        assert grown_kb < 20 * 1024


# --- Azure and Cerebrium ------------------------------------------------------------------------

AZURE = {"engine": "azure", "api_key": UPSTREAM_KEY, "api_version": "2024-10-21", "deployments": {MODEL: "house-mini"}}


@pytest.mark.anyio
@pytest.mark.parametrize("ending", ["", "/openai", "/openai/"])
@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/v1/chat/completions", "/openai/deployments/house-mini/chat/completions?api-version=2024-10-21"),
        ("/v1/completions", "/openai/deployments/house-mini/completions?api-version=2024-10-21"),
        ("/v1/embeddings", "/openai/deployments/house-mini/embeddings?api-version=2024-10-21"),
        ("/v1/responses", "/openai/responses?api-version=2024-10-21"),
        ("/v1/files?purpose=batch", "/openai/files?api-version=2024-10-21&purpose=batch"),
    ],
)
async def test_azure_s_dated_paths(path: str, arrives: str, ending: str) -> None:
    """Deployments stand in the path of the operations that have one; the version is in every query.

    Source: the endpoints with a deployment are those of the OpenAI SDK's `AzureOpenAI`.
    """
    async with scripted(always(answer(b"{}", status=b"400 Bad Request"))) as target:
        base_url = target.base_url.removesuffix("/v1") + ending
        config = routed({"azure": {"base_url": base_url, **AZURE}}, passthrough="azure")
        async with gateway(config) as served:
            await served.ask("POST", path, {**chat(), "input": "hi", "prompt": "hi"})

        (asked,) = target.asked
        assert asked.target == arrives
        assert asked.headers["api-key"] == UPSTREAM_KEY
        assert "authorization" not in asked.names


@pytest.mark.anyio
async def test_azure_s_undated_paths_are_openai_s() -> None:
    """`/openai/v1` needs neither version nor deployment, only its own header for the key."""
    async with scripted(always(answer())) as target:
        base_url = target.base_url.removesuffix("/v1") + "/openai/v1"
        config = routed({"azure": {"base_url": base_url, "engine": "azure", "api_key": UPSTREAM_KEY}})
        async with gateway(config) as served:
            seen = await served.chat()

        assert seen.status == 200
        assert target.asked[0].target == "/openai/v1/chat/completions"
        assert target.asked[0].headers["api-key"] == UPSTREAM_KEY


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [False, True])
async def test_azure_is_served_by_an_engine_at_such_a_path(*, stream: bool) -> None:
    """Routed, streamed and not, the model's own name kept in the body."""
    base_path = "/openai/deployments/house-mini"
    async with engine("openai", base_path=base_path, models=(MODEL,)) as azure:
        config = routed({"azure": {"base_url": f"http://127.0.0.1:{azure.port}/openai", **AZURE}})
        async with gateway(config) as served:
            seen = await served.chat(stream=stream)

        assert seen.status == 200
        assert seen.events[-1] == "[DONE]" if stream else seen.json()["model"] == MODEL


@pytest.mark.anyio
async def test_cerebrium_s_run_endpoints() -> None:
    """The app's address ends in `/run`; embeddings are called `/embedding` there."""
    base_path = "/v4/p-12345678/my-app/run"
    async with engine("vllm", base_path=base_path) as app, scripted(always(answer())) as target:
        config = routed(
            {
                "cerebrium": {
                    "base_url": f"http://127.0.0.1:{app.port}{base_path}",
                    "engine": "cerebrium",
                    "api_key": UPSTREAM_KEY,
                },
                "other": {"base_url": f"http://127.0.0.1:{target.port}{base_path}", "engine": "cerebrium"},
            },
            {"upstream": "cerebrium"},
            passthrough="other",
        )
        async with gateway(config) as served:
            seen = [await served.chat(), await served.chat(stream=True)]
            await served.ask("POST", "/v1/embeddings", {"model": "other", "input": "hi"})
            await served.ask("GET", "/v1/models/other")

        assert [one.status for one in seen] == [200, 200]
        assert [asked.target for asked in target.asked] == [f"{base_path}/embedding", f"{base_path}/models/other"]


@pytest.mark.anyio
async def test_the_client_s_own_key_reaches_azure_in_azure_s_header() -> None:
    """A client of ours says `Authorization: Bearer`; Azure reads keys from `api-key`."""
    azure = {key: value for key, value in AZURE.items() if key != "api_key"}
    async with scripted(always(answer())) as target:
        base_url = target.base_url.removesuffix("/v1") + "/openai"
        config = {"upstreams": {"azure": {"base_url": base_url, **azure}}, "passthrough": "azure"}
        async with gateway(config) as served:
            await served.ask("POST", "/v1/chat/completions", chat())
            await served.ask("POST", "/v1/chat/completions", chat(), authorization="", api_key=KEY)

        assert [asked.headers.get("api-key") for asked in target.asked] == [KEY, KEY]


@pytest.mark.anyio
async def test_an_upload_whose_upstream_cannot_be_reached_is_told_so() -> None:
    """With the connection's end, since the rest of the upload is not read."""
    config = {"upstreams": {"files": {"base_url": "http://127.0.0.1:1/v1"}}, "passthrough": "files"}
    async with gateway(config) as served, served.connect() as client:
        client.send(raw("POST", "/v1/files", None, content_length="1000000") + b"x" * 1000)
        seen = await client.answer()
        rest = await client.rest()

    assert (seen.status, seen.json()["error"]["code"]) == (502, "upstream_failed")
    assert (seen.headers["connection"], rest) == ("close", b"")


@pytest.mark.anyio
async def test_a_download_that_nobody_takes_waits_at_the_upstream() -> None:
    """The client has gone: so has the request, within a turn of the loop."""
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (1024 * MEGABYTE) + BYTES)
        await peer.gone()
        gone.set()

    async with scripted(play) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            async with served.connect() as client:
                client.send(raw("GET", "/v1/files/1/content"))
                await client.reader.readexactly(1000)
            await until(gone.is_set, "the upstream sees that nobody reads")
            row = await served.only_row()

        assert row.outcome == "cancelled"
