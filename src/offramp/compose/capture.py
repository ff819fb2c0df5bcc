"""Feeds captures to the process that masks, compresses and writes them, beside the request path.

The path hands over references; a thread packs them into a pipe. What does not fit into the queue, because the other
process cannot keep up or is away, is dropped and counted: a capture is a sample, a request is not.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from random import Random

import msgspec

from offramp.store.rows import ExchangeRow

QUEUE_BYTES = 32 << 20
"""Bodies that may wait."""
_CLOSE_S = 2.0
"""How long the process may take for what waits, and again for its end: below what a worker has to end."""
_LOOK_S = 1.0
_REST_S = 30.0
"""How long to wait before a process that ended by itself is started again."""
LENGTH_BYTES = 4


_Item = tuple[ExchangeRow, bytes, Sequence[bytes] | None, bool]


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What the other process is told first."""

    state_dir: str
    retention_days: float
    max_bytes: int
    mask: dict[str, str]
    """Further forms to mask, by kind."""


class Said(msgspec.Struct, frozen=True, array_like=True):
    """One exchange with what was said."""

    row: ExchangeRow
    request: bytes
    answer: bytes | None
    """`None` if there was none, or it was too long to be kept."""
    streamed: bool


class CaptureFeed:
    """What the pipeline hands captures to (gateway.services.CaptureSink)."""

    def __init__(self, order: Order, *, on_error: Callable[[str], None], after: "CaptureFeed | None" = None) -> None:
        """Nothing is started before there is something to write.

        Args:
            order: Where captures lie, for how long, and what is masked.
            on_error: Called from a thread with one clear sentence.
            after: Whom it follows: that one takes nothing more, and its counts go on here.
        """
        self.dropped = 0
        self.taken = 0
        if after is not None:
            after.end()
            self.dropped, self.taken = after.dropped, after.taken
        self._order = order
        self._chance = Random()  # noqa: S311 - a sample, no secret
        self._on_error = on_error
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._failed = False

    def wants(self, share: float) -> bool:
        """Whether chance picks this one."""
        return self._chance.random() < share

    def take(self, row: ExchangeRow, request: bytes, answer: Sequence[bytes] | None, *, streamed: bool) -> None:
        """An exchange that is to be captured has ended. Does not wait."""
        size_bytes = len(request) + sum(map(len, answer or ()))
        if self._waiting_bytes + size_bytes > QUEUE_BYTES or self._closing.is_set():
            self.dropped += 1
            return
        with self._lock:
            self._waiting_bytes += size_bytes
        self.taken += 1
        self._queue.put((row, request, answer, streamed))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Take nothing more; what waits is still written. Does not wait for it."""
        self._closing.set()
        self._queue.put(None)

    def close(self) -> None:
        """The same, and wait until it is done."""
        self.end()
        if self._thread is not None:
            self._thread.join(2 * _CLOSE_S)

    # ------------------------------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        while (item := self._next()) is not None:
            row, request, answer, streamed = item
            size_bytes = len(request) + sum(map(len, answer or ()))
            said = Said(row, request, None if answer is None else b"".join(answer), streamed)
            if not self._send(msgspec.msgpack.encode(said)):
                self.dropped += 1
            with self._lock:
                self._waiting_bytes -= size_bytes
        self._end()

    def _next(self) -> _Item | None:
        """What comes next; meanwhile the other process is looked after."""
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=_LOOK_S)
            process = self._process
            if process is not None and process.poll() is not None:
                self._fail(process)

    def _send(self, message: bytes) -> bool:
        if self._failed and self._closing.is_set():
            return False
        process = self._process or self._start()
        if process is None:
            return False
        assert process.stdin is not None
        try:
            process.stdin.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
            process.stdin.flush()
        except OSError:
            self._fail(process)
            return False
        self._failed = False
        return True

    def _start(self) -> subprocess.Popen[bytes] | None:
        command = [sys.executable, "-P", "-m", "offramp.compose.capture_writer"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # A Ctrl-C is the gateway's; this process ends when its pipe does.
            )
        except OSError as error:
            self._report(f"captures cannot be written: {error}")
            return None
        return self._process if self._send(msgspec.msgpack.encode(self._order)) else None

    def _fail(self, process: subprocess.Popen[bytes]) -> None:
        """The other process has ended by itself."""
        self._process = None
        _, told = process.communicate()
        reason = told.decode(errors="replace").strip()[-500:] or f"its process ended with {process.returncode}"
        self._report(f"captures are not written for {_REST_S:.0f} s: {reason}")

    def _report(self, problem: str) -> None:
        self._failed = True
        self._on_error(problem)
        self._closing.wait(_REST_S)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
