"""Decode: what a request's head and body say, as far as the gateway must know. First phase."""

import zlib

import zstandard

from offramp.errors import BadRequestError
from offramp.gateway.exchange import Exchange, HeadFacts
from offramp.gateway.refusals import BodyTooLargeError
from offramp.wire import request as wire_request
from offramp.wire.http import Headers, forwarded_request_fields
from offramp.wire.operation import Operation

OPERATIONS: dict[bytes, Operation] = {
    b"/v1/chat/completions": Operation.CHAT,
    b"/v1/completions": Operation.COMPLETIONS,
    b"/v1/embeddings": Operation.EMBEDDINGS,
    b"/v1/responses": Operation.RESPONSES,
}
"""Paths whose POST is read whole, so that another tier can be asked."""

MAX_LABEL_CHARS = 128
"""Longest `x-offramp-feature` and the like that the ledger keeps."""


class UnsupportedEncodingError(BadRequestError):
    """The request's body is packed in a way that cannot be undone here."""

    status_hint = 415
    code = "unsupported_content_encoding"


def operation_of(method: bytes, path: bytes) -> Operation:
    """The operation that a method and a path mean."""
    if method == b"POST":
        return OPERATIONS.get(path, Operation.OTHER)
    if path == b"/v1/models" and method == b"GET":
        return Operation.MODELS
    return Operation.OTHER


def read_head(headers: Headers) -> HeadFacts:
    """Read the header fields that concern the gateway, in one pass."""
    seen: dict[bytes, bytes] = {}
    refusal = ""
    for name, value in headers:
        if name in seen and name in (b"authorization", b"api-key", b"content-type", b"origin"):
            refusal = f"the header {name.decode()} is given twice; send it once"
        seen[name] = value
    authorization = seen.get(b"authorization", b"")
    api_key = seen.get(b"api-key", b"")
    if authorization:
        scheme, _, token = authorization.partition(b" ")
        token = token.strip() if scheme.lower() == b"bearer" else b""
        line = b"authorization: %b\r\n" % authorization
    else:
        token, line = api_key, b"api-key: %b\r\n" % api_key if api_key else b""
    retries = seen.get(b"x-stainless-retry-count", b"")
    return HeadFacts(
        token=token,
        authorization=line,
        content_type=seen.get(b"content-type", b""),
        content_encoding=seen.get(b"content-encoding", b"").strip().lower(),
        site=seen.get(b"x-offramp-site", b"")[:MAX_LABEL_CHARS],
        feature=seen.get(b"x-offramp-feature", b"")[:MAX_LABEL_CHARS].decode("utf-8", "replace"),
        client_retries=int(retries) if retries.isdigit() and len(retries) < 4 else 0,
        refusal=refusal,
        forward_own=forwarded_request_fields(headers, own_key=True),
        forward_client=forwarded_request_fields(headers, own_key=False),
        names_request_id=b"x-request-id" in seen,
    )


def read_body(exchange: Exchange) -> None:
    """Unpack the body if it is packed and decode what routing, the ledger and the limits need.

    Raises:
        BadRequestError: If the body is not what the operation takes; `param` names the field.
        UnsupportedEncodingError: If it is packed in an unknown way.
        BodyTooLargeError: If it unpacks to more than the limit.
    """
    facts = exchange.facts
    assert facts is not None
    encoding = facts.content_encoding
    if encoding and encoding != b"identity":
        exchange.body = unpack(exchange.body, encoding, exchange.plan.limits.unpacked_bytes)
    exchange.request = wire_request.decode(exchange.operation, exchange.body)


def unpack(body: bytes, encoding: bytes, limit_bytes: int) -> bytes:
    """The body unpacked, never more than `limit_bytes` of it in memory.

    Raises:
        UnsupportedEncodingError: For anything but gzip, deflate and zstd.
        BodyTooLargeError: If it unpacks to more.
        BadRequestError: If it is damaged.
    """
    try:
        if encoding in (b"gzip", b"x-gzip", b"deflate"):
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
            plain = unpacker.decompress(body, limit_bytes + 1)
            whole = unpacker.eof and not unpacker.unused_data
        elif encoding == b"zstd":
            reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(body, read_across_frames=True)
            plain = reader.read(limit_bytes + 1)
            whole = True
        else:
            shown = encoding.decode("latin-1")[:40]
            msg = f"content-encoding {shown!r} is not understood; send gzip, zstd or no encoding"
            raise UnsupportedEncodingError(msg)
    except (zlib.error, zstandard.ZstdError) as error:
        msg = f"the body is not valid {encoding.decode()}: send it whole or without content-encoding"
        raise BadRequestError(msg) from error
    if len(plain) > limit_bytes:
        msg = f"the body unpacks to more than {limit_bytes} bytes"
        raise BodyTooLargeError(msg)
    if not whole:
        msg = f"the {encoding.decode()} body is cut off or has bytes after its end"
        raise BadRequestError(msg)
    return plain
