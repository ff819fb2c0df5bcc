"""Server-sent events: where they end, what they carry. Pure.

An event is a run of lines that ends with an empty line; a line ends with LF, CRLF or CR. Further empty lines mean
nothing and stay with the event before or after them.

Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
"""

import re

import msgspec

from offramp.errors import WireError

MAX_EVENT_BYTES = 8 << 20
"""Longest event held in memory, in bytes (8 MiB). A chunk of text is a few hundred bytes; images and the last event of
the Responses API, which repeats the whole answer, may have megabytes."""

_LONGEST_PART_OF_A_BORDER = 3
_BOM = b"\xef\xbb\xbf"
# Atomic, so that one CRLF is never taken for two line ends.
_BORDER = re.compile(rb"(?>\r\n|\n|\r){2,}+")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as the receiver sees it."""

    name: str
    """The `event` field; empty where there is none."""
    data: bytes
    """The `data` lines, joined by LF."""


def cut(buffer: bytes | bytearray, scanned: int = 0) -> int:
    """Where the last complete event of `buffer` ends.

    A CR at the end may be half of a CRLF: after an LF it waits for the next read. After a CR it does not, because a
    server that ends its lines with CR would else never finish its last event.

    Args:
        buffer: Bytes of a stream that begin at an event border.
        scanned: How many of them an earlier call has seen; these are not searched again.

    Returns:
        Index just after the event's empty line; 0 if no event is complete.
    """
    start = scanned - _LONGEST_PART_OF_A_BORDER if scanned > _LONGEST_PART_OF_A_BORDER else 0
    if buffer.find(b"\r", start) < 0:
        end = buffer.rfind(b"\n\n", start)
        return end + 2 if end >= 0 else 0
    limit = len(buffer) - 1 if buffer.endswith(b"\n\r") else len(buffer)
    end = 0
    for border in _BORDER.finditer(buffer, start, limit):
        end = border.end()
    return end


def split(block: bytes) -> list[bytes]:
    """The events of a block that ends at an event border, each with the empty line that ends it.

    Joined they are the block again.
    """
    if b"\r" in block:
        ends = [border.end() for border in _BORDER.finditer(block)]
        events = [block[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        rest = block[ends[-1] :] if ends else block
    else:
        if block.find(b"\n\n") == len(block) - 2:
            return [block]
        events = [event + b"\n\n" for event in block.split(b"\n\n")]
        rest = events.pop()[:-2]
    if rest:
        events.append(rest)
    return events


def data_of(event: bytes) -> bytes | None:
    """The data of one event, its lines joined by LF; `None` for a comment or an event without data."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]
    lines = [line for name, line in _fields(event) if name == b"data"]
    return b"\n".join(lines) if lines else None


def name_of(event: bytes) -> str:
    """The `event` field of one event; empty where there is none."""
    name = b""
    for field, value in _fields(event):
        if field == b"event":
            name = value
    return name.decode("utf-8", "replace")


class Decoder:
    """Bytes cut anywhere in, events out."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        """Hold at most `max_event_bytes` of an event that has not ended."""
        self._buffer = bytearray()
        self._max_event_bytes = max_event_bytes

    @property
    def pending_bytes(self) -> int:
        """Bytes of an event that has not ended: not 0 at the end of a stream means that it was cut."""
        return len(self._buffer)

    def feed(self, received: bytes) -> list[Event]:
        """Take what was received and give the events that it completes; comments give none.

        Raises:
            WireError: If an event is longer than the limit.
        """
        scanned = len(self._buffer)
        self._buffer += received
        end = cut(self._buffer, scanned)
        block = bytes(self._buffer[:end])
        del self._buffer[:end]
        if len(self._buffer) > self._max_event_bytes:
            raise self._too_long()
        events = []
        for event in split(block):
            if len(event) > self._max_event_bytes:
                raise self._too_long()
            body = data_of(event)
            if body is not None:
                events.append(Event(name_of(event), body))
        return events

    def _too_long(self) -> WireError:
        return WireError(f"The upstream sent an event longer than {self._max_event_bytes} bytes.")


def _fields(event: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of an event's lines, comments left out."""
    fields = []
    # Empty lines may stand before it, as many as the cut between two reads has left there.
    for line in _LINE_END.split(event.lstrip(b"\r\n").removeprefix(_BOM)):
        name, _, value = line.partition(b":")
        if name:
            fields.append((name, value.removeprefix(b" ")))
    return fields
