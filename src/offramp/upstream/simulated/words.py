"""The text of simulated answers and the counting of tokens: simple, so that a test can predict both.

An answer costs one token for each word piece below, a prompt one token for each four bytes of its text, rounded up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

BYTES_PER_TOKEN = 4
"""Bytes of prompt text that count as one token."""

_OPENING = ("Simulated", " answer", ":", " no", " model", " was", " asked", ".")
_SENTENCES = (
    (" Each", " of", " these", " words", " stands", " for", " one", " token", "."),
    (" Streams", ",", " limits", " and", " costs", " can", " be", " tried", " with", " them", "."),
    (" Time", " to", " first", " token", " follows", " from", " the", " load", "."),
    (" Neither", " a", " graphics", " card", " nor", " a", " bill", " is", " needed", "."),
    (" The", " prompt", " and", " the", " seed", " alone", " decide", " what", " stands", " here", "."),
    (" Nothing", " in", " it", " is", " meant", " as", " an", " answer", " to", " a", " question", "."),
    (" The", " next", " sentence", " will", " be", " of", " as", " little", " use", " as", " this", " one", "."),
)
"""What fills an answer up; the seed decides which sentence comes first."""


def count_text(size_bytes: int) -> int:
    """Tokens of a text of that many UTF-8 bytes; never less than one.

    >>> count_text(9)
    3
    """
    return max(1, -(-size_bytes // BYTES_PER_TOKEN))


def seed_of(*parts: object) -> int:
    """A number that depends on the parts alone, the same in every process."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Text:
    """What one choice of an answer says, one piece for each token."""

    pieces: Sequence[str]
    finish_reason: str
    """`stop` where it ends by itself, `length` where a limit cut it."""
    stopped_by: str | None = None
    """The stop sequence that ended it."""

    @property
    def content(self) -> str:
        """All pieces together."""
        return "".join(self.pieces)


def prose(tokens: int, seed: int) -> list[str]:
    """That many word pieces; the opening says that the answer is simulated, the rest turns with the seed.

    >>> "".join(prose(10, 0))
    'Simulated answer: no model was asked. Each of'
    """
    first = seed % len(_SENTENCES)
    filler = [piece for sentence in (*_SENTENCES[first:], *_SENTENCES[:first]) for piece in sentence]
    missing = max(0, tokens - len(_OPENING))
    return [*_OPENING[:tokens], *(filler * (missing // len(filler) + 1))[:missing]]


def cut_to_pieces(text: str) -> list[str]:
    """A text as pieces of four characters: how JSON and tool arguments are counted and streamed."""
    return [text[start : start + BYTES_PER_TOKEN] for start in range(0, len(text), BYTES_PER_TOKEN)] or [""]


def limited(pieces: list[str], limit: int) -> Text:
    """The pieces up to a limit, with the reason why they end."""
    if len(pieces) > limit:
        return Text(pieces[:limit], "length")
    return Text(pieces, "stop")


def until_stop(text: Text, stops: Sequence[str]) -> Text:
    """The text before the first stop sequence it holds; the piece that the sequence begins in still counts."""
    content = text.content
    found = [(at, stop) for stop in stops if stop and (at := content.find(stop)) >= 0]
    if not found:
        return text
    end, stop = min(found)
    pieces: list[str] = []
    length = 0
    for piece in text.pieces:
        if length >= end:
            break
        pieces.append(piece[: end - length])
        length += len(piece)
    return Text(pieces or [""], "stop", stop)
