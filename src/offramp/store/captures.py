"""Captures on disk: what was asked and answered, as compressed segments of JSON lines with an end to their lives.

A segment is a file `captures/DATE/TIME-PROCESS-NUMBER.jsonl.zst`. It consists of zstd frames of whole lines, each
written and synced on its own, so that a crash cuts off at most the frame that was being written. `zstd -dc` reads it.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard

from offramp.errors import UnavailableError
from offramp.store import state

FOLDER = "captures"
"""Below the state folder."""
SUFFIX = ".jsonl.zst"
SEGMENT_BYTES = 64 << 20
"""Lines of one segment, before compression."""
SEGMENT_S = 3600.0
"""A segment is ended when it is this old, so that retention has something to remove."""
MAX_LINE_BYTES = 256 << 20
_MOST_PLACES = 10
"""Unreadable lines of one segment that are named; the others are counted."""
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{6})-\d+-\d+\.jsonl\.zst")
_READ_BYTES = 1 << 16


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange with what was said, masked."""

    id: str
    """The `x-request-id`, which is also that of the ledger's row."""
    started_ns: int
    operation: str
    route: str
    team: str
    feature: str
    site: str
    """Call site as in the ledger, hexadecimal."""
    tier: str
    model_asked: str
    model_served: str
    status: int
    outcome: str
    streamed: bool
    request: msgspec.Raw
    """JSON as the client sent it."""
    answer: msgspec.Raw
    """JSON of the whole answer, assembled if it was streamed; `null` if there was none, or it was too long."""
    masked: dict[str, int] = {}
    """What was masked, by kind."""


