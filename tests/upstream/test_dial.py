"""Whom a connection goes to: directly, over TLS, or through a proxy that the environment names."""

from pathlib import Path

import pytest

from offramp.errors import ConfigError, UnavailableError
from offramp.upstream.connection import UpstreamConnection
from offramp.upstream.dial import Address, Proxy, dial, proxy_for, tls_context
from tests.upstream.listening import instance_at
from tests.upstream.scripted import Peer, always, answer, scripted

PROXY = {"HTTPS_PROXY": "http://proxy.example:8080"}


@pytest.mark.parametrize(
    ("text", "host", "port", "authorization"),
    [
        ("http://proxy.example:8080", "proxy.example", 8080, b""),
        ("proxy.example:8080", "proxy.example", 8080, b""),
        ("http://proxy.example", "proxy.example", 3128, b""),
        ("http://proxy.example/", "proxy.example", 3128, b""),
        ("http://[2001:db8::1]:8080", "2001:db8::1", 8080, b""),
        ("http://ada:secret@proxy.example:8080", "proxy.example", 8080, b"Basic YWRhOnNlY3JldA=="),
        ("http://a%40b:p%3A%2Fs@proxy.example:8080", "proxy.example", 8080, b"Basic YUBiOnA6L3M="),
        ("http://ada@proxy.example:8080", "proxy.example", 8080, b"Basic YWRhOg=="),
    ],
)
def test_a_proxy_is_read_from_the_environment(text: str, host: str, port: int, authorization: bytes) -> None:
    """With the user name and password that may stand in it, percent-encoded. 3128 is what curl takes for none."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        expected = Proxy(host=host, port=port, authorization=authorization)

        assert proxy_for("api.example", tls=True, environment={name: text}) == expected


@pytest.mark.parametrize(
    "text", ["https://proxy.example", "socks5://proxy.example:1080", "http://", "http://h:port", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_an_error(text: str) -> None:
    """At the start, not at the first request; without the password that may stand in it."""
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as raised:
        proxy_for("api.example", tls=True, environment={"HTTPS_PROXY": text.replace("//", "//ada:secret@", 1)})

    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    ("host", "no_proxy", "exempt"),
    [
        ("api.example", "", False),
        ("api.example", "api.example", True),
        ("api.example", "API.Example", True),
        ("API.EXAMPLE", "api.example", True),
        ("v2.api.example", "api.example", True),
        ("v2.api.example", ".api.example", True),
        ("api.example", "example", True),
        ("myapi.example", "api.example", False),
        ("api.example", "pi.example", False),
        ("api.example.org", "api.example", False),
        ("api.example", "other, api.example ,more", True),
        ("api.example", "*", True),
        ("api.example", ",,", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("localhost", "", True),
        ("127.0.0.1", "", True),
        ("::1", "", True),
    ],
)
def test_names_may_be_exempt(host: str, no_proxy: str, exempt: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Suffixes at a dot; this machine always."""
    for name in ("NO_PROXY", "no_proxy"):
        found = proxy_for(host, tls=True, environment={**PROXY, name: no_proxy})

        assert (found is None) is exempt


def test_plain_http_goes_directly() -> None:
    """It is used within one's own network; and a proxy could read it."""
    assert proxy_for("api.example", tls=False, environment=PROXY) is None
    assert proxy_for("api.example", tls=True, environment={}) is None
    assert proxy_for("api.example", tls=True, environment={"HTTPS_PROXY": ""}) is None


def test_a_bundle_that_is_none_is_an_error_with_its_name(tmp_path: Path) -> None:
    """Missing, a folder, or no certificates."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate", encoding="utf-8")

    for path in (tmp_path / "missing.pem", tmp_path, empty):
        with pytest.raises(ConfigError, match=path.name):
            tls_context(ca_bundle=str(path), verify=True)


def test_verification_is_on_unless_it_is_turned_off() -> None:
    """Names as well as signatures."""
    on, off = tls_context(ca_bundle=None, verify=True), tls_context(ca_bundle=None, verify=False)

    assert on.check_hostname
    assert on.verify_mode.name == "CERT_REQUIRED"
    assert not off.check_hostname
    assert off.verify_mode.name == "CERT_NONE"


@pytest.mark.anyio
async def test_an_open_port_is_connected_to() -> None:
    """And the connection has its transport."""
    async with scripted(always(answer())) as target:
        instance = instance_at(target.port)
        connection = UpstreamConnection(instance)
        await dial(connection, instance.address, timeout_s=5)
        connected = connection.transport is not None
        connection.drop()

    assert connected


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address(host="127.0.0.1", port=1), "127.0.0.1:1 cannot be reached: Connection refused"),
        (Address(host="unknown.invalid", port=1), "unknown.invalid:1 cannot be reached"),
        (Address(host="a..b", port=1), "a..b:1 cannot be reached"),
    ],
)
async def test_what_cannot_be_reached_is_told_with_address_and_reason(address: Address, expected: str) -> None:
    """One line that says where and why."""
    with pytest.raises(UnavailableError) as raised:
        await dial(UpstreamConnection(instance_at(1)), address, timeout_s=5)

    assert raised.value.message.startswith(expected)


@pytest.mark.anyio
@pytest.mark.parametrize("stage", ["the proxy is silent", "the proxy is away"])
async def test_a_proxy_that_does_not_answer_is_not_waited_for(stage: str) -> None:
    """The connect timeout covers it."""

    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with scripted(silent) as listening:
        port = 1 if stage == "the proxy is away" else listening.port
        proxy = Proxy(host="127.0.0.1", port=port, authorization=b"")
        address = Address(host="api.example", port=443, tls=tls_context(ca_bundle=None, verify=True), proxy=proxy)
        with pytest.raises(UnavailableError, match=r"^api\.example:443 "):
            await dial(UpstreamConnection(instance_at(1)), address, timeout_s=0.2)


@pytest.mark.anyio
async def test_a_proxy_tunnels_plain_connections_too() -> None:
    """What it says after its answer belongs to nobody yet."""
    seen: list[str] = []

    async def tunnel(peer: Peer) -> None:
        asked = await peer.head()
        seen.append(f"{asked.method} {asked.target}")
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.gone()

    async with scripted(tunnel) as listening:
        proxy = Proxy(host="127.0.0.1", port=listening.port, authorization=b"")
        connection = UpstreamConnection(instance_at(1))
        await dial(connection, Address(host="inner.example", port=8000, proxy=proxy), timeout_s=5)
        connected = connection.transport is not None
        connection.drop()

    assert connected
    assert seen == ["CONNECT inner.example:8000"]
