"""The log: events with fields, one line each, written so that a slow reader never stops the event loop.

An event waits in a bounded buffer until the caller's next tick (errors do not wait); what finds no room is counted and
reported once there is room again. Prompt content does not belong here: no field of any event carries it.
"""

import os
import select
import time
from collections.abc import Callable
from typing import Literal, TextIO, TypeAlias

from offramp.telemetry.lines import human_line, json_line

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["json", "human"]

BUFFER_BYTES = 1 << 20
"""What may wait to be written: some four thousand exchanges."""

_ORDER = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_PIECE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""A pipe that `poll` calls ready takes so much without blocking, and in one piece if several processes write to it."""
_PIECES_PER_FLUSH = 128


class Log:
    """Writes events to a stream. Used from the event loop only."""

    def __init__(
        self,
        stream: TextIO,
        format: Format = "json",  # noqa: A002
        level: Level = "info",
        *,
        colour: bool | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Log to `stream` what is at least `level`.

        Args:
            stream: Standard error, as a rule.
            format: `json` for programs, `human` for people.
            level: What is less important is not written.
            colour: Of the human form; by default where the stream is a terminal.
            now_ns: Nanoseconds since the epoch.
        """
        self._out = _Out(stream)
        self._human = format == "human"
        self._least = _ORDER[level]
        self._colour = stream.isatty() if colour is None else colour
        self._now_ns = now_ns
        self._second = -1
        self._second_text = ""
        self._buffer = bytearray()
        self._unreported = 0
        self.dropped = 0
        """Lines lost because nobody read fast enough, or the stream broke."""

    def wants(self, level: Level) -> bool:
        """Whether events of this level are written at all; for callers whose fields are dear to make."""
        return _ORDER[level] >= self._least

    def event(self, name: str, /, level: Level = "info", **fields: object) -> None:
        """Log one event.

        An `exchange` has the fields `method`, `operation`, `model`, `tier`, `status`, `streaming`, `total_s`, `ttft_s`,
        `input_tokens`, `output_tokens`, `cost_nano`, `outcome`, `error_code`, `attempts`, `id`, `route` and any others.

        Args:
            name: A noun: `exchange`, `breaker`, `reload`.
            level: How important it is; an error is written at once.
            fields: Typed values with their units in their names; never prompt content. `trace` is shown below the line.
        """
        if _ORDER[level] < self._least:
            return
        self._append(self._line(name, level, fields))
        if level == "error":
            self.flush()

    @property
    def waiting_bytes(self) -> int:
        """What has not been written yet."""
        return len(self._buffer)

    def flush(self) -> None:
        """Write what waits, as far as the reader takes it without making us wait."""
        self._write(wait_s=0.0)

    def close(self, *, timeout_s: float = 1.0) -> None:
        """Write everything, waiting for a slow reader; the last call of a process.

        Args:
            timeout_s: How long all of it may take; what is left then is lost.
        """
        self._write(wait_s=0.0)
        end_s = time.monotonic() + timeout_s
        while self.waiting_bytes and (left_s := end_s - time.monotonic()) > 0:
            self._write(wait_s=left_s)

    def _write(self, *, wait_s: float) -> None:
        if self._unreported and not self._buffer:
            lost, self._unreported = self._unreported, 0
            self._buffer += self._line("log_dropped", "warning", {"lines": lost})
        for _ in range(_PIECES_PER_FLUSH):
            if not self._buffer or not self._out.is_ready(wait_s):
                return
            self._write_piece()

    def _write_piece(self) -> None:
        piece = bytes(self._buffer[:_PIECE_BYTES])
        end = piece.rfind(b"\n") + 1
        try:
            written = self._out.write(piece[:end] if end else piece)
        except OSError:
            self._count_lost(self._buffer.count(b"\n"))
            self._buffer.clear()
        else:
            del self._buffer[:written]

    def _append(self, line: bytes) -> None:
        if len(self._buffer) + len(line) > BUFFER_BYTES:
            self._count_lost(1)
        else:
            self._buffer += line

    def _count_lost(self, lines: int) -> None:
        self.dropped += lines
        self._unreported += lines

    def _line(self, name: str, level: Level, fields: dict[str, object]) -> bytes:
        if self._human:
            moment = self._moment(utc=False)
            return human_line(time=moment, level=level, event=name, fields=fields, colour=self._colour)
        return json_line(time=self._moment(utc=True), level=level, event=name, fields=fields)

    def _moment(self, *, utc: bool) -> str:
        """The time as text; all but the milliseconds is made once a second."""
        second, rest_ns = divmod(self._now_ns(), 10**9)
        if second != self._second:
            self._second = second
            form, broken_down = ("%Y-%m-%dT%H:%M:%S", time.gmtime) if utc else ("%H:%M:%S", time.localtime)
            self._second_text = time.strftime(form, broken_down(second))
        return f"{self._second_text}.{rest_ns // 10**6:03d}{'Z' if utc else ''}"


class _Out:
    """A stream that can be asked whether it would block."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._fd: int | None
        try:
            self._fd = stream.fileno()
        except (OSError, AttributeError):
            self._fd = None
        self._poll = None
        if self._fd is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLOUT)

    def is_ready(self, wait_s: float) -> bool:
        """Whether a piece can be written without blocking; also where the reader is gone, which the write then says."""
        return self._poll is None or bool(self._poll.poll(wait_s * 1000))

    def write(self, piece: bytes) -> int:
        """Write and say how many bytes went out.

        Raises:
            OSError: If the stream is broken.
        """
        if self._fd is not None:
            return os.write(self._fd, piece)
        self._stream.write(piece.decode())
        return len(piece)
