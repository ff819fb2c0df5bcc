"""Errors of the gateway's own making, and how any error looks on the wire."""

from offramp.errors import BadRequestError, OfframpError
from offramp.gateway.exchange import Exchange, HeadFacts
from offramp.gateway.plan import Plan
from offramp.wire import envelope
from offramp.wire.http import status_line


class BodyTooLargeError(BadRequestError):
    """The body is larger than the limit."""

    status_hint = 413
    code = "body_too_large"


def body_too_large(limit_bytes: int) -> BodyTooLargeError:
    """The error for a body beyond the limit."""
    return BodyTooLargeError(f"the body is larger than {limit_bytes} bytes")


class HeadTooLargeError(BadRequestError):
    """The header is larger than the limit."""

    status_hint = 431
    code = "header_too_large"


def head_too_large(limit_bytes: int, limit_fields: int) -> HeadTooLargeError:
    """The error for a header beyond the limits."""
    return HeadTooLargeError(f"the header is larger than {limit_bytes} bytes or has more than {limit_fields} fields")


class ExpectationError(BadRequestError):
    """An `Expect` that nobody can meet."""

    status_hint = 417
    code = "expectation_failed"


class RequestTimeoutError(OfframpError):
    """The client did not send its request in time."""

    status_hint = 408
    type = "invalid_request_error"
    code = "request_timeout"
    retriable = True


def malformed(error: Exception) -> OfframpError:
    """What the parser's complaint tells the client: our own error that stopped it, else that this is not HTTP."""
    cause = error.__context__
    return (
        cause if isinstance(cause, OfframpError) else BadRequestError(f"this is not a valid HTTP/1.1 request: {error}")
    )


class TooManyConnectionsError(OfframpError):
    """The gateway has all the connections it may have."""

    status_hint = 503
    code = "too_many_connections"
    retriable = True


class StoppedError(OfframpError):
    """The gateway is stopped, and this request has had the time there was."""

    status_hint = 503
    code = "gateway_stopped"
    retriable = True


class UnknownPathError(BadRequestError):
    """Nothing is served under that path."""

    status_hint = 404
    code = "unknown_url"


class UpgradeError(BadRequestError):
    """A change of protocol where none is possible."""

    status_hint = 426
    code = "upgrade_not_possible"


class UnknownModelError(BadRequestError):
    """No route names the model, and nothing takes what no route names."""

    status_hint = 404
    code = "model_not_found"


def unknown_model(exchange: Exchange) -> UnknownModelError:
    """The error for a model that this client cannot reach."""
    model = exchange.request.model if exchange.request is not None else ""
    known = ", ".join(exchange.plan.aliases[:8]) or "none"
    shown = model[:100]
    msg = f"The model {shown!r} does not exist here or you do not have access to it. Routes answer for: {known}."
    return UnknownModelError(msg, param="model")


def cors_fields(facts: HeadFacts, plan: Plan) -> bytes:
    """What lets a browser page of an allowed origin read the answer; empty for everybody else.

    Source: Fetch Standard, section 3.3 "HTTP extensions" (https://fetch.spec.whatwg.org/#http-extensions).
    """
    if facts.origin not in plan.origins and b"*" not in plan.origins:
        return b""
    return b"access-control-allow-origin: %b\r\nvary: origin\r\naccess-control-expose-headers: *\r\n" % facts.origin


PREFLIGHT_FIELDS = (
    b"access-control-allow-methods: GET, POST, DELETE, OPTIONS\r\n"
    b"access-control-allow-headers: *, authorization\r\n"
    b"access-control-max-age: 600\r\n"
)
"""Answer to a browser's question before it asks; the star leaves `authorization` out, so it is named."""


def error_body(error: OfframpError) -> bytes:
    """The error in OpenAI's shape."""
    return envelope.encode(message=error.message, type=error.type, param=error.param, code=error.code)


def refusal_bytes(
    error: OfframpError, *, request_id: str, keep_alive: bool = False, extra: bytes = b"", to_head: bool = False
) -> bytes:
    """A whole answer for an error.

    Args:
        error: What went wrong.
        request_id: What the client can name when asking about it.
        keep_alive: Whether the connection stays open after it.
        extra: More header lines, each with its line end.
        to_head: Whether HEAD was asked: the answer then ends with its head.
    """
    body = error_body(error)
    retry = b"x-should-retry: %b\r\n" % (b"true" if error.retriable else b"false")
    if error.retry_after_s is not None:
        retry += b"retry-after: %d\r\n" % max(1, round(error.retry_after_s))
    return b"%bcontent-type: application/json\r\nx-request-id: %b\r\n%b%b%bcontent-length: %d\r\n\r\n%b" % (
        status_line(error.status_hint),
        request_id.encode(),
        retry,
        extra,
        b"" if keep_alive else b"connection: close\r\n",
        len(body),
        b"" if to_head else body,
    )
