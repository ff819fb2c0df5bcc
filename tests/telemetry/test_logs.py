"""The log: what is written when, and what happens where nobody reads."""

import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import msgspec
import pytest

from offramp.telemetry.logs import BUFFER_BYTES, Log

MOMENT_NS = 1_795_241_371_123_456_789


class Pipe:
    """A stream somebody reads, or does not."""

    def __init__(self) -> None:
        """An empty pipe."""
        self.read_fd, write_fd = os.pipe()
        self.writer: TextIO = os.fdopen(write_fd, "w")

    def drain(self) -> bytes:
        """Everything that is in the pipe now."""
        os.set_blocking(self.read_fd, False)
        pieces = []
        with suppress(BlockingIOError):
            while piece := os.read(self.read_fd, 1 << 20):
                pieces.append(piece)
        return b"".join(pieces)

    def close_reader(self) -> None:
        """The reader goes away."""
        os.close(self.read_fd)
        self.read_fd = -1

    def close(self) -> None:
        """Both ends."""
        self.writer.close()
        if self.read_fd >= 0:
            self.close_reader()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe."""
    made = Pipe()
    yield made
    made.close()


def events(written: str | bytes) -> list[dict[str, object]]:
    """The events of a JSON log."""
    return [msgspec.json.decode(line, type=dict[str, object]) for line in written.splitlines()]


def test_events_wait_for_the_tick_and_errors_do_not() -> None:
    """Writing once per tick is cheap; an error must be on disk even if the next thing is a crash."""
    stream = io.StringIO()
    log = Log(stream)
    log.event("listening", port=8484)
    before = stream.getvalue()
    log.event("bug", level="error")

    assert before == ""
    assert [event["event"] for event in events(stream.getvalue())] == ["listening", "bug"]


def test_each_event_carries_its_time_in_utc() -> None:
    """Logs of several machines are put in one order."""
    stream = io.StringIO()
    log = Log(stream, now_ns=lambda: MOMENT_NS)
    log.event("listening")
    log.flush()

    assert events(stream.getvalue())[0]["time"] == "2026-11-21T06:09:31.123Z"


def test_a_person_gets_local_time_without_the_date() -> None:
    """They know what day it is."""
    stream = io.StringIO()
    log = Log(stream, "human", now_ns=lambda: MOMENT_NS)
    log.event("listening")
    log.flush()

    assert re.fullmatch(r"\d\d:\d9:31\.123 info    listening\n", stream.getvalue())


def test_what_is_less_important_than_the_level_is_not_written() -> None:
    """And costs nothing."""
    stream = io.StringIO()
    log = Log(stream, level="warning")
    for level in ("debug", "info", "warning", "error"):
        log.event(level, level=level)

    assert [event["event"] for event in events(stream.getvalue())] == ["warning", "error"]
    assert (log.wants("info"), log.wants("error")) == (False, True)


def test_no_colours_where_nobody_looks() -> None:
    """A file full of escape codes is hard to search."""
    stream = io.StringIO()
    log = Log(stream, "human")
    log.event("bug", level="error")

    assert "\x1b" not in stream.getvalue()


def test_a_file_gets_everything_in_order(tmp_path: Path) -> None:
    """The common case: more than one flush can take, over several ticks."""
    path = tmp_path / "log"
    with path.open("w") as stream:
        log = Log(stream)
        for number in range(10_000):
            log.event("exchange", number=number)
        while log.waiting_bytes:
            log.flush()

    assert [event["number"] for event in events(path.read_bytes())] == list(range(10_000))


def test_a_reader_that_stopped_reading_does_not_stop_the_gateway(pipe: Pipe) -> None:
    """A full pipe blocks who writes to it; this test would hang."""
    log = Log(pipe.writer)
    for number in range(2_000):
        log.event("exchange", number=number, padding="x" * 100)
        log.flush()

    assert log.waiting_bytes > 0
    assert log.dropped == 0


def test_when_the_reader_is_back_nothing_is_lost_or_torn(pipe: Pipe) -> None:
    """What waited is written from where it stopped."""
    log = Log(pipe.writer)
    for number in range(2_000):
        log.event("exchange", number=number, padding="x" * 100)
        log.flush()
    written = b""
    while log.waiting_bytes:
        written += pipe.drain()
        log.flush()
    written += pipe.drain()

    assert [event["number"] for event in events(written)] == list(range(2_000))


def test_a_line_longer_than_a_pipe_takes_at_once_arrives_whole(pipe: Pipe) -> None:
    """Tracebacks are long."""
    log = Log(pipe.writer)
    log.event("bug", level="error", values=["y" * 1_000] * 40)
    written = b""
    while log.waiting_bytes:
        log.flush()
        written += pipe.drain()
    written += pipe.drain()

    assert events(written)[0]["values"] == ["y" * 1_000] * 40


def test_what_finds_no_room_is_counted_and_reported_when_there_is_room_again(pipe: Pipe) -> None:
    """A gap in the log that does not say that it is one is a lie."""
    log = Log(pipe.writer)
    fits = BUFFER_BYTES // 1_000
    for number in range(2 * fits):
        log.event("exchange", number=number, padding="x" * 1_000)
        log.flush()
    dropped = log.dropped
    written = b""
    while log.waiting_bytes:
        written += pipe.drain()
        log.flush()
    log.flush()
    written += pipe.drain()
    told = events(written)

    assert dropped > 0
    assert told[-1]["event"] == "log_dropped"
    assert told[-1]["lines"] == dropped
    assert len(told) - 1 + dropped == 2 * fits


def test_memory_stays_bounded_while_nobody_reads(pipe: Pipe) -> None:
    """A log that nobody reads for a day must not become the gateway's memory."""
    log = Log(pipe.writer)
    for _ in range(5_000):
        log.event("exchange", padding="x" * 1_000)

    assert log.waiting_bytes <= BUFFER_BYTES


def test_a_reader_that_is_gone_costs_lines_and_nothing_else(pipe: Pipe) -> None:
    """Standard error closed by a supervisor: the gateway goes on and counts."""
    log = Log(pipe.writer)
    pipe.close_reader()
    log.event("bug", level="error")
    log.event("bug", level="error")

    assert log.dropped == 2
    assert log.waiting_bytes == 0


def test_the_last_flush_waits_for_a_slow_reader(pipe: Pipe) -> None:
    """At the end of the process nothing comes after it."""
    log = Log(pipe.writer)
    for number in range(2_000):
        log.event("exchange", number=number, padding="x" * 100)
    seen: list[bytes] = []
    os.set_blocking(pipe.read_fd, True)
    reader = threading.Thread(target=lambda: seen.extend(iter(lambda: os.read(pipe.read_fd, 1 << 16), b"")))
    reader.start()
    log.close(timeout_s=10.0)
    pipe.writer.close()
    reader.join()

    assert len(events(b"".join(seen))) == 2_000


def test_the_last_flush_does_not_wait_for_ever(pipe: Pipe) -> None:
    """A reader that never comes back must not keep the process from ending."""
    log = Log(pipe.writer)
    for number in range(2_000):
        log.event("exchange", number=number, padding="x" * 100)
    log.close(timeout_s=0.05)

    assert log.waiting_bytes > 0
