"""How much of the prompts repeats the beginning of an earlier one: what a prefix cache could hold. No I/O here.

The ledger knows system prompts alone. Bodies also show examples, tools and the turns of a conversation, which stand
before what is new and are computed again unless a cache holds them.
"""

from collections.abc import Mapping

import msgspec

BLOCK = 256
"""Characters that are compared at once; a prefix counts in whole blocks, so a little less is found than there is.
vLLM's own blocks are 16 tokens, about 64 characters of English."""

_MOST_BLOCKS = 1 << 18
"""Of each of two generations: some 30 MB of numbers. The older one is forgotten when the younger is full."""

_FIELDS = ("tools", "functions", "instructions", "prompt", "messages", "input")
"""In the order in which templates put them in front of the model."""


class Prefixes:
    """Prompts one after another, of which only hashes of their beginnings are kept."""

    def __init__(self) -> None:
        """None yet."""
        self.characters = 0
        self.repeated = 0
        """Characters that an earlier prompt for the same model began with."""
        self._young: set[int] = set()
        self._old: set[int] = set()

    def add(self, model: str, prompt: str, comparable: int | None = None) -> None:
        """One prompt.

        Args:
            model: Whom it is for; models share no cache.
            prompt: As `prompt_of` makes it.
            comparable: Where what was masked begins, which may have been different; `None` compares all of it.
        """
        self.characters += len(prompt)
        place, is_known = hash(model), True
        end = len(prompt) if comparable is None else comparable
        for start in range(0, end - BLOCK + 1, BLOCK):
            place = hash((place, prompt[start : start + BLOCK]))
            is_known = is_known and (place in self._young or place in self._old)
            self.repeated += BLOCK if is_known else 0
            self._young.add(place)
        if len(self._young) > _MOST_BLOCKS:
            self._old, self._young = self._young, set()


def prompt_of(request: Mapping[str, object]) -> str:
    """What a model reads of a request, in its order; two prompts begin alike if and only if these do, nearly."""
    return "".join(msgspec.json.encode(request[name]).decode() for name in _FIELDS if request.get(name))
