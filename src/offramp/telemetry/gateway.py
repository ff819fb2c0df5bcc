"""The metrics of the gateway: every name it reports, and the one call that accounts for an exchange.

Labels come from the configuration or from closed sets, so a client cannot make series. `docs/metrics.md` explains each
metric to those who read them; a test holds page and registry together.
"""

from bisect import bisect_left

from offramp.telemetry.metrics import Counter, Histogram, Merge, Registry

NANO = 10**9
"""Nano-dollars in a dollar."""

TTFT_BUCKETS_S = (
    *(0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0),
    *(20.0, 30.0, 60.0),
)
"""Bounds for the time to first token, in seconds.

Below 0.1 lie caches and idle small models, 0.1 to 2 is where service levels for chat are set (each bound at most 1.5
times the one before, so that no quantile read there is off by more than half), above are queues, long prompts and
reasoning; 60 is the default first-token timeout, and cold starts are above it."""

INTER_TOKEN_BUCKETS_S = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
    *(2.5, 5.0, 30.0),
)
"""Bounds for the mean gap between tokens of a stream, in seconds.

0.005 to 0.05 is 200 to 20 tokens per second, where today's engines are; 0.1 to 0.2 is about as fast as people read;
30 is the default timeout for silence in a stream."""

TOTAL_BUCKETS_S = (
    *(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
    *(90.0, 120.0, 180.0, 300.0, 540.0),
)
"""Bounds for whole exchanges, in seconds.

Embeddings end below 0.1, chat answers of some hundred tokens between 1 and 20, long reasoning after minutes; 540 is the
default total timeout."""

_EXCHANGE = ("route", "tier", "operation")
_STATUS_CLASSES = ("none", *(f"{digit}xx" for digit in range(1, 10)))
"""By first digit. Those above 5 are no HTTP, but an upstream may send them, and they are passed on."""


class Series:
    """The children that exchanges with the same route, tier, operation and outcome count in."""

    __slots__ = (
        "_baseline",
        "_by_status",
        "_cost",
        "_input_tokens",
        "_metrics",
        "_names",
        "_outcome",
        "_output_tokens",
        "_total",
        "_ttft",
        "_unpriced",
    )

    def __init__(self, metrics: "GatewayMetrics", names: tuple[str, str, str], outcome: str) -> None:
        """Find the children once; those that may never be used are made when they are."""
        self._metrics = metrics
        self._names = names
        self._outcome = outcome
        self._by_status: list[Counter | None] = [None] * len(_STATUS_CLASSES)
        self._total = metrics.duration.child(*names) if outcome == "ok" else None
        self._ttft: Histogram | None = None
        self._input_tokens = metrics.input_tokens.child(*names)
        self._output_tokens = metrics.output_tokens.child(*names)
        self._cost = metrics.token_cost.child(*names)
        self._baseline = metrics.baseline_cost.child(*names)
        self._unpriced = metrics.unpriced.child(*names)

    def record(  # noqa: PLR0917 -- called once per exchange, where keywords cost a tenth of the call
        self,
        status_class: int,
        total_s: float,
        ttft_s: float | None,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_nano: int | None,
        baseline_nano: int | None,
    ) -> None:
        """Account for one exchange. On the request path, so it writes into the children itself.

        Args:
            status_class: First digit of the status that the client saw; 0 if it saw none.
            total_s: Arrival of the request to the end of the answer; counted only where the outcome is `ok`, because
                refusals in no time and clients that left would hide how slow answers are.
            ttft_s: Arrival to first content of a stream; `None` without a stream or without content.
            input_tokens: `None` if unknown.
            output_tokens: `None` if unknown.
            cost_nano: Token-priced cost in nano-dollars; `None` if unknown, which is counted as unpriced.
            baseline_nano: The same usage on the baseline's card, in nano-dollars; `None` if unknown.
        """
        (self._by_status[status_class] or self._status(status_class)).value += 1
        if self._total is not None:
            self._total.counts[bisect_left(TOTAL_BUCKETS_S, total_s)] += 1
            self._total.total += total_s
        if ttft_s is not None:
            ttft = self._ttft or self._first_content()
            ttft.counts[bisect_left(TTFT_BUCKETS_S, ttft_s)] += 1
            ttft.total += ttft_s
        if input_tokens:
            self._input_tokens.value += input_tokens
        if output_tokens:
            self._output_tokens.value += output_tokens
        if cost_nano is None:
            self._unpriced.value += 1
        else:
            self._cost.value += cost_nano
        if baseline_nano is not None:
            self._baseline.value += baseline_nano

    def _status(self, status_class: int) -> Counter:
        counter = self._metrics.requests.child(*self._names, self._outcome, _STATUS_CLASSES[status_class])
        self._by_status[status_class] = counter
        return counter

    def _first_content(self) -> Histogram:
        self._ttft = self._metrics.ttft.child(*self._names)
        return self._ttft


class GatewayMetrics:
    """Every metric of the gateway, by the name it has in code."""

    def __init__(self, registry: Registry) -> None:
        """Register all of them.

        Raises:
            ValueError: If the registry has one of the names already.
        """
        self._series: dict[tuple[str, str, str, str], Series] = {}
        self._register_traffic(registry)
        self._register_money(registry)
        self._register_upstreams(registry)
        self._register_process(registry)

    def series(self, route: str, tier: str, operation: str, outcome: str) -> Series:
        """Where exchanges of this kind are recorded; the same object each time."""
        key = (route, tier, operation, outcome)
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = Series(self, (route, tier, operation), outcome)
        return found

    def _register_traffic(self, registry: Registry) -> None:
        """What clients asked for and got."""
        counter, gauge, histogram = registry.counter, registry.gauge, registry.histogram
        self.requests = counter(
            "offramp_requests_total",
            "Exchanges settled, by outcome and status class.",
            (*_EXCHANGE, "outcome", "status"),
        )
        self.duration = histogram(
            "offramp_request_duration_seconds",
            "Arrival of a request to the end of its answer, for outcome ok.",
            _EXCHANGE,
            TOTAL_BUCKETS_S,
        )
        self.ttft = histogram(
            "offramp_time_to_first_token_seconds",
            "Arrival of a request to the first content of its stream.",
            _EXCHANGE,
            TTFT_BUCKETS_S,
        )
        self.inter_token = histogram(
            "offramp_inter_token_seconds",
            "Mean gap between the tokens of a stream, once per stream.",
            ("route", "tier"),
            INTER_TOKEN_BUCKETS_S,
        )
        self.connections = gauge("offramp_client_connections", "Open connections of clients.")

    def _register_money(self, registry: Registry) -> None:
        """Tokens, and what they cost."""
        counter = registry.counter
        self.input_tokens = counter("offramp_input_tokens_total", "Prompt tokens, cached ones included.", _EXCHANGE)
        self.output_tokens = counter("offramp_output_tokens_total", "Completion tokens, reasoning included.", _EXCHANGE)
        self.cancelled_tokens = counter(
            "offramp_cancelled_tokens_total", "Completion tokens of streams whose client left before the end."
        )
        self.token_cost = counter(
            "offramp_token_cost_usd_total",
            "Token-priced cost in dollars; the bill of compute-priced upstreams is in the ledger.",
            _EXCHANGE,
            divisor=NANO,
        )
        self.baseline_cost = counter(
            "offramp_baseline_cost_usd_total",
            "What the same usage would have cost on the route's baseline, in dollars.",
            _EXCHANGE,
            divisor=NANO,
        )
        self.unpriced = counter(
            "offramp_unpriced_requests_total", "Exchanges whose cost is unknown and in no sum.", _EXCHANGE
        )

    def _register_upstreams(self, registry: Registry) -> None:
        """How the upstreams do."""
        counter, gauge = registry.counter, registry.gauge
        self.attempts = counter(
            "offramp_attempts_total",
            "Tries at an upstream, by what made them move on; empty where they answered.",
            ("upstream", "failure"),
        )
        self.in_flight = gauge("offramp_in_flight_requests", "Attempts under way at an upstream.", ("upstream",))
        self.queue = gauge(
            "offramp_queued_requests", "Requests that wait for a connection to an upstream.", ("upstream",)
        )
        self.breaker_state = gauge(
            "offramp_breaker_state",
            "0 closed, 1 half open, 2 open; the worst of all workers.",
            ("upstream", "instance"),
            merge=Merge.MAX,
        )
        self.breaker_refused = counter(
            "offramp_breaker_refused_total",
            "Requests that a breaker kept from an instance, or would have while it observes.",
            ("upstream", "instance"),
        )
        self.retries_refused = counter(
            "offramp_retry_budget_refused_total", "Retries that were not made because the retry budget was spent."
        )

    def _register_process(self, registry: Registry) -> None:
        """What the gateway remembers and loses, and what runs."""
        counter, gauge = registry.counter, registry.gauge
        self.ledger_dropped = counter("offramp_ledger_dropped_rows_total", "Exchanges that the ledger has lost.")
        self.ledger_queue = gauge("offramp_ledger_queued_rows", "Exchanges that wait to be written to the ledger.")
        self.log_dropped = counter("offramp_log_dropped_lines_total", "Log lines lost because nobody read fast enough.")
        self.captured = counter("offramp_captured_exchanges_total", "Exchanges handed over to be captured.")
        self.capture_dropped = counter(
            "offramp_capture_dropped_exchanges_total", "Captures lost because they could not be written fast enough."
        )
        self.reloads = counter("offramp_config_reloads_total", "Reloads of the configuration, by result.", ("result",))
        self.config_info = gauge(
            "offramp_config_info", "Always 1; `hash` names the configuration in use.", ("hash",), merge=Merge.MAX
        )
        self.build_info = gauge("offramp_build_info", "Always 1; the version that runs.", ("version",), merge=Merge.MAX)
