"""Heads that came before: both sides repeat theirs with every message, but for the length of the body. Pure.

llhttp judges every head once. When the same bytes come again between two messages, they mean the same, so the body can
be cut out without parsing the head anew. Whatever differs in a single byte, is only part of a message or more than one,
is llhttp's as ever.
"""

import re
from typing import Generic, NamedTuple, TypeVar

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_MAX_DIGITS = 12
_BLANK = b"\r\n\r\n"

Facts = TypeVar("Facts")


class KnownHead(NamedTuple, Generic[Facts]):
    """The bytes of a head that llhttp has accepted, around the digits of its `Content-Length`."""

    before: bytes
    after: bytes
    """With the blank line."""
    facts: Facts
    """What the head says."""

    def body_of(self, received: bytes, limit_bytes: int) -> bytes | None:
        """The body, if `received` is exactly one whole message with this head; else `None`."""
        before, after = self.before, self.after
        if not received.startswith(before):
            return None
        start = len(before)
        end = received.find(b"\r", start, start + _MAX_DIGITS)
        length = len(received) - end - len(after)
        if received[start:end] != b"%d" % length or length > limit_bytes or not received.startswith(after, end):
            return None
        return received[end + len(after) :]


def learn(received: bytes, facts: Facts) -> KnownHead[Facts] | None:
    """The head at the beginning of `received`, to be known again; `None` where it does not say one length.

    Args:
        received: A read that began between two messages and held at least a whole head, which llhttp has accepted.
        facts: What that head says.
    """
    head = received[: received.find(_BLANK) + len(_BLANK)]
    lengths = list(_LENGTH.finditer(head))
    if len(lengths) != 1:
        return None
    start, end = lengths[0].span(1)
    return KnownHead(head[:start], head[end:], facts)
