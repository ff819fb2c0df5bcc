"""What is to be played, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offramp.migrate.demo.account import Count, TurningPoint
from offramp.migrate.demo.audience import Chapter, Promise
from offramp.migrate.demo.cast import RealUpstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much happens, and how long."""

    rate_per_s: float = 30.0
    max_tokens: int = 24
    relay_tokens: int = 72
    before_s: float = 4.0
    """Of load before the upstream is killed."""
    after_s: float = 4.0
    away_s: float = 2.5
    """How long the upstream stays away in the breaker's chapter."""
    healed_s: float = 3.5
    heal_timeout_s: float = 20.0
    ages_s: float = 2.0
    """How old the cached answer is made to be."""


PACE = Pace()
REAL_PACE = Pace(rate_per_s=3.0, max_tokens=16, relay_tokens=48, before_s=3.0, after_s=4.0)
"""With upstreams that cost money: a handful of requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What is to be played."""

    chapters: Sequence[Chapter]
    pace: Pace
    real: Sequence[RealUpstream] = ()
    state_dir: Path | None = None
    """Where the ledger is kept; by default it goes with everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What came of it."""

    programme: Programme
    promises: Sequence[Promise]
    counted: Count
    books: Mapping[str, Any] | None
    """`offramp ledger --json`; `None` where the bill was not played."""
    turn: TurningPoint | None
    refused_on_purpose: int
    """Requests that nobody could answer, which was the point of them."""
    seconds: float

    @property
    def held(self) -> bool:
        """Whether every promise was kept."""
        return all(promise.held for promise in self.promises)


def document(performance: Performance) -> dict[str, object]:
    """The summary for programs."""
    counted, turn = performance.counted, performance.turn
    real = performance.programme.real
    return {
        "held": performance.held,
        "seconds": round(performance.seconds, 1),
        "chapters": [chapter.value for chapter in performance.programme.chapters],
        "simulated": ["local"] if real else ["local", "openai"],
        "real": [each.name for each in real],
        "promises": [
            {"chapter": each.chapter.value, "promise": each.text, "held": each.held, "found": each.found}
            for each in performance.promises
        ],
        "client": {
            "requests": counted.requests,
            "ok": counted.ok,
            "cut": counted.cut,
            "failed": counted.failed - performance.refused_on_purpose,
            "refused_on_purpose": performance.refused_on_purpose,
            "input_tokens": counted.input_tokens,
            "output_tokens": counted.output_tokens,
            "by_tier": dict(counted.by_tier),
            "by_team": dict(counted.by_team),
        },
        "ledger": performance.books,
        "break_even": None
        if turn is None
        else {
            "requests_per_month": turn.requests_per_month,
            "requests_per_s": round(turn.requests_per_s, 3),
            "machine_usd_per_month": f"{float(turn.usd_per_month):.2f}",
            "max_requests_per_month": turn.max_requests_per_month,
            "is_reachable": turn.is_reachable,
        },
    }
