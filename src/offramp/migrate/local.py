"""One GET at a port of this machine: for looking whether an engine, or offramp itself, answers there."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from offramp.errors import UnavailableError
from offramp.policy.breaker import BreakerSettings
from offramp.upstream.ask import ask
from offramp.upstream.dial import Address
from offramp.upstream.instance import Instance, PoolLimits, Timeouts
from offramp.wire.http import Headers

HOST = "127.0.0.1"
PATIENCE_S = 0.7
MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What answered."""

    status: int
    headers: Headers
    body: bytes

    @property
    def is_offramp(self) -> bool:
        """Whether this is a gateway of ours."""
        return any(name.startswith(b"x-offramp") for name, _ in self.headers)


async def get(port: int, path: bytes, *, patience_s: float = PATIENCE_S) -> Seen | None:
    """The answer to one GET on loopback; `None` if nothing, or nothing of use, answers within a moment (seconds)."""
    instance = Instance(
        "look",
        Address(host=HOST, port=port),
        timeouts=Timeouts(connect_s=patience_s),
        limits=PoolLimits(max_connections=1, max_queue=1),
        breaker=BreakerSettings(),
        compute_priced=False,
        base_path=b"",
    )
    head = b"GET %b HTTP/1.1\r\nhost: %b:%d\r\naccept: application/json\r\n\r\n" % (path, HOST.encode(), port)
    try:
        async with asyncio.timeout(2 * patience_s):
            reply = await ask(instance, head, timeout_s=patience_s, silence_s=patience_s)
            body = b""
            async with aclosing(reply.blocks()) as blocks:
                async for block in blocks:
                    body += block
                    if len(body) > MAX_BODY_BYTES:
                        return None
            return Seen(status=reply.status, headers=reply.headers, body=body)
    except (UnavailableError, TimeoutError):
        return None
    finally:
        instance.retire()
