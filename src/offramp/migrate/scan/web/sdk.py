"""The OpenAI SDK and packages with its interface: clients, and the methods that are called on them."""

from collections.abc import Iterator
from dataclasses import dataclass

from offramp.migrate.scan.model import Client
from offramp.migrate.scan.web.callers import Callers, settled
from offramp.migrate.scan.web.libraries import (
    AZURE_METHODS,
    CLIENT_PACKAGES,
    CLIENTS,
    FOREIGN,
    METHODS,
    OLD_METHODS,
    PARTS,
    UNMISTAKABLE,
    WRAPPERS,
    package,
)
from offramp.migrate.scan.web.options import parameters_of, root_of
from offramp.migrate.scan.web.said import address_of, key_of
from offramp.migrate.scan.web.syntax import slice_of
from offramp.migrate.scan.web.use import Use, all_whole, argument, constructed, each_of, first, records
from offramp.migrate.scan.web.values import (
    Called,
    External,
    Made,
    Member,
    Parameter,
    Place,
    Value,
    options_of,
    spine,
)

ADDRESSES = ("baseURL", "baseUrl", "basePath", "endpoint", "openAIApiBase", "azureEndpoint", "url")
KEYS = ("apiKey", "openAIApiKey", "azureOpenAIApiKey", "azureADTokenProvider", "credential", "accessToken")
_INSTRUCTOR = "@instructor-ai/instructor"
_DEEPEST_WRAPPING = 4
_CALLED_ANYTHING = frozenset({"embeddings", "responses", "images", "moderations"})
"""Names that other libraries use as well: without a known client, only a model among the options tells."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A client: whose, and where it was made."""

    library: str
    package: str
    name: str
    place: Place | None

    @property
    def azure(self) -> bool:
        """Whether it talks to Azure."""
        return "Azure" in self.name or self.package == "@azure/openai"


def client_of(who: Callers, value: Value, depth: int = _DEEPEST_WRAPPING) -> Origin | None:
    """The client that a value is; `None` if it is none."""
    for each in settled(who, value):
        made = constructed(each)
        if made is None:
            continue
        external, place = made
        name = package(external.package)
        if isinstance(each, Made) and name in CLIENT_PACKAGES and external.name in CLIENTS:
            return Origin(CLIENT_PACKAGES[name], name, external.name, place)
        if isinstance(each, Made) and isinstance(each.callee, External) and name == _INSTRUCTOR:
            return _wrapped(who, place, "instructor", depth)
        if isinstance(each, Called) and (external.name in WRAPPERS or name == _INSTRUCTOR):
            return _wrapped(who, place, "instructor" if name == _INSTRUCTOR else "", depth)
    return None


def _wrapped(who: Callers, place: Place | None, library: str, depth: int) -> Origin | None:
    """The client inside a wrapper: its first argument, or the property `client` of it."""
    given = argument(place, 0) if place is not None else None
    if given is None or depth == 0:
        return None
    inner = first(records(who, given), "client") or given
    found = client_of(who, who.ev.value(inner), depth - 1)
    if found is None:
        return None
    return Origin(library or found.library, found.package, found.name, found.place)


def clients_at(who: Callers, place: Place) -> Iterator[Client]:
    """The client that `new` at a place makes, if it does."""
    for value in options_of(who.ev.value(place)):
        if isinstance(value, Made) and value.place is not None and value.place.node == place.node:
            origin = client_of(who, value)
            if origin is not None and origin.place is not None:
                yield client_at(who, origin.place, origin.library)


def settings_of(who: Callers, place: Place) -> list[dict[str, Place]]:
    """The options that a client is made with; nested ones count as well, since libraries differ."""
    found: list[dict[str, Place]] = []
    for index in (0, 1, 2):
        for options in records(who, argument(place, index)):
            inner = [nested for name in _HOLDERS if name in options for nested in records(who, options[name])]
            found += [options, *inner]
    inside = argument(place, 0)
    made = constructed(who.ev.value(inside)) if inside is not None else None
    if made is not None and made[0].name == "Configuration" and made[1] is not None:
        found += records(who, argument(made[1], 0))
    return found


_HOLDERS = ("configuration", "clientOptions", "client", "fields")


