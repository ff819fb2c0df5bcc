"""Fuzzes whole exchanges for a while: hostile clients and hostile upstreams at once, without sockets.

python -m tests.gateway.fuzz_exchange --seconds 600

Clients and upstreams of a real data plane send mutations of the corpus, cut anywhere, in any order, pause, leave and
break off; time passes. Whatever comes, no exception may escape, every exchange is settled once and gives back what it
held, what goes out on either side is HTTP, and no key crosses to the other side.

Long runs so far: 2026-11-21, 600 s, 561,537 cases with 1,623,394 exchanges. Found nothing: the tests at the socket had
found it before (an upload whose chunks do not add up, a body with a change of protocol, a stream for `/v1/models`).
Again on that day, once an answer's head was known by its bytes: 300 s found a 101 that has a body; after that 600 s,
477,163 cases with 1,416,974 exchanges, and nothing more.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httptools

from offramp.compose.dataplane import DataPlane
from offramp.compose.ledger import LedgerBuffer
from offramp.gateway import patience
from offramp.gateway.connection import ClientConnection
from offramp.gateway.exchange import Exchange
from offramp.store.rows import Batch
from offramp.telemetry.logs import Log
from offramp.upstream.connection import UpstreamConnection
from offramp.upstream.instance import Instance
from tests.gateway.running import KEY, NOWHERE, UPSTREAM_KEY, Config, load, routed
from tests.mutation import mutated, pieces

CORPUS = Path(__file__).parent / "corpus"
CONNECTIONS = 3
"""Of each upstream; the fuzzer hands them out, so that nothing is ever dialled."""
STEPS = 40
CREDENTIALS = (b"authorization", b"api-key")
WORDS = [
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\x00",
        b":",
        b" ",
        b"\t",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"ffffffffffffffff",
    ),
    *(
        b"content-length: 0\r\n",
        b"transfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip\r\n",
        b"expect: 100-continue\r\n",
    ),
    *(
        b"connection: close\r\n",
        b"connection: upgrade\r\nupgrade: websocket\r\n",
        b"upgrade: h2c\r\n",
        b"host: evil.example\r\n",
    ),
    *(
        b"content-encoding: gzip\r\n",
        b"x-offramp-team: root\r\n",
        b"via: 1.1 offramp-test\r\n",
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"GET ",
    ),
    *(
        b"data: ",
        b"\n\n",
        b"[DONE]",
        b'"usage":{',
        b'"error":{}',
        b"null",
        b'{"a":',
        b"[[[[",
        b"\xff",
        b"\xe2\x80\xa8",
        b"1e999",
    ),
    *(
        b'"stream":true,',
        b'"model":"x",',
        b'"stream_options":{"include_usage":true},',
        b"\\u0000",
        b"text/event-stream",
    ),
]


def config() -> Config:
    """Two upstreams in turn with our key, a cache, and everything else passed through."""
    part: Config = {
        "breaker": {"mode": "observe"},
        "engine": "openai",
        "api_key": UPSTREAM_KEY,
        "health": False,
        "max_connections": CONNECTIONS,
        "max_queue": 2,
    }
    upstreams: dict[str, Config] = {
        "local": {**part, "base_url": "http://127.0.0.1:9/v1", "engine": "vllm", "price": {"usd_per_hour": 1}},
        "openai": {**part, "base_url": "http://127.0.0.1:9/v1"},
    }
    tiers: tuple[Config, ...] = ({"upstream": "local", "model": "tiny"}, {"upstream": "openai"}, {"cache": "stale"})
    keys = [{"key": KEY, "team": "support"}]
    return routed(upstreams, *tiers, keys=keys, passthrough="openai", limits={"body_bytes": 65536, "pipeline": 4})


class Wire(asyncio.Transport):
    """A socket in memory, which the other side reads whenever the fuzzer wants it to."""

    def __init__(self, lost: Callable[[Exception | None], None]) -> None:
        """Open; `lost` hears of its end."""
        super().__init__()
        self.written = bytearray()
        self.open = True
        self.ended = False
        self._lost = lost

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is sent."""
        if self.open and not self.ended:
            self.written += data

    def writelines(self, list_of_data: object) -> None:
        """The same, of several pieces."""
        for piece in cast("tuple[bytes, ...]", list_of_data):
            self.write(piece)

    def write_eof(self) -> None:
        """Our side is done."""
        self.ended = True

    def can_write_eof(self) -> bool:
        """Like a TCP socket."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The fuzzer decides when it is full."""

    def pause_reading(self) -> None:
        """The fuzzer goes on writing: a read may have been under way."""

    def resume_reading(self) -> None:
        """The same."""

    def close(self) -> None:
        """Close, which is heard of a moment later."""
        self.break_off(None)

    def abort(self) -> None:
        """The same, rudely."""
        self.break_off(ConnectionResetError())

    def break_off(self, reason: Exception | None) -> None:
        """The connection ends, by whichever side."""
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_soon(self._lost, reason)

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return not self.open


