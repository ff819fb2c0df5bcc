"""The Vercel AI SDK and what is built on it: `generateText({ model: openai("gpt-4o") })` and the like.

A model is a value of its own there: made by a provider, wrapped, kept in a registry, or named in a text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.model import Client, Project
from offramp.migrate.scan.web.callers import Callers, Given
from offramp.migrate.scan.web.libraries import (
    CHAT,
    FOREIGN,
    OTHER_PROVIDERS,
    RESPONSES,
    VERCEL_CALLS,
    VERCEL_KINDS,
    VERCEL_PACKAGES,
    VERCEL_WRAPPERS,
    package,
)
from offramp.migrate.scan.web.options import root_of
from offramp.migrate.scan.web.said import address_of
from offramp.migrate.scan.web.sdk import client_at
from offramp.migrate.scan.web.use import Use, argument, ask, each_of, first, records
from offramp.migrate.scan.web.values import (
    Called,
    Environment,
    External,
    Instance,
    Literal,
    Made,
    Place,
    Record,
    Value,
    options_of,
    spine,
)

_OPENAI = "@ai-sdk/openai"
_PROVIDERS = frozenset({_OPENAI, "@ai-sdk/azure", "@ai-sdk/openai-compatible", "@openrouter/ai-sdk-provider"})
_LOOKS_UP = frozenset({"languageModel", "textEmbeddingModel", "embeddingModel", "imageModel", "transcriptionModel"})
_REGISTRIES = frozenset(
    {"createProviderRegistry", "experimental_createProviderRegistry", "customProvider", "experimental_customProvider"}
)
_RESPONSES_SINCE = 2
"""From this version on `openai("…")` of @ai-sdk/openai asks the Responses API."""
_DEEPEST = 5
_NOTE = (
    "make the provider with createOpenAI({ baseURL }) and ask openai.chat(…) unless the target has the Responses API"
)


@dataclass(slots=True)
class _Models:
    """The models that a call may ask for."""

    ours: list["_Model"] = field(default_factory=list)
    foreign: int = 0
    unknown: int = 0
    callers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Model:
    place: Place | None
    """The expression that names it."""
    name: str = ""
    """The name, where it stands in a text with the provider's."""
    operation: str = ""
    made: Place | None = None
    origin: str = ""
    package: str = _OPENAI


def use_at(who: Callers, place: Place, callee: Value) -> Use | None:
    """The use that a call of the SDK, or `new` of one of its agents, is."""
    for value in options_of(callee):
        known = VERCEL_CALLS.get(value.name) if isinstance(value, External) else None
        if known is not None and isinstance(value, External) and _is_of_sdk(package(value.package)):
            return _use(who, place, known)
    return None


def _is_of_sdk(name: str) -> bool:
    return name in VERCEL_PACKAGES or name.startswith(("@mastra/core/", "@xsai/"))


def handed_at(who: Callers, place: Place, callee: Value) -> Use | None:
    """The use that a provider's model is which is handed straight to another library."""
    for value in options_of(callee):
        provider = _provider(value)
        if provider is None or not _is_handed_on(who, place):
            continue
        name, names, made = provider
        model = _Model(
            argument(place, 0), operation=VERCEL_KINDS.get(names[-1] if names else "", ""), made=made, package=name
        )
        use = Use(place=place, library="vercel-ai", operation=CHAT, packages=("ai",))
        _settle(who, use, [model])
        return use
    return None


def _is_handed_on(who: Callers, place: Place) -> bool:
    """Whether an expression is an argument, or a property of one, of a call of a library that is not the SDK."""
    node = place.node.parent()
    for _ in range(_DEEPEST_ARGUMENT):
        if node is None or node.kind() not in _INSIDE_ARGUMENTS:
            break
        node = node.parent()
    callee = node.field("function") or node.field("constructor") if node is not None else None
    if callee is None:
        return False
    roots = [root_of(each) for each in options_of(who.ev.value(Place(place.module, callee)))]
    named = [package(root.package) for root in roots if isinstance(root, External)]
    return any(not _is_of_sdk(name) and name not in _PROVIDERS for name in named) and not any(
        isinstance(root, External) and root.name in VERCEL_WRAPPERS for root in roots
    )


