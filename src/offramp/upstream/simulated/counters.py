"""What a simulated engine has done so far: for `GET /_simulate` and, in vLLM's names, for `/metrics`."""

from bisect import bisect_left
from collections import Counter, deque

from offramp.upstream.simulated.reply import Ending
from offramp.upstream.simulated.request import Request

KEPT_REQUESTS = 100
"""Requests whose summary is kept."""

PROBE_PATHS = frozenset({"/health", "/ping", "/version", "/load", "/metrics", "/v1/models"})
"""Asked by monitors rather than applications, so counted apart."""

_SECONDS = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    20.0,
    40.0,
    80.0,
)
_TOKENS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)


class Histogram:
    """Counts by upper bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Empty."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, several times at once if need be."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class Counters:
    """All counts of one engine. It is the batcher's observer."""

    def __init__(self) -> None:
        """All zero."""
        self.served = 0
        self.failed = 0
        self.aborted = 0
        self.in_flight = 0
        self.probes = 0
        self.by_status: Counter[int] = Counter()
        self.recent: deque[dict[str, object]] = deque(maxlen=KEPT_REQUESTS)
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.generation_tokens = 0
        self.preemptions = 0
        self.finished_by: Counter[str] = Counter()
        self.ttft = Histogram(_SECONDS)
        self.inter_token = Histogram(_SECONDS)
        self.queue_time = Histogram(_SECONDS)
        self.e2e = Histogram(_SECONDS)
        self.iteration_tokens = Histogram(_TOKENS)
        self.request_prompt_tokens = Histogram(_TOKENS)
        self.request_generation_tokens = Histogram(_TOKENS)

    def restart(self) -> None:
        """Count requests afresh; vLLM's metrics, which only ever grow, and what is in flight stay."""
        self.served = self.failed = self.aborted = self.probes = 0
        self.by_status.clear()
        self.recent.clear()

    def arrived(self, request: Request, model: str) -> None:
        """A request was read."""
        self.recent.append(request.summary(model))
        if request.path in PROBE_PATHS:
            self.probes += 1
        else:
            self.in_flight += 1

    def ended(self, request: Request, status: int, ending: Ending) -> None:
        """Its answer ended."""
        if request.path in PROBE_PATHS:
            return
        self.in_flight -= 1
        if status:
            self.by_status[status] += 1
        if ending is Ending.LEFT:
            self.aborted += 1
            self.finished_by["abort"] += 1
        elif ending is Ending.WHOLE and status < 400:
            self.served += 1
        else:
            self.failed += 1

    # ----------------------------------------------------------------------------------------- the batcher's observer

    def admitted(self, waited_s: float, prompt_tokens: int) -> None:
        """A sequence left the queue."""
        self.queue_time.observe(waited_s)
        self.prompt_tokens += prompt_tokens
        self.request_prompt_tokens.observe(prompt_tokens)

    def first_token(self, after_s: float) -> None:
        """A sequence got its first token."""
        self.ttft.observe(after_s)

    def step(self, gap_s: float, tokens: int, first_tokens: int, prompt_tokens: int) -> None:
        """A step ended."""
        self.generation_tokens += tokens
        if tokens > first_tokens:
            self.inter_token.observe(gap_s, tokens - first_tokens)
        self.iteration_tokens.observe(tokens + prompt_tokens)

    def finished(self, total_s: float, tokens: int) -> None:
        """A sequence got its last token."""
        self.e2e.observe(total_s)
        self.request_generation_tokens.observe(tokens)

    def preempted(self) -> None:
        """A sequence lost its blocks."""
        self.preemptions += 1
