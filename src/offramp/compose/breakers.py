"""One view of breakers over several workers: what one has found out holds for all, and one of them probes.

The worker whose breaker opens first probes first, after its cooldown. The others keep theirs open a little longer, each
by its rank, so that somebody probes even if the first one has died or has no requests to probe with.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from offramp.compose.control import BreakerSeen, BreakerSet
from offramp.policy.breaker import State
from offramp.upstream.instance import Instance

STEP_S = 1.0
"""How much later the next rank probes: time for a request to come by, and for the news to spread."""


class BreakerWatch:
    """A worker's side: says which breakers changed here, and follows those that changed elsewhere."""

    def __init__(self) -> None:
        """All breakers are taken for closed."""
        self._known: dict[Instance, tuple[State, int]] = {}

    def changed(self, instances: Iterable[Instance]) -> list[BreakerSeen]:
        """What is to be told. An opening counts although it was open before: a probe came and failed in between."""
        known: dict[Instance, tuple[State, int]] = {}
        found: list[BreakerSeen] = []
        for instance in instances:
            breaker = instance.breaker
            now = known[instance] = (breaker.state, breaker.opened)
            before = self._known.get(instance, (State.CLOSED, 0))
            if now[0] is not before[0] or (now[0] is State.OPEN and now[1] != before[1]):
                found.append(BreakerSeen(instance.key, now[0], before[0] is not State.CLOSED))
        self._known = known
        return found

    def forget(self) -> None:
        """Tell again what is not closed: after a reload the supervisor asks anew."""
        self._known.clear()

    def follow(self, instances: Iterable[Instance], told: BreakerSet, now_s: float) -> None:
        """Another worker's breaker changed, or had opened before this one's did."""
        for instance in instances:
            if instance.key != told.instance:
                continue
            breaker = instance.breaker
            if told.state == State.CLOSED:
                if breaker.state is not State.CLOSED:
                    breaker.forced(State.CLOSED)
            else:
                settings = breaker.settings
                patience_s = settings.lease_s if told.state == State.HALF_OPEN else settings.cooldown_s
                breaker.forced(State.OPEN, until_s=now_s + patience_s + told.rank * STEP_S)
            self._known[instance] = (breaker.state, breaker.opened)


@dataclass(frozen=True, slots=True)
class News:
    """What one worker is to be told."""

    worker: int
    message: BreakerSet


class BreakerBoard:
    """The supervisor's side: who opened which breaker, and who is to be told."""

    def __init__(self) -> None:
        """All breakers are closed."""
        self._ranks: dict[str, list[int]] = {}
        """By instance whose breaker is open: the workers in the order in which they probe."""

    def seen(self, worker: int, seen: BreakerSeen, workers: Iterable[int]) -> list[News]:
        """A worker's breaker changed.

        Args:
            worker: Whose.
            seen: Its instance and state.
            workers: All that serve.
        """
        others = [other for other in workers if other != worker]
        if seen.state == State.CLOSED:
            if self._ranks.pop(seen.instance, None) is None:
                return []
            return [News(other, BreakerSet(seen.instance, State.CLOSED, 0)) for other in others]
        ranks = self._ranks.get(seen.instance)
        if ranks is None:
            if seen.state == State.HALF_OPEN:
                return []  # Another one has closed it meanwhile, and the news is on its way.
            ranks = self._ranks[seen.instance] = [worker]
        elif not seen.probed:
            # It opened by itself, at about the same time as another one: that one probes first.
            return [self._opened(worker, seen.instance, ranks)]
        ranks[:] = [worker, *(other for other in ranks if other != worker)]
        ranks += [other for other in others if other not in ranks]
        return [News(other, BreakerSet(seen.instance, seen.state, ranks.index(other))) for other in others]

    def joined(self, worker: int) -> list[News]:
        """A worker begins to serve: it need not find out again what the others know."""
        return [self._opened(worker, instance, ranks) for instance, ranks in self._ranks.items()]

    def left(self, worker: int) -> None:
        """A worker has ended. The next in rank probes when its own time has come."""
        for instance, ranks in list(self._ranks.items()):
            if worker in ranks:
                ranks.remove(worker)
            if not ranks:
                del self._ranks[instance]

    def clear(self) -> None:
        """The configuration has changed: workers tell again what is open."""
        self._ranks.clear()

    def _opened(self, worker: int, instance: str, ranks: list[int]) -> News:
        if worker not in ranks:
            ranks.append(worker)
        return News(worker, BreakerSet(instance, State.OPEN, ranks.index(worker)))