_DECODER = msgspec.json.Decoder(Captured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long captures live."""

    days: float
    max_bytes: int
    """Of all segments together; the oldest go first."""


class SegmentWriter:
    """Appends lines; nothing is on disk before `flush`."""

    def __init__(self, state_dir: Path, retention: Retention) -> None:
        """Nothing is written yet."""
        self._folder = state_dir / FOLDER
        self._retention = retention
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._path: Path | None = None
        self._begun_s = 0.0
        self._bytes = self._number = 0

    def add(self, captured: Captured) -> int:
        """Take one capture; gives how many bytes wait for `flush`."""
        line = msgspec.json.encode(captured) + b"\n"
        self._lines.append(line)
        self._waiting_bytes += len(line)
        return self._waiting_bytes

    def flush(self, now_s: float) -> None:
        """Write what waits as one frame, in a new segment where the last one is full or old.

        Args:
            now_s: Seconds since the epoch.

        Raises:
            OSError: If the disk refuses; what waited is then given up.
        """
        lines, self._lines, self._waiting_bytes = b"".join(self._lines), [], 0
        if not lines:
            return
        if self._path is None or self._bytes > SEGMENT_BYTES or not 0 <= now_s - self._begun_s < SEGMENT_S:
            self._begin(now_s)
        assert self._path is not None
        self._bytes += len(lines)
        try:
            with self._path.open("ab") as file:
                file.write(zstandard.compress(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._path = None  # Half a frame may be at its end: nothing is to follow it.
            raise

    def _begin(self, now_s: float) -> None:
        expire(self._folder, self._retention, now_s)
        moment = datetime.fromtimestamp(now_s, UTC)
        day = self._folder / moment.strftime("%Y-%m-%d")
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number += 1
        self._path = day / f"{moment.strftime('%H%M%S')}-{os.getpid()}-{self._number}{SUFFIX}"
        state.make_private_file(self._path)
        self._begun_s, self._bytes = now_s, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file."""

    path: Path
    begun_s: float
    """Seconds since the epoch, by its name."""
    size_bytes: int


def segments(folder: Path) -> list[Segment]:
    """The segments in a folder of captures, the oldest first. Other files are left alone."""
    found = []
    for path in folder.glob(f"*/*{SUFFIX}"):
        name = _NAME.fullmatch(path.relative_to(folder).as_posix())
        with contextlib.suppress(OSError, ValueError):  # Removed meanwhile, or no date.
            if name is not None:
                begun = datetime.strptime(f"{name[1]} {name[2]}", "%Y-%m-%d %H%M%S").replace(tzinfo=UTC)
                found.append(Segment(path=path, begun_s=begun.timestamp(), size_bytes=path.stat().st_size))
    return sorted(found, key=lambda segment: (segment.begun_s, segment.path))


def expire(folder: Path, retention: Retention, now_s: float) -> int:
    """Remove what is too old, and the oldest beyond the size; gives how many segments went."""
    kept = segments(folder)
    held = sum(segment.size_bytes for segment in kept)
    removed = 0
    for segment in kept:
        # A segment's last line may be an hour younger than its first.
        if now_s - segment.begun_s - SEGMENT_S <= retention.days * 86_400 and held <= retention.max_bytes:
            continue
        with contextlib.suppress(OSError):  # Another process may have done it.
            segment.path.unlink()
        held -= segment.size_bytes
        removed += 1
    with contextlib.suppress(OSError):
        for day in folder.iterdir():
            with contextlib.suppress(OSError):
                day.rmdir()  # Only where it is empty.
    return removed


@dataclass(slots=True, kw_only=True)
class Troubles:
    """What could not be read."""

    damaged: list[str] = field(default_factory=list)
    """`file: reason`."""

    def add(self, path: Path, reason: str) -> None:
        """Note one file; what was read of it counts."""
        self.damaged.append(f"{path}: {reason}")


def read(folder: Path, troubles: Troubles, *, since_ns: int = 0, until_ns: int = 1 << 63) -> Iterator[Captured]:
    """Every capture that arrived in a time, segment by segment.

    Args:
        folder: The folder of captures.
        troubles: Hears of segments that are damaged or cut off, and of lines that are no captures; the rest is read.
        since_ns: Nanoseconds since the epoch.
        until_ns: The first moment that does not count.

    Raises:
        UnavailableError: If there are no captures.
    """
    found = segments(folder)
    if not found:
        raise UnavailableError(f"no captures in {folder}: set `capture.share` in offramp.yaml to keep some")
    for segment in found:
        # Nothing is written to a segment that is an hour old, and nothing is written before it arrived.
        if (segment.begun_s + 2 * SEGMENT_S) * 1e9 < since_ns:
            continue
        for captured in _segment(segment.path, troubles):
            if since_ns <= captured.started_ns < until_ns:
                yield captured


def _segment(path: Path, troubles: Troubles) -> Iterator[Captured]:
    number, unreadable, reason = 0, 0, ""
    places: list[str] = []
    try:
        with path.open("rb") as file:
            for line in _lines(file.fileno()):
                number += 1
                try:
                    captured = _DECODER.decode(line)
                except (ValueError, RecursionError) as error:
                    unreadable += 1
                    reason = reason or str(error)
                    places += [str(number)] if unreadable <= _MOST_PLACES else []
                else:
                    yield captured
    except OSError as error:
        troubles.add(path, error.strerror or str(error))
    except (zstandard.ZstdError, EOFError):
        troubles.add(path, f"cut off or damaged after line {number}")
    if unreadable:
        more = f" and {unreadable - len(places):,} more" if unreadable > len(places) else ""
        word, what = ("line", "is no capture") if unreadable == 1 else ("lines", "are no captures")
        troubles.add(path, f"{word} {', '.join(places)}{more} {what} ({reason})")


def _lines(handle: int) -> Iterator[bytes]:
    """The lines of all frames.

    Raises:
        EOFError: If the last frame is cut off.
    """
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    begun: list[bytes] = []
    packed, in_frame = b"", False
    while packed or (packed := os.read(handle, _READ_BYTES)):
        unpacked = unpacker.decompress(packed)
        packed, in_frame = b"", not unpacker.eof
        if unpacker.eof:
            packed = unpacker.unused_data
            unpacker = zstandard.ZstdDecompressor().decompressobj()
        first, *others = unpacked.split(b"\n")
        begun.append(first)
        if others:
            *whole, rest = others
            yield b"".join(begun)
            yield from whole
            begun = [rest]
        if sum(map(len, begun)) > MAX_LINE_BYTES:
            raise EOFError
    if any(begun) or in_frame:
        raise EOFError
