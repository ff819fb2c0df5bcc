"""How many retries all requests together may cost. Pure: the caller says what time it is.

Failover helps when one request fails; when most fail, each retry is one more request for upstreams that are already too
busy. So retries are paid from a budget that requests fill: a share of the requests of the last seconds, and a small
constant so that a quiet gateway may retry at all.

Source: the shape (ratio, reserve per second, sliding window) is that of Finagle's `RetryBudget`, Twitter 2016.
"""

from offramp.policy.window import Window


class RetryBudget:
    """Retries allowed within a window: `ratio` of its requests plus `min_per_s` for each of its seconds."""

    __slots__ = ("_ratio", "_requests", "_reserve", "_retries", "refused")

    def __init__(self, ratio: float = 0.2, min_per_s: float = 10.0, window_s: float = 10.0) -> None:
        """Start with the reserve alone; `ratio` may be 0 (reserve only), and both 0 mean no retries at all."""
        self._ratio = ratio
        self._reserve = min_per_s * window_s
        self._requests = Window(window_s)
        self._retries = Window(window_s)
        self.refused = 0
        """How often a retry was not allowed."""

    def request(self, now_s: float) -> None:
        """A client's request arrived."""
        self._requests.add(now_s)

    def take(self, now_s: float) -> bool:
        """Whether one more retry may be made now; if so it is counted."""
        if self._retries.count(now_s) + 1 > self._reserve + self._ratio * self._requests.count(now_s):
            self.refused += 1
            return False
        self._retries.add(now_s)
        return True
