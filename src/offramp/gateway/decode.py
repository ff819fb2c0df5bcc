"""Decode: what a request's head and body say, as far as the gateway must know. First phase."""

import re
import zlib

import zstandard

from offramp.errors import BadRequestError
from offramp.gateway.exchange import Exchange, HeadFacts
from offramp.gateway.plan import Limits
from offramp.gateway.refusals import BodyTooLargeError, ExpectationError, head_too_large
from offramp.wire import request as wire_request
from offramp.wire.http import Headers, forwarded_request_fields
from offramp.wire.operation import OPERATIONS, Operation

ONCE = frozenset({b"authorization", b"api-key", b"content-type", b"content-encoding", b"origin", b"transfer-encoding"})
"""Fields that mean something here and of which two would be read differently by the next hop."""

_TARGET = re.compile(rb"/[!-~]*")
"""What an origin-form target may consist of: visible ASCII."""
_CLIMBS = re.compile(rb"(?:^|/|%2f|\\|%5c)(?:\.|%2e){2}(?:/|%2f|\\|%5c|$)", re.IGNORECASE)
"""A `..` segment, also where it is written with percent signs."""
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)", re.IGNORECASE)

MAX_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""Memory that a packed body may claim for its window (RFC 9659: what the web uses)."""
MAX_LABEL_CHARS = 128
"""Longest `x-offramp-feature` and the like that the ledger keeps."""


METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
"""CONNECT would be a way through, and TRACE shows the client what the upstream was sent: our key."""


class MethodError(BadRequestError):
    """A method that is not served."""

    status_hint = 501
    code = "method_not_implemented"


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


def read_head(method: bytes, target: bytes, raw_headers: Headers, *, version: str, limits: Limits) -> HeadFacts:
    """Read a request's target and header fields, and refuse what the next hop might read differently.

    Raises:
        HeadTooLargeError: If there are too many fields or bytes.
        MethodError: For a method that is none of the API's.
        ExpectationError: For any `Expect` but `100-continue`.
        BadRequestError: For a target that is no path, a version that is not spoken here, a doubtful Transfer-Encoding,
            no or several `Host`.
    """
    if method not in METHODS:
        msg = f"the method {method.decode('latin-1')} is not served; the API has GET, POST, PUT, PATCH and DELETE"
        raise MethodError(msg)
    if version not in ("1.1", "1.0"):
        msg = f"HTTP/{version} is not spoken here; send HTTP/1.1"
        raise BadRequestError(msg)
    headers = [(name.lower(), value) for name, value in raw_headers]
    size_bytes = len(target) + sum(len(name) + len(value) for name, value in headers)
    if size_bytes > limits.header_bytes or len(headers) > limits.headers:
        raise head_too_large(limits.header_bytes, limits.headers)
    authority, path, query = split_target(target)
    check_framing(headers, version_11=version == "1.1")
    seen: dict[bytes, bytes] = {}
    refusal = ""
    for name, value in headers:
        if name in seen and name in ONCE:
            refusal = f"the header {name.decode()} is given twice; send it once"
        seen[name] = value
    if authority:
        seen[b"host"] = authority  # RFC 9112, section 3.2.2: the target's own wins.
    if b"via" in seen:
        seen[b"via"] = b", ".join(value for name, value in headers if name == b"via")
    if seen.get(b"expect", b"100-continue").strip().lower() != b"100-continue":
        shown = seen[b"expect"].decode("latin-1")[:40]
        msg = f"expectation {shown!r} is not understood; only 100-continue is"
        raise ExpectationError(msg)
    return _facts(method, path, query, headers, seen, version_11=version == "1.1", refusal=refusal)


def _facts(
    method: bytes,
    path: bytes,
    query: bytes,
    headers: Headers,
    seen: dict[bytes, bytes],
    *,
    version_11: bool,
    refusal: str,
) -> HeadFacts:
    operation = operation_of(method, path)
    token, authorization = _credential(seen)
    retries = seen.get(b"x-stainless-retry-count", b"")
    return HeadFacts(
        method=method,
        path=path,
        query=query,
        operation=operation,
        headers=headers,
        version_11=version_11,
        token=token,
        authorization=authorization,
        host=seen.get(b"host", b""),
        origin=seen.get(b"origin", b""),
        via=seen.get(b"via", b""),
        content_type=seen.get(b"content-type", b""),
        content_encoding=seen.get(b"content-encoding", b"").strip().lower(),
        accept_encoding=seen.get(b"accept-encoding", b""),
        expects=version_11 and b"expect" in seen,
        offers=b"upgrade" in seen,
        upgrade=_upgrade(method, seen),
        chunked=b"transfer-encoding" in seen,
        site=seen.get(b"x-offramp-site", b"")[:MAX_LABEL_CHARS],
        feature=seen.get(b"x-offramp-feature", b"")[:MAX_LABEL_CHARS].decode("utf-8", "replace"),
        client_retries=int(retries) if retries.isdigit() and len(retries) < 4 else 0,
        refusal=refusal,
        forward_own=forwarded_request_fields(headers, own_key=True),
        forward_client=forwarded_request_fields(headers, own_key=False),
        names_request_id=b"x-request-id" in seen,
        buffered=operation not in (Operation.OTHER, Operation.MODELS),
    )


def _credential(seen: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """The client's credential without its scheme, and the header line that hands it on."""
    authorization, api_key = seen.get(b"authorization", b""), seen.get(b"api-key", b"")
    if authorization:
        scheme, _, token = authorization.partition(b" ")
        return token.strip() if scheme.lower() == b"bearer" else b"", b"authorization: %b\r\n" % authorization
    return api_key, b"api-key: %b\r\n" % api_key if api_key else b""


