"""What the parts of the hot path cost one by one: the pure functions that a whole answer calls.

    python -m tools.speed.parts                 # a request of 1.2 KB
    python -m tools.speed.parts --bytes 20000   # another size

The rest of the path without sockets (`tools.speed.hotpath`) is what holds them together: some eighty calls, none of
which does much. As there, the best of many batches counts.
"""

import argparse
import asyncio
from collections.abc import Callable
from timeit import repeat

import msgspec
from rich.console import Console
from rich.table import Table

from offramp.gateway import answers, settle
from offramp.gateway.exchange import Exchange
from offramp.store.fingerprint import request_hash
from offramp.store.rows import ExchangeRow
from offramp.wire import answer, request
from offramp.wire.known_head import learn
from offramp.wire.operation import Operation
from tools.speed import traffic
from tools.speed.hotpath import Bench, bench

BATCHES = 200
CALLS = 200
"""In a batch."""

Part = Callable[[], object]


def exchanged(made: Bench, asked: bytes) -> Exchange:
    """An exchange that has just been settled."""
    made.client.data_received(asked)
    exchange = made.client.current
    assert exchange is not None
    made.upstream.data_received(traffic.ANSWER)
    return exchange


def parts(made: Bench, asked: bytes) -> dict[str, Part]:
    """The parts of this request's way by what they do, in their order."""
    exchange, services = exchanged(made, asked), made.client.pipeline.services
    usage, route = exchange.usage, exchange.route
    assert usage is not None
    assert route is not None
    assert route.baseline is not None
    answered, baseline = traffic.ANSWER, route.baseline
    known, known_answer = learn(asked, exchange.facts), learn(answered, exchange.answer)
    assert known is not None
    assert known_answer is not None
    body, encode = answered.partition(b"\r\n\r\n")[2], msgspec.msgpack.Encoder().encode

    def account() -> ExchangeRow | None:
        exchange.settled = False
        return settle.settle(exchange, services)

    row = account()
    return {
        "know the request's head again": lambda: known.body_of(asked, 1 << 20),
        "decode the request": lambda: request.decode(Operation.CHAT, exchange.body),
        "know the answer's head again": lambda: known_answer.body_of(answered, 1 << 20),
        "decode the answer": lambda: answer.decode(Operation.CHAT, body),
        "write the answer's head": lambda: answers.head(exchange, exchange.answer.forwarded, len(body)),
        "settle": account,
        "… of it the request's hash": lambda: request_hash(services.hash_key, exchange.body),
        "… of it one of two prices": lambda: baseline.cost_nano(usage),
        "encode the row": lambda: encode(row),
    }


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.speed.parts", description=__doc__.partition("\n")[0])
    parser.add_argument("--bytes", type=int, default=traffic.SMALL_BYTES, help=f"of the body ({traffic.SMALL_BYTES})")
    asked = traffic.request(parser.parse_args().bytes, streaming=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("part")
    table.add_column("µs", justify="right")
    with bench() as made:
        for name, part in parts(made, asked).items():
            table.add_row(name, f"{min(repeat(part, number=CALLS, repeat=BATCHES)) / CALLS * 1e6:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    asyncio.run(_main())
