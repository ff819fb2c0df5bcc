"""The gateway's metrics: what one exchange changes, and whether the page about them tells the truth."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from offramp.telemetry.gateway import INTER_TOKEN_BUCKETS_S, TOTAL_BUCKETS_S, TTFT_BUCKETS_S, GatewayMetrics
from offramp.telemetry.metrics import FamilySnapshot, Kind, Registry

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
CHAT = ("support", "local", "chat.completions")


class Gauged:
    """Metrics and what they add up to."""

    def __init__(self) -> None:
        """All families, nothing counted."""
        self.registry = Registry()
        self.metrics = GatewayMetrics(self.registry)

    def family(self, name: str) -> FamilySnapshot:
        """The family of that name."""
        return next(each for each in self.registry.snapshot().families if each.name == f"offramp_{name}")

    def value(self, name: str, *labels: str) -> float | None:
        """The value, or a histogram's sum; `None` if there is no such child."""
        return next((point.value for point in self.family(name).points if point.labels == labels), None)

    def count(self, name: str, *labels: str) -> int:
        """How many observations a histogram has."""
        return sum(sum(point.counts) for point in self.family(name).points if point.labels == labels)


@pytest.fixture
def gauged() -> Gauged:
    """Fresh metrics."""
    return Gauged()


def test_one_exchange_is_counted_everywhere_once(gauged: Gauged) -> None:
    """Requests, times, tokens and money come from one call, so they cannot disagree."""
    gauged.metrics.series(*CHAT, "ok").record(2, 0.412, 0.031, 120, 64, 57_000, 90_000)

    assert gauged.value("requests_total", *CHAT, "ok", "2xx") == 1
    assert gauged.value("request_duration_seconds", *CHAT) == 0.412
    assert gauged.value("time_to_first_token_seconds", *CHAT) == 0.031
    assert gauged.value("input_tokens_total", *CHAT) == 120
    assert gauged.value("output_tokens_total", *CHAT) == 64
    assert gauged.value("token_cost_usd_total", *CHAT) == 57_000
    assert gauged.value("baseline_cost_usd_total", *CHAT) == 90_000
    assert gauged.value("unpriced_requests_total", *CHAT) == 0


def test_unknown_cost_is_counted_as_unknown_not_as_zero(gauged: Gauged) -> None:
    """Otherwise an unpriced upstream would look free."""
    gauged.metrics.series(*CHAT, "ok").record(2, 1.0, None, None, None, None, None)

    assert gauged.value("unpriced_requests_total", *CHAT) == 1
    assert gauged.value("token_cost_usd_total", *CHAT) == 0
    assert gauged.value("output_tokens_total", *CHAT) == 0


def test_a_request_that_cost_nothing_is_priced(gauged: Gauged) -> None:
    """A refusal costs zero, and zero is known."""
    gauged.metrics.series(*CHAT, "refused").record(4, 0.001, None, None, None, 0, None)

    assert gauged.value("unpriced_requests_total", *CHAT) == 0


@pytest.mark.parametrize("outcome", ["refused", "client_error", "upstream_error", "truncated", "cancelled"])
def test_only_whole_answers_count_in_the_durations(gauged: Gauged, outcome: str) -> None:
    """Refusals in no time would make the gateway look fast on its worst day."""
    gauged.metrics.series(*CHAT, outcome).record(4, 0.001, None, None, None, 0, None)

    assert gauged.count("request_duration_seconds", *CHAT) == 0


def test_a_stream_that_broke_still_says_when_its_first_token_came(gauged: Gauged) -> None:
    """It did come."""
    gauged.metrics.series(*CHAT, "truncated").record(2, 3.0, 0.2, None, None, None, None)

    assert gauged.count("time_to_first_token_seconds", *CHAT) == 1


def test_answers_that_are_not_streamed_make_no_empty_series(gauged: Gauged) -> None:
    """Two dozen lines of zeros for each route of embeddings would be noise."""
    gauged.metrics.series("index", "openai", "embeddings", "ok").record(2, 0.05, None, 12, 0, 1, None)

    assert gauged.family("time_to_first_token_seconds").points == ()


