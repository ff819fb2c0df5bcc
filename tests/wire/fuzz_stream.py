"""Fuzzes the reading of event streams for a while: mutations of the corpus, cut anywhere.

python -m tests.wire.fuzz_stream --seconds 600

However the bytes are cut into reads, the events are the same; joined they are the bytes again; every event can be read
as any operation's; and what says something (usage, an error, an end) is never passed over by the quick look that
decides whether a block is read at all.

Long runs so far: 2026-11-21, 600 s, 3,870,650 streams. Found and mended: a byte order mark after empty lines was read
or not, depending on where the network had cut.
"""

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from offramp.errors import WireError
from offramp.wire import sse
from offramp.wire.operation import Operation
from offramp.wire.stream import Kind, is_notable, read_event
from tests.mutation import mutated, pieces

CORPUS = Path(__file__).parent / "corpus"
OPERATIONS = (Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES)
TELLING = (Kind.USAGE, Kind.ERROR, Kind.DONE)
WORDS = [
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b"data:",
        b"data: ",
        b"event: error",
        b": ",
        b"id: 1",
        b"retry: x",
        b"\xef\xbb\xbf",
        b"\x00",
    ),
    *(
        b"[DONE]",
        b'"usage":{',
        b'"usage" : null',
        b'"error":',
        b'"error":{}',
        b'"choices":[]',
        b'"finish_reason":"stop"',
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(
        b'"delta":{"content":',
        b"null",
        b"-1",
        b"1e999",
        b'"',
        b"\\u0000",
        b"\\",
        b"\xff",
        b"response.failed",
        b"response.completed",
        b",",
    ),
]


def check(stream: bytes, chance: random.Random) -> str:
    """Read one stream in every way; gives what its last event was."""
    whole, cut_up = _events([stream]), _events(pieces(stream, chance))
    assert whole == cut_up, "the events depend on how the stream was cut"
    block = stream[: sse.cut(stream)]
    events = sse.split(block)
    assert b"".join(events) == block, "splitting lost bytes"
    last = "nothing"
    for event in events:
        told = sse.data_of(event) or b""
        odd = b"\\u" in told or b"\n" in told  # What `is_notable` says that it may pass over.
        for operation in OPERATIONS:
            facts = read_event(operation, event)
            if facts.kind in TELLING or facts.finish_reason or facts.usage is not None:
                assert odd or is_notable(event), f"{operation}: passed over: {event!r}"
            last = facts.kind.name
    return last


def _events(reads: list[bytes]) -> list[sse.Event] | None:
    decoder = sse.Decoder()
    seen: list[sse.Event] = []
    try:
        for read in reads:
            seen += decoder.feed(read)
    except WireError:
        return None
    return seen


def fuzz(seconds: float, seed: int) -> Counter[str]:
    """Read mutations for so long; gives of what kind their last events were."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    ends: Counter[str] = Counter()
    stop_s = time.monotonic() + seconds
    while time.monotonic() < stop_s:
        stream = mutated(chance.choice(seeds), seeds, WORDS, chance)
        try:
            ends[check(stream, chance)] += 1
        except BaseException:
            sys.stderr.write(f"{stream!r}\n")
            raise
    return ends


def main() -> None:
    """Fuzz and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    ends = fuzz(options.seconds, options.seed)
    sys.stdout.write(f"seed {options.seed}: {ends.total():,} streams, {dict(ends)}\n")


if __name__ == "__main__":
    main()
