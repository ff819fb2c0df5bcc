"""How long a client may take: looked at about once a second for each connection, so that no request needs a timer."""

from offramp.gateway.connection import ClientConnection
from offramp.gateway.refusals import RequestTimeoutError
from offramp.gateway.transport import Phase

LINGER_S = 2.0
"""How long bytes that nobody wants are still read after a refusal, so that the client sees the answer and not a
reset."""
GRACE_S = 2.0
"""How long the idle connections of a gateway that drains may still bring a request: its answer tells them to close."""

_IDLE, _HEAD, _BODY, _ANSWER, _LINGER = Phase


def begin_to_drain(connection: ClientConnection) -> None:
    """The gateway is about to end: an answer whose head is not sent yet tells the client to close."""
    if connection.current is not None and not connection.current.head_sent:
        connection.current.keep_alive = False


def sweep(connection: ClientConnection, now_s: float, *, draining_since_s: float | None) -> None:
    """Close what is too slow.

    Args:
        connection: A client's.
        now_s: Monotonic time in seconds.
        draining_since_s: When the gateway was told to end; `None` while it goes on.
    """
    limits = connection.pipeline.plan.limits
    waited_s = now_s - connection.since_s
    phase = connection.phase
    if connection.untaken_s(now_s) > limits.idle_s:
        connection.abort()
    elif phase is _IDLE:
        told_s = 0.0 if draining_since_s is None else min(waited_s, now_s - draining_since_s)
        if waited_s > limits.idle_s or told_s > GRACE_S:
            connection.close()
    elif phase is _LINGER and waited_s > LINGER_S:
        connection.abort()
    elif phase is _HEAD and waited_s > limits.header_s:
        connection.refuse(RequestTimeoutError(f"the request's head did not arrive within {limits.header_s:g} s"))
    elif phase is _BODY and waited_s > limits.upload_idle_s and not connection.reading_paused:
        _slow_upload(connection, limits.upload_idle_s)


def _slow_upload(connection: ClientConnection, limit_s: float) -> None:
    if connection.current is None:
        connection.refuse(RequestTimeoutError(f"nothing of the request's body arrived for {limit_s:g} s"))
    else:
        connection.abort()
