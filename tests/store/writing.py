"""A process that writes a ledger as a gateway does, for tests that kill it: `python -m tests.store.writing STATE`.

It submits ten exchanges every 50 ms, with a shared machine's events, and says after each batch how many it submitted
and how many were refused. On TERM it closes the writer and says `closed`. A second argument is the largest file that it
may write, in bytes: what a full disk is to it. A line on its standard input lifts the limit.
"""

import resource
import signal
import sys
import threading
from decimal import Decimal
from pathlib import Path

from offramp.pricing.compute import per_hour
from offramp.store.writer import LedgerWriter
from tests.store.samples import INSTANCE, batch, ran, row

ROWS = 10
PAUSE_S = 0.05


def main(folder: Path, limit_bytes: int | None) -> None:
    """Write until told to stop."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if limit_bytes is not None:
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, unlimited[1]))
        threading.Thread(target=_lift, args=(unlimited,), daemon=True).start()
    writer = LedgerWriter(
        folder,
        on_error=lambda message: _say("error", message),
        computes={INSTANCE: per_hour(Decimal("1.006"))},
        queue_bytes=100_000,
    )
    number = 0
    while not stop.wait(PAUSE_S):
        events = [ran(f"req-{n}", n, n + 0.5) for n in range(number, number + ROWS)]
        rows = [row(n) for n in range(number, number + ROWS)]
        writer.submit(batch(*rows, started=[start for start, _ in events], ended=[end for _, end in events]))
        number += ROWS
        _say("submitted", number, writer.dropped)
    writer.close()
    _say("closed", number, writer.dropped)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def _lift(limits: tuple[int, int]) -> None:
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
