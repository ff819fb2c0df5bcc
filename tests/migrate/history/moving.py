"""A process that forks movers and lets them die where they are told: `python -m tests.migrate.history.moving`.

Each line on its standard input is one mover: a JSON object with the arguments of `keep`, and perhaps `die_at`, the
number of the step after which it kills itself with SIGKILL, `kill_after_s`, after which it is killed from outside, or
`limit_bytes`, the largest file that it may write. It answers with one line: how the mover ended, and what it said.
Forking spares loading DuckDB for every death; no connection is open in this process, so nothing is shared but code.
"""

import os
import resource
import select
import signal
import sys
from pathlib import Path

import msgspec

from offramp.errors import OfframpError
from offramp.migrate.history.keep import keep
from offramp.migrate.history.shelf import BusyError, Step


class Order(msgspec.Struct, kw_only=True):
    """What a mover is to do."""

    state: str
    now_ns: int
    after_h: int = 6
    retention_days: int | None = None
    part_rows: int = 200_000
    die_at: int = 0
    limit_bytes: int = 0
    kill_after_s: float | None = None


class Ending(msgspec.Struct, kw_only=True):
    """How it ended."""

    signal: int = 0
    error: str = ""
    busy: bool = False
    steps: int = 0
    moved: int = 0
    merged: int = 0
    expired: int = 0
    waiting: int = 0


def main() -> None:
    """Fork until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(msgspec.json.encode(_forked(msgspec.json.decode(line, type=Order))).decode() + "\n")
        sys.stdout.flush()


def _forked(order: Order) -> Ending:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.write(writing, msgspec.json.encode(_run(order)))
        os._exit(0)
    os.close(writing)
    if order.kill_after_s is not None and not select.select([reading], [], [], order.kill_after_s)[0]:
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    return msgspec.json.decode(text, type=Ending) if text else Ending(signal=os.WTERMSIG(status))


def _run(order: Order) -> Ending:
    if order.limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.limit_bytes, order.limit_bytes))
    ending = Ending()

    def die(_: Step) -> None:
        ending.steps += 1
        if ending.steps == order.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        kept = keep(
            Path(order.state),
            now_ns=order.now_ns,
            after_h=order.after_h,
            retention_days=order.retention_days,
            part_rows=order.part_rows,
            on_step=die,
        )
    except BusyError as error:
        ending.busy, ending.error = True, error.message
    except OfframpError as error:
        ending.error = error.message
    else:
        ending.moved, ending.merged, ending.expired = kept.moved, kept.merged, kept.expired
        ending.waiting = kept.waiting
    return ending


if __name__ == "__main__":
    main()
