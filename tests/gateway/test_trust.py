"""Whom the gateway serves, what it lends to whom, and what it never lets through or tells."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from offramp.telemetry.exposition import render
from tests.gateway.running import (
    KEY,
    MODEL,
    UPSTREAM_KEY,
    chat,
    engine,
    gateway,
    own_key_upstream,
    raw,
    routed,
    upstream,
)
from tests.processes import free_port
from tests.upstream.scripted import CHAT, always, answer, once, scripted

PATH = "/v1/chat/completions"
KEYS = [{"key": KEY, "team": "support"}, {"key": "sk-narrow-0000000000", "team": "narrow", "routes": ["support"]}]
SECRET = "the patient's name is Ada"


# --- browsers -----------------------------------------------------------------------------------

OUR_OWN = ["http://localhost", "https://localhost"]
FOREIGN = [
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://localhost:1234",
    "http://evil.example#http://localhost",
    "http://evil.example http://localhost",
    "http://localhost@evil.example",
    "file://",
    "chrome-extension://abcdef",
    "http://LOCALHOST.",
]


@pytest.mark.anyio
@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_other_sites_are_refused(origin: str) -> None:
    """A page that somebody opens must not spend the team's money with the keys on this machine."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", PATH, chat(), origin=origin)

        assert (seen.status, seen.json()["error"]["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in seen.headers
        assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("origin", OUR_OWN)
async def test_a_page_of_the_gateway_s_own_site_is_served(origin: str) -> None:
    """`Origin` names the same host that is asked."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", PATH, chat(), origin=origin)

        assert seen.status == 200


@pytest.mark.anyio
async def test_a_simple_request_of_a_page_is_refused_though_no_preflight_comes() -> None:
    """`text/plain` needs no preflight: the answer could not be read, but the money would be spent."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", PATH, chat(), origin="https://evil.example", content_type="text/plain")

        assert seen.status == 403
        assert target.asked == []


@pytest.mark.anyio
async def test_an_allowed_origin_may_ask_and_read() -> None:
    """The preflight needs no key; answers, streams and errors can be read by the page."""
    page = "https://app.example"
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, keys=KEYS, cors={"origins": [page]})
        async with gateway(config) as served:
            async with served.connect() as client:
                client.send(raw("OPTIONS", PATH, origin=page, authorization="", access_control_request_method="POST"))
                preflight = (await client.reader.readuntil(b"\r\n\r\n")).decode()
            seen = [
                await served.ask("POST", PATH, chat(), origin=page),
                await served.ask("POST", PATH, chat(stream=True), origin=page),
                await served.ask("POST", PATH, b"{", origin=page),
                await served.ask("POST", PATH, chat(), origin=page, authorization=""),
            ]
            rows = await served.wait_rows(4)

        assert preflight.startswith("HTTP/1.1 204 ")
        assert "content-length" not in preflight
        assert re.search(r"^access-control-allow-methods: .*POST", preflight, re.MULTILINE)
        assert re.search(r"^access-control-allow-headers: .*authorization", preflight, re.MULTILINE)
        assert f"access-control-allow-origin: {page}\r\n" in preflight
        assert [one.status for one in seen] == [200, 200, 400, 401]
        assert {one.headers["access-control-allow-origin"] for one in seen} == {page}
        assert len(rows) == 4


@pytest.mark.anyio
async def test_a_preflight_of_a_foreign_page_is_refused() -> None:
    """It goes to no upstream."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            seen = await served.ask("OPTIONS", PATH, origin="https://evil.example")

        assert seen.status == 403
        assert "access-control-allow-origin" not in seen.headers
        assert target.asked == []


# --- names that lead here -----------------------------------------------------------------------

LOOPBACK = [
    "localhost",
    "localhost:8484",
    "LOCALHOST",
    "127.0.0.1",
    "127.0.0.1:8484",
    "127.8.9.10",
    "[::1]",
    "[::1]:8484",
]
ELSEWHERE = [
    "evil.example",
    "evil.example:8484",
    "localhost.evil.example",
    "127.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "127.1.evil",
    "10.0.0.1",
    "[::2]",
    "evil.example@localhost:1@evil.example",
    "localhost#evil.example",
    "[::1",
    "",
]


@pytest.mark.anyio
@pytest.mark.parametrize("host", LOOPBACK)
async def test_names_of_this_machine_are_served(host: str) -> None:
    """Without keys of its own the gateway lends its upstream keys to this machine."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", PATH, chat(), host=host)

        assert seen.status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("host", ELSEWHERE)
