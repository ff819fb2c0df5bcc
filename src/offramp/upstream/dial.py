"""Opening a connection to an upstream: TCP, TLS with verification, and HTTP proxies by CONNECT."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from offramp.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from offramp.upstream.connection import UpstreamConnection

MAX_PROXY_ANSWER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that tunnels by CONNECT."""

    host: str
    port: int
    authorization: bytes
    """Value of `Proxy-Authorization`; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an instance listens and how to get there."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None


def tls_context(*, ca_bundle: str | None, verify: bool) -> ssl.SSLContext:
    """A context that verifies the upstream's certificate, with the system's or a given list of authorities.

    Raises:
        ConfigError: If the bundle cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ssl.SSLError) as error:
        msg = f"ca_bundle {ca_bundle!r} cannot be used: {error}"
        raise ConfigError(msg) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def proxy_for(host: str, *, tls: bool, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that `HTTPS_PROXY` names for a TLS upstream, unless `NO_PROXY` or the loopback exempts it.

    Plain HTTP goes direct: it is used within one's own network. Names are matched as suffixes at a dot, `*` exempts
    all.

    Raises:
        ConfigError: If the proxy's address cannot be understood.
    """
    address = environment.get("HTTPS_PROXY") or environment.get("https_proxy") or ""
    exempt = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if not tls or not address or _exempt(host, exempt):
        return None
    try:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        port = parts.port or 3128
    except ValueError as error:
        msg = f"HTTPS_PROXY cannot be understood: {error}"
        raise ConfigError(msg) from error
    if parts.scheme != "http" or not parts.hostname:
        msg = "HTTPS_PROXY must look like http://[user:password@]host:port"
        raise ConfigError(msg)
    authorization = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = b"Basic " + base64.b64encode(pair.encode())
    return Proxy(host=parts.hostname, port=port, authorization=authorization)


def _exempt(host: str, no_proxy: str) -> bool:
    host = host.lower()
    if host in ("localhost", "::1") or host.startswith("127."):
        return True
    for entry in no_proxy.lower().split(","):
        name = entry.strip().lstrip(".")
        if name == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


async def dial(connection: "UpstreamConnection", address: Address, *, timeout_s: float) -> None:
    """Open the connection.

    Raises:
        UnavailableError: If it cannot be opened in time; the message names address and reason.
    """
    loop = asyncio.get_running_loop()
    where = f"{address.host}:{address.port}"
    try:
        async with asyncio.timeout(timeout_s):
            if address.proxy is not None:
                await _through_proxy(connection, address, address.proxy)
            elif address.tls is not None:
                await loop.create_connection(
                    lambda: connection, address.host, address.port, ssl=address.tls, server_hostname=address.host
                )
            else:
                await loop.create_connection(lambda: connection, address.host, address.port)
    except TimeoutError as error:
        msg = f"{where} did not accept a connection within {timeout_s:g} s"
        raise UnavailableError(msg) from error
    except ssl.SSLError as error:
        msg = f"TLS with {where} failed: {error.reason or error}"
        raise UnavailableError(msg) from error
    except (OSError, UnicodeError) as error:  # The latter for a name that can be none.
        msg = f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}"
        raise UnavailableError(msg) from error


class _ProxyAnswer(asyncio.Protocol):
    """Collects a proxy's answer to CONNECT."""

    def __init__(self, answered: asyncio.Future[bytes]) -> None:
        self._answered = answered
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Collect until the blank line."""
        self._received += data
        if self._answered.done():
            return
        if b"\r\n\r\n" in self._received:
            self._answered.set_result(self._received)
        elif len(self._received) > MAX_PROXY_ANSWER_BYTES:
            self._answered.set_exception(OSError("the proxy's answer is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy hung up."""
        if not self._answered.done():
            self._answered.set_exception(exc or OSError("the proxy closed the connection"))


async def _through_proxy(connection: "UpstreamConnection", address: Address, proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    transport, protocol = await loop.create_connection(lambda: _ProxyAnswer(answered), proxy.host, proxy.port)
    try:
        target = f"{address.host}:{address.port}".encode()
        authorization = b"Proxy-Authorization: %b\r\n" % proxy.authorization if proxy.authorization else b""
        transport.write(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, target, authorization))
        answer = await answered
        first_line = answer.split(b"\r\n", 1)[0]
        if first_line.split(b" ")[1:2] != [b"200"]:
            msg = f"the proxy refused: {first_line.decode('latin-1')!r}"
            raise OSError(msg)  # noqa: TRY301 - `dial` maps it with the others
        if address.tls is None:
            upgraded: asyncio.BaseTransport | None = transport
            transport.set_protocol(connection)
        else:
            upgraded = await loop.start_tls(transport, protocol, address.tls, server_hostname=address.host)
        if upgraded is None:
            msg = "TLS through the proxy failed"
            raise OSError(msg)  # noqa: TRY301 - `dial` maps it with the others
        with contextlib.suppress(AttributeError):
            upgraded.set_protocol(connection)
        connection.connection_made(upgraded)
    except BaseException:
        transport.close()
        raise