def _upgrade(method: bytes, seen: dict[bytes, bytes]) -> bytes:
    """The protocol that the client asks for and that may be tunnelled; empty for offers that are passed over."""
    asked = seen.get(b"upgrade", b"").strip().lower()
    options = [option.strip() for option in seen.get(b"connection", b"").lower().split(b",")]
    if asked != b"websocket" or method != b"GET" or b"upgrade" not in options or b"transfer-encoding" in seen:
        return b""
    return asked


def check_framing(headers: Headers, *, version_11: bool) -> None:
    """Refuse what llhttp lets through and the next hop might read differently.

    Raises:
        BadRequestError: For a doubtful Transfer-Encoding, or none or several `Host`.
    """
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and (not version_11 or value.strip().lower() != b"chunked"):
            msg = "transfer-encoding must be exactly 'chunked', on HTTP/1.1 only"
            raise BadRequestError(msg)
    if hosts > 1 or (hosts == 0 and version_11):
        msg = f"a request needs exactly one Host header; this one has {hosts}"
        raise BadRequestError(msg)


def split_target(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Authority, path and query of a request target; the authority is empty but in an absolute form.

    Raises:
        BadRequestError: For a target that is no path, or climbs with `..`.
    """
    absolute = _ABSOLUTE.match(target)
    authority = absolute[1] if absolute is not None else b""
    if absolute is not None:
        target = target[absolute.end() :] or b"/"
    if _TARGET.fullmatch(target) is None:
        shown = target.decode("latin-1")[:60]
        msg = f"the request target {shown!r} is not a path; it must begin with / and be visible ASCII"
        raise BadRequestError(msg)
    path, _, query = target.partition(b"?")
    path, _, _ = path.partition(b"#")
    if _CLIMBS.search(path) is not None:
        msg = "the path must not contain '..'"
        raise BadRequestError(msg)
    return authority, path, query


def read_body(exchange: Exchange) -> None:
    """Unpack the body if it is packed and decode what routing, the ledger and the limits need.

    Raises:
        BadRequestError: If the body is not what the operation takes; `param` names the field.
        UnsupportedEncodingError: If it is packed in an unknown way.
        BodyTooLargeError: If it unpacks to more than the limit.
    """
    encoding = exchange.facts.content_encoding
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
            reader = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES).stream_reader(
                body, read_across_frames=True
            )
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
