"""Every rule by its id, from the words of each group."""

from types import MappingProxyType

from offramp.errors import UsageError
from offramp.migrate.scan.rules.rule import Rule
from offramp.migrate.scan.rules.words import (
    answers,
    caches,
    calls,
    cerebrium,
    conversation,
    figures,
    models,
    readiness,
    server,
    start,
)

_GROUPS: tuple[tuple[Rule, ...], ...] = (
    calls.RULES,
    conversation.RULES,
    figures.RULES,
    caches.RULES,
    server.RULES,
    answers.RULES,
    cerebrium.RULES,
    start.RULES,
    readiness.RULES,
    models.RULES,
)

TABLE = MappingProxyType(
    {rule.id: rule for rule in sorted((rule for group in _GROUPS for rule in group), key=lambda rule: rule.id)}
)
"""Every rule, in the order of the ids."""


def rule(id_: str) -> Rule:
    """The rule of that id, in any case.

    Raises:
        UsageError: If there is none.
    """
    known = TABLE.get(id_.strip().upper())
    if known is None:
        first, *_, last = TABLE
        raise UsageError(
            f"no rule is called {id_!r}; they go from {first} to {last}, and docs/rules/README.md lists them",
            param="explain",
        )
    return known
