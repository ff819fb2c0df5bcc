"""How long a client may take: looked at about once a second for each connection, so that no request needs a timer."""

from offramp.gateway.connection import ClientConnection
from offramp.gateway.refusals import RequestTimeoutError
from offramp.gateway.transport import Phase

LINGER_S = 2.0
"""How long bytes that nobody wants are still read after a refusal, so that the client sees the answer and not a reset;
and how long an idle connection of a gateway that drains may still bring a request that was under way."""

_IDLE, _HEAD, _BODY, _ANSWER, _LINGER = Phase


def sweep(connection: ClientConnection, now_s: float, *, draining: bool) -> None:
    """Close what is too slow."""
    limits = connection.pipeline.plan.limits
    waited_s = now_s - connection.since_s
    phase = connection.phase
    if phase is _IDLE and (waited_s > limits.idle_s or (draining and waited_s > LINGER_S)):
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
