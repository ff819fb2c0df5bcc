"""Messages between supervisor and workers: whole, in order, bounded, and with the secrets that a worker needs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from offramp.compose import control
from offramp.compose.control import BreakerSeen, Control, Drain, Elsewhere, Message, Ready, Rows, packed, unpacked
from offramp.config.load import parse
from tests.gateway.running import until

pytestmark = pytest.mark.anyio

CONFIG = """
upstreams:
  local: {base_url: ["http://127.0.0.1:9001/v1", "http://127.0.0.1:9002/v1"], price: {usd_per_hour: 1.006}}
  openai: {base_url: "https://api.openai.com/v1", api_key: sk-upstream, headers: {x-team: secret}}
routes:
  support: {models: [gpt-4o-mini], tiers: [{upstream: local, capabilities: {missing: [tools]}}, {cache: stale}]}
keys: [{key: sk-test, team: support}]
admin: {token: sk-admin}
ledger: {hash_key: sk-hash}
"""


class End:
    """One side and what it has heard."""

    def __init__(self) -> None:
        """It is not joined to anything yet."""
        self.heard: list[Message] = []
        self.gone = asyncio.Event()
        self.control = Control(self.heard.append, self.gone.set)

    async def join(self, pair: socket.socket) -> None:
        """Begin to listen."""
        pair.setblocking(False)  # noqa: FBT003 - the socket library's own signature
        await asyncio.get_running_loop().create_connection(lambda: self.control, sock=pair)


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[End, End]]:
    """Two sides that are joined."""
    ours, theirs = socket.socketpair()
    one, other = End(), End()
    await one.join(ours)
    await other.join(theirs)
    try:
        yield one, other
    finally:
        one.control.close()
        other.control.close()
        await one.gone.wait()
        await other.gone.wait()


async def test_messages_arrive_whole_and_in_order() -> None:
    """Small and large ones, more than a read takes at a time."""
    sent: list[Message] = [
        Ready(4711, "abc"),
        Rows(b"x" * 300_000, 7),
        BreakerSeen("local@h:1", "open", probed=True),
        Elsewhere({"local@h:1": 3}),
        Rows(b"", 0),
    ]
    async with pair() as (one, other):
        assert all(one.control.send(message) for message in sent)
        await until(lambda: len(other.heard) == len(sent))

    assert other.heard == sent


async def test_a_message_that_comes_in_pieces_waits_for_its_rest() -> None:
    """A stream of bytes has no borders of its own."""
    ours, theirs = socket.socketpair()
    end = End()
    await end.join(theirs)
    body = control._encode(Drain(2.5))
    raw = len(body).to_bytes(4, "big") + body
    for position in range(len(raw)):
        ours.send(raw[position : position + 1])
        await asyncio.sleep(0)
    await until(lambda: len(end.heard) == 1)
    ours.close()
    await end.gone.wait()

    assert end.heard == [Drain(2.5)]


async def test_who_does_not_keep_up_is_not_sent_more_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that stands still must not fill the memory of its workers."""
    monkeypatch.setattr(control, "MAX_UNSENT_BYTES", 1_000_000)
    ours, theirs = socket.socketpair()
    end = End()
    await end.join(ours)
    taken = [end.control.send(Rows(b"x" * 500_000, 1)) for _ in range(10)]

    assert taken[0]
    assert not taken[-1]
    assert not await end.control.flush(0.05)
    theirs.close()
    await end.gone.wait()
    assert not end.control.send(Ready(1, "")), "the other side is gone"


async def test_a_flush_returns_when_everything_is_with_the_other_side() -> None:
    """The last rows of a worker must not die with it."""
    async with pair() as (one, other):
        for _ in range(20):
            one.control.send(Rows(b"x" * 200_000, 1))

        assert await one.control.flush(5)
        await until(lambda: len(other.heard) == 20)


def test_a_configuration_travels_with_its_secrets_and_shows_none() -> None:
    """A worker reads no file, so it has to be given everything."""
    loaded = parse(CONFIG.encode(), Path("offramp.yaml"), {})
    again = unpacked(packed(loaded))

    assert again == loaded
    key, token = again.settings.upstreams["openai"].api_key, again.settings.admin.token
    assert key is not None
    assert token is not None
    assert (key.reveal(), token.reveal()) == ("sk-upstream", "sk-admin")
    assert "sk-upstream" not in repr(again)