def client_at(who: Callers, place: Place, library: str) -> Client:
    """A client in the inventory's words."""
    options = settings_of(who, place)
    span = place.node.range().start
    shown = parameters_of(options[0]) if options else {}
    for name in (*ADDRESSES, *KEYS):
        shown.pop(name, None)
    return Client(
        file=place.module.path,
        line=span.line + 1,
        column=span.column + 1,
        library=library,
        base_url=address_of(who, first(options, *ADDRESSES)),
        api_key=key_of(who, first(options, *KEYS)),
        options=shown,
    )


def operation_of(path: tuple[str, ...]) -> str | None:
    """What a chain of names behind a client calls; `None` if nothing.

    >>> operation_of(("beta", "chat", "completions", "parse")), operation_of(("audio", "speech", "create"))
    ('chat.completions', 'audio.speech')
    """
    names = path[1:] if path[:1] == ("beta",) else path
    if names in METHODS:
        return METHODS[names]
    if len(names) == 1:
        return OLD_METHODS.get(names[0]) or AZURE_METHODS.get(names[0])
    if len(names) < 2 or names[0] not in PARTS:
        return None
    return f"audio.{names[1]}" if names[0] == "audio" else PARTS[names[0]]


def uses_at(who: Callers, place: Place, callee: Value) -> Use | None:
    """The use of the API that a call is, by what it calls."""
    for value in options_of(callee):
        for base, path in _splits(value):
            operation = operation_of(path)
            if operation is None:
                continue
            origin = client_of(who, base)
            if origin is not None or _is_unmistakable(who, place, value, path):
                return _use(who, place, operation, path, origin)
    return None


def _splits(value: Value) -> Iterator[tuple[Value, tuple[str, ...]]]:
    """The ways to part a chain of members into a client and what is called on it."""
    root, path = spine(value)
    if isinstance(root, Parameter):
        for cut in range(len(root.path) + 1):
            inner = Parameter(root.module, root.function, root.index, root.path[:cut], typed=root.typed)
            yield inner, (*root.path[cut:], *path)
        return
    for cut in range(len(path)):
        base: Value = root
        for name in path[:cut]:
            base = Member(base, name)
        yield base, path[cut:]


def _is_unmistakable(who: Callers, place: Place, value: Value, path: tuple[str, ...]) -> bool:
    names = path[1:] if path[:1] == ("beta",) else path
    if names not in UNMISTAKABLE:
        return False
    root = root_of(value)
    external = constructed(root)
    origin = root if isinstance(root, External) else external[0] if external is not None else root_of_made(root)
    if isinstance(origin, External) and FOREIGN.match(package(origin.package)):
        return False
    if names[0] in _CALLED_ANYTHING:
        return first(records(who, argument(place, 0)), "model") is not None
    if names[0] in {"threads", "assistants", "vectorStores", "fineTuning"}:
        function = place.node.field("function")
        said = slice_of(place.module.parsed, function, 200) if function is not None else ""
        return "beta" in path or "openai" in said.lower()
    return True


def root_of_made(value: Value) -> Value:
    """What the class of an object belongs to."""
    return root_of(value.callee) if isinstance(value, Made) else value


def _use(who: Callers, place: Place, operation: str, path: tuple[str, ...], origin: Origin | None) -> Use:
    method = path[-1]
    azure = method in AZURE_METHODS
    asked = argument(place, 2 if azure else 0)
    options = records(who, asked)
    models = each_of(options, "model", "engine")
    if azure:
        named = argument(place, 0)
        models = [named] if named is not None else []
    elif method in OLD_METHODS and not options:
        models = []
    made = origin.place if origin is not None else None
    base_url = address_of(who, first(settings_of(who, made), *ADDRESSES)) if made is not None else None
    use = Use(
        place=place,
        library=origin.library if origin is not None else "openai",
        operation=operation,
        options=options,
        is_whole=all_whole(who, asked),
        models=models,
        made=made,
        base_url=base_url,
        azure=azure or (origin is not None and origin.azure) or ".openai.azure.com" in (base_url or ""),
        packages=(origin.package, "openai") if origin is not None else ("openai",),
    )
    if method in {
        "stream",
        "streamChatCompletions",
        "streamCompletions",
        "createAndRunStream",
        "submitToolOutputsStream",
    }:
        use.features.add("streaming")
    if method in {"runTools", "runFunctions"}:
        use.features |= {"tools", "tool_history"}
    if method in OLD_METHODS:
        use.note = "openai before 4: go to `new OpenAI({ baseURL })` of 4 and newer"
    return use
