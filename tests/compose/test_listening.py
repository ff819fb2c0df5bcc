"""Opening the port, and shutting the door without shutting anybody out who stands in it."""

import errno
import select
import socket
import sys
from pathlib import Path

import pytest

from offramp.compose.listening import let_nobody_in, open_socket, renew_tls, server_tls
from offramp.config.model import Tls
from offramp.errors import ConfigError, UnavailableError

LOOPBACK = "127.0.0.1"


def test_a_taken_port_is_one_clear_sentence() -> None:
    """The most frequent error of a first start."""
    with open_socket(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"port {port} on 127.0.0.1 is taken .* choose another one"):
            open_socket(LOOPBACK, port)


def test_an_address_of_another_machine_is_named() -> None:
    """Typing mistakes and copied configurations."""
    with pytest.raises(UnavailableError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        open_socket("192.0.2.1", 0)


def test_ipv6_is_listened_on() -> None:
    """`::1` is what `localhost` means on many machines."""
    with open_socket("::1", 0) as listener, socket.create_connection(("::1", listener.getsockname()[1])):
        assert listener.family == socket.AF_INET6


@pytest.mark.skipif(sys.platform != "linux", reason="the packet filter is Linux's")
@pytest.mark.parametrize("host", [LOOPBACK, "::1"])
def test_who_waits_at_the_door_is_let_in_and_who_comes_later_is_not(host: str) -> None:
    """Closing the socket at once would reset those that the kernel has accepted and the process has not."""
    with open_socket(host, 0) as listener, socket.create_connection((host, listener.getsockname()[1])) as waiting:
        let_nobody_in(listener)
        late = socket.socket(listener.family)
        late.settimeout(0)
        began = late.connect_ex((host, listener.getsockname()[1]))
        accepted, _ = listener.accept()
        waiting.sendall(b"still here")

        with accepted, late:
            accepted.settimeout(5)
            assert accepted.recv(20) == b"still here"
            assert began == errno.EINPROGRESS
            assert select.select([listener], [late], [], 0.2) == ([], [], [])


@pytest.mark.skipif(sys.platform != "linux", reason="the packet filter is Linux's")
def test_a_connection_that_stands_goes_on_behind_the_shut_door() -> None:
    """The filter sees every packet of the listening socket, and must drop none but requests for a connection."""
    with open_socket(LOOPBACK, 0) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted = _accepted(listener)
        let_nobody_in(listener)
        client.sendall(b"ping")

        with accepted:
            assert accepted.recv(10) == b"ping"


def test_without_tls_there_is_no_context() -> None:
    """Plain HTTP is the default: a load balancer does TLS."""
    assert server_tls(None) is None
    renew_tls(None, None)


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """At the start it ends the start, at a reload the old one stays."""
    (tmp_path / "cert.pem").write_text("no certificate")
    part = Tls(cert=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))

    with pytest.raises(ConfigError, match=r"listen.tls: .*cert.pem and .*key.pem cannot be used"):
        server_tls(part)


def _accepted(listener: socket.socket) -> socket.socket:
    select.select([listener], [], [], 5)
    accepted, _ = listener.accept()
    accepted.settimeout(5)
    return accepted
