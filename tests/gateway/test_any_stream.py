"""Whatever an upstream streams, however it is cut and ended: the client gets a defined end, the ledger says which."""

import asyncio
import random
import re

import pytest

from tests.gateway.running import Config, gateway, routed
from tests.gateway.scripted import DONE, ROLE, STREAM_HEAD, Talk, event, finish, scripted, usage
from tests.upstream.simulated.serving import Answer

pytestmark = pytest.mark.anyio

ERROR = b'data: {"error":{"message":"died","type":"server_error","code":500}}\n\n'
EVENTS = [
    ROLE,
    event(content="word"),
    event(content='a\n\nb [DONE] "usage":{ "error":'),
    event(content="x" * 3000),
    event(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
    finish(),
    usage(),
    DONE,
    ERROR,
    b": keep-alive\n\n",
    b'data: {"id":"c","choi\n\n',
    b"\n\n",
    b"event: ping\ndata: {}\n\n",
    event(content="é").replace(b"\n", b"\r\n"),
]
USUAL = [ROLE, event(content="one"), event(content="two"), finish(), usage(), DONE]
ENDINGS = ["end", "end", "hang_up", "reset"]
STREAMS = 400


class Streams:
    """Streams by chance: some events of the usual kind, some of any kind, cut anywhere, ended in any way."""

    def __init__(self, seed: int) -> None:
        """The same seed gives the same streams."""
        self._chance = random.Random(seed)  # noqa: S311 - chance for a test
        self.sent: list[bytes] = []

    def _events(self) -> list[bytes]:
        chance = self._chance
        events = list(USUAL[: chance.randint(0, len(USUAL))])
        for _ in range(chance.choice([0, 0, 1, 3])):
            events.insert(chance.randint(0, len(events)), chance.choice(EVENTS))
        return events

    async def tell(self, talk: Talk) -> None:
        """The next stream."""
        chance = self._chance
        body = b"".join(self._events())
        if chance.random() < 0.2:
            body = body[: chance.randint(0, len(body))]
        self.sent.append(body)
        await talk.say(STREAM_HEAD)
        while body:
            size = chance.randint(1, max(1, len(body) if chance.random() < 0.5 else 40))
            await talk.chunks(body[:size])
            body = body[size:]
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        ending = chance.choice(ENDINGS)
        if ending == "end":
            await talk.end()
        elif ending == "hang_up":
            talk.hang_up()
        else:
            await asyncio.sleep(0.002)
            talk.reset()


def end_of(answer: Answer) -> str:
    """The outcome that a client would write down."""
    assert answer.whole, "the framing is always complete"
    if answer.status == 502:
        assert answer.json()["error"]["code"] == "upstream_failed"
        return "upstream_error"
    assert answer.status == 200
    last = answer.body.rstrip(b"\r\n").rpartition(b"\n")[2]
    is_error = last.startswith(b'data: {"error"')
    assert is_error != (last == DONE.strip()), answer.body[-300:]
    assert answer.body.count(DONE) == (not is_error)
    return "truncated" if is_error else "ok"


def check_body(answer: Answer, sent: bytes) -> None:
    """Nothing is invented and nothing is told out of turn: but for its end, the body is what was sent."""
    body = answer.body.removesuffix(DONE)
    if end_of(answer) == "truncated":
        body = body[: body.rindex(b'data: {"error"')]
    assert usage() not in body
    at = 0
    for part in re.split(rb"\r?\n\r?\n", body):
        found = sent.find(part, at)
        assert found >= 0, (part, sent)
        at = found + len(part)


@pytest.mark.parametrize("seed", range(3))
async def test_every_stream_has_a_defined_end_and_the_ledger_names_it(seed: int) -> None:
    """On one connection of one client: a single answer whose framing is wrong would spoil all that follow."""
    streams = Streams(seed)
    async with scripted(streams.tell) as told:
        local: Config = {"base_url": told.base_url, "engine": "vllm", "health": False, "breaker": {"mode": "observe"}}
        async with gateway(routed({"local": local})) as served, served.connect() as client:
            ends = []
            for number in range(STREAMS):
                answer = await served.send_chat(client, stream=True)
                ends.append(end_of(answer))
                if answer.status == 200:
                    check_body(answer, streams.sent[-1])
                [row] = (await served.wait_rows(number + 1))[number:]
                assert row.outcome == ends[-1]
                assert (row.usage == "none") == (ends[-1] == "upstream_error")
                assert served.instance("local").in_flight == 0

            assert {end for end in ends if ends.count(end) > STREAMS // 20} == {"ok", "truncated", "upstream_error"}
