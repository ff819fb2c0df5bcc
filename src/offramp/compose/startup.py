"""What every way of serving does before it serves: options, log, hash key, and the refusal to call itself."""

import contextlib
import hashlib
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from offramp.config.load import Loaded, load
from offramp.config.model import Listen, Settings
from offramp.config.upstreams import Upstream
from offramp.errors import ConfigError, OfframpError
from offramp.store import hash_key as hash_keys
from offramp.store.move_child import Keeping
from offramp.telemetry.logs import Log

if sys.platform != "win32":
    import resource

CLOSE_LEDGER_S = 5.0
MAX_OPEN_FILES = 1 << 20
FEW_CONNECTIONS = 512
"""Fewer are worth a word even where nobody asked for a number."""
OWN_FILES = 64
"""What a process has open beside connections, amply."""
INTERRUPTED = 130
"""Exit code of a process that was interrupted twice and did not finish what it had begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the command line says."""

    config: Path | None
    host: str | None
    port: int | None
    admin_host: str | None
    admin_port: int | None
    workers: int
    state_dir: Path

    @property
    def flags(self) -> Mapping[str, object]:
        """The flags that win over the file's `listen`."""
        return {
            "host": self.host,
            "port": self.port,
            "admin_host": self.admin_host,
            "admin_port": self.admin_port,
        }

    def load(self) -> Loaded:
        """Read the configuration with the flags on top.

        Raises:
            ConfigError: With everything that is wrong.
        """
        return load(self.config, flags=self.flags)

    def pinned(self, loaded: Loaded) -> "ServeOptions":
        """The same with the file that was found: if it vanishes, a reload must not fall back to serving without one."""
        return replace(self, config=loaded.source)

    def bound(self, listen: Listen) -> "ServeOptions":
        """The same with the addresses that are in use, whatever a file says now."""
        return replace(
            self,
            host=listen.host,
            port=listen.port,
            admin_host=listen.admin_host,
            admin_port=listen.admin_port,
        )


def allow_open_files(settings: Settings) -> list[str]:
    """Let this process, and the workers it starts, open as many files as the system allows it.

    Each client is one and each connection to an upstream another one; shells hand down 1024.

    Returns:
        What to say where the limits of the configuration cannot be reached.
    """
    if sys.platform == "win32":
        return []
    _, at_most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(at_most, MAX_OPEN_FILES), at_most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = settings.limits
    wanted = limits.connections if "connections" in limits.model_fields_set else FEW_CONNECTIONS
    if wanted + OWN_FILES <= allowed:
        return []
    msg = (
        f"the system allows {allowed} open files, too few for {wanted} connections of clients, each of which may need "
        "another one to an upstream: raise it (`ulimit -n`, LimitNOFILE=) or lower limits.connections"
    )
    return [msg]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a serving process speaks."""

    log: Log
    human: bool
    """For people, not for programs."""
    exchanges: bool
    """Every exchange is a line."""


def open_log(loaded: Loaded) -> Output:
    """The log that the configuration asks for."""
    part = loaded.settings.log
    on_terminal = sys.stderr.isatty()
    human = part.format == "human" or (part.format == "auto" and on_terminal)
    exchanges = part.exchanges == "on" or (part.exchanges == "auto" and on_terminal)
    log = Log(sys.stderr, "human" if human else "json", part.level)
    return Output(log=log, human=human, exchanges=exchanges)


def ledger_keeping(settings: Settings) -> Keeping:
    """When the ledger's hours move to its history, and how long single exchanges are kept."""
    return Keeping(after_h=settings.ledger.history_after_h, retention_days=settings.ledger.retention_days)


def ledger_hash_key(loaded: Loaded, state_dir: Path, log: Log) -> bytes:
    """The key of the ledger's hashes: the configuration's, else the state folder's, else one for this run only."""
    configured = loaded.settings.ledger.hash_key
    if configured is not None:
        return hashlib.sha256(configured.reveal().encode()).digest()
    if not loaded.settings.ledger.enabled:
        return secrets.token_bytes(32)
    try:
        return hash_keys.load_or_create(state_dir)
    except OfframpError as error:
        log.event("ledger", level="warning", problem=error.message)
        return secrets.token_bytes(32)


def refuse_own_address(loaded: Loaded, host: str, port: int) -> None:
    """Refuse to start where an upstream is this gateway itself.

    Raises:
        ConfigError: Naming the upstream, and what to set instead.
    """
    for name, upstream in loaded.settings.upstreams.items():
        for url, place in _places(upstream):
            if place[1] == port and _addresses(host, port) & _addresses(*place):
                msg = (
                    f"upstream {name!r} ({url}) is this gateway's own address, so requests would go round in circles; "
                    "set OFFRAMP_UPSTREAM or the upstream's base_url to the model server"
                )
                raise ConfigError(msg)


def _places(upstream: Upstream) -> list[tuple[str, tuple[str, int]]]:
    places: list[tuple[str, tuple[str, int]]] = []
    for url in upstream.base_urls:
        parts = urlsplit(url)
        places.append((url, (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))))
    return places


def _addresses(host: str, port: int) -> set[str]:
    """Addresses that a host means; those of every interface where it listens everywhere."""
    wildcard = host in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
    names = ["localhost", socket.gethostname()] if wildcard else [host]
    found: set[str] = {"127.0.0.1", "::1"} if wildcard else set()
    for name in names:
        with contextlib.suppress(OSError):
            found.update(str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    return found
