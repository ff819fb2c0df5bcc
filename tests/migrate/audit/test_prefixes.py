"""How much of a prompt an earlier one began with: never more than there is, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.migrate.audit.prefixes import BLOCK, Prefixes, prompt_of

SYSTEM = "You know everything about shoes. " * 40


def repeated(*prompts: str, model: str = "m") -> int:
    prefixes = Prefixes()
    for prompt in prompts:
        prefixes.add(model, prompt)
    assert prefixes.characters == sum(map(len, prompts))
    return prefixes.repeated


def test_what_begins_alike_is_counted_up_to_where_it_differs() -> None:
    """Only a beginning can be held; what is equal later was computed after something else."""
    same = len(SYSTEM) // BLOCK * BLOCK

    assert repeated(SYSTEM, SYSTEM, SYSTEM + "x" * BLOCK) == 2 * same
    assert repeated(SYSTEM, f"!{SYSTEM}") == 0
    assert repeated("a" * BLOCK + SYSTEM, "b" * BLOCK + SYSTEM) == 0


def test_models_share_nothing() -> None:
    """Each has a cache of its own."""
    prefixes = Prefixes()
    prefixes.add("one", SYSTEM)
    prefixes.add("other", SYSTEM)

    assert prefixes.repeated == 0


def test_what_was_masked_is_not_taken_for_the_same() -> None:
    """Two e-mail addresses look alike once they are masked."""
    prefixes = Prefixes()
    for _ in range(2):
        prefixes.add("m", SYSTEM, BLOCK + 5)

    assert prefixes.repeated == BLOCK


def test_old_beginnings_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those seen lately stay."""
    monkeypatch.setattr("offramp.migrate.audit.prefixes._MOST_BLOCKS", 10)
    prefixes = Prefixes()
    for number in range(100):
        prefixes.add("m", f"{number:{BLOCK}}")
        assert len(prefixes._young) + len(prefixes._old) <= 22
    prefixes.add("m", f"{0:{BLOCK}}")
    assert prefixes.repeated == 0
    prefixes.add("m", f"{99:{BLOCK}}")

    assert prefixes.repeated == BLOCK


@given(st.lists(st.text("ab", max_size=3 * BLOCK), max_size=4))
def test_never_more_than_the_longest_beginning_in_common(prompts: list[str]) -> None:
    """It is a lower bound."""
    most = 0
    for place, prompt in enumerate(prompts):
        common = [
            next(
                (i for i, (a, b) in enumerate(zip(prompt, other, strict=False)) if a != b), min(len(prompt), len(other))
            )
            for other in prompts[:place]
        ]
        most += max(common, default=0)

    assert repeated(*prompts) <= most


def test_tools_stand_before_messages() -> None:
    """As templates write them, whatever order the client has."""
    tools, messages = [{"name": "t"}], [{"role": "user", "content": "ü?"}]

    assert prompt_of({"messages": messages, "tools": tools, "model": "m"}) == (
        '[{"name":"t"}][{"role":"user","content":"ü?"}]'
    )
