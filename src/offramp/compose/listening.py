"""The listening side: sockets, TLS, and how to stop accepting without losing a connection."""

import contextlib
import ctypes
import errno
import platform
import socket
import ssl
import struct

from offramp.config.model import Tls
from offramp.errors import ConfigError, UnavailableError

BACKLOG = 4096
_SO_ATTACH_FILTER = 26
"""Linux, asm-generic/socket.h."""
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""Classic BPF `ret 0`: drop the packet (linux/bpf_common.h, BPF_RET | BPF_K)."""


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UnavailableError: If the address is taken, forbidden or not this machine's; says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            msg = f"port {port} on {host} is taken by another program; end it or choose another one with --port"
        elif error.errno == errno.EACCES:
            msg = f"{where} needs more rights than this user has; choose a port above 1023"
        else:
            msg = f"cannot listen on {where}: {error.strerror or error}"
        raise UnavailableError(msg) from error
    listener.setblocking(False)  # noqa: FBT003 - the socket library's own signature
    return listener


def server_tls(part: Tls | None) -> ssl.SSLContext | None:
    """The context of the listening side; `None` for plain HTTP.

    Raises:
        ConfigError: If certificate or key cannot be used.
    """
    if part is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(part.cert, part.key)
    except (OSError, ssl.SSLError) as error:
        msg = f"listen.tls: {part.cert} and {part.key} cannot be used: {error}"
        raise ConfigError(msg) from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def let_nobody_in(listener: socket.socket) -> None:
    """Stop new connections while those that the kernel holds ready can still be accepted.

    A listening socket that is closed resets the connections that wait on it. So first a packet filter on the socket
    drops what arrives (a client's connect then waits, and fails cleanly once the socket is closed); the event loop
    accepts what was there before; then the socket is closed. On Linux; elsewhere the gap of a few microseconds stays.
    """
    if platform.system() != "Linux":
        return
    program = ctypes.create_string_buffer(_RETURN_NOTHING)
    option = struct.pack("HL" if struct.calcsize("P") == 8 else "HI", 1, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
