"""HTTP/1.1 heads: which header fields travel on, and the bytes of a head. Pure.

Fields of one connection never travel on (RFC 9110, section 7.6.1), nor do those that `Connection` names. Framing is
always made anew. Field names are lower-case bytes here; the values were checked by llhttp when they came in.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]
"""Field names in lower case with their values, in the order of arrival."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

_REQUEST_DROPPED = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"content-type",
    b"expect",
    b"via",
    b"authorization",
    b"api-key",
    b"cookie",
    b"x-api-key",
    b"accept-encoding",
    b"content-encoding",
    b"origin",
    b"referer",
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
}
"""Never copied from the client: framing, addresses, credentials. What an upstream needs of these is written anew."""

_ACCOUNT_HEADERS = frozenset({b"openai-organization", b"openai-project"})
"""They name the account of the client's own key and would contradict ours."""

_ANSWER_DROPPED = HOP_BY_HOP | {
    b"content-length",
    b"set-cookie",
    b"alt-svc",
    b"strict-transport-security",
    b"via",
    b"x-offramp-attempts",
    b"x-offramp-config",
    b"x-offramp-id",
    b"x-offramp-tier",
}
"""Never passed back: framing, what concerns the upstream's own site rather than the answer, and what another gateway
of our kind behind this one says of itself."""

_REASONS: dict[int, bytes] = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES: dict[int, bytes] = {code: b"HTTP/1.1 %d %b\r\n" % (code, reason) for code, reason in _REASONS.items()}


def status_line(status: int) -> bytes:
    """The first line of an answer, with its line end."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Status\r\n" % status


def connection_names(headers: Headers) -> frozenset[bytes]:
    """The field names that `Connection` lists, which then concern this connection alone."""
    named: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
    return frozenset(named - {b"close", b"keep-alive", b"upgrade", b""})


def forwarded_request_fields(headers: Headers, *, own_key: bool) -> bytes:
    """The client's header fields that travel on to an upstream, as bytes with line ends.

    Args:
        headers: As the client sent them.
        own_key: Whether the upstream is called with a key of ours rather than the client's.
    """
    named = connection_names(headers)
    lines: list[bytes] = []
    for name, value in headers:
        if name in _REQUEST_DROPPED or name in named or name.startswith(b"x-offramp-"):
            continue
        if own_key and name in _ACCOUNT_HEADERS:
            continue
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


class AnswerHead:
    """What the head of an answer says, but for the length of its body; made once for heads that repeat."""

    __slots__ = ("fields", "forwarded", "headers", "requests_left", "status", "tokens_left")

    def __init__(self, status: int, headers: Headers) -> None:
        """Read the header fields of an answer, all but `content-length`."""
        self.status = status
        self.headers = headers
        self.fields = dict(headers)
        """By name; the last of several fields of one name."""
        self.forwarded = forwarded_answer_fields(headers)
        """Those that travel back to the client, as bytes with line ends."""
        self.requests_left = _remaining(self.fields, b"x-ratelimit-remaining-requests")
        """The rest of the upstream's rate limit; `None` where it does not say."""
        self.tokens_left = _remaining(self.fields, b"x-ratelimit-remaining-tokens")

    def says(self, status: int, headers: Headers) -> bool:
        """Whether a head with this status and these fields is the same one again."""
        return self.status == status and self.headers == headers


def forwarded_answer_fields(headers: Headers) -> bytes:
    """The upstream's header fields that travel back to the client, as bytes with line ends."""
    lines: list[bytes] = []
    named: frozenset[bytes] = frozenset()
    for name, value in headers:
        if name not in _ANSWER_DROPPED:
            lines.append(b"%b: %b\r\n" % (name, value))
        elif name == b"connection" and value not in (b"close", b"keep-alive"):
            named = connection_names(headers)
    if named:
        named |= {b"connection"}
        return forwarded_answer_fields([field for field in headers if field[0] not in named])
    return b"".join(lines)


def _remaining(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    """A rate limit's rest as an upstream says it."""
    value = fields.get(name)
    return int(value) if value is not None and value.isdigit() and len(value) < 16 else None


NO_ANSWER = AnswerHead(0, [])
"""Of an exchange that nobody has answered yet."""


def field(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The value of the first field of that name; empty if there is none."""
    for field_name, value in headers:
        if field_name == name:
            return value
    return b""


def chunk(block: bytes) -> bytes:
    """A block of body bytes in chunked framing; the block must not be empty."""
    return b"%x\r\n%b\r\n" % (len(block), block)


LAST_CHUNK = b"0\r\n\r\n"
