"""Bytes with a few things changed: what the fuzzers of the suites feed on."""

import random
from collections.abc import Sequence


def mutated(seed: bytes, others: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    """A seed with one to eight changes: a word put in, bytes cut out or changed, a piece of another seed or of itself.

    Args:
        seed: What is changed.
        others: Where pieces are taken from.
        words: What means something to whoever reads the result.
        chance: Decides; the same one gives the same bytes.
    """
    text = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(text))
        kind = chance.randint(0, 4)
        if kind == 0:
            text[at:at] = chance.choice(words)
        elif kind == 1:
            del text[at : at + chance.randint(1, 20)]
        elif kind == 2 and text:
            text[min(at, len(text) - 1)] = chance.randint(0, 255)
        elif kind == 3:
            other = chance.choice(others)
            start = chance.randint(0, len(other))
            text[at:at] = other[start : start + chance.randint(1, 60)]
        else:
            text[at:at] = text[at : at + chance.randint(1, 40)]
    return bytes(text)


def pieces(block: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes as up to five reads."""
    cuts = sorted(chance.randint(0, len(block)) for _ in range(chance.randint(0, 4)))
    return [piece for piece in map(block.__getitem__, map(slice, [0, *cuts], [*cuts, len(block)])) if piece]
