"""Flows that mitmproxy has written: the calls of a model among all requests.

The file is a row of tnetstrings: a length in digits, a colon, the bytes, and a character for the type. mitmproxy adds
`;` for text to the types of the format.

Source: tnetstrings.org; the flow format of mitmproxy 10 and later (version 20 and up).
"""

import zlib
from collections.abc import Iterator
from itertools import count
from typing import IO

import zstandard

from offramp.migrate.imports.http_exchange import Recorded, operation_of, row_of
from offramp.migrate.imports.notes import Notes, UnusableError, usable
from offramp.migrate.imports.values import NS_PER_S, Record, moment_ns, record, text
from offramp.store.rows import ExchangeRow

MAX_FLOW_BYTES = 256 << 20
MAX_BODY_BYTES = 64 << 20
_MAX_DEPTH = 60
_DIGITS = 12


def rows(file: IO[bytes], notes: Notes, hash_key: bytes) -> Iterator[ExchangeRow]:
    """The flows that are calls of a model; the others are passed over."""
    return usable(_flows(file, notes), lambda flow, number: _row(record(flow), number, hash_key), notes)


def _flows(file: IO[bytes], notes: Notes) -> Iterator[tuple[int, object]]:
    for number in count(1):
        try:
            flow = read(file)
        except UnusableError as error:
            notes.leave_out(number, f"{error}; what follows was not read")
            return
        if flow is None:
            return
        yield number, flow


def read(file: IO[bytes]) -> object | None:
    """The next value of a file; `None` at its end.

    Raises:
        UnusableError: If it is cut off, too long, or no tnetstring.
    """
    digits = b""
    while (character := file.read(1)) not in (b":", b""):
        digits += character
        if not character.isdigit() or len(digits) > _DIGITS:
            raise UnusableError("it is no flow of mitmproxy")
    if not digits and not character:
        return None
    length = int(digits or b"0")
    if length > MAX_FLOW_BYTES:
        raise UnusableError(f"a flow has {length} bytes, more than {MAX_FLOW_BYTES}")
    content, kind = file.read(length), file.read(1)
    if len(content) < length or not kind:
        raise UnusableError("the file is cut off")
    return _value(content, kind, 0)


def _value(content: bytes, kind: bytes, depth: int) -> object:
    if kind == b",":
        return content
    if kind == b"~":
        return None
    if depth > _MAX_DEPTH:
        raise UnusableError("a flow is nested too deeply")
    try:
        if kind == b";":
            return content.decode()
        if kind == b"!":
            return content == b"true"
        if kind in b"#^":
            return float(content) if kind == b"^" else int(content)
    except ValueError:
        raise UnusableError("a flow has a damaged value") from None
    members = list(_members(content, depth + 1))
    if kind == b"]":
        return members
    if kind == b"}" and len(members) % 2 == 0:
        return {text(name): value for name, value in zip(members[::2], members[1::2], strict=True)}
    raise UnusableError(f"a flow has a value of the unknown type {kind!r}")


def _members(content: bytes, depth: int) -> Iterator[object]:
    at = 0
    while at < len(content):
        colon = content.find(b":", at, at + _DIGITS)
        digits = content[at:colon]
        if colon < 0 or not digits.isdigit():
            raise UnusableError("a flow is damaged")
        end = colon + 1 + int(digits)
        if end >= len(content):
            raise UnusableError("a flow is damaged")
        yield _value(content[colon + 1 : end], content[end : end + 1], depth)
        at = end + 1


def _row(flow: Record, number: int, hash_key: bytes) -> ExchangeRow | None:
    asked, answered = record(flow.get("request")), record(flow.get("response"))
    port = asked.get("port")
    host = text(asked.get("host")) + (f":{port}" if isinstance(port, int) and port not in (80, 443) else "")
    path = _plain(asked.get("path"))
    url = f"{_plain(asked.get('scheme')) or 'https'}://{host}{path}"
    operation = operation_of(_plain(asked.get("method")), url)
    if operation is None:
        return None
    started = asked.get("timestamp_start")
    started_ns = moment_ns(started)
    status = answered.get("status_code")
    request_headers, answer_headers = _headers(asked), _headers(answered)
    recorded = Recorded(
        id=text(flow.get("id")) or f"flow-{number}",
        method="POST",
        url=url,
        request_headers=request_headers,
        request=_body(asked, request_headers),
        status=status if isinstance(status, int) else 0,
        answer_headers=answer_headers,
        answer=_body(answered, answer_headers),
        started_ns=started_ns,
        ttft_s=_since(started_ns, answered.get("timestamp_start")),
        total_s=_since(started_ns, answered.get("timestamp_end")) or 0.0,
    )
    return row_of(recorded, operation, hash_key)


def _since(started_ns: int, moment: object) -> float | None:
    if not isinstance(moment, int | float):
        return None
    passed_s = (moment_ns(moment) - started_ns) / NS_PER_S
    if passed_s < 0:
        raise UnusableError("it ends before it begins")
    return passed_s


def _headers(message: Record) -> list[tuple[str, str]]:
    listed = message.get("headers")
    pairs = [pair for pair in listed if isinstance(pair, list) and len(pair) == 2] if isinstance(listed, list) else []
    return [(_plain(name), _plain(value)) for name, value in pairs]


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _body(message: Record, headers: list[tuple[str, str]]) -> bytes:
    """A body as it was meant; empty if it is packed in a way that is not known here, or too long."""
    content = message.get("content")
    if not isinstance(content, bytes):
        return b""
    packed = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    try:
        if packed in ("gzip", "deflate"):
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(content, MAX_BODY_BYTES)
        if packed == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(content).read(MAX_BODY_BYTES)
    except (zlib.error, zstandard.ZstdError):
        return b""
    return content if packed in ("", "identity") else b""
