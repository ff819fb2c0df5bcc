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
_LOAD_BYTE, _JUMP_IF_ANY, _RETURN = 0x30, 0x45, 0x06
"""Classic BPF (linux/bpf_common.h): BPF_LD|BPF_B|BPF_ABS, BPF_JMP|BPF_JSET|BPF_K, BPF_RET|BPF_K."""
_FLAGS_AT, _SYN = 13, 0x02
"""RFC 9293, 3.1: the byte with the control bits in a TCP header, and the one that asks for a connection."""
_DROP_SYN = (
    (_LOAD_BYTE, 0, 0, _FLAGS_AT),
    (_JUMP_IF_ANY, 0, 1, _SYN),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)


def authority(host: str, port: int) -> str:
    """Host and port as they stand in a URL; IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
        where = authority(host, port)
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


def renew_tls(context: ssl.SSLContext | None, part: Tls | None) -> None:
    """Show the present certificate to whoever connects from now on: certificates are renewed under the same name.

    Raises:
        ConfigError: If certificate or key cannot be used; then the old one is shown.
    """
    if context is not None and part is not None:
        server_tls(part)
        context.load_cert_chain(part.cert, part.key)


def let_nobody_in(listener: socket.socket) -> None:
    """Stop new connections while those that the kernel holds ready can still be accepted.

    A listening socket that is closed resets the connections that wait on it. So first a packet filter on the socket
    drops requests for a connection (the client's connect then waits, and fails cleanly once the socket is closed);
    handshakes under way are completed, the event loop accepts what is there; then the socket is closed. On Linux;
    elsewhere the gap of a few microseconds stays.
    """
    if platform.system() != "Linux":
        return
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    program = ctypes.create_string_buffer(instructions, len(instructions))
    option = struct.pack("HL" if struct.calcsize("P") == 8 else "HI", len(_DROP_SYN), ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
