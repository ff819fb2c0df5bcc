"""What a load did over time, in cells of equal length: answers per tier, the breaker's state, what happened when."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from offramp.migrate.demo.asked import FAILED, Asked, Ending

CELL_S = 0.4
"""Short enough to see a failover, long enough for a steady picture."""

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
_LOUDNESS = {CLOSED: 0, OPEN: 1, HALF_OPEN: 2}
"""A cell shows the rarest state that was seen in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened."""

    cell: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The load up to now."""

    tiers: dict[str, list[int]]
    """Good answers in each cell."""
    breaker: list[str]
    """The breaker's state in each cell, as it was seen last."""
    marks: list[Mark]
    rates: dict[str, float]
    """Good answers per second in the last whole second."""
    answered: dict[str, int]
    """Good answers of each tier."""
    cut: int
    """Streams that had begun and ended in an explicit error."""
    failed: int
    in_flight: int
    breaker_now: str
    elapsed_s: float


@dataclass(slots=True, kw_only=True)
class Timeline:
    """Collects what happens."""

    start_s: float
    """Monotonic seconds, like all times here."""
    tiers: tuple[str, ...]
    breaker_now: str = CLOSED
    _states: dict[int, str] = field(default_factory=dict)
    _marks: list[Mark] = field(default_factory=list)

    def cell(self, now_s: float) -> int:
        """Which cell a moment belongs to."""
        return max(0, int((now_s - self.start_s) / CELL_S))

    def mark(self, text: str, now_s: float) -> None:
        """Something happens now."""
        self._marks.append(Mark(cell=self.cell(now_s), text=text))

    def saw_breaker(self, state: str, now_s: float) -> None:
        """The breaker's state now."""
        cell = self.cell(now_s)
        if _LOUDNESS.get(state, 0) >= _LOUDNESS.get(self._states.get(cell, CLOSED), 0):
            self._states[cell] = state
        self.breaker_now = state

    def picture(self, asked: Sequence[Asked], now_s: float) -> Picture:
        """Everything up to now.

        Args:
            asked: All requests; those from before the timeline's start are left out.
            now_s: Now.
        """
        cells = self.cell(now_s) + 1
        tiers = {name: [0] * cells for name in self.tiers}
        recent = dict.fromkeys(self.tiers, 0)
        cut = failed = in_flight = 0
        for each in asked:
            if each.started_s < self.start_s:
                continue
            if each.ended_s is None:
                in_flight += 1
            elif each.ending is Ending.OK and each.tier in tiers:
                tiers[each.tier][min(self.cell(each.ended_s), cells - 1)] += 1
                recent[each.tier] += each.ended_s > now_s - 1.0
            else:
                cut += each.ending is Ending.CUT
                failed += each.ending in FAILED
        return Picture(
            tiers=tiers,
            breaker=self._breaker(cells),
            marks=list(self._marks),
            rates={name: float(count) for name, count in recent.items()},
            answered={name: sum(counts) for name, counts in tiers.items()},
            cut=cut,
            failed=failed,
            in_flight=in_flight,
            breaker_now=self.breaker_now,
            elapsed_s=now_s - self.start_s,
        )

    def _breaker(self, cells: int) -> list[str]:
        found: list[str] = []
        for cell in range(cells):
            found.append(self._states.get(cell, found[-1] if found else CLOSED))
        return found
