"""What the phases share: metrics, ledger, estimates, and who holds the state of chains. One per process."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from offramp.policy.estimate import BytesPerToken
from offramp.policy.retry import RetryBudget
from offramp.store.rows import ExchangeRow
from offramp.telemetry.gateway import GatewayMetrics

MAX_CHAINS = 100_000
"""Response ids whose upstream is remembered; about 15 MB. Older chains go to the route's first tier."""
MAX_MODELS = 1000
"""Models whose ratio of bytes to tokens is learned; clients choose the names, so there is a bound."""


class LedgerSink(Protocol):
    """Where rows go. None of these calls waits."""

    def row(self, row: ExchangeRow) -> None:
        """An exchange was settled."""

    def compute_started(self, instance: str, at_ns: int) -> None:
        """An attempt began to occupy a compute-priced instance."""

    def compute_ended(self, instance: str, started_ns: int, at_ns: int, row_id: str) -> None:
        """It stopped."""


class Chains:
    """Which upstream holds the state behind a response id."""

    def __init__(self) -> None:
        """Know nothing."""
        self._owners: OrderedDict[str, str] = OrderedDict()

    def owner(self, response_id: str) -> str:
        """The upstream's name; empty if unknown."""
        return self._owners.get(response_id, "")

    def remember(self, response_id: str, upstream: str) -> None:
        """`upstream` holds the state of `response_id`."""
        self._owners[response_id] = upstream
        if len(self._owners) > MAX_CHAINS:
            self._owners.popitem(last=False)


class Estimates:
    """Bytes per token, by model and direction."""

    def __init__(self) -> None:
        """Know nothing."""
        self._unknown = BytesPerToken()
        self._ratios: dict[tuple[str, str], BytesPerToken] = {}

    def of(self, model: str, direction: str) -> BytesPerToken:
        """The ratio to read.

        Args:
            model: As asked for (input) or served (output).
            direction: `input`, `whole` or `stream`: an answer's bytes per token depend on its form.
        """
        return self._ratios.get((model, direction), self._unknown)

    def observe(self, model: str, direction: str, size_bytes: int, tokens: int) -> None:
        """Learn from a measured answer."""
        ratio = self._ratios.get((model, direction))
        if ratio is None:
            if len(self._ratios) >= MAX_MODELS:
                return
            ratio = self._ratios[model, direction] = BytesPerToken()
        ratio.observe(size_bytes, tokens)


@dataclass(slots=True, kw_only=True, eq=False)
class Services:
    """The process's own, passed to the phases."""

    metrics: GatewayMetrics
    ledger: LedgerSink
    retry_budget: RetryBudget
    hash_key: bytes
    """Key of the keyed hashes (32 bytes)."""
    id_prefix: str
    """Begins every request id of this process."""
    log_exchange: bool = False
    """Whether every settled exchange is logged."""
    chains: Chains = field(default_factory=Chains)
    estimates: Estimates = field(default_factory=Estimates)
