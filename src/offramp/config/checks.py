"""What no single value shows: names that refer to each other, and the rules on who may be served what.

The checks look at the plain tree and skip what has the wrong shape (that is reported elsewhere), so that a file with
mistakes of both kinds has all of them reported at once.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from offramp.config.document import Document
from offramp.config.model import LOOPBACK_HOST, Settings
from offramp.config.problems import KeyPath, did_you_mean, shortened
from offramp.config.upstreams import Upstream, engine_of
from offramp.wire.engine import Engine

Tree = Mapping[str, Any]

RESERVED = frozenset({"cache", "none"})
"""Names that mean something else in `x-offramp-tier`, metrics and ledger."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_KEY_VALUE = re.compile(r"[\x21-\x7e]+")
_KEY_EXPECTED = "expected a key without spaces, line breaks and special characters"
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host"}
    | {"keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "via"}
)
"""Headers that offramp itself writes or takes out."""


def prepared(tree: Tree, flags: Mapping[str, object], folder: Path) -> dict[str, Any]:
    """The tree with the command line's values put in, names of files made whole, and `x-…` notes left out."""
    result = {key: value for key, value in tree.items() if not key.startswith("x-")}
    if flags and isinstance(result.get("listen", {}), Mapping):
        result["listen"] = {**_mapping(result.get("listen")), **flags}
    for upstream in _mapping(result.get("upstreams")).values():
        if isinstance(upstream, dict) and isinstance(upstream.get("ca_bundle"), str):
            upstream["ca_bundle"] = str(folder / upstream["ca_bundle"])
    tls = _mapping(_mapping(result.get("listen")).get("tls"))
    if isinstance(tls, dict):
        tls.update({key: str(folder / tls[key]) for key in ("cert", "key") if isinstance(tls.get(key), str)})
    return result


def check(tree: Tree, document: Document) -> None:
    """Report everything that does not fit together."""
    for rule in (_upstreams, _routes, _models, _keys, _capture, _passthrough, _exposure, _ports, _files):
        rule(tree, document)


def warnings(document: Document, settings: Settings) -> list[str]:
    """What works, but is probably not meant."""
    found: list[str] = []
    used = {tier.name for route in settings.routes.values() for tier in route.tiers} | {settings.passthrough}
    for name, upstream in settings.upstreams.items():
        notes = list(_upstream_notes(name, upstream, settings))
        if name not in used:
            notes.append("is not used: no route and no `passthrough` names it")
        found.extend(f"{_where(document, ('upstreams', name))}upstreams.{name}: {note}" for note in notes)
        if upstream.api_key and ("upstreams", name, "api_key") not in document.written:
            where = _where(document, ("upstreams", name, "api_key"))
            found.append(f"{where}upstreams.{name}.api_key: the key stands here in clear; ${{NAME}} is safer")
    return found


def _where(document: Document, path: tuple[str, ...]) -> str:
    place = document.place(path)
    return f"{document.source}:{place.line}:{place.column}: " if place else ""


def _upstream_notes(name: str, upstream: Upstream, settings: Settings) -> Iterator[str]:
    for address in upstream.base_urls:
        if not urlsplit(address).path and upstream.engine is not Engine.AZURE:
            yield f"{address} has no path; it stands for /v1, so most engines need {address}/v1"
    public = any(not is_loopback(urlsplit(address).hostname or "") for address in upstream.base_urls)
    own_key = upstream.api_key or any(header.lower() in {"authorization", "api-key"} for header in upstream.headers)
    if public and not own_key and (settings.keys or settings.passthrough != name):
        yield "has no `api_key`, and the client's own key goes only to `passthrough`, and not with `keys`: it gets none"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on that host."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _upstreams(tree: Tree, document: Document) -> None:
    for name, upstream in _mapping(tree.get("upstreams")).items():
        path = ("upstreams", name)
        if name in RESERVED:
            document.report(path, f"'{shortened(name)}' has a meaning of its own; choose another name", key=True)
        if isinstance(upstream, Mapping):
            _upstream(upstream, path, document)


