"""Opens the port of a simulated engine and serves it until it is told to stop."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable

from offramp.errors import UnavailableError
from offramp.upstream.simulated.connection import Connection
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.options import Options
from offramp.upstream.simulated.simulation import Simulation

BACKLOG = 4096


def new_loop() -> asyncio.AbstractEventLoop:
    """The loop of uvloop where that is installed, else the standard one."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UnavailableError: If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                f"port {port} on {host} is in use; choose another with --port, or 0 for a free one"
            ) from error
        raise UnavailableError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    listener.setblocking(False)  # noqa: FBT003 - its only argument
    return listener


async def start(options: Options, listener: socket.socket) -> tuple[asyncio.AbstractServer, Simulation]:
    """Begin to serve in the running loop; whoever starts it also closes the server.

    Raises:
        UsageError: If the hardware or the model is unknown, or does not fit.
    """
    loop = asyncio.get_running_loop()
    simulation = Simulation(Engine(options, loop))
    server = await loop.create_server(lambda: Connection(simulation, loop), sock=listener)
    return server, simulation


async def serve(options: Options, listener: socket.socket, ready: Callable[[Engine], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told when requests are answered.

    Raises:
        UsageError: If the hardware or the model is unknown, or does not fit.
    """
    server, simulation = await start(options, listener)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    ready(simulation.engine)
    await stop.wait()
    server.close()
    for connection in list(simulation.connections):
        connection.close()


def run(options: Options, host: str, port: int, ready: Callable[[Engine, int], None]) -> None:
    """Listen and serve until told to stop; `ready` learns the port.

    Raises:
        UnavailableError: If the address cannot be had.
        UsageError: If the hardware or the model is unknown, or does not fit.
    """
    listener = bind(host, port)
    bound: int = listener.getsockname()[1]
    loop = new_loop()
    try:
        loop.run_until_complete(serve(options, listener, lambda engine: ready(engine, bound)))
    finally:
        loop.close()
        listener.close()