@pytest.mark.parametrize(("digit", "name"), [(0, "none"), (2, "2xx"), (4, "4xx"), (5, "5xx"), (9, "9xx")])
def test_each_status_has_its_class(gauged: Gauged, digit: int, name: str) -> None:
    """0 is a client that left before there was a status; 9 is nonsense from an upstream, which must not raise."""
    gauged.metrics.series(*CHAT, "ok").record(digit, 1.0, None, None, None, 0, None)

    assert gauged.value("requests_total", *CHAT, "ok", name) == 1


def test_a_series_is_found_again(gauged: Gauged) -> None:
    """The request path asks for it each time."""
    assert gauged.metrics.series(*CHAT, "ok") is gauged.metrics.series(*CHAT, "ok")
    assert gauged.metrics.series(*CHAT, "ok") is not gauged.metrics.series(*CHAT, "cancelled")


def test_outcomes_of_one_route_share_their_sums(gauged: Gauged) -> None:
    """Tokens of a cancelled stream were paid for like the others."""
    gauged.metrics.series(*CHAT, "ok").record(2, 1.0, None, 10, 5, 100, None)
    gauged.metrics.series(*CHAT, "cancelled").record(2, 1.0, None, 10, 2, 50, None)

    assert gauged.value("output_tokens_total", *CHAT) == 7
    assert gauged.value("token_cost_usd_total", *CHAT) == 150


@pytest.mark.parametrize(
    ("buckets_s", "timeout_s"), [(TTFT_BUCKETS_S, 60.0), (INTER_TOKEN_BUCKETS_S, 30.0), (TOTAL_BUCKETS_S, 540.0)]
)
def test_the_last_bound_is_the_default_timeout(buckets_s: tuple[float, ...], timeout_s: float) -> None:
    """So that what exceeded it is told apart from what was merely slow."""
    assert buckets_s[-1] == timeout_s


def test_quantiles_are_never_off_by_more_than_half_where_service_levels_are_set() -> None:
    """A quantile is read somewhere within its bucket, so the bucket's width is what it may be off by."""
    steps = [upper / lower for lower, upper in pairwise(TTFT_BUCKETS_S) if lower >= 0.1 and upper <= 2.0]

    assert max(steps) <= 1.5


def test_the_page_about_metrics_lists_exactly_what_there_is(gauged: Gauged) -> None:
    """Names, types, labels and meaning; whoever builds a dashboard has nothing else."""
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.startswith("| `offramp_")]
    listed = {tuple(cell.strip() for cell in row) for row in rows}
    exist = {
        (f"`{each.name}`", each.kind.value, " ".join(f"`{label}`" for label in each.labels) or "–", each.help)
        for each in gauged.registry.snapshot().families
    }

    assert listed == exist


def test_the_page_about_metrics_lists_the_bounds_of_the_histograms(gauged: Gauged) -> None:
    """They decide which questions the histograms can answer."""
    text = PAGE.read_text()
    bounds = [each.bounds for each in gauged.registry.snapshot().families if each.kind is Kind.HISTOGRAM]

    assert [", ".join(f"{bound:g}" for bound in each) in text for each in bounds] == [True] * len(bounds)


def test_names_say_their_unit(gauged: Gauged) -> None:
    """Base units, as Prometheus has it: seconds and not milliseconds, one unit in all of a family."""
    families = gauged.registry.snapshot().families

    assert all(each.name.endswith("_seconds") for each in families if each.kind is Kind.HISTOGRAM)
    assert all(each.name.startswith("offramp_") for each in families)


def test_queries_and_alerts_on_the_page_name_metrics_that_exist(gauged: Gauged) -> None:
    """An alert on a name that nobody reports is an alert that never fires."""
    families = gauged.registry.snapshot().families
    exist = {each.name for each in families} | {
        f"{each.name}{end}" for each in families for end in ("_bucket", "_sum", "_count") if each.kind is Kind.HISTOGRAM
    }

    assert set(re.findall(r"\bofframp_\w+", PAGE.read_text())) - exist == set()


def test_the_alerts_on_the_page_are_well_formed() -> None:
    """People copy them."""
    block = re.findall(r"```yaml\n(groups:.*?)```", PAGE.read_text(), re.DOTALL)
    rules = yaml.safe_load(block[0])["groups"][0]["rules"]

    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in rules)
