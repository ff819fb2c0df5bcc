"""Requests without a library: `fetch`, axios and others with an address that ends in a path of the API."""

import re

from offramp.migrate.scan.web.callers import Callers
from offramp.migrate.scan.web.libraries import (
    CHAT,
    EMBEDDINGS,
    FOREIGN,
    FOREIGN_HOSTS,
    HTTP_CALLS,
    HTTP_PATHS,
    MODELS,
    package,
)
from offramp.migrate.scan.web.options import root_of
from offramp.migrate.scan.web.records import properties
from offramp.migrate.scan.web.said import address_of
from offramp.migrate.scan.web.syntax import arguments, slice_of
from offramp.migrate.scan.web.use import Use, all_whole, argument, ask, each_of, first, records
from offramp.migrate.scan.web.values import (
    Callable,
    Called,
    Choice,
    Environment,
    External,
    Literal,
    Made,
    Member,
    Parameter,
    Place,
    Record,
    Template,
    Value,
    joined,
    options_of,
)
from offramp.telemetry.redact import redact

_ADDRESS = re.compile(r"^(?P<base>https?://[^?#]{1,300}?)/?$")
_BODIES = ("body", "data", "json", "payload", "form")
_URLS = ("url", "uri", "path")
_SERVER = frozenset(
    {"app", "router", "server", "fastify", "mock", "nock", "http", "rest", "scope", "interceptor", "route"}
)
"""Names before `.post(…)` that take requests rather than send them."""


def use_at(who: Callers, place: Place, callee: Value, name: str) -> Use | None:
    """The use that a call is which sends a request to a path of the API."""
    own = [each for each in options_of(callee) if isinstance(each, Callable)]
    if name not in HTTP_CALLS and not any(_sends(each) for each in own):
        return None
    given = [Place(place.module, node, place.frame) for node in arguments(place.node)[:4]]
    if not given or _takes_requests(who, callee, given):
        return None
    base = _base_of(who, callee) or _host_of(who, given) or " ".join(each.function.name for each in own)
    found: dict[str, Value] = {}
    for address in (*(given if own else given[:1]), *_in_options(who, given)):
        for said in _addresses(who, address):
            value = _joined_to(base, said)
            operation = operation_at(value, base=base)
            if operation == MODELS and not _lists_openai_models(_written(value), base, place):
                continue
            if operation is not None:
                found.setdefault(operation, value)
    if not found:
        return None
    operation = CHAT if CHAT in found else next(iter(found))
    return _use(who, place, operation, found[operation], given)


def _joined_to(base: str, address: Value) -> Value:
    """A path behind its client's base address."""
    path = address.value if isinstance(address, Literal) else None
    if not base.startswith("http") or not isinstance(path, str) or path.startswith("http"):
        return address
    return Literal(f"{base.rstrip('/')}/{path.lstrip('/')}".rstrip("/"))


def _lists_openai_models(address: str, base: str, place: Place) -> bool:
    """Whether OpenAI's models are asked for: others have the same path, some of them below `/openai`."""
    host = address.split("/")[2] if address.startswith(("https://", "http://")) else ""
    said = host if host and not host.startswith(_HOLE) else f"{address} {base} {_around(place)}"
    return "openai" in said.lower()


def _around(place: Place) -> str:
    """Names that say whose list of models is asked for: of the file, and of variables in the call."""
    return f"{place.module.path} {slice_of(place.module.parsed, place.node, 300)}"


def _in_options(who: Callers, given: list[Place]) -> list[Place]:
    """Addresses among options: `axios({ url, data })`."""
    values = (value for place in given[:2] for value in options_of(who.ev.value(place)))
    return each_of([properties(who.ev, value) for value in values if isinstance(value, Record)], *_URLS)


def _host_of(who: Callers, given: list[Place]) -> str:
    """The host among options: `https.request({ hostname, path })`."""
    values = (value for place in given[:2] for value in options_of(who.ev.value(place)))
    options = [properties(who.ev, value) for value in values if isinstance(value, Record)]
    place = first(options, "hostname", "host")
    return address_of(who, place) or "" if place is not None else ""


def _addresses(who: Callers, place: Place) -> list[Value]:
    """What an address can be. Who hands it on from a parameter is no call site: those who give it are."""
    found: list[Value] = []
    for each in options_of(who.ev.value(place)):
        if isinstance(each, Parameter) and each.default is not None:
            found += options_of(each.default)
        elif isinstance(each, Template) and isinstance(each.parts[-1], Choice):
            found += (joined((*each.parts[:-1], last)) for last in each.parts[-1].options)
        else:
            found.append(each)
    return found