class Stage:
    """A data plane between clients and upstreams that the fuzzer plays."""

    def __init__(self, chance: random.Random) -> None:
        """Everything on; `chance` decides what happens."""
        self.chance = chance
        self.mutating = 0.6
        """Share of what is sent that is changed before."""
        self.batches: list[Batch] = []
        self.ledger = LedgerBuffer(0, self.batches.append)
        self.plane = DataPlane(
            load(config()),
            ledger=self.ledger,
            log=Log(sys.stderr, "json", "error"),
            hash_key=b"k" * 32,
            log_exchanges=False,
            state_dir=NOWHERE,
            instance_id="offramp-test",
        )
        self.begun: list[Exchange] = []
        self._on_request = self.plane.pipeline.on_request
        self.plane.pipeline.on_request = self._note  # type: ignore[method-assign]
        self.requests = _seeds("request")
        self.answers = _seeds("answer")
        self.ends: Counter[str] = Counter()
        self.clients: list[tuple[ClientConnection, Wire]] = []
        self.wires: list[Wire] = []
        """Of all clients of a case, also those that have left."""
        self.upstreams: list[tuple[UpstreamConnection, Wire]] = []

    async def case(self) -> None:
        """One case: a client or two, what they do, and the end of it all."""
        self.clients = [self._client() for _ in range(self.chance.randint(1, 2))]
        for _ in range(STEPS):
            for instance in self.plane.instances():
                instance.resting_until_s = 0.0
                self._stock(instance)
            self.clients = [pair if pair[1].open else self._client() for pair in self.clients]
            self._step()
            await asyncio.sleep(0)
        for wire in self.wires:
            wire.break_off(None)
        await self._settled()
        self._judge()

    def _note(self, exchange: Exchange, connection: ClientConnection) -> None:
        """Look on as the pipeline is given an exchange."""
        self.begun.append(exchange)
        self._on_request(exchange, connection)

    def _client(self) -> tuple[ClientConnection, Wire]:
        connection = ClientConnection(self.plane.pipeline)
        wire = Wire(connection.connection_lost)
        connection.connection_made(wire)
        self.wires.append(wire)
        return connection, wire

    def _stock(self, instance: Instance) -> None:
        """Have connections ready, as if they had just been opened."""
        while len(instance._all) < CONNECTIONS:
            connection = UpstreamConnection(instance)
            wire = Wire(connection.connection_lost)
            connection.connection_made(wire)
            instance._all.add(connection)
            self.upstreams.append((connection, wire))
            instance.give_back(connection)

    def _step(self) -> None:
        chance = self.chance
        kind = chance.random()
        client, wire = chance.choice(self.clients)
        asked = [pair for pair in self.upstreams if pair[0].attempt is not None and pair[1].open]
        if kind < 0.40 or not asked:
            self._send(client.data_received, wire, self.requests)
        elif kind < 0.85:
            upstream, link = chance.choice(asked)
            self._send(upstream.data_received, link, self.answers)
        elif kind < 0.90:
            upstream, link = chance.choice(asked)
            if upstream.eof_received() is False:
                link.break_off(None)
        elif kind < 0.92:
            wire.break_off(ConnectionResetError())
        elif kind < 0.96:
            if wire.open:
                client.resume_writing() if client.paused else client.pause_writing()
        else:
            self._time_passes()

    def _send(self, receive: Callable[[bytes], None], wire: Wire, seeds: list[bytes]) -> None:
        seed = self.chance.choice(seeds)
        block = mutated(seed, seeds, WORDS, self.chance) if self.chance.random() < self.mutating else seed
        for piece in pieces(block, self.chance):
            if wire.open:
                receive(piece)

    def _time_passes(self) -> None:
        """A minute or ten go by."""
        later_s = time.monotonic() + self.chance.choice((1.0, 40.0, 70.0, 600.0))
        self.plane.pipeline.sweep(later_s)
        for connection, _ in self.clients:
            patience.sweep(connection, later_s, draining_since_s=None)
        for instance in self.plane.instances():
            instance.sweep(later_s)

    async def _settled(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
            if not self.plane.pipeline.connections and not self.plane.pipeline.active:
                return

    def _judge(self) -> None:
        """Nothing is left over, and both sides were sent HTTP and no key of the other."""
        pipeline = self.plane.pipeline
        assert not pipeline.connections, "a client's connection is left over"
        assert not pipeline.active, "an attempt is left over"
        for instance in self.plane.instances():
            assert instance.in_flight == 0, f"{instance.key} has {instance.in_flight} in flight"
        assert all(exchange.settled for exchange in self.begun), "an exchange was never settled"
        self.begun.clear()
        self.ledger.flush()
        rows = [row for batch in self.batches for row in batch.rows]
        self.batches.clear()
        ids = [row.id for row in rows]
        assert len(set(ids)) == len(ids), "an exchange was settled twice"
        self.ends.update(row.outcome for row in rows)
        self.ends["answers"] += sum(_heard(bytes(wire.written)) for wire in self.wires)
        self.wires.clear()
        for _, wire in self.upstreams:
            _asked(bytes(wire.written))
            wire.written.clear()
        self.upstreams = [pair for pair in self.upstreams if pair[1].open]


class _Reader:
    """What httptools says of one side's bytes."""

    def __init__(self) -> None:
        self.messages = 0
        self.headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self.messages += 1


def _heard(written: bytes) -> int:
    """How many answers a client was sent; what follows a change of protocol is not looked at."""
    assert UPSTREAM_KEY.encode() not in written, "the upstream's key went to a client"
    reader = _Reader()
    parser = httptools.HttpResponseParser(reader)
    try:
        parser.feed_data(written)
    except httptools.HttpParserUpgrade:
        reader.messages += 1
    return reader.messages


def _asked(written: bytes) -> None:
    """An upstream was sent requests and nothing else, no header of which is the client's or ours alone."""
    reader = _Reader()
    parser = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(written)
    except httptools.HttpParserUpgrade:
        return
    for name, value in reader.headers:
        assert name not in CREDENTIALS or KEY.encode() not in value, "a client's key went upstream"
        assert not name.startswith(b"x-offramp-"), f"{name!r} went upstream"


def _seeds(kind: str) -> list[bytes]:
    """Seeds with the key put in."""
    return [path.read_bytes().replace(b"KEY", KEY.encode()) for path in sorted(CORPUS.glob(f"{kind}-*"))]


async def fuzz(seconds: float, seed: int) -> Counter[str]:
    """Play cases for so long; gives how exchanges ended.

    Each case has a seed of its own, which is printed if it fails.
    """
    seeds = random.Random(seed)  # noqa: S311 - repeatable, not secret
    stage = Stage(seeds)
    stop_s = time.monotonic() + seconds
    while time.monotonic() < stop_s:
        of_case = seeds.getrandbits(64)
        stage.chance = random.Random(of_case)  # noqa: S311
        try:
            await stage.case()
        except BaseException:
            sys.stderr.write(f"case {of_case} of seed {seed}\n")
            raise
        stage.ends["cases"] += 1
    return stage.ends


def main() -> None:
    """Fuzz and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    ends = asyncio.run(fuzz(options.seconds, options.seed))
    sys.stdout.write(f"seed {options.seed}: {dict(ends)}\n")


if __name__ == "__main__":
    main()