def _upstream(upstream: Tree, path: tuple[str, ...], document: Document) -> None:
    addresses = upstream.get("base_url")
    hosts = [_host(address) for address in ([addresses] if isinstance(addresses, str) else _list(addresses))]
    if upstream.get("verify") is False and not all(is_loopback(host) for host in hosts if host):
        document.report((*path, "verify"), "only an upstream on loopback may say false; use `ca_bundle` for an own CA")
    instances = _list(addresses)
    for index, address in enumerate(instances):
        if address in instances[:index]:
            document.report((*path, "base_url", index), "this address stands twice")
    _credentials(upstream, path, document)
    is_azure = (upstream.get("engine") or engine_of(addresses)) == Engine.AZURE
    v1 = all(str(address).rstrip("/").endswith("/v1") for address in instances or [addresses])
    if is_azure and not v1 and not upstream.get("api_version"):
        document.report(path, "Azure needs `api_version`, such as '2024-10-21' (or a base_url that ends in /openai/v1)")


def _credentials(upstream: Tree, path: tuple[str, ...], document: Document) -> None:
    key = upstream.get("api_key")
    if isinstance(key, str) and not _KEY_VALUE.fullmatch(key):
        document.report((*path, "api_key"), _KEY_EXPECTED)
    for name, value in _mapping(upstream.get("headers")).items():
        inner = (*path, "headers", name)
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            document.report(inner, "this is no name of a header", key=True)
        elif lower in _OWN_HEADERS or lower.startswith("x-offramp-"):
            document.report(inner, "offramp writes this header itself", key=True)
        elif lower in {"authorization", "api-key"} and key:
            document.report(inner, "is set by `api_key` already; keep one of them", key=True)
        if isinstance(value, str) and not _HEADER_VALUE.fullmatch(value):
            document.report(inner, "a header holds no line breaks and no special characters")


def _host(address: object) -> str:
    try:
        return (urlsplit(address).hostname or "") if isinstance(address, str) else ""
    except ValueError:
        return ""


def _routes(tree: Tree, document: Document) -> None:
    upstreams = _mapping(tree.get("upstreams"))
    for name, route in _mapping(tree.get("routes")).items():
        tiers = _list(_mapping(route).get("tiers"))
        path = ("routes", name)
        if name in RESERVED:
            document.report(path, f"'{shortened(name)}' has a meaning of its own; choose another name", key=True)
        for index in range(len(tiers)):
            _tier(tiers, (*path, "tiers", index), upstreams, document)


def _tier(tiers: list[Any], path: KeyPath, upstreams: Tree, document: Document) -> None:
    index = int(path[-1])
    tier = _mapping(tiers[index])
    upstream = tier.get("upstream")
    if "cache" in tier:
        if index == 0:
            document.report(path, "the cache remembers answers of the tiers before it, so it cannot be the first")
        elif index != len(tiers) - 1:
            document.report(path, "the cache always has an answer or none: it must be the last tier")
    elif isinstance(upstream, str) and upstream not in upstreams:
        document.report(
            (*path, "upstream"), f"'{shortened(upstream)}' is no upstream; {did_you_mean(upstream, upstreams)}"
        )
    elif tier in [_mapping(other) for other in tiers[:index]]:
        document.report(path, "the same tier stands before; trying it again changes nothing")


def _models(tree: Tree, document: Document) -> None:
    seen: dict[str, str] = {}
    for name, route in _mapping(tree.get("routes")).items():
        for index, model in enumerate(_list(_mapping(route).get("models"))):
            if not isinstance(model, str):
                continue
            path = ("routes", name, "models", index)
            if model in seen:
                where = "this route" if seen[model] == name else f"route '{seen[model]}'"
                document.report(path, f"'{shortened(model)}' stands in {where} already; a model belongs to one route")
            seen.setdefault(model, name)


