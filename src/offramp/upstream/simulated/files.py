"""`/v1/files`: uploads by multipart form, kept in memory while there is room, given back byte for byte."""

import re
from dataclasses import dataclass

import msgspec

from offramp.upstream.simulated.engine import Engine, now_s
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.memory import File
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.reply import Reply


def upload(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Keep the file of a form.

    Raises:
        RefusalError: If the body is no form with a file and a purpose.
    """
    del fault
    parts = form_of(reply.request.header("content-type"), reply.request.body)
    uploaded, purpose = parts.get("file"), parts.get("purpose")
    if uploaded is None or purpose is None:
        name = "file" if uploaded is None else "purpose"
        raise RefusalError(400, f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name)
    file = File(
        id=engine.identity("file-", 24),
        filename=uploaded.filename or "upload",
        purpose=purpose.content.decode(errors="replace"),
        created_s=now_s(),
        content=uploaded.content,
    )
    engine.shelf.keep(file)
    reply.whole(200, msgspec.json.encode(file.told()))


def list_files(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """All files that are still known."""
    del fault
    files = [file.told() for file in engine.shelf.files.values()]
    reply.whole(200, msgspec.json.encode({"object": "list", "data": files, "has_more": False}))


def show_file(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """One file's object, or its content."""
    del fault
    file_id, _, rest = reply.request.path.removeprefix("/v1/files/").partition("/")
    file = engine.shelf.get(file_id)
    if rest == "content":
        reply.whole(200, file.content, "application/octet-stream")
    else:
        reply.whole(200, msgspec.json.encode(file.told()))


def delete_file(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Forget one file."""
    del fault
    file = engine.shelf.get(reply.request.path.removeprefix("/v1/files/"))
    del engine.shelf.files[file.id]
    reply.whole(200, msgspec.json.encode({"id": file.id, "object": "file", "deleted": True}))


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """One part of a multipart form."""

    content: bytes
    filename: str


_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_NAME = re.compile(rb'[; ]name="([^"]*)"')
_FILENAME = re.compile(rb'filename="([^"]*)"')


def form_of(content_type: str, body: bytes) -> dict[str, FormPart]:
    """The parts of a form by name.

    Raises:
        RefusalError: If it is no form.

    Source:
        RFC 7578; RFC 2046 section 5.1.1 for the boundaries.
    """
    boundary = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or boundary is None:
        raise RefusalError(400, "The body is not multipart/form-data with a boundary.", code="invalid_body")
    parts: dict[str, FormPart] = {}
    for raw in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1"))[1:-1]:
        head, _, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is not None:
            filename = _FILENAME.search(head)
            shown = filename[1].decode(errors="replace") if filename else ""
            parts[name[1].decode(errors="replace")] = FormPart(content=content, filename=shown)
    return parts