async def test_a_name_that_was_bent_to_this_machine_is_refused(host: str) -> None:
    """DNS rebinding: a page's own name suddenly means 127.0.0.1, and then `Origin` is no help."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            head = raw("POST", PATH, chat(), host="HOST")
            client.send(head.replace(b"host: HOST", b"host: " + host.encode()))
            seen = await client.answer()

        assert (seen.status, seen.json()["error"]["code"]) == (403, "host_not_allowed")
        assert target.asked == []


@pytest.mark.anyio
async def test_with_keys_any_name_is_served() -> None:
    """A page does not have the key."""
    async with scripted(always(answer())) as target:
        async with gateway(routed({"local": own_key_upstream(target)}, keys=KEYS)) as served:
            seen = await served.ask("POST", PATH, chat(), host="llm.internal.example")

        assert seen.status == 200


@pytest.mark.anyio
async def test_an_absolute_target_does_not_stand_in_for_the_host() -> None:
    """The name in the target counts: RFC 9112 section 3.2.2."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        seen = await served.ask("POST", f"http://evil.example{PATH}", chat(), host="localhost")

        assert (seen.status, seen.json()["error"]["code"]) == (403, "host_not_allowed")
        assert target.asked == []


# --- how it is started --------------------------------------------------------------------------


def refused_start(folder: Path, config: dict[str, object], *options: str) -> str:
    """What `offramp serve` says when it refuses to start."""
    path = folder / "offramp.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "offramp", "serve", "--config", str(path), "--state", str(folder / "state")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_keys_of_ours_are_not_lent_to_a_network(tmp_path: Path, host: str) -> None:
    """Everybody who reaches the port would ask at our expense: it does not even start, and says why."""
    told = refused_start(
        tmp_path,
        {
            "upstreams": {"openai": {"base_url": "https://api.openai.com/v1", "api_key": "sk-x"}},
            "passthrough": "openai",
        },
        "--host",
        host,
        "--port",
        str(free_port()),
    )

    assert "keys" in told
    assert "sk-x" not in told


def test_an_upstream_that_is_the_gateway_itself_is_refused(tmp_path: Path) -> None:
    """Users set `OPENAI_BASE_URL` to the gateway; it must not take that for its own upstream."""
    port = free_port()
    config: dict[str, object] = {
        "upstreams": {"openai": {"base_url": f"http://localhost:{port}/v1"}},
        "passthrough": "openai",
        "listen": {"port": port},
    }

    told = refused_start(tmp_path, config)

    assert re.search(r"'openai'.*this gateway's own address", told)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "via", ["1.1 offramp-test", "1.1 a, 1.1 offramp-test, 1.1 b", "1.1 offramp-test\r\nvia: 1.1 nginx"]
)
async def test_a_request_that_was_here_before_is_refused(via: str) -> None:
    """However many proxies lie between, each of which may add a field of its own."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served:
            seen = [await served.ask("POST", PATH, chat(), via=via), await served.ask("GET", "/v1/files", via=via)]

        assert [(one.status, one.json()["error"]["code"]) for one in seen] == [(508, "loop_detected")] * 2
        assert target.asked == []


@pytest.mark.anyio
async def test_every_request_to_an_upstream_names_this_gateway() -> None:
    """By that the loop is found."""
    async with scripted(always(answer())) as target:
        config = routed({"local": upstream(target)}, passthrough="local")
        async with gateway(config) as served:
            await served.ask("POST", PATH, chat(), via="1.1 nginx")
            await served.ask("GET", "/v1/files")

        assert [asked.headers["via"] for asked in target.asked] == ["1.1 offramp-test"] * 2


# --- what never goes further --------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("path", [PATH, "/v1/files"])
async def test_what_is_meant_for_offramp_stays_here(path: str) -> None:
    """In whatever case it is written; nor do the fields of this connection or the client's cookies travel on."""
    fields = {
        "x_offramp_site": "s",
        "X_Offramp_Feature": "f",
        "X_OFFRAMP_ANYTHING": "x",
        "cookie": "session=1",
        "proxy_authorization": "Basic eDp5",
        "te": "trailers",
        "x_forwarded_for": "10.0.0.7",
        "connection": "keep-alive, x-hop",
        "x_hop": "1",
        "keep_alive": "timeout=5",
    }
    async with scripted(always(answer())) as target:
        async with gateway(routed({"local": upstream(target)}, passthrough="local")) as served:
            seen = await served.ask("POST", path, chat(), x_kept="yes", **fields)

        assert seen.status == 200
        names = set(target.asked[0].names)
        assert "x-kept" in names
        assert not names & {name.replace("_", "-").lower() for name in fields}


CONTROLS = [
    "/v1/sleep",
    "/v1/wake_up?tags=weights",
    "/v1/collective_rpc",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/v1/reset_prefix_cache",
    "/v1/start_profile",
    "/v1/update_weights",
    "/v1/SLEEP",
    "/v1/sl%65ep",
    "/v1/%73%6c%65%65%70",
    "/v1//sleep",
    "/v1/./sleep",
    "/v1/%2e/sleep",
    "/v1/%2Fsleep",
    "/v1/sleep/",
    "/v1/sleep%2F",
    "/v1/sleep?level=2",
]


