"""Which beginnings of prompts an engine has seen: the prompt cache that `cached_tokens` tells of."""

from collections import OrderedDict
from hashlib import blake2b

from offramp.upstream.simulated.words import BYTES_PER_TOKEN

MAX_BLOCKS = 65_536
"""Blocks remembered; the oldest are forgotten first."""


class PrefixCache:
    """Whole blocks of a prompt, each known by the hash of everything up to its end."""

    def __init__(self, *, block_tokens: int, least_tokens: int) -> None:
        """Empty; nothing counts as cached below `least_tokens` tokens."""
        self._block_bytes = block_tokens * BYTES_PER_TOKEN
        self._block_tokens = block_tokens
        self._least_tokens = least_tokens
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def seen(self, prompt: str) -> int:
        """Tokens of the longest beginning that was seen before; remembers all of it."""
        raw = prompt.encode(errors="surrogatepass")
        if len(raw) < self._least_tokens * BYTES_PER_TOKEN:
            return 0
        digest = blake2b(digest_size=12)
        known, unbroken = 0, True
        for start in range(0, len(raw) - self._block_bytes + 1, self._block_bytes):
            digest.update(raw[start : start + self._block_bytes])
            key = digest.digest()
            unbroken = unbroken and key in self._seen
            known += unbroken
            self._seen[key] = None
        while len(self._seen) > MAX_BLOCKS:
            self._seen.popitem(last=False)
        tokens = known * self._block_tokens
        return tokens if tokens >= self._least_tokens else 0
