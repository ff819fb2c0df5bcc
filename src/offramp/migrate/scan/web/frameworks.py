"""Frameworks whose models are made once and called elsewhere: the place where one is made is the call site."""

from collections.abc import Iterator

from offramp.migrate.scan.web.callers import Callers, settled
from offramp.migrate.scan.web.libraries import LATER_FEATURES, OTHER_PROVIDERS, Maker, maker, package
from offramp.migrate.scan.web.module import Module
from offramp.migrate.scan.web.said import address_of
from offramp.migrate.scan.web.sdk import ADDRESSES, settings_of
from offramp.migrate.scan.web.use import Use, argument, ask, each_of, first
from offramp.migrate.scan.web.values import Called, Choice, ClassOf, External, Literal, Made, Place, Value, options_of

_MOST_BASES = 6


def use_at(who: Callers, place: Place, callee: Value) -> Use | None:
    """The use that making a model at a place is."""
    for value in settled(who, callee) if place.node.kind() == "new_expression" else options_of(callee):
        external = _based_on(who, value) if isinstance(value, ClassOf) else value
        if isinstance(external, External):
            made = maker(external.package, external.name)
            if made is not None and _is_made_so(place, external.name):
                return _use(who, place, made, external)
    return None


def _based_on(who: Callers, value: Value) -> Value:
    """The library's class that a class of the project extends."""
    for _ in range(_MOST_BASES):
        if not isinstance(value, ClassOf) or value.of.base is None:
            break
        value = who.ev.value(Place(value.module, value.of.base))
    return value


def _is_made_so(place: Place, name: str) -> bool:
    """Classes are made with `new`, functions are called."""
    return (place.node.kind() == "new_expression") == name[:1].isupper()


def _use(who: Callers, place: Place, made: Maker, external: External) -> Use | None:
    options = settings_of(who, place)
    models = each_of(options[:1], *made.model) or each_of(options, *made.model)
    if made.position is not None:
        named = argument(place, made.position)
        models = [named] if named is not None else []
    if made.routed and models and _all_foreign(who, models[0]):
        return None
    use = Use(
        place=place,
        library=made.library,
        operation=made.operation,
        options=options[:1],
        models=models,
        default_model=made.default if not models else "",
        made=place,
        base_url=address_of(who, first(options, *ADDRESSES)),
        azure=made.azure or _names_azure(options),
        packages=(package(external.package), _scope(package(external.package)), made.library, "llamaindex"),
    )
    ask(use, who, argument(place, 0))
    return use


def _scope(name: str) -> str:
    """The package of a path into it: `langchain` of `langchain/llms/openai`."""
    parts = name.split("/")
    return "/".join(parts[: 2 if name.startswith("@") else 1])


def _names_azure(options: list[dict[str, Place]]) -> bool:
    return any(name.startswith("azureOpenAI") for given in options[:1] for name in given)


def _all_foreign(who: Callers, model: Place) -> bool:
    values = [given.value for given in who.expand(who.ev.value(model))]
    return all(isinstance(each, Literal) and OTHER_PROVIDERS.match(str(each.value)) for each in values)


def later_features(who: Callers, module: Module, found: list[Use]) -> None:
    """Features that methods say which are called on a model later in the file: `model.bindTools(…)`."""
    if not found:
        return
    by_node = {use.place.node: use for use in found}
    for call in module.calls:
        callee = call.node.field("function")
        name = callee.field("property") if callee is not None and callee.kind() == "member_expression" else None
        of = callee.field("object") if name is not None and callee is not None else None
        if name is None or of is None or name.text() not in LATER_FEATURES:
            continue
        for made in _origins(who.ev.value(Place(module, of)), 6):
            use = by_node.get(made.node)
            if use is not None:
                use.features.add(LATER_FEATURES[name.text()])


def _origins(value: Value, depth: int) -> Iterator[Place]:
    """Where a model, or what was made from one by its methods, was made."""
    if isinstance(value, Choice):
        for each in value.options:
            yield from _origins(each, depth)
    elif isinstance(value, (Made, Called)) and depth > 0:
        if value.place is not None:
            yield value.place
        of = getattr(value.callee, "of", None)
        if isinstance(of, (Made, Called)):
            yield from _origins(of, depth - 1)
