"""The figures of a run: how rounds are put together, and the table that people read."""

from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

COLUMNS = {
    "requests_per_s": "requests/s\n1.2 KB",
    "requests_20k_per_s": "requests/s\n20 KB",
    "cpu_us_per_request": "CPU µs\nper request",
    "cpu_us_per_chunk": "CPU µs\nper chunk",
    "added_p50_us": "added µs\np50",
    "added_p99_us": "added µs\np99",
    "idle_mb": "MB\nidle",
    "streams_mb": "MB with\nstreams",
    "start_s": "ready\ns",
    "bad": "bad",
}
RATIOS = (
    "requests_per_s",
    "requests_20k_per_s",
    "cpu_us_per_request",
    "cpu_us_per_chunk",
    "added_p50_us",
    "added_p99_us",
)
_NOT_OF_DIRECT = {"cpu_us_per_request", "cpu_us_per_chunk", "idle_mb", "streams_mb", "start_s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round showed of one target."""

    requests_per_s: float
    requests_20k_per_s: float
    cpu_us_per_request: float
    cpu_us_per_chunk: float
    latencies_s: list[float]
    """At 200 requests per second."""
    idle_mb: float
    streams_mb: float
    """Most that was resident while the streams ran."""
    start_s: float
    others_share: float
    """Part of the target's processor that somebody else used meanwhile."""
    answers: int
    bad: int


@dataclass(slots=True)
class Result:
    """All rounds of one target."""

    name: str
    rounds: list[Round] = field(default_factory=list)

    def middle(self, name: str) -> float:
        """The median of a figure over the rounds."""
        return median(float(getattr(one, name)) for one in self.rounds)

    def spread(self, name: str) -> tuple[float, float]:
        """The least and the most of a figure over the rounds."""
        values = [getattr(one, name) for one in self.rounds]
        return min(values), max(values)

    def latency_us(self, quantile: float) -> float:
        """The latency that this part of the answers of all rounds did not exceed, in microseconds."""
        ordered = sorted(latency for one in self.rounds for latency in one.latencies_s)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] * 1e6 if ordered else 0.0

    def total(self, name: str) -> int:
        """The sum of a count over the rounds."""
        return sum(getattr(one, name) for one in self.rounds)

    def figures(self, direct: "Result") -> dict[str, float]:
        """The columns of this target, with latencies as what they exceed those without it by."""
        return {
            **{name: self.middle(name) for name in COLUMNS if name in Round.__slots__ and name != "bad"},
            "added_p50_us": self.latency_us(0.5) - direct.latency_us(0.5),
            "added_p99_us": self.latency_us(0.99) - direct.latency_us(0.99),
            "bad": self.total("bad"),
        }


def ratios(figures: dict[str, float], reference: dict[str, float]) -> dict[str, float]:
    """How many times the reference's figure each one is."""
    return {name: figures[name] / reference[name] for name in RATIOS if reference[name] > 0}


def show(console: Console, figures: dict[str, dict[str, float]], ratio: dict[str, float]) -> None:
    """A table with one line per target, and one that compares the gateway with nginx."""
    table = Table(title="the same upstream, directly and through a relay", box=None, pad_edge=False)
    table.add_column("")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for name, row in figures.items():
        blank = _NOT_OF_DIRECT if name == "direct" else set()
        table.add_row(name, *("–" if column in blank else _figure(row[column]) for column in COLUMNS))
    if ratio:
        table.add_row("offramp / nginx", *(f"{ratio[name]:.2f}" if name in ratio else "" for name in COLUMNS))
    console.print(table)


def _figure(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
