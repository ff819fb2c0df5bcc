"""Heads that came before: a client repeats its head with every request, but for the length of the body.

llhttp judges every head once. When the same bytes come again between two requests, they mean the same, so the body can
be cut out without parsing the head anew. Whatever differs in a single byte, is only part of a request or more than one,
is llhttp's as ever.
"""

import re
from typing import NamedTuple

from offramp.gateway.exchange import HeadFacts

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_MAX_DIGITS = 12
_BLANK = b"\r\n\r\n"


class KnownHead(NamedTuple):
    """The bytes of a head that llhttp has accepted, around the digits of its `Content-Length`."""

    before: bytes
    after: bytes
    """With the blank line."""
    facts: HeadFacts
    keep_alive: bool

    def body_of(self, received: bytes, limit_bytes: int) -> bytes | None:
        """The body, if `received` is exactly one whole request with this head; else `None`."""
        if not received.startswith(self.before):
            return None
        start = len(self.before)
        end = received.find(b"\r", start, start + _MAX_DIGITS)
        digits = received[start:end]
        if not digits.isdigit() or not received.startswith(self.after, end):
            return None
        body = received[end + len(self.after) :]
        return body if len(body) == int(digits) and len(body) <= limit_bytes else None


def learn(received: bytes, facts: HeadFacts, *, keep_alive: bool) -> KnownHead | None:
    """The head at the beginning of `received`, to be known again; `None` for heads that need llhttp each time.

    Args:
        received: A read that began between two requests and held at least a whole head, which llhttp has accepted.
        facts: What that head says.
        keep_alive: What llhttp said of it.
    """
    head = received[: received.find(_BLANK) + len(_BLANK)]
    lengths = list(_LENGTH.finditer(head))
    if len(lengths) != 1 or not facts.buffered or facts.chunked or facts.expects or facts.offers:
        return None
    start, end = lengths[0].span(1)
    return KnownHead(head[:start], head[end:], facts, keep_alive)