def _sends(own: Callable) -> bool:
    """Whether a function of the project sends a request."""
    return _SENDING.search(slice_of(own.module.parsed, own.function.node, _MOST_READ)) is not None


_SENDING = re.compile(r"(?:fetch\w*|axios|\bgot|\bky|\brequest(?:url)?|\.post)\(|\bhttps?\.", re.IGNORECASE)
_MOST_READ = 20_000


def _base_of(who: Callers, callee: Value) -> str:
    """The base address of a client, such as `axios.create({ baseURL })`, as far as it is known; empty without one."""
    for each in options_of(callee):
        of = each.of if isinstance(each, Member) else each
        if isinstance(of, (Called, Made)) and of.place is not None:
            place = first(records(who, argument(of.place, 0)), "baseURL", "prefixUrl", "baseUrl")
            if place is not None:
                return address_of(who, place) or _HOLE
    return ""


def _takes_requests(who: Callers, callee: Value, given: list[Place]) -> bool:
    """Whether it is a server's route or a test's stand-in, which answer requests."""
    if any(isinstance(each, Callable) for place in given[1:] for each in options_of(who.ev.value(place))):
        return True
    for each in options_of(callee):
        root = root_of(each)
        root = root_of(root.callee) if isinstance(root, Made) else root
        if isinstance(root, External) and FOREIGN.match(package(root.package)):
            return True
    return False


def operation_at(address: Value, *, base: str = "") -> str | None:
    """What an address asks for; `None` if it is not a path of the API.

    Args:
        address: As far as it is known.
        base: What it may be relative to: an address, or the name of the function that is called; empty for nothing.
    """
    text = _written(address)
    if not text or FOREIGN_HOSTS.match(text):
        return None
    if isinstance(address, Literal) and not text.startswith(("http://", "https://")) and not base:
        return None
    path = text.partition("?")[0].rstrip(f"/{_HOLE}")
    for end, operation in HTTP_PATHS:
        short = end.removeprefix("v1/")
        if path.endswith(f"/{end}") or path == end or (path.lstrip("/") == short and "openai" in base.lower()):
            return operation if _is_openai_like(path, base, operation) else None
    return None


def _written(address: Value) -> str:
    """An address as far as it is known, with a mark for each part that is not."""
    if isinstance(address, Template):
        return "".join(part if isinstance(part, str) else _HOLE for part in address.parts)
    return address.value if isinstance(address, Literal) and isinstance(address.value, str) else ""


_HOLE = "\0"


def _is_openai_like(path: str, base: str, operation: str) -> bool:
    """Whether a short path is the API's: many services have `/embeddings` and `/moderations`."""
    if operation in {EMBEDDINGS, "moderations", "images"}:
        return "v1/" in path or "openai" in f"{path} {base}".lower() or path.startswith(_HOLE)
    return True


def _use(who: Callers, place: Place, operation: str, address: Value, given: list[Place]) -> Use:
    options: list[dict[str, Place]] = []
    asked: Place | None = None
    for each in given[1:] or given:
        for outer in records(who, each):
            inner = first([outer], *_BODIES)
            options += records(who, inner) if inner is not None else [outer]
            asked = inner or asked
            if inner is not None and not records(who, inner):
                options.append({name: value for name, value in outer.items() if name == "headers"})
    use = Use(place=place, library="http", operation=operation, options=options, models=each_of(options, "model"))
    ask(use, who, asked or (given[1] if len(given) > 1 else None))
    use.is_whole = all_whole(who, asked)
    use.base_url = _base(address)
    use.azure = use.base_url is not None and ".openai.azure.com" in use.base_url
    return use


def _base(address: Value) -> str | None:
    """The address without the operation's path."""
    if isinstance(address, Template):
        for part in address.parts:
            if isinstance(part, Environment):
                return f"environment {part.name}"
        beginning = address.parts[0] if address.parts else ""
        text = beginning if isinstance(beginning, str) and beginning.startswith("http") else ""
    else:
        text = str(address.value).partition("?")[0] if isinstance(address, Literal) else ""
    for end, _ in HTTP_PATHS:
        short = end.removeprefix("v1/")
        text = text.removesuffix(f"/{short}")
    found = _ADDRESS.match(text)
    return redact(found["base"]) if found else None