@pytest.mark.anyio
@pytest.mark.parametrize("path", CONTROLS)
async def test_the_engine_s_own_controls_are_out_of_reach(path: str) -> None:
    """VLLM puts itself to sleep or loads code from anywhere when told; a client of the gateway cannot."""
    async with scripted(always(answer(b"{}"))) as target:
        address = target.base_url.removesuffix("/v1")
        config = {"upstreams": {"local": {"base_url": address, "engine": "vllm", "health": False}}}
        async with gateway({**config, "passthrough": "local"}) as served:
            seen = await served.ask("POST", path, {})

        assert (seen.status, seen.json()["error"]["code"]) == (404, "unknown_url")
        assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/complet%69ons",
        "/v1/ch%61t/completions",
        "/v1/chat%2Fcompletions",
        "/v1//chat/completions",
        "/v1/./chat/completions",
        "/v1/chat/completions/",
        "/v1/Chat/Completions",
        "/v1/%65mbeddings",
        "/v1/responses/",
    ],
)
async def test_an_operation_cannot_be_written_so_that_it_is_not_counted(path: str) -> None:
    """The upstream would take it for the operation that it is, and no key, limit or price would apply to its model."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"openai": own_key_upstream(target)}, "passthrough": "openai"}
        async with gateway(config) as served:
            seen = await served.ask("POST", path, chat())

        assert (seen.status, seen.json()["error"]["code"]) == (404, "unknown_url")
        assert target.asked == []


@pytest.mark.anyio
async def test_a_key_that_is_bound_to_routes_does_not_pass_through() -> None:
    """Else it could do what no route lets it do."""
    async with scripted(always(answer())) as target:
        config = routed({"local": own_key_upstream(target)}, passthrough="local", keys=KEYS)
        async with gateway(config) as served:
            narrow = {"authorization": "Bearer sk-narrow-0000000000"}
            seen = [
                await served.ask("POST", PATH, chat(), **narrow),
                await served.ask("POST", PATH, chat(model="gpt-9"), **narrow),
                await served.ask("GET", "/v1/files", **narrow),
                await served.ask("GET", "/v1/files"),
            ]

        assert [one.status for one in seen] == [200, 404, 404, 200]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/metrics", "/api/state", "/api/reload", "/ready", "/", "/admin", "/docs"])
async def test_the_main_port_has_no_administration(path: str) -> None:
    """That is another port, with another credential."""
    async with scripted(always(answer())) as target:
        async with gateway({"upstreams": {"local": upstream(target)}, "passthrough": "local"}) as served:
            seen = [await served.ask("GET", path), await served.ask("POST", path, {})]

        assert [one.status for one in seen] == [404, 404]
        assert target.asked == []


# --- what is never told ---------------------------------------------------------------------------


@pytest.mark.anyio
async def test_the_team_of_the_key_stands_above_what_the_client_says() -> None:
    """Else one team could book its requests on another."""
    async with scripted(always(answer())) as target:
        config = routed({"local": upstream(target)}, keys=KEYS)
        async with gateway(config) as served:
            await served.ask("POST", PATH, chat(), x_offramp_team="sales", x_team="sales", openai_organization="sales")
            row = await served.only_row()

        assert row.team == "support"


@pytest.mark.anyio
async def test_neither_keys_nor_prompts_are_in_log_ledger_or_errors() -> None:
    """Whatever goes wrong, the record says what happened and not what was said."""
    question = chat(messages=[{"role": "user", "content": SECRET}, {"role": "system", "content": SECRET}])
    echo = json.dumps({"error": {"message": "bad", "type": "x", "param": None, "code": None}}).encode()
    async with (
        scripted(
            once(answer()),
            once(answer(echo, status=b"400 Bad Request")),
            once(answer(b"oops", status=b"500 Oops")),
            once(b"garbage"),
        ) as target,
        gateway(routed({"local": own_key_upstream(target)}, keys=KEYS)) as served,
    ):
        seen = [await served.ask("POST", PATH, question) for _ in range(4)]
        seen.append(await served.ask("POST", PATH, json.dumps(question).encode()[:-1]))
        seen.append(await served.ask("POST", PATH, question, authorization=f"Bearer {KEY}x"))
        rows = await served.wait_rows(6)
        told = served.logged.getvalue() + repr(rows) + "".join(repr(one) for one in seen)

    assert [one.status for one in seen] == [200, 400, 500, 502, 400, 401]
    for word in (SECRET, "Ada", KEY, UPSTREAM_KEY):
        assert word not in told


@pytest.mark.anyio
async def test_clients_cannot_make_series_of_metrics() -> None:
    """Labels come from the configuration: else a loop over invented names would fill the memory here and elsewhere."""
    async with scripted(always(answer(CHAT))) as target:
        config = routed({"local": upstream(target)}, passthrough="local")
        async with gateway(config) as served:
            for number in range(30):
                await served.ask("POST", PATH, chat(model=f"invented-{number}"), x_offramp_feature=f"feature-{number}")
                await served.ask("GET", f"/v1/invented/{number}", x_offramp_site=f"site-{number}")
                await served.ask("DELETE", f"/invented-{number}")
            await served.wait_rows(90)
            text = render(served.plane.registry.snapshot()).decode()

        assert MODEL not in text
        assert not re.search(r"invented|feature-\d|site-\d", text)
        assert len(text.splitlines()) < 400