def _keys(tree: Tree, document: Document) -> None:
    routes = _mapping(tree.get("routes"))
    digests: dict[str, int] = {}
    names: dict[str, int] = {}
    for index, entry in enumerate(_mapping(key) for key in _list(tree.get("keys"))):
        path = ("keys", index)
        token, name = entry.get("key"), entry.get("name")
        if isinstance(token, str) and token and not _KEY_VALUE.fullmatch(token):
            document.report((*path, "key"), _KEY_EXPECTED)
        digest = hashlib.sha256(token.encode()).hexdigest() if isinstance(token, str) else entry.get("key_sha256")
        if isinstance(digest, str) and digests.setdefault(digest, index) != index:
            document.report(path, f"this key stands in keys[{digests[digest]}] already")
        if isinstance(name, str) and names.setdefault(name, index) != index:
            document.report((*path, "name"), f"keys[{names[name]}] has this name already")
        for word in ("team", "feature", "name"):
            if entry.get(word) == "none":
                document.report((*path, word), "'none' stands for no name at all; choose another")
        for number, route in enumerate(_list(entry.get("routes"))):
            if isinstance(route, str) and route not in routes:
                text = f"'{shortened(route)}' is no route; {did_you_mean(route, routes)}"
                document.report((*path, "routes", number), text)


def _capture(tree: Tree, document: Document) -> None:
    known = {*_mapping(tree.get("routes")), "passthrough"}
    for number, route in enumerate(_list(_mapping(tree.get("capture")).get("routes"))):
        if isinstance(route, str) and route not in known:
            document.report(
                ("capture", "routes", number), f"'{shortened(route)}' is no route; {did_you_mean(route, known)}"
            )


def _passthrough(tree: Tree, document: Document) -> None:
    upstreams = _mapping(tree.get("upstreams"))
    name = tree.get("passthrough")
    if isinstance(name, str) and name not in upstreams:
        document.report(("passthrough",), f"'{shortened(name)}' is no upstream; {did_you_mean(name, upstreams)}")
    if name is None and upstreams and not _mapping(tree.get("routes")):
        document.report((), "nothing would be answered: name a route in `routes`, or an upstream in `passthrough`")


def _exposure(tree: Tree, document: Document) -> None:
    listen = _mapping(tree.get("listen"))
    host = listen.get("host", LOOPBACK_HOST)
    owners = [name for name, upstream in _mapping(tree.get("upstreams")).items() if _has_credential(_mapping(upstream))]
    if isinstance(host, str) and not is_loopback(host) and owners and not _list(tree.get("keys")):
        document.report(
            ("listen", "host"),
            f"whoever reaches {host} could spend the api_key of {', '.join(owners)}: name `keys` that clients need, "
            f"or listen on {LOOPBACK_HOST}",
        )
    admin_host = listen.get("admin_host", LOOPBACK_HOST)
    if isinstance(admin_host, str) and not is_loopback(admin_host) and not _mapping(tree.get("admin")).get("token"):
        document.report(
            ("listen", "admin_host"), f"{admin_host} is not loopback, so the admin port needs `admin.token`"
        )


def _has_credential(upstream: Tree) -> bool:
    names = {name.lower() for name in _mapping(upstream.get("headers"))}
    return bool(upstream.get("api_key")) or bool(names & {"authorization", "api-key", "x-api-key"})


def _ports(tree: Tree, document: Document) -> None:
    listen = _mapping(tree.get("listen"))
    port, admin_port = listen.get("port", 8484), listen.get("admin_port", 8485)
    if port == admin_port and port not in {0, "0"}:
        document.report(("listen", "admin_port"), f"{port} is the main port already; choose another")


def _files(tree: Tree, document: Document) -> None:
    wanted = [
        (("upstreams", name, "ca_bundle"), _mapping(upstream).get("ca_bundle"))
        for name, upstream in _mapping(tree.get("upstreams")).items()
    ]
    tls = _mapping(_mapping(tree.get("listen")).get("tls"))
    wanted += [(("listen", "tls", word), tls.get(word)) for word in ("cert", "key")]
    for path, name in wanted:
        if isinstance(name, str) and not Path(name).is_file():
            document.report(path, f"there is no file {name}")
