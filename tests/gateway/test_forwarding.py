"""What travels on to an upstream and back to the client, and whose key goes where."""

import gzip
import json

import pytest

from tests.gateway.running import (
    KEY,
    MODEL,
    UPSTREAM_KEY,
    Config,
    Gateway,
    asked,
    engine,
    gateway,
    header,
    header_names,
    own_key_upstream,
    raw,
    routed,
    upstream,
)
from tests.gateway.scripted import ANSWER, Talk, fine, scripted

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


def head_of(heard: bytes) -> dict[str, str]:
    """The header fields of a request that a scripted upstream heard."""
    lines = heard.decode().split("\r\n")[1:-2]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


# -------------------------------------------------------------------------------------------------------------- keys


async def test_the_clients_own_key_goes_to_the_passthrough_upstream_and_to_no_other() -> None:
    """A key is given to one company; what another machine does with it nobody knows."""
    async with scripted(fine) as local, scripted(fine) as hosted:
        config = routed(
            {"local": {"base_url": local.base_url}, "openai": {"base_url": hosted.base_url}}, {"upstream": "local"}
        )
        async with gateway({**config, "passthrough": "openai"}) as served:
            await served.chat()
            await served.chat(model="gpt-4o")

            assert "authorization" not in head_of(local.heard[0].head)
            assert head_of(hosted.heard[0].head)["authorization"] == f"Bearer {KEY}"


async def test_with_keys_of_our_own_the_clients_key_goes_nowhere() -> None:
    """It is offramp's key then; an upstream without one of ours is asked without."""
    keys = [{"key": KEY, "team": "support"}]
    async with scripted(fine) as told:
        config: Config = {"upstreams": {"openai": {"base_url": told.base_url}}, "passthrough": "openai", "keys": keys}
        async with gateway(config) as served:
            statuses = [(await served.chat()).status, (await served.ask("GET", "/v1/files")).status]

            assert statuses == [200, 200]
            for heard in told.heard:
                assert KEY.encode() not in heard.head


async def test_our_own_key_takes_the_place_of_the_clients() -> None:
    """Both for what is routed and for what passes through."""
    async with (
        scripted(fine) as told,
        gateway({"upstreams": {"openai": own_key_upstream(told)}, "passthrough": "openai"}) as served,
    ):
        await served.chat()
        await served.ask("GET", "/v1/files")

        for heard in told.heard:
            assert head_of(heard.head)["authorization"] == f"Bearer {UPSTREAM_KEY}"
            assert KEY.encode() not in heard.head


@pytest.mark.parametrize("name", ["authorization", "api_key"])
async def test_either_header_may_carry_the_clients_key(name: str) -> None:
    """Azure's SDK sends `api-key`."""
    credential = {"authorization": "", name: f"Bearer {KEY}" if name == "authorization" else KEY}
    async with engine("vllm") as local:
        config = routed({"local": upstream(local)}, keys=[{"key": KEY, "team": "support", "name": "helpdesk"}])
        async with gateway(config) as served:
            answer = await served.ask("POST", PATH, BODY, **credential)

            assert answer.status == 200
            row = await served.only_row()
            assert (row.team, row.key) == ("support", "helpdesk")


