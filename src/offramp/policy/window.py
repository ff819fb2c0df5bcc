"""How many things happened lately: a sliding count in ten slots. Pure: the caller says what time it is."""

from collections import deque
from math import floor, inf

SLOTS = 10
"""Parts of a window. The count covers the slot under way and the nine before it, so between 90 and 100 percent of the
window: exact enough for a rate, and constant in memory whatever the traffic."""


class Window:
    """A count that forgets what is older than the window."""

    __slots__ = ("_current", "_ends_s", "_past", "_past_count", "_slot", "_slot_s")

    def __init__(self, window_s: float) -> None:
        """Count over the last `window_s` seconds, to a tenth."""
        self._slot_s = window_s / SLOTS
        self._slot = 0
        self._ends_s = -inf
        self._current = 0
        self._past: deque[tuple[int, int]] = deque()
        self._past_count = 0

    def add(self, now_s: float) -> None:
        """Count one. Time must not run backwards; where it does, the count goes to the newest slot."""
        if now_s >= self._ends_s:
            self._turn(now_s)
        self._current += 1

    def count(self, now_s: float) -> int:
        """How many were added within the window that ends now."""
        if now_s >= self._ends_s:
            self._turn(now_s)
        return self._past_count + self._current

    def clear(self) -> None:
        """Forget everything."""
        self._current = self._past_count = 0
        self._past.clear()

    def _turn(self, now_s: float) -> None:
        """Close the slot that has ended and drop those that have left the window."""
        if self._current:
            self._past.append((self._slot, self._current))
            self._past_count += self._current
            self._current = 0
        self._slot = floor(now_s / self._slot_s)
        self._ends_s = (self._slot + 1) * self._slot_s
        while self._past and self._past[0][0] <= self._slot - SLOTS:
            self._past_count -= self._past.popleft()[1]
