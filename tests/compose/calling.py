"""A client that keeps its connection, and gateways to call: what the tests of a serving process need."""

import contextlib
import http.client
import json
import os
import signal
from collections.abc import Iterator
from typing import Any, Self

from tests.processes import HOST, Engine, Gateway, Process, gateway, wait_until

MODEL = "gpt-4o-mini"
KEY = "sk-test"
PATIENCE_S = 15.0

CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm, health: false, price: {{usd_per_hour: 1.006}}}}
routes:
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers: [{{upstream: local, model: tiny}}]
keys:
  - {{key: sk-test, team: support}}
drain_timeout_s: {drain_s}
"""


class Caller:
    """One connection to a gateway, used for one request after the other."""

    def __init__(self, port: int, host: str = HOST) -> None:
        """It is opened with the first request."""
        self._connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)

    def begin(self, *, tokens: int = 4, stream: bool = False, key: str = KEY) -> http.client.HTTPResponse:
        """Ask, and return with the head of the answer; a token takes 5 ms."""
        body = {"model": MODEL, "max_tokens": tokens, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
        self.send(body, key=key)
        return self._connection.getresponse()

    def send(self, body: dict[str, Any], *, key: str = KEY) -> None:
        """Ask, and do not wait."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)

    def answer(self) -> tuple[int, bytes]:
        """What `send` was answered."""
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def ask(self, *, tokens: int = 4, stream: bool = False, key: str = KEY) -> tuple[int, dict[str, str], bytes]:
        """Ask and read the whole answer: status, header fields, body."""
        answer = self.begin(tokens=tokens, stream=stream, key=key)
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def health(self) -> int:
        """The status of `/health`; costs nothing and opens the connection."""
        self._connection.request("GET", "/health")
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def is_closed(self) -> bool:
        """Whether the other side has closed it."""
        sock = self._connection.sock
        if sock is None:
            return True
        sock.settimeout(0.02)
        try:
            return sock.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            sock.settimeout(PATIENCE_S)

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def serving(engine: Engine, *, workers: int = 1, drain_s: float = 20, config: str = CONFIG) -> Iterator[Gateway]:
    """A gateway in front of an engine, with all its workers at work."""
    with gateway(config.format(local=engine.base_url, drain_s=drain_s), workers=workers) as served:
        wait_until(lambda: len(pids(served)) == (workers if workers > 1 else 0), "all workers serve")
        yield served


def pids(served: Gateway) -> list[int]:
    """The workers that serve, in their order."""
    return [worker["pid"] for worker in served.health()["workers"] if worker["ready"]]


@contextlib.contextmanager
def frozen(*others: int) -> Iterator[None]:
    """These processes do nothing for a while."""
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def caller_of(served: Gateway, pid: int) -> Caller:
    """A client whose connection that worker has accepted: the others are held while it knocks."""
    with frozen(*(other for other in pids(served) if other != pid)):
        caller = Caller(served.port)
        assert caller.health() == 200
    return caller


@contextlib.contextmanager
def one_to_each(served: Gateway) -> Iterator[list[Caller]]:
    """A client of each worker, in their order."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(caller_of(served, pid)) for pid in pids(served)]


def events(served: Process, name: str) -> list[dict[str, Any]]:
    """What the log says of something."""
    lines = [json.loads(line) for line in served.stderr().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def metric(served: Gateway, name: str) -> float:
    """The sum of a metric over all its labels."""
    lines = [line for line in served.metrics().splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