@pytest.mark.parametrize("credential", ["", "Bearer sk-nobody-0123456789", "Basic c2s6c2s="])
async def test_without_a_known_key_nobody_is_asked(credential: str) -> None:
    """And the error does not repeat the key to whoever reads the log."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local)}, keys=[{"key": KEY, "team": "support"}])
        async with gateway(config) as served:
            answer = await served.ask("POST", PATH, BODY, authorization=credential)

            assert (answer.status, answer.json()["error"]["code"]) == (401, "invalid_api_key")
            assert b"0123456789" not in answer.body
            row = await served.only_row()
            assert (row.outcome, row.team, row.key) == ("refused", "none", "")
            assert await asked(local) == []


async def test_an_azure_upstream_gets_its_key_in_its_own_header() -> None:
    """With the deployment in the path and the version in the query."""
    azure = {
        "engine": "azure",
        "api_key": UPSTREAM_KEY,
        "api_version": "2024-10-21",
        "deployments": {MODEL: "house-mini"},
    }
    async with scripted(fine) as told:
        config = routed({"azure": {"base_url": f"http://127.0.0.1:{told.port}/openai", **azure}})
        async with gateway(config) as served:
            answer = await served.chat()

            assert answer.status == 200
            head = told.heard[0].head
            assert head.startswith(
                b"POST /openai/deployments/house-mini/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n"
            )
            assert head_of(head)["api-key"] == UPSTREAM_KEY
            assert "authorization" not in head_of(head)


# ----------------------------------------------------------------------------------------------- to the upstream

SENT = {
    "openai_organization": "org-client",
    "openai_project": "proj-client",
    "openai_beta": "assistants=v2",
    "idempotency_key": "once",
    "x_custom": "kept",
    "user_agent": "test/1",
    "cookie": "session=1",
    "x_api_key": "sk-other",
    "x_offramp_site": "checkout",
    "x_offramp_feature": "search",
    "x_offramp_anything": "1",
    "x_forwarded_for": "10.0.0.1",
    "forwarded": "for=10.0.0.1",
    "referer": "http://intranet/",
    "te": "trailers",
    "connection": "keep-alive, x-hop",
    "x_hop": "mine",
    "accept_encoding": "gzip, br",
    "x_request_id": "req-of-the-client",
}
ALWAYS = {"openai-beta", "idempotency-key", "x-custom", "user-agent", "x-request-id", "via", "host"}
NEVER = {
    "cookie",
    "x-api-key",
    "x-offramp-site",
    "x-offramp-feature",
    "x-offramp-anything",
    "x-forwarded-for",
    "forwarded",
    "referer",
    "te",
    "connection",
    "x-hop",
}
ACCOUNT = {"openai-organization", "openai-project"}


async def sent_on(served: Gateway, path: str = PATH, body: object = None) -> None:
    """Ask with every header of `SENT`."""
    method = "POST" if body is not None else "GET"
    assert (await served.ask(method, path, body, **SENT)).status == 200


async def test_headers_travel_on_but_for_what_is_the_connections_the_clients_or_ours() -> None:
    """What an upstream is not meant to know it must not get; what the client says to it must arrive."""
    async with (
        engine("openai") as hosted,
        gateway({"upstreams": {"openai": own_key_upstream(hosted)}, "passthrough": "openai"}) as served,
    ):
        await sent_on(served, body=BODY)
        await sent_on(served, "/v1/files")
        state = await hosted.state()

        for seen in state["requests"]:
            names = header_names(seen)
            assert names >= ALWAYS
            assert not names & (NEVER | ACCOUNT), "our key has an account of its own"
            assert header(seen, "x-request-id") == "req-of-the-client"
            assert header(seen, "host") == f"127.0.0.1:{hosted.port}"
            assert header(seen, "via") == "1.1 offramp-test"
        encodings = [header(seen, "accept-encoding") for seen in state["requests"]]
        assert encodings == ["identity", "gzip, br"], "what is read must not be packed, the rest is the client's"


async def test_with_the_clients_own_key_its_account_goes_along() -> None:
    """Organization and project belong to the key."""
    async with (
        engine("openai") as hosted,
        gateway({"upstreams": {"openai": {"base_url": hosted.base_url}}, "passthrough": "openai"}) as served,
    ):
        await sent_on(served, body=BODY)

        [seen] = await asked(hosted)
        assert header_names(seen) >= ALWAYS | ACCOUNT
        assert not header_names(seen) & NEVER


async def test_headers_of_the_configuration_are_added() -> None:
    """Some gateways in between want to know who asks."""
    headers = {"X-Team": "platform"}
    async with (
        engine("openai") as hosted,
        gateway(routed({"openai": own_key_upstream(hosted, headers=headers)})) as served,
    ):
        await served.chat()

        [seen] = await asked(hosted)
        assert header(seen, "x-team") == "platform"


async def test_a_base_url_stands_for_v1_whatever_its_path_is() -> None:
    """Cerebrium's end in `/run`, proxies have prefixes."""
    async with (
        scripted(fine) as told,
        gateway(
            {
                "upstreams": {"openai": {"base_url": f"http://127.0.0.1:{told.port}/v4/p-1/app/run/"}},
                "passthrough": "openai",
            }
        ) as served,
    ):
        await served.chat()
        await served.ask("GET", "/v1/files/abc%20d?limit=3&after=x")

        lines = [heard.head.partition(b"\r\n")[0] for heard in told.heard]
        assert lines == [
            b"POST /v4/p-1/app/run/chat/completions HTTP/1.1",
            b"GET /v4/p-1/app/run/files/abc%20d?limit=3&after=x HTTP/1.1",
        ]


