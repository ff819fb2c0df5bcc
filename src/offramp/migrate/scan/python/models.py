"""Which model a call asks for, and how the code comes to it."""

import re
from dataclasses import dataclass

from offramp.migrate.scan.python.libraries import OTHER_FAMILIES, OTHER_PROVIDERS
from offramp.migrate.scan.python.values import Environment, Made, Object, Text, Values

_PREFIXED = re.compile(r"(?P<provider>[A-Za-z0-9_.-]+)[/:](?P<model>.+)", re.DOTALL)
_OURS = frozenset(
    {
        "openai",
        "azure",
        "azure_openai",
        "openai-chat",
        "openai-responses",
        "text-completion-openai",
        "azure_ai",
        "responses",
    }
)
MOST_CHARACTERS = 256
MOST_GIVEN = 6
"""So many models of callers are listed; more say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, as far as the code says it."""

    name: str | None = None
    origin: str = "unknown"
    """As in `Site.model_from`."""
    all: tuple[str, ...] = ()
    """Every model that it can be."""
    provider: str = ""
    """Where the name says it."""


def model_of(values: Values) -> Model:
    """The model among the values of an argument: a literal before a default before a variable."""
    found: dict[str, str] = {}
    variable = ""
    for value in values:
        if isinstance(value, Text) and isinstance(value.value, str) and value.value:
            found.setdefault(value.value[:MOST_CHARACTERS], value.origin)
        elif isinstance(value, Environment):
            variable = variable or f"environment {value.name}"
            if value.default:
                found.setdefault(value.default[:MOST_CHARACTERS], f"environment {value.name}")
    if not found:
        return Model(origin=variable or "unknown")
    given = [name for name, origin in found.items() if origin == "argument"]
    if len(given) > MOST_GIVEN:
        # So many callers say so many things that none of them speaks for this place.
        found = {name: origin for name, origin in found.items() if origin != "argument"}
    if not found:
        return Model(origin="argument")
    name = next((name for name, origin in found.items() if origin != "argument"), next(iter(found)))
    return Model(name=name, origin=found[name], all=tuple(found) if len(found) > 1 else ())


def routed(model: Model) -> Model | None:
    """The same for a library whose names say the provider; `None` if it is not OpenAI's.

    >>> routed(Model(name="openai/gpt-4o", origin="literal"))
    Model(name='gpt-4o', origin='literal', all=(), provider='openai')
    >>> routed(Model(name="anthropic/claude-4"))
    """
    names = model.all or ((model.name,) if model.name is not None else ())
    ours = [name for name in names if not is_foreign(name)]
    if names and not ours:
        return Model(origin="argument") if model.origin == "argument" else None
    if not ours:
        return model
    name = model.name if model.name in ours else ours[0]
    prefixed = _PREFIXED.fullmatch(name or "")
    provider = prefixed["provider"].lower() if prefixed and prefixed["provider"].lower() in _OURS else ""
    plain = tuple(dict.fromkeys(_plain(each) for each in ours))
    return Model(name=_plain(name or ""), origin=model.origin, all=plain if len(plain) > 1 else (), provider=provider)


def is_foreign(name: str) -> bool:
    """Whether a model is somebody else's than OpenAI's, by its name."""
    prefixed = _PREFIXED.fullmatch(name)
    if prefixed:
        provider = prefixed["provider"].lower()
        if provider in OTHER_PROVIDERS or provider in _OURS:
            return provider in OTHER_PROVIDERS
    return name.lower().rpartition("/")[2].startswith(OTHER_FAMILIES)


def is_made_elsewhere(values: Values) -> bool:
    """Whether the model is an object of its own, which is a call site where it is made."""
    return any(isinstance(value, (Made, Object)) for value in values)


def _plain(name: str) -> str:
    prefixed = _PREFIXED.fullmatch(name)
    return prefixed["model"] if prefixed and prefixed["provider"].lower() in _OURS else name
