"""Nothing of one request reaches the next one on the same connection, and answers come in the order of requests."""

import pytest

from tests.gateway.running import KEY, TOKENS, chat, engine, gateway, own_key_upstream, raw, routed
from tests.upstream.simulated.serving import Answer, Client

PATH = "/v1/chat/completions"
KEYS = [{"key": KEY, "team": "support"}]


async def answers(client: Client, count: int) -> list[Answer]:
    """The next answers on a connection."""
    return [await client.answer() for _ in range(count)]


@pytest.mark.anyio
async def test_pipelined_requests_without_a_valid_key_do_not_pass_on_the_key_of_the_one_before() -> None:
    """Heads of pipelined requests are read before the first one is let in: who was let in must stay with its head."""
    with_key, wrong_key = raw("POST", PATH, chat()), raw("POST", PATH, chat(), authorization="Bearer sk-nobody-knows-it")
    without_key = raw("POST", PATH, chat(), authorization="")
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)}, keys=KEYS)) as served:
        async with served.connect() as client:
            client.send(with_key + without_key + wrong_key + with_key + without_key)
            seen = await answers(client, 5)

        assert [answer.status for answer in seen] == [200, 401, 401, 200, 401]
        assert [row.team for row in await served.wait_rows(5)] == ["support", "none", "none", "support", "none"]
