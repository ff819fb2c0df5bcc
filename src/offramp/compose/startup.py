"""What every way of serving does before it serves: options, log, hash key, and the refusal to call itself."""

import contextlib
import hashlib
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from offramp import __version__
from offramp.config.load import Loaded, load
from offramp.config.upstreams import Upstream
from offramp.errors import ConfigError, OfframpError
from offramp.store import hash_key as hash_keys
from offramp.telemetry.logs import Log

CLOSE_LEDGER_S = 5.0


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

    def encoded(self) -> str:
        """As an argument for a worker's command line; holds no secret."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return msgspec.json.encode(fields, enc_hook=str).decode()

    @classmethod
    def decoded(cls, text: str) -> "ServeOptions":
        """What `encoded` gave."""
        fields = msgspec.json.decode(text, type=dict[str, Any])
        paths = {
            "config": Path(fields["config"]) if fields["config"] is not None else None,
            "state_dir": Path(fields["state_dir"]),
        }
        return cls(**{**fields, **paths})

    def load(self) -> Loaded:
        """Read the configuration with the flags on top.

        Raises:
            ConfigError: With everything that is wrong.
        """
        return load(self.config, flags=self.flags)


def make_log(loaded: Loaded) -> tuple[Log, bool]:
    """The log that the configuration asks for, and whether every exchange is a line in it."""
    part = loaded.settings.log
    on_terminal = sys.stderr.isatty()
    human = part.format == "human" or (part.format == "auto" and on_terminal)
    exchanges = part.exchanges == "on" or (part.exchanges == "auto" and on_terminal)
    return Log(sys.stderr, "human" if human else "json", part.level), exchanges


def ledger_hash_key(loaded: Loaded, state_dir: Path, log: Log) -> bytes:
    """The key of the ledger's hashes: the configuration's, else the state folder's, else one for this run only."""
    configured = loaded.settings.ledger.hash_key
    if configured is not None:
        return hashlib.sha256(configured.reveal().encode()).digest()
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
    own = _addresses(host, port)
    for name, upstream in loaded.settings.upstreams.items():
        for url, place in _places(upstream):
            if place[1] == port and (own & _addresses(*place)):
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


def announce(log: Log, loaded: Loaded, *, port: int, state_dir: Path, workers: int) -> None:
    """Say where to connect, and what in the configuration is probably not meant."""
    settings = loaded.settings
    for warning in loaded.warnings:
        log.event("configuration", level="warning", problem=warning)
    host = settings.listen.host if ":" not in settings.listen.host else f"[{settings.listen.host}]"
    scheme = "https" if settings.listen.tls is not None else "http"
    log.event(
        "listening",
        base_url=f"{scheme}://{host}:{port}/v1",
        routes=len(settings.routes),
        upstreams=len(settings.upstreams),
        config=loaded.hash,
        source=str(loaded.source or "no file"),
        state=str(state_dir),
        workers=workers,
        version=__version__,
        pid=os.getpid(),
    )
    log.flush()


def stamps(loaded: Loaded) -> list[tuple[str, int, int]]:
    """When the configuration's files were last changed, to see that one of them was."""
    found: list[tuple[str, int, int]] = []
    for path in loaded.files:
        try:
            status = path.stat()
        except OSError:
            found.append((str(path), 0, 0))
        else:
            found.append((str(path), status.st_mtime_ns, status.st_size))
    return found
