"""TLS on both sides, with verification; and the way to an upstream through an HTTP proxy."""

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.certificates import Authority, Certificate
from tests.gateway.running import Gateway, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.processes import free_port
from tests.upstream.scripted import CHAT, Peer, Scripted, always, answer, once, scripted, until
from tests.upstream.simulated.serving import Client

PATH = "/v1/chat/completions"
NAME = "llm.test"
"""A name that no resolver knows: only a proxy can lead there."""
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom to trust and whom not."""

    ours: Authority
    other: Authority
    here: Certificate
    """For this machine."""
    elsewhere: Certificate
    """For `NAME`."""
    ended: Certificate


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Two authorities and what the first one vouches for."""
    folder = tmp_path_factory.mktemp("certificates")
    ours = Authority(folder, "ours")
    return Trust(
        ours=ours,
        other=Authority(folder, "other"),
        here=ours.certificate("localhost", "127.0.0.1"),
        elsewhere=ours.certificate(NAME),
        ended=ours.certificate("localhost", "127.0.0.1", days=-1),
    )


# --- to the upstream ----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_upstream_is_verified_with_the_authority_that_the_configuration_names(trust: Trust) -> None:
    """One handshake serves many requests, streamed or not, of any length."""
    long = CHAT.replace(b"forty-two", b"x" * MEGABYTE)
    async with scripted(always(answer(long)), tls=trust.here.server()) as target:
        config = routed({"local": upstream(target, ca_bundle=str(trust.ours.cert))})
        async with gateway(config) as served:
            seen = [await served.chat() for _ in range(3)]

        assert [(one.status, one.body) for one in seen] == [(200, long)] * 3
        assert target.opened == 1


async def _refused_and_why(served: Gateway) -> tuple[int, str, str]:
    """Status, code and message where only that upstream could answer."""
    seen = await served.chat()
    error = seen.json()["error"]
    return seen.status, error["code"], error["message"]


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", ["the system's list", "another authority", "another name", "an ended certificate"])
async def test_an_upstream_that_cannot_be_verified_is_not_spoken_to(trust: Trust, wrong: str) -> None:
    """Not a byte of the request, nor the key, goes there; the next tier answers, and alone the error says why."""
    certificate = {"another name": trust.elsewhere, "an ended certificate": trust.ended}.get(wrong, trust.here)
    bundles = {"the system's list": None, "another authority": str(trust.other.cert)}
    bundle = bundles.get(wrong, str(trust.ours.cert))
    async with (
        scripted(always(answer()), tls=certificate.server()) as impostor,
        scripted(always(answer())) as second,
    ):
        doubtful = upstream(impostor, ca_bundle=bundle)
        async with gateway(routed({"first": doubtful, "second": upstream(second)})) as served:
            seen = await served.chat()
        async with gateway(routed({"first": doubtful})) as served:
            status, code, message = await _refused_and_why(served)

        assert (seen.status, seen.headers["x-offramp-tier"]) == (200, "second")
        assert (status, code) == (502, "upstream_failed")
        assert "TLS" in message
        assert "certificate" in message.lower()
        assert impostor.asked == []


@pytest.mark.anyio
async def test_on_loopback_verification_may_be_left_out(trust: Trust) -> None:
    """For a test machine with a certificate of its own making."""
    async with scripted(always(answer()), tls=trust.ended.server()) as target:
        async with gateway(routed({"local": upstream(target, verify=False)})) as served:
            seen = await served.chat()

        assert seen.status == 200


@pytest.mark.anyio
async def test_an_upstream_that_does_not_speak_tls_is_an_error_that_says_so() -> None:
    """`https` where `http` was meant."""

    async def puzzled(peer: Peer) -> None:
        await peer.reader.readexactly(5)
        peer.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    async with scripted(puzzled) as plain:
        address = plain.base_url.replace("http:", "https:")
        config = routed({"local": {"base_url": address, "engine": "vllm", "health": False}})
        async with gateway(config) as served:
            status, code, message = await _refused_and_why(served)

    assert (status, code) == (502, "upstream_failed")
    assert "TLS" in message


@pytest.mark.anyio
async def test_a_handshake_that_does_not_end_counts_as_no_connection() -> None:
    """The connect timeout covers it."""

    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with scripted(silent) as first, scripted(always(answer())) as second:
        slow = {"base_url": first.base_url.replace("http:", "https:"), "timeouts": {"connect_s": 0.2}}
        async with gateway(routed({"first": slow, "second": upstream(second)})) as served:
            seen = await served.chat()
            row = await served.only_row()

    assert seen.headers["x-offramp-tier"] == "second"
    assert (row.tries[0].tier, row.tries[0].failure) == ("first", "connect")


