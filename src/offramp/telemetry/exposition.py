"""Metrics as the text that Prometheus reads. Only the admin side imports this; counting needs no prometheus-client."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import assert_never

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from offramp.telemetry.metrics import FamilySnapshot, Kind, Point, Snapshot


@dataclass(frozen=True, slots=True)
class Page:
    """What `/metrics` answers."""

    body: bytes
    content_type: str


def render(snapshot: Snapshot) -> bytes:
    """The snapshot in Prometheus's text format 0.0.4."""
    return page(snapshot, accept="").body


def page(snapshot: Snapshot, *, accept: str) -> Page:
    """The snapshot in the format that the reader's `Accept` header asks for: OpenMetrics, else text format 0.0.4."""
    encode, content_type = choose_encoder(accept)
    return Page(encode(_Collector(snapshot)), content_type)


class _Collector(Collector):
    """Hands a snapshot to prometheus-client."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        return map(_family, self._snapshot.families)


def _family(family: FamilySnapshot) -> Metric:
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(family.name, family.help, labels=family.labels)
            for point in family.points:
                counter.add_metric(point.labels, point.value / family.divisor)
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for point in family.points:
                gauge.add_metric(point.labels, point.value)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
            for point in family.points:
                histogram.add_metric(point.labels, list(_buckets(family.bounds, point)), point.value)
            return histogram
        case _:
            assert_never(family.kind)


def _buckets(bounds: tuple[float, ...], point: Point) -> Iterator[tuple[str, float]]:
    """Upper bound and cumulated count of each range, as the format wants them."""
    names = [*map(floatToGoString, bounds), "+Inf"]
    return zip(names, accumulate(point.counts), strict=True)
