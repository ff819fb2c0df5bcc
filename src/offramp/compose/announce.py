"""The first lines of `offramp serve`: where to connect and what to do next; then what is probably not meant."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from offramp import __version__
from offramp.compose.listening import authority
from offramp.compose.startup import Output
from offramp.config.load import Loaded
from offramp.config.model import Settings

SHOWN_ROUTES = 8
SHOWN_NAMES = 4
DEFAULT_STATE = Path(".offramp")
_LABEL_WIDTH = 14
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Addresses that mean all of a machine's, and the one that a client on it is given."""


def base_url(settings: Settings, port: int) -> str:
    """What a client is given; where the gateway listens everywhere, this machine's loopback stands for it."""
    host = _EVERYWHERE.get(settings.listen.host, settings.listen.host)
    scheme = "https" if settings.listen.tls is not None else "http"
    return f"{scheme}://{authority(host, port)}/v1"


def announce(
    output: Output, loaded: Loaded, *, port: int, state_dir: Path, workers: int, warnings: Iterable[str]
) -> None:
    """Say that the gateway serves.

    Args:
        output: Where to say it.
        loaded: The configuration in use.
        port: The main port.
        state_dir: Where the ledger is.
        workers: How many processes serve.
        warnings: What works, but is probably not meant.
    """
    settings, log = loaded.settings, output.log
    if output.human:
        sys.stderr.write(greeting(loaded, port=port, state_dir=state_dir, workers=workers))
        sys.stderr.flush()
    else:
        log.event(
            "listening",
            base_url=base_url(settings, port),
            host=settings.listen.host,
            port=port,
            routes=len(settings.routes),
            upstreams=len(settings.upstreams),
            config=loaded.hash,
            source=str(loaded.source or "no file"),
            state=str(state_dir) if settings.ledger.enabled else None,
            capture_share=settings.capture.share,
            workers=workers,
            version=__version__,
            pid=os.getpid(),
        )
    for warning in (*loaded.warnings, *warnings):
        log.event("configuration", level="warning", problem=warning)
    log.flush()


def announce_stop(output: Output, connections: int) -> None:
    """Say that the gateway ends, and to a person how to make it end sooner."""
    if output.human and connections:
        output.log.event("stopping", connections=connections, hint="Ctrl-C again does not wait for them")
    else:
        output.log.event("stopping", connections=connections)
    output.log.flush()


def greeting(loaded: Loaded, *, port: int, state_dir: Path, workers: int) -> str:
    """The same for a person: aligned lines, and an empty one after them."""
    settings = loaded.settings
    parts = [
        ("connect", _connect(settings, port)),
        ("key", [_key(settings)]),
        ("models", _models(settings)),
        ("configuration", [_source(loaded)]),
        ("ledger", [_ledger(settings, state_dir)]),
        *([("captures", [_captures(settings)])] if settings.capture.share else []),
        ("stop", ["Ctrl-C"]),
    ]
    lines = [
        f"  {label if index == 0 else '':<{_LABEL_WIDTH}} {text}"
        for label, texts in parts
        for index, text in enumerate(texts)
    ]
    processes = f" with {workers} workers" if workers > 1 else ""
    return "\n".join([f"offramp {__version__} is listening{processes}", "", *lines, "", ""])


def _captures(settings: Settings) -> str:
    capture = settings.capture
    routes = "" if capture.routes is None else f" on {_listed(capture.routes)}"
    return f"{capture.share:.1%} of what is said{routes} is kept for {capture.retention_days:g} days, masked"


def _connect(settings: Settings, port: int) -> list[str]:
    url, host = base_url(settings, port), settings.listen.host
    lines = [f"OPENAI_BASE_URL={url} in your application's environment, or base_url in its code"]
    if host in _EVERYWHERE:
        lines.append(f"from elsewhere: port {port} of every address of this machine")
    return lines


def _key(settings: Settings) -> str:
    if settings.keys:
        teams = sorted({key.team for key in settings.keys})
        which = f"one of the {len(settings.keys)}" if len(settings.keys) > 1 else "the one"
        return f"{which} in the configuration ({_listed(teams)})"
    passed = settings.upstreams.get(settings.passthrough or "")
    if passed is not None and passed.api_key is None:
        return f"your application's own; it goes to {settings.passthrough} and nowhere else"
    return "any: no `keys` are configured"


def _models(settings: Settings) -> list[str]:
    lines = [
        f"{_listed(route.models)} → {', then '.join(tier.name for tier in route.tiers)}"
        for route in list(settings.routes.values())[:SHOWN_ROUTES]
    ]
    more = len(settings.routes) - SHOWN_ROUTES
    if more > 0:
        lines.append(f"and {more} more routes")
    if settings.passthrough is not None:
        urls = settings.upstreams[settings.passthrough].base_urls
        lines.append(f"{'all others' if lines else 'all'} → {settings.passthrough} ({_listed(urls)})")
    return lines


def _source(loaded: Loaded) -> str:
    if loaded.source is None:
        return "none needed; `offramp init` writes one"
    return f"{loaded.source}, read again when it changes"


def _ledger(settings: Settings, state_dir: Path) -> str:
    if not settings.ledger.enabled:
        return "off (`ledger.enabled: false`)"
    option = "" if state_dir == DEFAULT_STATE else f" --state {state_dir}"
    return f"`offramp ledger{option}` shows what was asked and what it cost"


def _listed(names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:SHOWN_NAMES]), len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