_DEEPEST_ARGUMENT = 6
_INSIDE_ARGUMENTS = frozenset({"arguments", "pair", "object", "as_expression", "parenthesized_expression", "array"})


def _use(who: Callers, place: Place, known: tuple[str, tuple[str, ...]]) -> Use | None:
    operation, features = known
    asked = argument(place, 0)
    options = records(who, asked)
    models = _Models()
    for named in each_of(options, "model"):
        _collect(who, who.expand(who.ev.value(named)), named, models, _DEEPEST)
    if not models.ours and models.foreign and not models.unknown:
        return None
    use = Use(place=place, library="vercel-ai", operation=operation, options=options, packages=("ai",))
    ask(use, who, asked)
    use.callers = (*use.callers, *dict.fromkeys(models.callers))
    use.features |= set(features)
    address = first(options, "baseURL")
    use.base_url = address_of(who, address) if address is not None else None
    _settle(who, use, models.ours)
    return use


def provider_at(who: Callers, place: Place) -> Client | None:
    """The provider that a call makes: `createOpenAI({ … })`."""
    callee = place.node.field("function")
    if place.node.kind() != "call_expression" or callee is None or not callee.is_leaf():
        return None
    for value in options_of(who.ev.value(Place(place.module, callee))):
        if isinstance(value, External) and value.name.startswith("create") and package(value.package) in _PROVIDERS:
            return client_at(who, place, "vercel-ai")
    return None


def _settle(who: Callers, use: Use, models: list[_Model]) -> None:
    use.models = [model.place for model in models if model.place is not None]
    use.named = tuple((model.name, model.origin) for model in models if model.name)
    if not models:
        return
    chosen = models[0]
    said = next((model.operation for model in models if model.operation), "")
    if said and use.operation != "images":
        use.operation = said
    elif use.operation == CHAT and chosen.package == _OPENAI and _since(who) >= _RESPONSES_SINCE:
        use.operation = RESPONSES
    use.made = next((model.made for model in models if model.made is not None), None)
    if use.made is not None:
        use.base_url = address_of(who, first(records(who, argument(use.made, 0)), "baseURL", "baseUrl"))
    use.azure = chosen.package == "@ai-sdk/azure"
    if use.made is None and chosen.package == _OPENAI and not chosen.name:
        use.note = _NOTE


def _since(who: Callers) -> int:
    version = who.ev.project.version_of(_OPENAI)
    if version.startswith(("catalog:", "workspace:")):
        version = who.ev.project.index(_catalogued)
    version = version.lstrip("^~>=<v ")
    number = version.partition(".")[0]
    if number.isdecimal():
        return int(number)
    return _RESPONSES_SINCE if version in {"latest", "beta", "*"} else 0


def _catalogued(project: Project) -> str:
    """The version that a catalogue of the workspace gives; empty without one."""
    for path, source in project.sources.items():
        if path.rpartition("/")[2] in {"pnpm-workspace.yaml", "package.json"} and "catalog" in source.text:
            found = _LISTED.search(source.text)
            if found is not None:
                return found["version"]
    return ""


_LISTED = re.compile(r"@ai-sdk/openai[\"']?\s{0,4}:\s{0,4}[\"']?(?P<version>[\^~]?\d[\w.-]{0,40})")


def _collect(who: Callers, given: list[Given], named: Place, found: _Models, depth: int) -> None:
    for each in given:
        found.callers += [each.caller] if each.caller else []
        value = each.value
        if isinstance(value, Literal) and isinstance(value.value, str):
            _take_text(value.value, each.origin, found)
        elif isinstance(value, Environment):
            found.ours.append(_Model(named))
        elif isinstance(value, Called) and depth > 0:
            _take_call(who, value, named, found, depth)
        elif _is_foreign(value) or isinstance(value, (Record, Instance)):
            # A model of one's own making is a stand-in for tests.
            found.foreign += 1
        else:
            found.unknown += 1


