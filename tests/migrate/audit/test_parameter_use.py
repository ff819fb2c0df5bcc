"""Counts of one parameter: its range, its values as far as they are few, and no more room than that."""

import pytest

from offramp.migrate.audit.parameter_use import MOST_IDENTITIES, MOST_VALUES, Use
from offramp.migrate.audit.parameters import PARAMETERS

BY_NAME = {one.name: one for one in PARAMETERS}


def used(name: str, *values: object) -> Use:
    """A parameter with these values."""
    use = Use(BY_NAME[name])
    for value in values:
        use.take(value)
    return use


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("temperature", [0, 0.5, 0.5], {0: 1, 0.5: 2}),
        ("stream", [True, False, 1], {True: 2, False: 1}),
        ("logprobs", [5, 0], {True: 1, False: 1}),
        ("stop", ["end", ["a", "b"], []], {1: 1, 2: 1, 0: 1}),
        ("logit_bias", [{"1": 2, "3": 4}], {2: 1}),
        ("tool_choice", ["auto", {"type": "function", "function": {"name": "x"}}], {"auto": 1, "function": 1}),
        ("modalities", [["text", "audio"]], {"audio and text": 1}),
        ("reasoning_effort", ["low", "write me a poem", 3, []], {"low": 1, "(another)": 3}),
        ("user", ["ann", "bob"], {}),
        ("prediction", [{"content": "secret"}], {}),
    ],
)
def test_a_value_is_told_as_its_kind_allows(name: str, values: list[object], told: dict[object, int]) -> None:
    """Numbers, switches, words of a list and sizes; nothing that somebody wrote."""
    use = used(name, *values)

    assert use.requests == len(values)
    assert dict(use.values) == told
    assert use.odd == 0


def test_numbers_have_a_range() -> None:
    """Zero is one."""
    use = used("temperature", 0.7, 0, 1.5)

    assert (use.lowest, use.highest) == (0, 1.5)


def test_different_people_are_counted_not_kept() -> None:
    """Hashes tell how many there are."""
    use = used("user", "ann", "bob", "ann", {"name": "ann"})

    assert len(use.identities) == 3
    assert all(isinstance(one, int) for one in use.identities)


def test_endless_values_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed drawn anew for each request must not fill the memory; its range stays exact."""
    monkeypatch.setattr("offramp.migrate.audit.parameter_use.MOST_IDENTITIES", 10)
    seeds = used("seed", *range(MOST_VALUES + 7), 0)
    people = used("user", *map(str, range(20)))

    assert (len(seeds.values), seeds.beyond, seeds.values[0], seeds.highest) == (MOST_VALUES, 7, 2, MOST_VALUES + 6)
    assert len(people.identities) == 10 < MOST_IDENTITIES