# --- through a proxy ----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that tunnels wherever it is asked to, in truth always to one place."""

    leads_to: int
    asked: list[dict[str, str]] = field(default_factory=list)
    """The target and the header fields of each CONNECT."""
    says: bytes = b"HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n"

    async def __call__(self, peer: Peer) -> None:
        """One client."""
        seen = await peer.head()
        self.asked.append({"method": seen.method, "target": seen.target, **seen.headers})
        peer.send(self.says)
        if b" 200 " not in self.says:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.leads_to)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(peer.reader, writer))
                group.create_task(pump(reader, peer.writer))
        finally:
            writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one to the other."""
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxied(target: Scripted, monkeypatch: pytest.MonkeyPatch, says: bytes = b"") -> AsyncIterator[Proxy]:
    """A proxy to that upstream which the environment names."""
    proxy = Proxy(leads_to=target.port)
    if says:
        proxy.says = says
    async with scripted(proxy) as listening:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{listening.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy


def behind_the_proxy(trust: Trust, **changes: object) -> dict[str, object]:
    """An upstream that only the proxy knows."""
    address = f"https://{NAME}/v1"
    return {"base_url": address, "engine": "vllm", "health": False, "ca_bundle": str(trust.ours.cert), **changes}


@pytest.mark.anyio
async def test_an_upstream_is_reached_through_the_proxy_and_verified_behind_it(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy sees a name and a port and is paid in its own coin; TLS goes through it to the upstream."""
    async with (
        scripted(always(answer()), tls=trust.elsewhere.server()) as target,
        proxied(target, monkeypatch) as proxy,
        gateway(routed({"hosted": behind_the_proxy(trust, api_key="sk-ours")})) as served,
    ):
        seen = [await served.chat() for _ in range(3)]

    assert [one.status for one in seen] == [200] * 3
    (asked,) = proxy.asked
    assert (asked["method"], asked["target"], asked["host"]) == ("CONNECT", f"{NAME}:443", f"{NAME}:443")
    assert base64.b64decode(asked["proxy-authorization"].removeprefix("Basic ")) == b"user:p@ss"
    assert "sk-ours" not in str(proxy.asked)
    assert all("proxy-authorization" not in request.names for request in target.asked)