def _take_text(text: str, origin: str, found: _Models) -> None:
    """A model with its provider: `openai/gpt-4o` of the gateway, `openai:gpt-4o` of a registry."""
    provider, _, name = text.replace(":", "/", 1).partition("/")
    if OTHER_PROVIDERS.match(text):
        found.foreign += 1
    else:
        shown = name if provider in {"openai", "azure"} and name else text
        found.ours.append(_Model(None, shown, origin=origin or "literal", package="gateway"))


def _is_foreign(value: Value) -> bool:
    root = root_of(value)
    root = root_of(root.callee) if isinstance(root, Made) else root
    if not isinstance(root, External):
        return False
    name = package(root.package)
    return FOREIGN.match(name) is not None and name not in _PROVIDERS


def _take_call(who: Callers, call: Called, named: Place, found: _Models, depth: int) -> None:
    provider = _provider(call.callee)
    if provider is not None:
        name, names, made = provider
        kind = names[-1] if names else ""
        found.ours.append(
            _Model(argument(call.place, 0), operation=VERCEL_KINDS.get(kind, ""), made=made, package=name)
        )
        return
    root, path = spine(call.callee)
    if isinstance(root, External) and root.name in {"gateway", "createGateway"}:
        _take_named(who, call, found)
    elif isinstance(root, External) and not path and root.name in VERCEL_WRAPPERS:
        _take_wrapped(who, call, named, found, depth)
    elif isinstance(root, Called) and path and path[-1] in _LOOKS_UP and isinstance(root.callee, External):
        _take_listed(who, root, call, named, found, depth)
    elif _is_foreign(call):
        found.foreign += 1
    else:
        found.unknown += 1


def _provider(callee: Value) -> tuple[str, tuple[str, ...], Place | None] | None:
    """The provider's package, the names behind it, and where it was made; `None` if it cannot be OpenAI's."""
    root, path = spine(callee)
    made: Place | None = None
    if isinstance(root, (Called, Made)) and isinstance(root.callee, External) and root.callee.name.startswith("create"):
        made, root = root.place, root.callee
    if not isinstance(root, External) or package(root.package) not in _PROVIDERS:
        return None
    return package(root.package), path, made


def _take_named(who: Callers, call: Called, found: _Models) -> None:
    """A model of the gateway, which is named with its provider."""
    wanted = argument(call.place, 0)
    names = list(_names(who, wanted)) if wanted is not None else []
    for name in names:
        _take_text(name, "literal", found)
    found.unknown += not names


def _take_wrapped(who: Callers, call: Called, named: Place, found: _Models, depth: int) -> None:
    inner = argument(call.place, 0)
    for place in each_of(records(who, inner), "model") or ([inner] if inner is not None else []):
        _collect(who, who.expand(who.ev.value(place)), named, found, depth - 1)


def _take_listed(who: Callers, registry: Called, call: Called, named: Place, found: _Models, depth: int) -> None:
    """A model out of a registry or a provider of one's own, by its name there."""
    wanted = argument(call.place, 0)
    callee = registry.callee
    if not isinstance(callee, External) or callee.name not in _REGISTRIES or wanted is None:
        found.unknown += 1
        return
    options = records(who, argument(registry.place, 0))
    for name in _names(who, wanted):
        for listed in _listed(who, options, name):
            _collect(who, who.expand(who.ev.value(listed)), named, found, depth - 1)
            break
        else:
            _take_text(name, "literal", found)


def _names(who: Callers, wanted: Place) -> Iterator[str]:
    for given in who.expand(who.ev.value(wanted)):
        if isinstance(given.value, Literal) and isinstance(given.value.value, str):
            yield given.value.value


def _listed(who: Callers, options: list[dict[str, Place]], name: str) -> Iterator[Place]:
    for given in options:
        for group in ("languageModels", "textEmbeddingModels", "embeddingModels", "imageModels"):
            for models in records(who, given[group]) if group in given else ():
                if name in models:
                    yield models[name]
