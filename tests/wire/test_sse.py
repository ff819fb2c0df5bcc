"""Events of a stream: the same however the network cuts it and however its lines end."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import WireError
from offramp.wire.sse import Decoder, Event, cut, data_of, name_of, split

STREAM = (
    b'data: {"a":1}\n\n'
    b": keep-alive\n\n"
    b"event: error\r\ndata:x\r\n\r\n"
    b"data: one\ndata: two\ndata\n\n\n"
    b"id: 7\rretry: 10\rdata: cr\r\r"
    b"data: mixed\n\r\n"
    b"data:  two spaces\r\n\n"
    b"event: empty\ndata:\n\n"
    b"event: without\n\n"
    b"datum: x\n\n"
    b"data: [DONE]\n\n"
)
EVENTS = [
    Event("", b'{"a":1}'),
    Event("error", b"x"),
    Event("", b"one\ntwo\n"),
    Event("", b"cr"),
    Event("", b"mixed"),
    Event("", b" two spaces"),
    Event("empty", b""),
    Event("", b"[DONE]"),
]


@pytest.mark.parametrize("place", range(len(STREAM) + 1))
def test_events_do_not_depend_on_where_the_network_cuts_the_stream(place: int) -> None:
    """Any split of the same bytes gives the same events."""
    decoder = Decoder()

    assert decoder.feed(STREAM[:place]) + decoder.feed(STREAM[place:]) == EVENTS
    assert decoder.pending_bytes == 0


@given(st.lists(st.integers(1, 9), min_size=1))
def test_events_do_not_depend_on_how_often_the_network_cuts_the_stream(lengths: list[int]) -> None:
    """Down to one byte at a time."""
    decoder = Decoder()
    seen: list[Event] = []
    start = 0
    for length in itertools.cycle(lengths):
        seen += decoder.feed(STREAM[start : start + length])
        start += length
        if start >= len(STREAM):
            break

    assert seen == EVENTS


LINES = st.lists(st.sampled_from([b"data: a", b"data:b", b"event: e", b": c", b"x", b"", b""]), max_size=12)


@given(LINES, st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1), st.lists(st.integers(1, 7), min_size=1))
def test_blocks_cut_anywhere_join_to_the_stream_and_carry_the_same(
    lines: list[bytes], ends: list[bytes], lengths: list[int]
) -> None:
    """What the relay does: keep the rest, split what is complete. No byte is lost, no event is torn."""
    stream = b"".join(line + end for line, end in zip(lines, itertools.cycle(ends), strict=False)) + b"\n\n"
    whole = [payload for event in split(stream) if (payload := data_of(event)) is not None]
    rest, passed, carried, start = b"", b"", [], 0
    for length in itertools.cycle(lengths):
        scanned = len(rest)
        rest += stream[start : start + length]
        start += length
        end = cut(rest, scanned)
        assert end == cut(rest)
        events = split(rest[:end])
        assert b"".join(events) == rest[:end]
        carried += [payload for event in events if (payload := data_of(event)) is not None]
        passed += rest[:end]
        rest = rest[end:]
        if start >= len(stream):
            break

    assert carried == whole
    assert passed + rest == stream
    assert rest.strip(b"\r\n") == b""


@pytest.mark.parametrize(
    ("buffer", "end"),
    [
        (b"", 0),
        (b"data: a", 0),
        (b"data: a\n", 0),
        (b"data: a\r\n", 0),
        (b"data: a\r", 0),
        (b"data: a\n\n", 9),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\n\ndata: b\n", 9),
        (b"data: a\n\ndata: b\n\n", 18),
        (b"data: a\r\n\r\n", 11),
        (b"data: a\r\n\r", 0),
        (b"data: a\n\r", 0),
        (b"data: a\n\r\n", 10),
        (b"data: a\r\n\n", 10),
        (b"data: a\r\r", 9),
        (b"data: a\n\ndata: b\r\n\r", 9),
        (b"data: a\n\ndata: b\r", 9),
    ],
)
def test_an_event_ends_at_an_empty_line(buffer: bytes, end: int) -> None:
    """A CR at the end may be half of a CRLF, a lone CR line end twice is an empty line."""
    assert cut(buffer) == end
    assert cut(bytearray(buffer)) == end


@pytest.mark.parametrize(
    ("block", "events"),
    [
        (b"", []),
        (b"data: a\n\n", [b"data: a\n\n"]),
        (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"]),
        (b"data: a\r\n\r\n: c\r\r\r", [b"data: a\r\n\r\n", b": c\r\r\r"]),
        (b"data: a\n\ntorn", [b"data: a\n\n", b"torn"]),
        (b"data: a\r\n\r\ntorn", [b"data: a\r\n\r\n", b"torn"]),
        (b"torn\r", [b"torn\r"]),
    ],
)
def test_a_block_is_split_into_its_events(block: bytes, events: list[bytes]) -> None:
    """Joined they are the block again, also where its last event was torn."""
    assert split(block) == events


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\n\n", b"a"),
        (b"data: a\r\n\r\n", b"a"),
        (b"data: a\r\r", b"a"),
        (b"data: a\rdata: b\n\n", b"a\nb"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\nid: 1\n\n", b"a"),
        (b"\ndata: a\n\n", b"a"),
        (b"\xef\xbb\xbfdata: a\n\n", b"a"),
        (b"data\n\n", b""),
        (b"data: \n\n", b""),
        (b"data: \xff\x00\n\n", b"\xff\x00"),
        (b": data: a\n\n", None),
        (b"database: a\n\n", None),
        (b" data: a\n\n", None),
        (b"event: x\n\n", None),
        (b"\n\n", None),
        (b"", None),
    ],
)
def test_the_payload_of_an_event(event: bytes, payload: bytes | None) -> None:
    """Comments and events without data carry none."""
    assert data_of(event) == payload


def test_the_last_name_of_an_event_counts() -> None:
    """Names that are not UTF-8 are shown as well as can be."""
    assert name_of(b"event: a\nevent: b\xff\ndata: x\n\n") == "b\ufffd"


@pytest.mark.parametrize("stream", [b"data: 0123456789\n\n", b"data: 0123456789"])
def test_an_event_has_a_longest_length(stream: bytes) -> None:
    """An upstream that never ends its event must not fill the memory, nor one that does in one piece."""
    with pytest.raises(WireError, match="longer than 10 bytes"):
        Decoder(max_event_bytes=10).feed(stream)


def test_a_stream_that_is_cut_leaves_something() -> None:
    """An event without its empty line is no event."""
    decoder = Decoder()

    assert decoder.feed(b"data: a\n\ndata: b\n") == [Event("", b"a")]
    assert decoder.pending_bytes == 8


@pytest.mark.parametrize("place", range(1, 5))
def test_a_byte_order_mark_is_read_the_same_wherever_the_network_cuts(place: int) -> None:
    """Empty lines before it may belong to either read."""
    stream = b"data: 1\n\n\n\xef\xbb\xbfdata: 2\n\n"
    start = stream.index(b"\n\n\n")
    decoder = Decoder()

    events = decoder.feed(stream[: start + place]) + decoder.feed(stream[start + place :])

    assert events == [Event("", b"1"), Event("", b"2")]