async def test_a_compressed_request_is_sent_on_unpacked() -> None:
    """It was unpacked to be read; what it says of its packing would be wrong then."""
    content = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}'
    async with scripted(fine) as told, gateway(routed({"local": upstream(told)})) as served:
        answer = await served.ask("POST", PATH, gzip.compress(content), content_encoding="gzip")

        assert answer.status == 200
        assert told.heard[0].body == content
        assert "content-encoding" not in head_of(told.heard[0].head)


# --------------------------------------------------------------------------------------------------- to the client


async def test_the_upstreams_headers_come_back_but_for_what_is_its_own_sites() -> None:
    """Limits and ids help the client; cookies and transport policies of another host would harm it."""

    async def chatty(talk: Talk) -> None:
        await talk.say(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nx-request-id: req_up\r\n"
            b"openai-processing-ms: 12\r\nx-ratelimit-remaining-requests: 59\r\nx-ratelimit-remaining-tokens: 1234\r\n"
            b"set-cookie: a=b\r\nstrict-transport-security: max-age=1\r\nalt-svc: h3\r\nvia: 1.1 cdn\r\n"
            b"connection: x-internal\r\nx-internal: 1\r\nkeep-alive: timeout=5\r\nx-custom: one\r\nx-custom: two\r\n"
            b"x-offramp-tier: theirs\r\nx-offramp-id: theirs\r\nx-offramp-attempts: 7\r\n"
            b"x-offramp-config: theirs\r\n\r\n{}"
        )

    async with scripted(chatty) as told:
        config: Config = {"upstreams": {"openai": {"base_url": told.base_url}}, "passthrough": "openai"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("GET", "/v1/files"))
            head = (await client.reader.readuntil(b"\r\n\r\n")).decode()

            for kept in ("x-request-id: req_up", "openai-processing-ms: 12", "x-custom: one", "x-custom: two"):
                assert f"\r\n{kept}\r\n" in head
            for name in (
                "set-cookie",
                "strict-transport",
                "alt-svc",
                "via",
                "x-internal",
                "keep-alive",
                "theirs",
                "attempts: 7",
            ):
                assert name not in head
            assert head.count("x-offramp-tier: openai") == 1


async def test_rate_limits_of_the_upstream_reach_client_and_row() -> None:
    """How much room is left is what one needs to know before it is gone."""

    async def limited(talk: Talk) -> None:

        body = json.dumps(ANSWER).encode()
        await talk.say(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ratelimit-remaining-requests: 59\r\n"
            b"x-ratelimit-remaining-tokens: 1234\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )

    async with scripted(limited) as told, gateway(routed({"local": upstream(told)})) as served:
        answer = await served.chat()

        assert answer.headers["x-ratelimit-remaining-tokens"] == "1234"
        row = await served.only_row()
        assert (row.ratelimit_requests, row.ratelimit_tokens) == (59, 1234)


async def test_an_upstream_that_names_no_request_gets_and_gives_ours() -> None:
    """Most engines give none; a client that asks for help needs one that is in the ledger."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answer = await served.chat()

        [seen] = await asked(local)
        row = await served.only_row()
        assert answer.headers["x-request-id"] == answer.headers["x-offramp-id"] == row.id
        assert header(seen, "x-request-id") == row.id


async def test_a_refusal_has_an_id_that_is_in_the_ledger() -> None:
    """Whoever is refused asks why."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answer = await served.ask("POST", PATH, b"{nonsense")

        row = await served.only_row()
        assert (answer.status, row.outcome, row.status) == (400, "refused", 400)
        assert answer.headers["x-request-id"] == row.id


async def test_a_loop_back_to_this_gateway_is_refused() -> None:
    """Else one request would become as many as there are connections."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answer = await served.ask("POST", PATH, BODY, via="1.1 proxy, 1.1 offramp-test")

        assert (answer.status, answer.json()["error"]["code"]) == (508, "loop_detected")