@pytest.mark.anyio
async def test_behind_the_proxy_a_wrong_certificate_is_refused_all_the_same(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that opens TLS would read everything."""
    async with (
        scripted(always(answer()), tls=trust.here.server()) as target,
        proxied(target, monkeypatch),
        gateway(routed({"hosted": behind_the_proxy(trust)})) as served,
    ):
        status, code, message = await _refused_and_why(served)

    assert (status, code) == (502, "upstream_failed")
    assert "certificate" in message.lower()
    assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "407"),
        (b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>", "502"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "SSH"),
        (b"HTTP/1.1 2", "closed"),
        (b"x" * 20_000, "too long"),
    ],
)
async def test_a_proxy_that_refuses_is_named_in_the_error(
    trust: Trust, monkeypatch: pytest.MonkeyPatch, says: bytes, expected: str
) -> None:
    """So that nobody looks for the fault at the upstream."""
    async with (
        scripted(always(answer()), tls=trust.elsewhere.server()) as target,
        proxied(target, monkeypatch, says),
        gateway(routed({"hosted": behind_the_proxy(trust)})) as served,
    ):
        status, code, message = await _refused_and_why(served)

    assert (status, code) == (502, "upstream_failed")
    assert "proxy" in message
    assert expected in message
    assert "p@ss" not in message


@pytest.mark.anyio
@pytest.mark.parametrize("exempt", [NAME, ".test", "*", "other.example, test"])
async def test_names_that_no_proxy_exempts_are_reached_directly(
    trust: Trust, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """Here that fails, since no resolver knows the name: but the proxy is not asked."""
    async with scripted(always(answer())) as target, proxied(target, monkeypatch) as proxy:
        monkeypatch.setenv("NO_PROXY", exempt)
        async with gateway(routed({"hosted": behind_the_proxy(trust)})) as served:
            status, _, message = await _refused_and_why(served)

    assert status == 502
    assert f"{NAME}:443 cannot be reached" in message
    assert proxy.asked == []


@pytest.mark.anyio
async def test_upstreams_on_this_machine_and_without_tls_need_no_proxy(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`HTTPS_PROXY` is for what lies outside."""
    async with (
        scripted(always(answer()), tls=trust.here.server()) as secure,
        scripted(always(answer())) as plain,
        proxied(plain, monkeypatch) as proxy,
    ):
        config = routed({"plain": upstream(plain), "secure": upstream(secure, ca_bundle=str(trust.ours.cert))})
        config["routes"]["other"] = {"models": ["m"], "tiers": [{"upstream": "secure"}]}
        async with gateway(config) as served:
            seen = [await served.chat(), await served.chat(model="m")]

        assert [one.headers["x-offramp-tier"] for one in seen] == ["plain", "secure"]
        assert proxy.asked == []


# --- on the listening side ----------------------------------------------------------------------


@asynccontextmanager
async def secure_client(served: Gateway, trust: Trust) -> AsyncIterator[Client]:
    """A client that verifies the gateway."""
    context = trust.ours.client()
    client = Client(*await asyncio.open_connection("127.0.0.1", served.port, ssl=context, limit=1 << 24))
    try:
        yield client
    finally:
        await client.close()


def listening(certificate: Certificate) -> dict[str, object]:
    """The part of a configuration that turns TLS on."""
    return {"tls": {"cert": str(certificate.cert), "key": str(certificate.key)}}


@pytest.mark.anyio
async def test_clients_are_served_over_tls(trust: Trust) -> None:
    """Whole answers, streams, pipelining and refusals, all on one connection."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, listen=listening(trust.here))
        async with gateway(config) as served, secure_client(served, trust) as client:
            client.send(raw("POST", PATH, chat()) + raw("POST", PATH, chat(stream=True)) + raw("POST", PATH, b"{"))
            seen = [await client.answer() for _ in range(3)]
            protocol = client.writer.get_extra_info("ssl_object")

        assert [one.status for one in seen] == [200, 200, 400]
        assert seen[1].events[-1] == "[DONE]"
        assert protocol.version() in {"TLSv1.2", "TLSv1.3"}


@pytest.mark.anyio
async def test_megabytes_go_both_ways_over_tls(trust: Trust) -> None:
    """Records are cut differently from what HTTP sees."""
    body = bytes(range(256)) * 4096 * 8
    async with scripted(always(answer(body))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files", "listen": listening(trust.here)}
        async with gateway(config) as served, secure_client(served, trust) as client:
            client.send(raw("POST", "/v1/files", body))
            seen = await client.answer()

        assert seen.body == body
        assert target.asked[0].body == body


@pytest.mark.anyio
async def test_a_refused_upload_over_tls_is_told_and_ends(trust: Trust) -> None:
    """TLS has no half-closed sockets: the answer must arrive although the client still sends."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, listen=listening(trust.here), limits={"body_bytes": 1000})
        async with gateway(config) as served, secure_client(served, trust) as client:
            client.send(raw("POST", PATH, bytes(MEGABYTE)))
            seen = await client.answer()
            await client.rest()

        assert (seen.status, seen.headers["connection"]) == (413, "close")


@pytest.mark.anyio
async def test_a_client_that_leaves_over_tls_cancels_its_upstream(trust: Trust) -> None:
    """As over plain TCP."""
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.gone()
        gone.set()

    async with scripted(play) as target:
        config = routed({"local": upstream(target)}, listen=listening(trust.here))
        async with gateway(config) as served:
            async with secure_client(served, trust) as client:
                client.send(raw("POST", PATH, chat()))
                await until(lambda: bool(target.asked), "it is asked")
            async with asyncio.timeout(10):
                await gone.wait()
            row = await served.only_row()

        assert row.outcome == "cancelled"


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [raw("GET", "/health"), b"\x16\x03\x01\x00\x05hello", b"\x00" * 100, b"\x16"])
async def test_what_is_not_tls_is_hung_up_on(trust: Trust, sent: bytes) -> None:
    """And the next client is served."""
    async with scripted(once(answer())) as target:
        config = routed({"local": upstream(target)}, listen=listening(trust.here))
        async with gateway(config) as served:
            async with served.connect() as plain:
                plain.send(sent)
                plain.writer.write_eof()
                rest = await plain.rest()
            async with secure_client(served, trust) as client:
                client.send(raw("POST", PATH, chat()))
                seen = await client.answer()

        assert b"HTTP/1.1" not in rest
        assert seen.status == 200


@pytest.mark.anyio
async def test_old_tls_is_refused(trust: Trust) -> None:
    """RFC 8996: TLS 1.0 and 1.1 are dead."""
    async with engine() as local:
        config = routed({"local": own_key_upstream(local)}, listen=listening(trust.here))
        async with gateway(config) as served:
            context = trust.ours.client()
            context.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
                context.minimum_version = ssl.TLSVersion.TLSv1
            with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", served.port, ssl=context)


def test_a_certificate_that_cannot_be_used_is_an_error_of_one_line(tmp_path: Path, trust: Trust) -> None:
    """Before the port is open, with the names of the files."""
    config = {
        "upstreams": {"openai": {"base_url": "http://127.0.0.1:9/v1"}},
        "passthrough": "openai",
        "listen": {"port": free_port(), "tls": {"cert": str(trust.here.cert), "key": str(trust.elsewhere.key)}},
    }
    path = tmp_path / "offramp.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "offramp", "serve", "--config", str(path), "--state", str(tmp_path / "state")]

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(trust.here.cert) in done.stderr
