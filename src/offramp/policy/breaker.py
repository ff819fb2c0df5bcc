"""Circuit breaker for one instance of an upstream. Pure: the caller says what time it is.

State     | admit                              | success          | failure
----------|------------------------------------|------------------|---------------------------------------------------
CLOSED    | yes                                | row := 0         | row += 1; OPEN at `failures` in a row, or at
          |                                    |                  | `failure_rate` of at least `min_requests`
OPEN      | no; after `cooldown_s`: HALF_OPEN, | late, ignored    | late, ignored
          | and this request is the probe      |                  |
HALF_OPEN | no while the probe holds its lease,| probe: CLOSED    | probe: OPEN for another `cooldown_s`
          | else this request is the probe     | others: ignored  | others: ignored

A lease ends with the probe's verdict, when the probe is released without one (the client left), or after `lease_s`, so
that a probe nobody hears of again cannot keep the upstream out for ever. A ticket names the term in which it was
given; every change of state and every new lease begins a new term, so that a late verdict changes nothing.

Source: M. T. Nygard, Release It!, 2nd ed., "Circuit Breaker"; the lease and the terms are offramp's own.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from offramp.policy.window import Window


class State(StrEnum):
    """Whether requests pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


# A member looked up through its class costs as much as half an `admit` (Python 3.11).
_CLOSED, _OPEN, _HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN

_UNASKED = 0
"""Ticket of a request that only an observing breaker lets through; terms begin at 1, so its verdict is always late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens and how it closes again."""

    failures: int = 5
    """Failures in a row that open it."""
    failure_rate: float = 0.5
    """Share of failures within `rate_window_s` that opens it, judged at each failure; above 1 it never does."""
    rate_window_s: float = 30.0
    min_requests: int = 20
    """Verdicts that the window must hold before the rate counts."""
    cooldown_s: float = 60.0
    """How long it stays open before a probe."""
    lease_s: float = 30.0
    """How long a probe may take before the next request becomes the probe."""
    observe: bool = False
    """Admit everything, but count states as if it did not: what a breaker would have done."""


class Breaker:
    """One breaker. The event loop is its only user, so there is no lock.

    `opened` counts how often it opened, `refused` how often it said no (or would have, while it observes).
    """

    __slots__ = (
        "_failed",
        "_row",
        "_settings",
        "_state",
        "_succeeded",
        "_term",
        "_until_s",
        "opened",
        "refused",
    )

    def __init__(self, settings: BreakerSettings) -> None:
        """Start closed."""
        self._settings = settings
        self._state = _CLOSED
        self._term = 1
        self._row = 0
        self._until_s = -inf
        self._succeeded = Window(settings.rate_window_s)
        self._failed = Window(settings.rate_window_s)
        self.opened = 0
        self.refused = 0

    @property
    def state(self) -> State:
        """As of the last call: when its cooldown is over, a breaker stays `open` until somebody asks to be admitted."""
        return self._state

    @property
    def settings(self) -> BreakerSettings:
        """When it opens and how it closes."""
        return self._settings

    @property
    def row(self) -> int:
        """Failures in a row since the last success."""
        return self._row

    def admit(self, now_s: float) -> int | None:
        """A ticket for one request, to be given back with its verdict; `None`: this upstream is not to be asked."""
        if self._state is _CLOSED:
            return self._term
        if now_s >= self._until_s:
            return self._lease(now_s)
        self.refused += 1
        return _UNASKED if self._settings.observe else None

    def would_admit(self, now_s: float) -> bool:
        """Whether `admit` would give a ticket now; takes no lease."""
        return self._state is _CLOSED or now_s >= self._until_s or self._settings.observe

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may be admitted: 0 if now, infinite while held open by hand."""
        return 0.0 if self.would_admit(now_s) else self._until_s - now_s

    def succeeded(self, ticket: int, now_s: float) -> None:
        """The upstream did its part."""
        if ticket != self._term:
            return
        if self._state is _CLOSED:
            self._row = 0
            self._succeeded.add(now_s)
        else:
            self._close()

    def failed(self, ticket: int, now_s: float) -> None:
        """The upstream failed."""
        if ticket != self._term:
            return
        self._row += 1
        if self._state is _CLOSED:
            self._failed.add(now_s)
            if self._row < self._settings.failures and not self._fails_often(now_s):
                return
        self._open(now_s + self._settings.cooldown_s)

    def released(self, ticket: int, now_s: float) -> None:
        """There is no verdict (the client left, or was at fault); a probe's lease goes to the next request."""
        if ticket == self._term and self._state is _HALF_OPEN:
            self._term += 1
            self._until_s = now_s

    def forced(self, state: State, *, until_s: float = inf) -> None:
        """Change the state by hand, or because another process has seen the upstream fail.

        Args:
            state: `OPEN` refuses until `until_s` and then probes as ever, `HALF_OPEN` makes the next request the
                probe, `CLOSED` forgets all failures.
            until_s: For `OPEN` only; without it the breaker stays open until it is forced again.
        """
        if state is _CLOSED:
            self._close()
        elif state is _OPEN:
            self._open(until_s)
        else:
            self._term += 1
            self._state = _HALF_OPEN
            self._until_s = -inf

    def _lease(self, now_s: float) -> int:
        self._term += 1
        self._state = _HALF_OPEN
        self._until_s = now_s + self._settings.lease_s
        return self._term

    def _close(self) -> None:
        self._term += 1
        self._state = _CLOSED
        self._row = 0
        self._succeeded.clear()
        self._failed.clear()

    def _open(self, until_s: float) -> None:
        self._term += 1
        self._state = _OPEN
        self._until_s = until_s
        self.opened += 1

    def _fails_often(self, now_s: float) -> bool:
        failed = self._failed.count(now_s)
        verdicts = failed + self._succeeded.count(now_s)
        return verdicts >= self._settings.min_requests and failed >= self._settings.failure_rate * verdicts
