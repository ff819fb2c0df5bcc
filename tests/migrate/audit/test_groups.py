"""Groups: the largest by name, the rest added up; features by their bits."""

import pytest

from offramp.migrate.audit import groups
from offramp.migrate.audit.groups import Group, together
from tests.migrate.audit.related import audited
from tests.store.samples import row


def test_a_million_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are named by clients: beyond the largest groups there is one sum, and it is told."""
    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    rows = [row(number, model_asked=f"model-{number}") for number in range(9)]

    found = audited(row(100, model_asked="model-7"), *rows).by["model"]

    assert list(found.named) == ["model-7", "model-0", "model-1"]
    assert found.named["model-7"].requests == 2
    assert (found.left_out, found.rest.requests, found.rest.sums.input_tokens) == (6, 6, 6 * 700)


def test_features_are_told_by_their_words() -> None:
    """A request may use several, so these do not add up to all."""
    found = audited(row(1, features=1 | 2), row(2, features=2), row(3, features=0)).features

    assert {name: group.requests for name, group in found.items()} == {"streaming": 1, "tools": 2}
    assert found["tools"].streamed == 1


def test_nothing_and_an_empty_name_are_one_group() -> None:
    """Imports may not know the team at all."""
    found = audited(row(1, team=""), row(2, team="none"), row(3, team=None)).by["team"]

    assert {name: group.requests for name, group in found.named.items()} == {"none": 3}


def test_groups_can_be_added() -> None:
    """A call site is several pieces of traffic."""
    by = audited(row(1, team="a", outcome="truncated"), row(2, team="b", client_retries=1)).by["team"].named
    both = together(by.values())

    assert (both.requests, both.failed, both.retried, both.sums.input_tokens) == (2, 1, 1, 1_400)
    assert together([]) == Group()
