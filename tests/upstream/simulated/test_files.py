"""Files at the socket: what is uploaded comes back byte for byte."""

from collections.abc import AsyncIterator

import pytest

from offramp.upstream.simulated.memory import MAX_FILE_BYTES, File, Shelf
from offramp.upstream.simulated.options import Options
from tests.upstream.simulated.serving import KEY, Answer, Served, serving

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 40 + b"\r\n--other\r\n\r\n"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """An engine with OpenAI's manners."""
    async with serving(Options()) as one:
        yield one


def form(content: bytes, *, boundary: str = "b-1", **fields: str) -> bytes:
    """A multipart form with a file."""
    mark = f"--{boundary}\r\n".encode()
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    head = b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\nContent-Type: text/plain\r\n\r\n'
    return b"\r\n".join(mark + part for part in [*parts, head + content]) + f"\r\n--{boundary}--\r\n".encode()


async def upload(served: Served, body: bytes, kind: str = 'multipart/form-data; boundary="b-1"') -> Answer:
    """One upload."""
    return await served.ask("POST", "/v1/files", body, KEY, ("content-type", kind))


async def test_a_file_comes_back_as_it_was_sent(served: Served) -> None:
    """Also with line ends and marks inside that look like borders."""
    told = (await upload(served, form(CONTENT, purpose="batch"))).json()
    content = await served.ask("GET", f"/v1/files/{told['id']}/content", None, KEY)
    again = await served.ask("GET", f"/v1/files/{told['id']}", None, KEY)
    every = await served.ask("GET", "/v1/files", None, KEY)

    assert (told["bytes"], told["purpose"], told["filename"]) == (len(CONTENT), "batch", "a.jsonl")
    assert content.body == CONTENT
    assert again.json() == told
    assert every.json()["data"] == [told]


async def test_a_large_upload_arrives_whole(served: Served) -> None:
    """Larger than any buffer on the way."""
    content = CONTENT * 500
    told = (await upload(served, form(content, purpose="batch"))).json()

    assert told["bytes"] == len(content)


async def test_a_deleted_file_is_gone(served: Served) -> None:
    """404 from then on."""
    told = (await upload(served, form(b"x", purpose="batch"))).json()
    deleted = await served.ask("DELETE", f"/v1/files/{told['id']}", None, KEY)
    gone = await served.ask("GET", f"/v1/files/{told['id']}", None, KEY)

    assert deleted.json() == {"id": told["id"], "object": "file", "deleted": True}
    assert gone.status == 404


async def test_what_is_no_form_is_refused(served: Served) -> None:
    """With the part that is missing."""
    no_purpose = await upload(served, form(b"x"))
    no_form = await upload(served, b"{}", "application/json")

    assert no_purpose.json()["error"]["param"] == "purpose"
    assert (no_purpose.status, no_form.status) == (400, 400)


async def test_speech_and_transcription_are_binary_both_ways(served: Served) -> None:
    """Noise, but the same noise for the same text."""
    body = {"model": "tts-1", "input": "hello"}
    one, two = [await served.ask("POST", "/v1/audio/speech", body, KEY) for _ in range(2)]
    kind = ("content-type", "multipart/form-data; boundary=b-1")
    heard = await served.ask("POST", "/v1/audio/transcriptions", form(one.body), KEY, kind)

    assert one.headers["content-type"] == "audio/mpeg"
    assert len(one.body) == 5000
    assert one.body == two.body
    assert heard.json()["text"] == "Simulated transcription of 5000 bytes."


def test_the_shelf_is_bounded_but_keeps_the_newest() -> None:
    """Even one that is larger than the shelf."""
    shelf = Shelf()
    for name in ("a", "b"):
        content = bytes(MAX_FILE_BYTES // 2 + 1)
        shelf.keep(File(id=name, filename=name, purpose="batch", created_s=0, content=content))

    assert list(shelf.files) == ["b"]
