"""What a platform bills that starts containers when requests come and stops them after a cooldown. Pure.

Starting a container is free, loading the model in it is billed, serving is billed, and so is the cooldown in which it
waits for the next request. Source: docs.cerebrium.ai/calculating-cost and docs.cerebrium.ai/docs/scaling/scaling-apps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush

from offramp.errors import UsageError

_NS_PER_S = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How the platform scales."""

    start_s: float
    """Until the container runs; not billed."""
    init_s: float
    """Until the model in it answers; billed."""
    cooldown_s: float
    """How long an instance without requests is kept; billed."""
    concurrency: int
    """Requests that one instance works on at once."""
    least_instances: int = 0
    """Kept running always; 0 scales to zero."""
    most_instances: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What came of it."""

    billed_s: float
    """Instance-seconds that are paid."""
    served_s: float
    """Of these, the seconds in which an instance had at least one request."""
    cold_requests: int
    """Requests that waited for an instance to start."""
    waited_s: tuple[float, ...]
    """Of each request, before its work began."""
    most_instances: int
    """At once."""

    def usd(self, usd_per_second: Fraction) -> Fraction:
        """The bill, of seconds to the nearest nanosecond."""
        return Fraction(round(self.billed_s * _NS_PER_S), _NS_PER_S) * usd_per_second


@dataclass(slots=True)
class _Instance:
    """One container."""

    billed_from_s: float
    ready_s: float
    busy_from_s: float
    ends_s: list[float] = field(default_factory=list)
    """When each request in it ends, the earliest first."""
    last_end_s: float = 0.0
    served_s: float = 0.0

    def free_until(self, now_s: float) -> None:
        """Let go of what has ended."""
        while self.ends_s and self.ends_s[0] <= now_s:
            heappop(self.ends_s)

    def take(self, begin_s: float, end_s: float) -> None:
        """Work on one more request."""
        if begin_s > self.last_end_s:
            self.served_s += max(0.0, self.last_end_s - self.busy_from_s)
            self.busy_from_s = begin_s
        self.last_end_s = max(self.last_end_s, end_s)


def meter(arrived_s: Sequence[float], served_s: Sequence[float], scaling: Scaling, *, until_s: float = 0.0) -> Metered:
    """Let requests come and instances with them.

    A request goes to an instance that runs and has room, else to one that is starting, else to a new one, else it
    waits for the first place that gets free.

    Args:
        arrived_s: Moments of arrival, ascending.
        served_s: How long each takes once its work begins.
        scaling: The platform's rules.
        until_s: The end of what was observed; instances that are kept always are billed until then.

    Raises:
        UsageError: If the rules allow no instance.

    >>> rules = Scaling(start_s=10, init_s=45, cooldown_s=30, concurrency=1)
    >>> one = meter([0.0], [2.1], rules)
    >>> round(one.billed_s, 1), round(float(one.usd(Fraction("0.00034574"))), 3), one.waited_s
    (77.1, 0.027, (55.0,))
    """
    if scaling.concurrency < 1 or max(scaling.most_instances, scaling.least_instances) < 1:
        raise UsageError("a platform that runs no instance or takes no request at a time serves nobody")
    crowd = _Crowd(scaling)
    waited = [crowd.admit(at, length) for at, length in zip(arrived_s, served_s, strict=True)]
    return crowd.settled(max([until_s, *arrived_s[-1:]]), tuple(waited))


class _Crowd:
    """All instances, and what those that are gone have cost."""

    def __init__(self, scaling: Scaling) -> None:
        """Begin with those that are always kept."""
        self._scaling = scaling
        self._running = [_Instance(0.0, 0.0, 0.0) for _ in range(scaling.least_instances)]
        self._billed_s = 0.0
        self._served_s = 0.0
        self._cold = 0
        self._most = len(self._running)

    def admit(self, now_s: float, length_s: float) -> float:
        """Place one request.

        Returns:
            Seconds until its work begins.
        """
        self._retire(now_s)
        chosen = self._with_room(now_s)
        begin_s = now_s
        if chosen is None:
            begin_s, chosen = self._wait(now_s)
        elif chosen.ready_s > now_s:
            begin_s = chosen.ready_s
            self._cold += 1
        end_s = begin_s + length_s
        chosen.take(begin_s, end_s)
        heappush(chosen.ends_s, end_s)
        return begin_s - now_s

    def settled(self, until_s: float, waited_s: tuple[float, ...]) -> Metered:
        """Let all cooldowns end."""
        for place, each in enumerate(self._running):
            end_s = max(until_s, each.last_end_s) if place < self._scaling.least_instances else self._gone_s(each)
            self._close(each, end_s)
        return Metered(
            billed_s=self._billed_s,
            served_s=self._served_s,
            cold_requests=self._cold,
            waited_s=waited_s,
            most_instances=self._most,
        )

    def _retire(self, now_s: float) -> None:
        """Stop what has waited for the whole cooldown; what is always kept stands first and stays."""
        kept = self._running[: self._scaling.least_instances]
        for each in self._running[self._scaling.least_instances :]:
            if self._gone_s(each) <= now_s:
                self._close(each, self._gone_s(each))
            else:
                kept.append(each)
        self._running = kept

    def _with_room(self, now_s: float) -> _Instance | None:
        """The first that runs and has room, else one that starts, else a new one if one more is allowed."""
        starting = None
        for each in self._running:
            each.free_until(now_s)
            if len(each.ends_s) < self._scaling.concurrency:
                if each.ready_s <= now_s:
                    return each
                starting = starting or each
        if starting is None and len(self._running) < self._scaling.most_instances:
            billed_from_s = now_s + self._scaling.start_s
            ready_s = billed_from_s + self._scaling.init_s
            starting = _Instance(billed_from_s, ready_s, ready_s, last_end_s=ready_s)
            self._running.append(starting)
            self._most = max(self._most, len(self._running))
        return starting

    def _wait(self, now_s: float) -> tuple[float, _Instance]:
        """All are full: the place that gets free first."""
        chosen = min(self._running, key=lambda each: each.ends_s[0])
        return max(now_s, heappop(chosen.ends_s)), chosen

    def _gone_s(self, instance: _Instance) -> float:
        return instance.last_end_s + self._scaling.cooldown_s

    def _close(self, instance: _Instance, end_s: float) -> None:
        self._billed_s += end_s - instance.billed_from_s
        self._served_s += instance.served_s + max(0.0, instance.last_end_s - instance.busy_from_s)
