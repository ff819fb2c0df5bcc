"""The process that masks, compresses and writes captures: `python -m offramp.compose.capture_writer`, fed by a pipe.

It has the lowest priority and no port, ends when its pipe does, and nothing that is not masked ever leaves its memory.
"""

import os
import re
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from offramp.compose.capture import LENGTH_BYTES, Order, Said
from offramp.store.captures import Captured, Retention, SegmentWriter
from offramp.store.state import prepare
from offramp.telemetry.masking import Masker
from offramp.wire.assemble import assemble
from offramp.wire.operation import Operation

FLUSH_S = 2.0
"""What a crash may cost."""
FLUSH_BYTES = 1 << 20
FAILED = 3


def main() -> int:
    """Write until the pipe ends; gives the exit code."""
    os.nice(19)
    messages = _messages(sys.stdin.fileno())
    try:
        order = msgspec.msgpack.decode(next(messages, b""), type=Order)
        _write(order, messages)
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'the disk'}: {error.strerror}\n")
        return FAILED
    return 0


def _write(order: Order, messages: Iterator[bytes]) -> None:
    more = {kind: re.compile(form) for kind, form in order.mask.items()}
    state_dir = prepare(Path(order.state_dir))
    writer = SegmentWriter(state_dir, Retention(days=order.retention_days, max_bytes=order.max_bytes))
    decoder = msgspec.msgpack.Decoder(Said)
    flushed_s = time.monotonic()
    for message in messages:
        waiting = writer.add(captured(decoder.decode(message), Masker(more))) if message else FLUSH_BYTES
        if waiting >= FLUSH_BYTES or time.monotonic() - flushed_s >= FLUSH_S:
            writer.flush(time.time_ns() / 1e9)
            flushed_s = time.monotonic()
    writer.flush(time.time_ns() / 1e9)


def captured(said: Said, masker: Masker) -> Captured:
    """What is written of an exchange: masked, and the answer as if it had not been streamed."""
    row, answer = said.row, said.answer
    operation = Operation(row.operation)
    if answer is not None and said.streamed:
        answer = msgspec.json.encode(assemble(operation, answer))
    request = masker.json(said.request)
    told = masker.json(answer) if answer is not None else msgspec.Raw(b"null")
    return Captured(
        id=row.id,
        started_ns=row.started_ns,
        operation=row.operation,
        route=row.route,
        team=row.team,
        feature=row.feature,
        site=row.site.hex(),
        tier=row.tier,
        model_asked=row.model_asked,
        model_served=row.model_served,
        status=row.status,
        outcome=row.outcome,
        streamed=said.streamed,
        request=request,
        answer=told,
        masked=dict(masker.found),
    )


def _messages(pipe: int) -> Iterator[bytes]:
    """The messages of the pipe, each after its length; an empty one where none came for a while."""
    waiting = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], FLUSH_S)
        if not ready:
            yield b""
            continue
        received = os.read(pipe, 1 << 20)
        if not received:
            return
        waiting += received
        start = 0
        while len(waiting) - start >= LENGTH_BYTES:
            length = int.from_bytes(waiting[start : start + LENGTH_BYTES], "big")
            end = start + LENGTH_BYTES + length
            if len(waiting) < end:
                break
            yield waiting[start + LENGTH_BYTES : end]
            start = end
        waiting = waiting[start:]


if __name__ == "__main__":
    sys.exit(main())
