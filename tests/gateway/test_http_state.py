"""Nothing of one request reaches the next one on the same connection, and answers come in the order of requests."""

import json

import pytest

from tests.gateway.running import KEY, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.gateway.running import asked as asked_of
from tests.upstream.scripted import always, answer, scripted
from tests.upstream.simulated.serving import Answer, Client

PATH = "/v1/chat/completions"
KEYS = [{"key": KEY, "team": "support"}]


async def answers(client: Client, count: int) -> list[Answer]:
    """The next answers on a connection."""
    return [await client.answer() for _ in range(count)]


@pytest.mark.anyio
async def test_pipelined_requests_without_a_valid_key_do_not_pass_on_the_key_of_the_one_before() -> None:
    """Heads of pipelined requests are read before the first one is let in: who was let in must stay with its head."""
    with_key = raw("POST", PATH, chat())
    wrong_key = raw("POST", PATH, chat(), authorization="Bearer sk-nobody-knows-it")
    without_key = raw("POST", PATH, chat(), authorization="")
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)}, keys=KEYS)) as served:
        async with served.connect() as client:
            client.send(with_key + without_key + wrong_key + with_key + without_key)
            seen = await answers(client, 5)

        assert [answer.status for answer in seen] == [200, 401, 401, 200, 401]
        assert [row.team for row in await served.wait_rows(5)] == ["support", "none", "none", "support", "none"]


@pytest.mark.anyio
async def test_each_request_of_a_connection_has_its_own_model_feature_and_body() -> None:
    """Heads that differ in one field only are not taken for each other, bodies are never mixed up."""
    async with scripted(always(answer())) as target:
        config = routed({"local": own_key_upstream(target)}, {"upstream": "local", "model": "tiny"})
        async with gateway(config) as served, served.connect() as client:
            for number in range(6):
                fields = {"x_offramp_feature": f"feature-{number}"} if number % 2 else {}
                client.send(raw("POST", PATH, chat(user=f"user-{number}"), **fields))
            await answers(client, 6)
            rows = await served.wait_rows(6)

        assert [json.loads(asked.body)["user"] for asked in target.asked] == [f"user-{number}" for number in range(6)]
        assert [row.feature for row in rows] == ["", "feature-1", "", "feature-3", "", "feature-5"]
        assert all(not name.startswith("x-offramp-") for asked in target.asked for name in asked.names)


@pytest.mark.anyio
async def test_a_mix_of_requests_is_answered_in_order() -> None:
    """Refused at once, asked upstream, streamed, passed through, constant: each waits for those before it."""
    async with engine() as local, scripted(always(answer(b"{}", b"x-through: yes"))) as files:
        config = routed(
            {"local": own_key_upstream(local), "files": upstream(files)}, {"upstream": "local"}, passthrough="files"
        )
        async with gateway(config) as served, served.connect() as client:
            client.send(
                raw("POST", PATH, chat(max_tokens=20))
                + raw("POST", PATH, b"{")
                + raw("POST", "/v1/files", b"x" * 1000, content_type="application/octet-stream")
                + raw("GET", "/health")
                + raw("POST", PATH, chat(stream=True))
                + raw("GET", "/nothing-here")
                + raw("POST", PATH, chat(model=""))
                + raw("POST", PATH, chat())
            )
            seen = await answers(client, 8)

        assert [answer.status for answer in seen] == [200, 400, 200, 200, 200, 404, 400, 200]
        assert seen[2].headers["x-through"] == "yes"
        assert (seen[3].body, seen[4].events[-1]) == (b"ok\n", "[DONE]")
        assert all(answer.whole and "connection" not in answer.headers for answer in seen)
        assert len({answer.headers["x-request-id"] for answer in seen}) == 8


@pytest.mark.anyio
async def test_more_pipelined_requests_than_may_wait_are_answered_all_the_same() -> None:
    """Beyond the limit the client is not read from, until there is room again; nothing is lost."""
    config = routed({}, limits={"pipeline": 2})
    async with engine() as local:
        config["upstreams"] = {"local": own_key_upstream(local)}
        config["routes"]["support"]["tiers"] = [{"upstream": "local"}]
        async with gateway(config) as served, served.connect() as client:
            for number in range(40):
                client.send(raw("POST", PATH, chat(user=f"user-{number}", max_tokens=1)))
                await client.writer.drain()
            seen = await answers(client, 40)

        assert [answer.status for answer in seen] == [200] * 40
        assert [json.loads(asked["body"])["user"] for asked in await asked_of(local)] == [
            f"user-{number}" for number in range(40)
        ]


@pytest.mark.anyio
async def test_a_refusal_to_head_has_no_body() -> None:
    """Its length stands in the header; a body would be taken for the beginning of the next answer."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            client.send(raw("HEAD", "/v1/files") + raw("HEAD", "/health") + raw("POST", PATH, chat()))
            heads = [(await client.reader.readuntil(b"\r\n\r\n")).decode() for _ in range(2)]
            seen = await client.answer()

        assert [head.split(" ")[1] for head in heads] == ["404", "200"]
        assert all("content-length: " in head for head in heads)
        assert seen.status == 200


@pytest.mark.anyio
async def test_a_client_that_changes_its_head_for_good_has_the_new_one_known() -> None:
    """What is known is the last head that came twice, whatever the connection began with."""
    async with engine() as local, gateway(routed({"local": own_key_upstream(local)})) as served:
        async with served.connect() as client:
            for feature in ("first", "first", "second", "second", "second"):
                client.send(raw("POST", PATH, chat(), x_offramp_feature=feature))
                assert (await client.answer()).status == 200
            (connection,) = served.plane.pipeline.connections
            known = connection._known
        rows = await served.wait_rows(5)

    assert known is not None
    assert known.facts.feature == "second"
    assert [row.feature for row in rows] == ["first", "first", "second", "second", "second"]
