"""What the phases share: metrics, ledger, estimates, and who holds the state of chains. One per process."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
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


class CaptureSink(Protocol):
    """Where captures go. No call waits."""

    def wants(self, share: float) -> bool:
        """Whether to capture this one, where such a share of all is wanted."""

    def take(self, row: ExchangeRow, request: bytes, answer: Sequence[bytes] | None, *, streamed: bool) -> None:
        """An exchange that is to be captured was settled; without `answer` there was none, or it was too long."""


class Chains:
    """Which upstream holds the state behind a response id."""

    def __init__(self) -> None:
        """Know nothing."""
        self._owners: OrderedDict[str, str] = OrderedDict()
        self.tell: Callable[[str, str], object] | None = None
        """Told of each response id and its upstream, so that other workers know it, too."""

    def owner(self, response_id: str) -> str:
        """The upstream's name; empty if unknown."""
        return self._owners.get(response_id, "")

    def owners(self) -> dict[str, str]:
        """All that is known: the upstream by response id."""
        return dict(self._owners)

    def remember(self, response_id: str, upstream: str) -> None:
        """`upstream` holds the state of `response_id`, as was just seen here."""
        self.learn(response_id, upstream)
        if self.tell is not None:
            self.tell(response_id, upstream)

    def learn(self, response_id: str, upstream: str) -> None:
        """`upstream` holds the state of `response_id`, as another worker has seen."""
        self._owners[response_id] = upstream
        if len(self._owners) > MAX_CHAINS:
            self._owners.popitem(last=False)


class Ratios:
    """Bytes per token of one model: its input, and its answers in either form."""

    __slots__ = ("input", "stream", "whole")

    def __init__(self) -> None:
        """Know nothing."""
        self.input = BytesPerToken()
        self.whole = BytesPerToken()
        self.stream = BytesPerToken()


class Estimates:
    """Bytes per token, by model."""

    def __init__(self) -> None:
        """Know nothing."""
        self._unknown = Ratios()
        self._ratios: dict[str, Ratios] = {}

    def of(self, model: str) -> Ratios:
        """The ratios of a model as clients call it."""
        return self._ratios.get(model, self._unknown)

    def learning(self, model: str) -> Ratios | None:
        """The ratios of a model, to be told of measured answers; `None` where there are too many models already."""
        ratios = self._ratios.get(model)
        if ratios is None and len(self._ratios) < MAX_MODELS:
            ratios = self._ratios[model] = Ratios()
        return ratios


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
    capture: CaptureSink | None = None
    chains: Chains = field(default_factory=Chains)
    estimates: Estimates = field(default_factory=Estimates)
