"""Which known names a mistyped one probably means. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 3
_LIKE_ENOUGH = 0.5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean …? `, with the names that begin like it first; empty if nothing looks like it.

    >>> did_you_mean("A100", ["A10", "A100-40", "A100-80"]), did_you_mean("xyz", ["A10"])
    ('did you mean A100-40 or A100-80 or A10? ', '')
    """
    names = list(known)
    begun = [each for each in names if name and each.startswith(name)]
    near = list(dict.fromkeys([*begun, *get_close_matches(name, names, _MOST, _LIKE_ENOUGH)]))[:_MOST]
    return f"did you mean {' or '.join(near)}? " if near else ""
