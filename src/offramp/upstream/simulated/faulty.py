"""An answer with a fault in its bytes: cut, stalled, malformed, dripping, compressed, or too much of it."""

import zlib
from collections.abc import Callable

import msgspec

from offramp.upstream.simulated.connection import Connection
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.reply import JSON, Ending, Headers, Part, Reply
from offramp.upstream.simulated.request import Request

NEVER = 1 << 60
"""More tokens than any answer has."""

RESET_AFTER_S = 0.005
"""What was written must have left the process before the connection is reset, else it is lost with it."""

_DEFAULT_TOKENS = {
    "hang_in_stream": 3,
    "role_only": 0,
    "cut": 3,
    "cut_clean": 3,
    "no_done": NEVER,
    "error_in_stream": 0,
    "malformed": 0,
}
_EXTRA = b'{"simulated":"bytes that nobody asked for"}'


class FaultyReply(Reply):
    """A reply that meets one fault; see `faults.KINDS` for what each does."""

    def __init__(
        self,
        request: Request,
        connection: Connection,
        headers: Callable[[], Headers],
        fault: Fault,
        error: dict[str, object],
        *,
        done_after_error: bool,
    ) -> None:
        """`error` is what an error in the stream says; vLLM sends `[DONE]` after it."""
        super().__init__(request, connection, headers)
        self.fault = fault.name
        self._error = error
        self._done_after_error = done_after_error
        self._limit = fault.tokens(_DEFAULT_TOKENS.get(fault.name, NEVER))
        self._size_bytes = fault.size_bytes
        self._told = 0
        self._struck = False
        self._silent = False
        self._deflate = zlib.compressobj(wbits=31) if fault.name == "gzip" else None

    # --------------------------------------------------------------------------------------------------------- stream

    def token(self, event: bytes) -> None:
        """A token comes through while the fault has not struck."""
        if self._struck:
            return
        if self._told >= self._limit:
            self._strike(event)
            return
        self._told += 1
        super().token(event)

    def event(self, part: Part, event: bytes) -> None:
        """The role comes through; what ends a stream before the fault struck lets it strike now."""
        if self._struck:
            return
        if part is Part.DONE and self.fault == "no_done":
            return
        early = self._limit == 0 and self.fault in {"error_in_stream", "malformed"}
        late = part is not Part.ROLE and self._limit < NEVER
        if part is Part.DONE and self.fault == "malformed":
            super().event(part, event)
        elif early or late:
            self._strike(event)
        else:
            super().event(part, event)

    def _strike(self, event: bytes) -> None:
        if self.fault == "malformed":
            self._out.append(self.framed(event[: len(event) // 2] + b"\n\n"))
            return
        self._struck = True
        self.cancel()
        self.flush()
        if self.fault == "error_in_stream":
            self._out.append(self.framed(self.error_event(self._error)))
            if self._done_after_error:
                self._out.append(self.framed(b"data: [DONE]\n\n"))
            self.end(Ending.FAULTY)
        elif self.fault == "no_done":
            self.end(Ending.FAULTY)
        elif self.fault == "cut":
            framed = self.framed(event)
            self._break(framed[: len(framed) // 2], reset=True)
        elif self.fault == "cut_clean":
            self._break(b"", reset=False)
        else:
            self._silent = True

    def end(self, ending: Ending = Ending.WHOLE) -> None:
        """The end, which never comes once the stream has fallen silent."""
        if self._silent or self.ended:
            return
        if self._deflate is not None:
            self._out.append(super().framed(self._deflate.flush()))
        super().end(ending)

    def _break(self, last: bytes, *, reset: bool) -> None:
        """Send a last part, then end the connection."""
        self.write(last)
        self.finish(Ending.BROKEN)
        if reset:
            self.connection.reset_after(RESET_AFTER_S)
        else:
            self.connection.close()

    # ---------------------------------------------------------------------------------------------------------- whole

    def whole(self, status: int, body: bytes, content_type: str = JSON, headers: Headers | None = None) -> None:
        """A whole body with the fault in it."""
        if self.fault == "malformed":
            body = body[: len(body) // 2]
        elif self.fault == "error_in_stream":
            body = self.error_body()
        if self.fault in {"cut", "cut_clean", "hang_in_stream", "role_only"}:
            self.status = status
            extra: Headers = [*(headers or []), ("content-type", content_type), ("content-length", str(len(body)))]
            half = self.head(status, extra) + body[: len(body) // 2]
            if self.fault in {"cut", "cut_clean"}:
                self._break(half, reset=self.fault == "cut")
            else:
                self.write(half)
            return
        if self._deflate is not None:
            body = self._deflate.compress(body) + self._deflate.flush()
        super().whole(status, body, content_type, headers)

    def error_body(self) -> bytes:
        """The error as a body that goes with status 200."""
        return msgspec.json.encode({"error": self._error})

    # ---------------------------------------------------------------------------------------------------------- bytes

    def head(self, status: int, extra: Headers) -> bytes:
        """Headers, more of them or with the compression named."""
        if self._deflate is not None:
            extra = [*extra, ("content-encoding", "gzip")]
        if self.fault == "big_headers":
            size_bytes = self._size_bytes or 16 * 1024
            extra = [*extra, *((f"x-simulated-{at}", "x" * 1000) for at in range(-(-size_bytes // 1000)))]
        return super().head(status, extra)

    def framed(self, event: bytes) -> bytes:
        """A chunk, compressed if that is the fault."""
        if self._deflate is not None and self.streaming:
            event = self._deflate.compress(event) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return super().framed(event)

    def finish(self, ending: Ending) -> None:
        """The end, with bytes after it if that is the fault."""
        if self.fault == "extra_bytes" and ending is Ending.WHOLE and not self.ended:
            extra = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            self.write(extra % (len(_EXTRA), _EXTRA))
        super().finish(ending)


class DrippingReply(Reply):
    """A reply whose bytes leave a few at a time."""

    def __init__(
        self,
        request: Request,
        connection: Connection,
        headers: Callable[[], Headers],
        *,
        size_bytes: int,
        delay_s: float,
    ) -> None:
        """`delay_s` 0 sends the next bytes in the next turn of the loop."""
        super().__init__(request, connection, headers)
        self._size_bytes = max(1, size_bytes)
        self._delay_s = delay_s
        self._kept = bytearray()
        self._dripping = False
        self._ending: Ending | None = None

    def write(self, payload: bytes) -> None:
        """Keep the bytes and let them drip."""
        self._kept += payload
        if not self._dripping:
            self._dripping = True
            self._drip()

    def finish(self, ending: Ending) -> None:
        """The answer ends when its last byte has left."""
        if ending is Ending.LEFT or not self._kept:
            super().finish(ending)
        else:
            self._ending = ending

    def _drip(self) -> None:
        if self.ended or not self.connection.is_open:
            return
        if not self._kept:
            self._dripping = False
            if self._ending is not None:
                super().finish(self._ending)
            return
        self.connection.transport.write(bytes(self._kept[: self._size_bytes]))
        del self._kept[: self._size_bytes]
        self.connection.later(self._delay_s, self._drip)
