"""Which shared prompt beginnings one replica's KV cache holds. Pure.

A group of requests shares one beginning. While a running sequence uses it, its blocks are pinned; afterwards they stay
until somebody needs the room, those unused the longest first, from their end, as vLLM does it. What is kept without
being pinned counts as free.
"""

from collections import OrderedDict


class Prefixes:
    """The beginnings that are kept, by group."""

    __slots__ = ("_blocks", "_idle", "_users", "evictable")

    def __init__(self) -> None:
        """Empty."""
        self._blocks: dict[int, int] = {}
        self._users: dict[int, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()
        self.evictable = 0
        """Blocks that are kept for nobody in particular."""

    def kept(self, group: int) -> int:
        """Blocks of that beginning."""
        return self._blocks.get(group, 0)

    def to_pin(self, group: int) -> int:
        """Blocks that are free now and would not be if the beginning were used."""
        return self._blocks[group] if group in self._idle else 0

    def use(self, group: int) -> None:
        """One more sequence uses a beginning that is kept."""
        self._users[group] += 1
        if group in self._idle:
            del self._idle[group]
            self.evictable -= self._blocks[group]

    def grow(self, group: int, blocks: int, *, user: bool) -> int:
        """A sequence has worked off so many blocks of the beginning; how many of its own become shared.

        Args:
            group: The beginning.
            blocks: Its whole blocks.
            user: Whether the sequence uses what is kept; one that does not has computed its own copy beside it.
        """
        if group not in self._blocks:
            self._blocks[group], self._users[group] = blocks, 1
            return blocks
        if not user or blocks <= self._blocks[group]:
            return 0
        more = blocks - self._blocks[group]
        self._blocks[group] = blocks
        return more

    def leave(self, group: int) -> int:
        """One sequence less uses it; how many blocks are free again."""
        self._users[group] -= 1
        if self._users[group]:
            return 0
        self._idle[group] = None
        self.evictable += self._blocks[group]
        return self._blocks[group]

    def shrink_to(self, free_blocks: int) -> None:
        """Forget until what is kept for nobody fits into what is free."""
        while self.evictable > free_blocks:
            group = next(iter(self._idle))
            forgotten = min(self._blocks[group], self.evictable - free_blocks)
            self._blocks[group] -= forgotten
            self.evictable -= forgotten
            if not self._blocks[group]:
                del self._blocks[group], self._users[group], self._idle[group]
